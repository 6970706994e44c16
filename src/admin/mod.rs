//! Endpoints for operators and visitors: health, metrics, and the page at `/`.

mod activity;
mod health;
mod page;
mod ready;
mod stats;

pub use activity::Activity;
pub use health::Health;
pub use page::{Page, PageSettings};
pub use ready::{Ready, StoreState};
pub use stats::Stats;

use bytes::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Response, StatusCode};

use crate::transport::Method;

/// Returns the response to a GET or HEAD request; 405 for other methods.
fn answer(method: Method, kind: &'static str, body: impl FnOnce() -> Vec<u8>) -> Response<Bytes> {
    let is_there = matches!(method, Method::Get | Method::Head);
    let body = if is_there { body() } else { b"This target has GET and HEAD only\n".to_vec() };
    let kind = if is_there { kind } else { "text/plain; charset=utf-8" };
    let mut response = Response::new(body.into());
    if !is_there {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
