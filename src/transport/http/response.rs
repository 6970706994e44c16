//! Responses: their headers, as in Faye, and their encoding.

use std::cell::RefCell;
use std::time::SystemTime;

use bytes::Bytes;
use hyper::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, UPGRADE,
};
use hyper::{Response, StatusCode};

use super::request::Request;
use crate::peer::Head;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Returns a refusal that the page may not read.
pub(super) fn forbid(text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response
}

/// Returns the response to a method that the target does not support.
pub(super) fn method_not_allowed(request: &Head, allowed: &'static str) -> Response<Bytes> {
    let mut response =
        refuse(request, StatusCode::METHOD_NOT_ALLOWED, "This target does not support the method");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    response
}

/// Returns the response to `OPTIONS *` (RFC 9110, section 9.3.7).
pub(super) fn capabilities() -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST, OPTIONS"));
    response
}

/// Returns the response to a body with a content coding (RFC 9110, section 15.5.16).
pub(super) fn coded(request: &Head) -> Response<Bytes> {
    let text = "The body has a Content-Encoding; send it without one";
    let mut response = refuse(request, StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
    response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    response
}

/// Returns the response to a browser that opens the address of the server.
pub(super) fn pointer(has_page: bool) -> Response<Bytes> {
    const WITH_PAGE: &str = "<!DOCTYPE html><title>Bayeux server</title><p>This address is for the clients of a Bayeux server, \
                             not for browsers. <a href=\"/\">The page at /</a> shows the server at work.</p>\n";
    const ALONE: &str = "<!DOCTYPE html><title>Bayeux server</title><p>This address is for the clients of a Bayeux server, not \
                         for browsers.</p>\n";
    let mut response = Response::new(Bytes::from_static(if has_page { WITH_PAGE } else { ALONE }.as_bytes()));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    response
}

/// Returns a refusal in plain text, which pages of other origins may read. The body ends with a newline.
pub(super) fn refuse(request: &Head, status: StatusCode, text: &str) -> Response<Bytes> {
    let mut response = Response::new(format!("{text}\n").into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, TEXT);
    if let Some(origin) = origin(request) {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        put(headers, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

pub(super) fn put(headers: &mut HeaderMap, name: HeaderName, text: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(text) {
        headers.insert(name, value);
    }
}

/// Returns the `Origin` of the request, if it is not empty.
fn origin(request: &Head) -> Option<&[u8]> {
    request.get("origin").filter(|origin| !origin.is_empty())
}

/// Encodes the head of a response with its body length.
pub(super) fn head(request: &Request, response: &Response<Bytes>, closes: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let status = response.status();
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
    for (name, value) in response.headers() {
        // As in Node and Faye: some old clients search for this spelling.
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
    let has_body = !matches!(status, StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT);
    let length = has_body.then(|| response.body().len());
    let upgrades = response.headers().contains_key(UPGRADE);
    end(&mut out, request, length, if upgrades { Connection::Upgrade } else { Connection::new(closes) });
    out
}

/// Returns the head of the response to a malformed request head; the connection closes.
pub(super) fn bad_head(status: StatusCode, length: usize) -> Vec<u8> {
    let mut out = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n"
    )
    .into_bytes();
    write_date(&mut out);
    out.extend_from_slice(b"\r\n");
    out
}

/// Returns the head of the response to messages: JSON for a POST, a script for a GET.
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
    end(&mut out, request, Some(length), Connection::new(closes));
    out
}

/// Returns the head of an EventSource stream, which ends with its connection. Proxies must not compress the stream,
/// because that delays events, and must not buffer it, which nginx does without `X-Accel-Buffering`.
pub(super) fn stream(request: &Head) -> Vec<u8> {
    let mut out = Vec::with_capacity(320);
    out.extend_from_slice(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache, no-store, no-transform\r\n\
          X-Accel-Buffering: no\r\nConnection: close\r\n",
    );
    allow_origin(&mut out, request);
    write_date(&mut out);
    out.extend_from_slice(b"\r\n");
    out
}

/// Returns the head of a successful WebSocket handshake (RFC 6455, section 4.2.2).
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

/// The `Connection` header of a response.
#[derive(Clone, Copy)]
enum Connection {
    Stays,
    Closes,
    /// The connection closes; the header `Upgrade` names the required protocol.
    Upgrade,
}

impl Connection {
    fn new(closes: bool) -> Self {
        if closes { Self::Closes } else { Self::Stays }
    }
}

/// Encodes the end of a head: the length of the body, the `Connection` header, the date.
fn end(out: &mut Vec<u8>, request: &Request, length: Option<usize>, connection: Connection) {
    if let Some(length) = length {
        out.extend_from_slice(b"Content-Length: ");
        out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    match connection {
        Connection::Upgrade => out.extend_from_slice(b"Connection: close, Upgrade\r\n"),
        Connection::Closes => out.extend_from_slice(b"Connection: close\r\n"),
        Connection::Stays if !request.is_1_1 => out.extend_from_slice(b"Connection: keep-alive\r\n"),
        Connection::Stays => {}
    }
    write_date(out);
    out.extend_from_slice(b"\r\n");
}

/// Encodes the date (RFC 9110, section 6.6.1). Each thread formats it once a second.
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
