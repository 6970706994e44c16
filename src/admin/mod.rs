//! What operators and visitors look at: health, metrics, and the page at `/`.

mod health;
mod page;
mod ready;
mod stats;

pub use health::Health;
pub use page::Page;
pub use ready::Ready;
pub use stats::Stats;

use bytes::Bytes;
use hyper::Response;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};

use crate::transport::Method;

/// The answer to a GET or HEAD.
fn answer(method: Method, kind: &'static str, body: impl FnOnce() -> Vec<u8>) -> Option<Response<Bytes>> {
    matches!(method, Method::Get | Method::Head).then(|| {
        let mut response = Response::new(body().into());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    })
}
