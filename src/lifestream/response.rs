//! Responses and their headers: entity tags, browser policies, and access for other origins.
//!
//! It must not know the content of a response.

use std::fmt::Write;

use bytes::Bytes;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_TYPE, ETAG,
    HeaderName, HeaderValue, REFERRER_POLICY, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use sha2::{Digest, Sha256};

use crate::peer::Head;

pub(super) const HTML: &str = "text/html; charset=utf-8";
pub(super) const JSON: &str = "application/json; charset=utf-8";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// A copy may be kept, and is compared before each use.
const COMPARED: &str = "no-cache";
/// Seconds after which a client may retry.
const RETRY: &str = "5";

/// Returns a response with a body. It is cacheable only if it is tagged.
pub(super) fn typed(status: StatusCode, kind: &str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    put(&mut response, CONTENT_TYPE, kind);
    put(&mut response, CACHE_CONTROL, "no-store");
    put(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(&mut response, REFERRER_POLICY, "no-referrer");
    if status == StatusCode::SERVICE_UNAVAILABLE {
        put(&mut response, RETRY_AFTER, RETRY);
    }
    response
}

/// Adds the entity tag of the body, and removes the body if the client has it (RFC 9110, section 13.1.2).
pub(super) fn tagged(head: &Head, mut response: Response<Bytes>) -> Response<Bytes> {
    let tag = format!("\"{}\"", hash(&[response.body()]));
    put(&mut response, ETAG, &tag);
    put(&mut response, CACHE_CONTROL, COMPARED);
    if is_named(head, &tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Bytes::new();
        response.headers_mut().remove(CONTENT_TYPE);
    }
    response
}

fn is_named(head: &Head, tag: &str) -> bool {
    let tags = head.all("if-none-match").flat_map(|list| list.split(|byte| *byte == b','));
    tags.map(<[u8]>::trim_ascii)
        .map(|given| given.strip_prefix(b"W/").unwrap_or(given))
        .any(|given| given == tag.as_bytes() || given == b"*")
}

/// Returns the beginning of the SHA-256 of these parts, in hexadecimal digits.
pub(super) fn hash(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(10).fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Allows pages of all origins to read a response.
pub(super) fn shared(mut response: Response<Bytes>) -> Response<Bytes> {
    put(&mut response, ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    put(&mut response, ACCESS_CONTROL_EXPOSE_HEADERS, "ETag, Retry-After");
    put(&mut response, HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
    response
}

/// Responds to a CORS preflight for conditional requests of another origin.
pub(super) fn preflight() -> Response<Bytes> {
    let mut response = shared(Response::new(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    put(&mut response, ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD");
    put(&mut response, ACCESS_CONTROL_ALLOW_HEADERS, "If-None-Match");
    put(&mut response, ACCESS_CONTROL_MAX_AGE, "86400");
    response
}

/// Returns the response to a method that is not for this path. Shared responses have preflights.
pub(super) fn refused_method(is_shared: bool) -> Response<Bytes> {
    let text = "this path has GET and HEAD only\n";
    let mut response = typed(StatusCode::METHOD_NOT_ALLOWED, TEXT, text);
    put(&mut response, ALLOW, if is_shared { "GET, HEAD, OPTIONS" } else { "GET, HEAD" });
    response
}

/// Sets a header. All values come from the source and the settings, so they are valid.
pub(super) fn put(response: &mut Response<Bytes>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
