//! Responses of the API: JSON that no cache keeps.

use bytes::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;

/// Why a request has no result.
#[derive(Debug)]
pub(super) enum Refusal {
    /// `400`, with a valid value.
    Bad(String),
    /// `404`: unknown resource.
    NotFound(String),
    /// `409`: the state does not allow the request, with the reason.
    Conflict(String),
    /// `503`: the store is unavailable.
    Unavailable,
}

impl Refusal {
    pub(super) fn response(&self) -> Response<Bytes> {
        match self {
            Self::Bad(text) => error(StatusCode::BAD_REQUEST, text),
            Self::NotFound(text) => error(StatusCode::NOT_FOUND, text),
            Self::Conflict(text) => error(StatusCode::CONFLICT, text),
            Self::Unavailable => {
                let mut response =
                    error(StatusCode::SERVICE_UNAVAILABLE, "store unavailable; try again later");
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
                response
            }
        }
    }
}

/// `200` with a value.
pub(super) fn ok(value: &impl Serialize) -> Response<Bytes> {
    with_status(StatusCode::OK, value)
}

/// Returns a status with a value.
pub(super) fn with_status(status: StatusCode, value: &impl Serialize) -> Response<Bytes> {
    match serde_json::to_vec(value) {
        Ok(body) => with_body(status, body),
        Err(failure) => error(StatusCode::INTERNAL_SERVER_ERROR, &failure.to_string()),
    }
}

pub(super) fn not_found(text: &str) -> Response<Bytes> {
    error(StatusCode::NOT_FOUND, text)
}

pub(super) fn unauthorized() -> Response<Bytes> {
    let text = "the key is missing or wrong; send api.key as \"Authorization: Bearer KEY\"";
    let mut response = error(StatusCode::UNAUTHORIZED, text);
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"faye\""));
    response
}

pub(super) fn method_not_allowed(methods: &'static str) -> Response<Bytes> {
    let mut response =
        error(StatusCode::METHOD_NOT_ALLOWED, &format!("the methods of this path are {methods}"));
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

pub(super) fn options(methods: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

fn error(status: StatusCode, text: &str) -> Response<Bytes> {
    with_body(status, json!({ "error": text }).to_string().into_bytes())
}

fn with_body(status: StatusCode, mut body: Vec<u8>) -> Response<Bytes> {
    body.push(b'\n');
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    uncached(response)
}

/// Returns a response that no cache keeps.
pub(super) fn uncached(mut response: Response<Bytes>) -> Response<Bytes> {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
