//! The management API at `/api/v1`, for operators: JSON, with the key of the settings as a bearer token.
//!
//! It shows hosts of callbacks and never their paths, which are secrets of subscribers. It must not know how the hub works.

mod hub;
mod key;
mod query;
mod reply;
mod rows;

pub use hub::ManagedHub;

use std::time::Duration;

use bytes::Bytes;
use hyper::Response;

use crate::config::Secret;
use crate::metrics::{Metrics, Reason};
use crate::transport::{Endpoint, Method, Route, RouteFuture, RouteLimits, RouteRequest};
use key::Key;
use reply::Refusal;

/// The path of the API.
const ROOT: &str = "/api/v1";

/// Requests are short.
const LIMITS: RouteLimits = RouteLimits { body: 16 * 1024, body_time: Duration::from_secs(10) };

/// How long the store may take.
const DEADLINE: Duration = Duration::from_secs(20);

/// The management API.
pub struct Api {
    key: Key,
    /// Whether other machines are told that there is no such path.
    is_local_only: bool,
    /// `None` if the hub is off.
    hub: Option<ManagedHub>,
    metrics: Metrics,
}

impl Api {
    /// The API with this key. On a listener for clients only unforwarded requests of this machine are answered.
    #[must_use]
    pub fn new(key: &Secret, is_local_only: bool, hub: Option<ManagedHub>, metrics: Metrics) -> Self {
        Self { key: Key::new(key), is_local_only, hub, metrics }
    }

    async fn answer(&self, request: &RouteRequest) -> Response<Bytes> {
        if self.is_local_only && !request.is_local {
            return reply::not_found("there is nothing at this path");
        }
        if !self.key.is_shown_by(&request.head) {
            self.metrics.refuse(Reason::forbidden);
            return reply::unauthorized();
        }
        let path = request.head.path();
        let Some(resource) = path.strip_prefix(ROOT).and_then(hub::Resource::named) else {
            return reply::not_found("there is nothing at this path");
        };
        match request.method {
            Method::Options => return reply::options(resource.methods()),
            Method::Get | Method::Head if resource.is_read() => {}
            Method::Post if !resource.is_read() => {}
            _ => return reply::method_not_allowed(resource.methods()),
        }
        let Some(hub) = &self.hub else {
            return reply::not_found("the hub is off; set hub.enabled");
        };
        match tokio::time::timeout(DEADLINE, hub.answer(resource, request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(refusal)) => refusal.response(),
            Err(_) => Refusal::Unavailable.response(),
        }
    }
}

impl Endpoint for Api {
    fn route(&self, _method: Method, path: &str) -> Option<Route> {
        let rest = path.strip_prefix(ROOT)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(Route::Call(LIMITS))
    }

    fn call(&self, request: RouteRequest) -> RouteFuture<'_> {
        Box::pin(async move { self.answer(&request).await })
    }
}
