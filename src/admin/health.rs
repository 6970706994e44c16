//! `/healthz`: whether the server is up. A load balancer asks it.

use bytes::Bytes;
use hyper::Response;

use crate::transport::{Endpoint, Method};

/// Answers 200 as long as connections are accepted at all.
pub struct Health;

impl Endpoint for Health {
    fn answer(&self, method: Method, path: &str) -> Option<Response<Bytes>> {
        if path != "/healthz" {
            return None;
        }
        super::answer(method, "text/plain; charset=utf-8", || b"ok\n".to_vec())
    }
}
