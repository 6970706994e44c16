//! `/readyz`: whether a load balancer may send clients here.

use std::sync::Arc;

use hyper::StatusCode;

use crate::server::Server;
use crate::transport::{Endpoint, Method, Route};

/// The state of the store.
pub struct StoreState {
    /// Whether it can be used.
    pub is_up: Box<dyn Fn() -> bool + Send + Sync>,
    /// The parts of the server that need it, such as `hub`.
    pub users: Vec<&'static str>,
}

/// Responds with 200 unless the server is stopping, Redis is unavailable, or an extension cannot work. An unavailable
/// store is reported in the body only, because clients can still exchange messages.
pub struct Ready {
    server: Arc<Server>,
    store: Option<StoreState>,
}

impl Ready {
    /// Creates the check for a server, and for its store if there is one.
    #[must_use]
    pub fn new(server: Arc<Server>, store: Option<StoreState>) -> Self {
        Self { server, store }
    }
}

impl Endpoint for Ready {
    fn route(&self, method: Method, path: &str) -> Option<Route> {
        if path != "/readyz" {
            return None;
        }
        let reason = self.server.not_ready();
        let mut text =
            reason.as_ref().map_or_else(|| "ready\n".to_owned(), |reason| format!("not ready: {reason}\n"));
        for user in self.store.iter().filter(|store| !(store.is_up)()).flat_map(|store| &store.users) {
            text.push_str(user);
            text.push_str(": store unavailable\n");
        }
        let mut response = super::answer(method, "text/plain; charset=utf-8", || text.into_bytes());
        if reason.is_some() && response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        Some(Route::Response(response))
    }
}
