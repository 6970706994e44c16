//! `/healthz`: whether the server is up. A load balancer asks it.

use hyper::Response;
use hyper::http::request::Parts;

use crate::transport::{Body, Endpoint};

/// Answers 200 as long as connections are accepted at all.
pub struct Health;

impl Endpoint for Health {
    fn answer(&self, request: &Parts) -> Option<Response<Body>> {
        super::answer(request, "/healthz", "text/plain; charset=utf-8", || b"ok\n".to_vec())
    }
}
