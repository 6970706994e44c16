//! What is served beside the mount: health, metrics, the page at `/`.

use hyper::Response;
use hyper::http::request::Parts;

use super::Body;

/// Answers requests for certain paths. It must not block.
pub trait Endpoint: Send + Sync {
    /// The answer, or `None` if the path is not this endpoint's.
    fn answer(&self, request: &Parts) -> Option<Response<Body>>;
}
