//! What operators and visitors look at: health, metrics, and the page at `/`.

mod health;
mod page;
mod stats;

pub use health::Health;
pub use page::Page;
pub use stats::Stats;

use hyper::http::request::Parts;
use hyper::{Method, Response};

use crate::transport::Body;

/// The answer to a GET or HEAD of exactly this path.
fn answer(
    request: &Parts,
    path: &str,
    kind: &'static str,
    body: impl FnOnce() -> Vec<u8>,
) -> Option<Response<Body>> {
    let is_asked = matches!(request.method, Method::GET | Method::HEAD) && request.uri.path() == path;
    is_asked.then(|| {
        let mut response = Response::new(Body::ready(body()));
        let headers = response.headers_mut();
        headers.insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
        headers.insert(hyper::header::CACHE_CONTROL, hyper::header::HeaderValue::from_static("no-store"));
        response
    })
}
