//! Answers: their headers, as Faye's, and how they are written.

use std::cell::RefCell;
use std::time::SystemTime;

use bytes::Bytes;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use hyper::{Response, StatusCode};

use super::request::Request;
use crate::peer::Head;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The answer to a CORS preflight.
pub(super) fn preflight(request: &Head) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    let allowed = "Accept, Authorization, Content-Type, Pragma, X-Requested-With";
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, GET"));
    let given = |name| request.get(name).filter(|value| !value.is_empty());
    let origin = given("origin").or_else(|| given("referer")).unwrap_or(b"*");
    put(headers, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

/// A refusal for a page that may not read it.
pub(super) fn forbid(text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response
}

/// A refusal in plain text, readable across origins.
pub(super) fn refuse(request: &Head, status: StatusCode, text: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, TEXT);
    if let Some(origin) = origin(request) {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        put(headers, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

fn put(headers: &mut HeaderMap, name: HeaderName, text: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(text) {
        headers.insert(name, value);
    }
}

/// The page that asks, if it is of another origin.
fn origin(request: &Head) -> Option<&[u8]> {
    request.get("origin").filter(|origin| !origin.is_empty())
}

/// The head of an answer with a body of `length` bytes.
pub(super) fn head(request: &Request, response: &Response<Bytes>, closes: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let status = response.status();
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
    for (name, value) in response.headers() {
        // As Node and Faye spell them: some old clients look for one spelling.
        let mut starts = true;
        out.extend(name.as_str().bytes().map(|byte| {
            let spelt = if starts { byte.to_ascii_uppercase() } else { byte };
            starts = byte == b'-';
            spelt
        }));
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    let has_body = status != StatusCode::NOT_MODIFIED;
    end(&mut out, request, has_body.then(|| response.body().len()), closes);
    out
}

/// The head of the answer to messages: JSON to a POST, a script to a GET.
pub(super) fn replies(
    request: &Request,
    length: usize,
    is_script: bool,
    cookie: Option<&str>,
    closes: bool,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(b"HTTP/1.1 200 OK\r\nContent-Type: ");
    let kind: &[u8] =
        if is_script { b"text/javascript; charset=utf-8" } else { b"application/json; charset=utf-8" };
    out.extend_from_slice(kind);
    out.extend_from_slice(b"\r\nCache-Control: no-cache, no-store\r\nX-Content-Type-Options: nosniff\r\n");
    if request.has_origin {
        allow_origin(&mut out, &request.head);
    }
    if let Some(cookie) = cookie {
        out.extend_from_slice(b"Set-Cookie: ");
        out.extend_from_slice(cookie.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if is_script {
        out.extend_from_slice(b"Content-Disposition: attachment; filename=f.txt\r\n");
    }
    end(&mut out, request, Some(length), closes);
    out
}

/// The head of a stream of events, which ends with its connection.
pub(super) fn stream(request: &Head) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache, no-store\r\nConnection: close\r\n",
    );
    allow_origin(&mut out, request);
    write_date(&mut out);
    out.extend_from_slice(b"\r\n");
    out
}

/// The head that makes a connection a WebSocket (RFC 6455, section 4.2.2).
pub(super) fn upgraded(accept: &str, extensions: Option<&str>) -> Vec<u8> {
    let mut out = Vec::with_capacity(320);
    let upgrade = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";
    out.extend_from_slice(upgrade);
    out.extend_from_slice(accept.as_bytes());
    out.extend_from_slice(b"\r\n");
    if let Some(extensions) = extensions {
        out.extend_from_slice(b"Sec-WebSocket-Extensions: ");
        out.extend_from_slice(extensions.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    write_date(&mut out);
    out.extend_from_slice(b"\r\n");
    out
}

fn allow_origin(out: &mut Vec<u8>, request: &Head) {
    if let Some(origin) = origin(request) {
        out.extend_from_slice(b"Access-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Origin: ");
        out.extend_from_slice(origin);
        out.extend_from_slice(b"\r\n");
    }
}

/// What every head ends with: the length of the body, what becomes of the connection, the date.
fn end(out: &mut Vec<u8>, request: &Request, length: Option<usize>, closes: bool) {
    if let Some(length) = length {
        out.extend_from_slice(b"Content-Length: ");
        out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if closes {
        out.extend_from_slice(b"Connection: close\r\n");
    } else if !request.is_1_1 {
        out.extend_from_slice(b"Connection: keep-alive\r\n");
    }
    write_date(out);
    out.extend_from_slice(b"\r\n");
}

/// The date (RFC 9110, section 6.6.1), spelt once a second by each thread.
fn write_date(out: &mut Vec<u8>) {
    thread_local! {
        static SPELT: RefCell<(u64, String)> = const { RefCell::new((0, String::new())) };
    }
    let now = SystemTime::now();
    let second = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    SPELT.with_borrow_mut(|(spelt, text)| {
        if *spelt != second || text.is_empty() {
            *spelt = second;
            *text = format!("Date: {}\r\n", httpdate::fmt_http_date(now));
        }
        out.extend_from_slice(text.as_bytes());
    });
}
