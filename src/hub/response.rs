//! Responses of the hub and their headers. It must not know the requests.

use bytes::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

use super::refusal::Refusal;

/// Returns a refusal in plain text.
pub(super) fn refused(refusal: &Refusal) -> Response<Bytes> {
    let mut response = text(refusal.status(), format!("{refusal}\n"));
    add_headers(&mut response, refusal);
    response
}

/// Adds the headers of a refusal, for any body.
pub(super) fn add_headers(response: &mut Response<Bytes>, refusal: &Refusal) {
    if let Some(allowed) = refusal.allowed() {
        put(response, ALLOW, allowed);
    }
    if let Some(seconds) = refusal.retry_after() {
        put(response, RETRY_AFTER, &seconds.to_string());
    }
}

/// Returns a response without a body.
pub(super) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    put(&mut response, CACHE_CONTROL, "no-store");
    response
}

/// Returns a response in plain text.
pub(super) fn text(status: StatusCode, body: String) -> Response<Bytes> {
    typed(status, "text/plain; charset=utf-8", body.into())
}

/// Returns a response with a body that must neither be cached nor interpreted as another type.
pub(super) fn typed(status: StatusCode, kind: &str, body: Bytes) -> Response<Bytes> {
    let mut response = empty(status);
    *response.body_mut() = body;
    put(&mut response, CONTENT_TYPE, kind);
    put(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

/// Sets a header. All values come from the source, the settings and tokens, so they are valid.
pub(super) fn put(response: &mut Response<Bytes>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
