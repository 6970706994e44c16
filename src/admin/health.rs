//! `/healthz`: whether the server is up. A load balancer asks it.

use crate::transport::{Endpoint, Method, Route};

/// Answers 200 as long as connections are accepted at all.
pub struct Health;

impl Endpoint for Health {
    fn route(&self, method: Method, path: &str) -> Option<Route> {
        if path != "/healthz" {
            return None;
        }
        Some(Route::Response(super::answer(method, "text/plain; charset=utf-8", || b"ok\n".to_vec())))
    }
}
