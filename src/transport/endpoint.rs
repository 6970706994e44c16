//! What is served beside the mount: health, metrics, the page at `/`.

use bytes::Bytes;
use hyper::Response;

use super::Method;

/// Answers requests for certain paths. It must not block.
pub trait Endpoint: Send + Sync {
    /// The answer, or `None` if the path is not this endpoint's. The connection leaves the body out of the answer to a
    /// HEAD.
    fn answer(&self, method: Method, path: &str) -> Option<Response<Bytes>>;
}
