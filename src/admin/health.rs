//! `/healthz`: the liveness check for load balancers.

use crate::transport::{Endpoint, Method, Route};

/// Responds with 200 as long as the server accepts connections.
pub struct Health;

impl Endpoint for Health {
    fn route(&self, method: Method, path: &str) -> Option<Route> {
        if path != "/healthz" {
            return None;
        }
        Some(Route::Response(super::answer(method, "text/plain; charset=utf-8", || b"ok\n".to_vec())))
    }
}
