//! `/readyz`: whether a load balancer shall send clients here.

use std::sync::Arc;

use bytes::Bytes;
use hyper::{Response, StatusCode};

use crate::server::Server;
use crate::transport::{Endpoint, Method};

/// Answers 200 unless the server is stopping, or Redis, which joins it with other instances, is away.
pub struct Ready(pub Arc<Server>);

impl Endpoint for Ready {
    fn answer(&self, method: Method, path: &str) -> Option<Response<Bytes>> {
        if path != "/readyz" {
            return None;
        }
        let is_ready = self.0.is_ready();
        let text: &[u8] = if is_ready { b"ready\n" } else { b"not ready\n" };
        let mut response = super::answer(method, "text/plain; charset=utf-8", || text.to_vec())?;
        if !is_ready && response.status() == StatusCode::OK {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        Some(response)
    }
}
