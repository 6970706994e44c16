//! The heads of answers, header for header as Faye's.

use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONNECTION, CONTENT_DISPOSITION,
    CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, ORIGIN, REFERER, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

use super::Body;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const NOT_CACHED: HeaderValue = HeaderValue::from_static("no-cache, no-store");

/// Replies: JSON to a POST, a script to a GET.
pub(super) fn replies(request: &HeaderMap, body: Body, is_script: bool) -> Response<Body> {
    let length = body.length().unwrap_or(0);
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    let kind = if is_script { "text/javascript; charset=utf-8" } else { "application/json; charset=utf-8" };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, NOT_CACHED);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    allow_origin(request, headers);
    if is_script {
        headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=f.txt"));
    }
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// A stream of events. It ends with its connection.
pub(super) fn stream(request: &HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, NOT_CACHED);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    allow_origin(request, headers);
    response
}

/// The answer to a CORS preflight.
pub(super) fn preflight(request: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::ready(""));
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    let allowed = "Accept, Authorization, Content-Type, Pragma, X-Requested-With";
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, GET"));
    let given = |name| request.get(name).filter(|value: &&HeaderValue| !value.is_empty()).cloned();
    let origin = given(ORIGIN).or_else(|| given(REFERER)).unwrap_or(HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

/// A refusal in plain text, readable across origins.
pub(super) fn refuse(
    request: &HeaderMap,
    status: StatusCode,
    text: impl Into<bytes::Bytes>,
) -> Response<Body> {
    let mut response = Response::new(Body::ready(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, TEXT);
    allow_origin(request, headers);
    response
}

fn allow_origin(request: &HeaderMap, headers: &mut HeaderMap) {
    if let Some(origin) = request.get(ORIGIN).filter(|origin| !origin.is_empty()) {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}
