//! `/readyz`: whether a load balancer shall send clients here.

use std::sync::Arc;

use hyper::StatusCode;

use crate::server::Server;
use crate::transport::{Endpoint, Method, Route};

/// Answers 200 unless the server is stopping, Redis, which joins it with other instances, is away, or an extension cannot
/// work.
pub struct Ready(pub Arc<Server>);

impl Endpoint for Ready {
    fn route(&self, method: Method, path: &str) -> Option<Route> {
        if path != "/readyz" {
            return None;
        }
        let reason = self.0.not_ready();
        let text =
            reason.as_ref().map_or_else(|| "ready\n".to_owned(), |reason| format!("not ready: {reason}\n"));
        let mut response = super::answer(method, "text/plain; charset=utf-8", || text.into_bytes());
        if reason.is_some() && response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        Some(Route::Response(response))
    }
}
