//! The management API at `/api/v1`, for operators: JSON, with the configured key as a bearer token.
//!
//! It shows hosts of callbacks and never their paths, which are secrets of subscribers. It must not know how the hub
//! works, or how feeds are followed.

mod feeds;
mod hub;
mod key;
mod query;
mod reply;
mod rows;

pub use feeds::ManagedFeeds;
pub use hub::ManagedHub;

use std::time::Duration;

use bytes::Bytes;
use hyper::Response;

use crate::config::Secret;
use crate::metrics::{Metrics, Reason};
use crate::peer::Head;
use crate::transport::{Endpoint, Method, Route, RouteFuture, RouteLimits, RouteRequest};
use key::Key;
use reply::Refusal;

/// The path of the API.
const ROOT: &str = "/api/v1";

/// Requests are short.
const LIMITS: RouteLimits = RouteLimits { body: 16 * 1024, body_time: Duration::from_secs(10) };

/// The deadline for the store.
const DEADLINE: Duration = Duration::from_secs(20);

/// The management API.
pub struct Api {
    key: Key,
    /// Whether requests of other machines get the response for an unknown path.
    is_local_only: bool,
    /// `None` if the hub is off.
    hub: Option<ManagedHub>,
    /// `None` if no feeds are followed.
    feeds: Option<ManagedFeeds>,
    metrics: Metrics,
}

impl Api {
    /// Creates the API with this key. On a listener for clients, it answers only unforwarded requests of this machine.
    #[must_use]
    pub fn new(
        key: &Secret,
        is_local_only: bool,
        hub: Option<ManagedHub>,
        feeds: Option<ManagedFeeds>,
        metrics: Metrics,
    ) -> Self {
        Self { key: Key::new(key), is_local_only, hub, feeds, metrics }
    }

    /// Returns the response to a request without the key, with an unknown path or with another method. Ignores the
    /// body.
    fn refused(&self, method: Method, head: &Head, is_local: bool) -> Option<Response<Bytes>> {
        if self.is_local_only && !is_local {
            return Some(reply::not_found("there is nothing at this path"));
        }
        if !self.key.is_shown_by(head) {
            self.metrics.refuse(Reason::forbidden);
            return Some(reply::unauthorized());
        }
        let Some(resource) = resource(head) else {
            return Some(reply::not_found("there is nothing at this path"));
        };
        match method {
            Method::Options => Some(reply::options(resource.methods())),
            method if resource.allows(method) => None,
            _ => Some(reply::method_not_allowed(resource.methods())),
        }
    }

    async fn answer(&self, request: &RouteRequest) -> Response<Bytes> {
        let Some(resource) = resource(&request.head) else {
            return reply::not_found("there is nothing at this path");
        };
        match tokio::time::timeout(resource.deadline(), self.result(&resource, request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(refusal)) => refusal.response(),
            Err(_) => Refusal::Unavailable.response(),
        }
    }

    async fn result(&self, resource: &Resource, request: &RouteRequest) -> Result<Response<Bytes>, Refusal> {
        let off = |text: &str| Refusal::NotFound(text.to_owned());
        match resource {
            Resource::Hub(resource) => {
                let hub = self.hub.as_ref().ok_or_else(|| off("the hub is off; set hub.enabled"))?;
                hub.answer(*resource, request).await
            }
            Resource::Feeds(resource) => {
                let none = "no feeds are followed; write a [[feed]] or lifestream.enabled = true, and restart the server";
                self.feeds.as_ref().ok_or_else(|| off(none))?.answer(resource, request).await
            }
        }
    }
}

/// Returns the resource of a request.
fn resource(head: &Head) -> Option<Resource> {
    head.path().strip_prefix(ROOT).and_then(Resource::named)
}

/// A path of the API.
enum Resource {
    Hub(hub::Resource),
    Feeds(feeds::Resource),
}

impl Resource {
    /// Returns the resource at a path below [`ROOT`].
    fn named(path: &str) -> Option<Self> {
        let feeds = || feeds::Resource::named(path).map(Self::Feeds);
        hub::Resource::named(path).map(Self::Hub).or_else(feeds)
    }

    fn allows(&self, method: Method) -> bool {
        match self {
            Self::Hub(resource) => resource.allows(method),
            Self::Feeds(resource) => resource.allows(method),
        }
    }

    fn methods(&self) -> &'static str {
        match self {
            Self::Hub(resource) => resource.methods(),
            Self::Feeds(resource) => resource.methods(),
        }
    }

    fn limits(&self) -> RouteLimits {
        match self {
            Self::Hub(_) => LIMITS,
            Self::Feeds(resource) => resource.limits().unwrap_or(LIMITS),
        }
    }

    fn deadline(&self) -> Duration {
        match self {
            Self::Hub(_) => DEADLINE,
            Self::Feeds(resource) => resource.deadline().unwrap_or(DEADLINE),
        }
    }
}

impl Endpoint for Api {
    fn route(&self, _method: Method, path: &str) -> Option<Route> {
        let rest = path.strip_prefix(ROOT)?;
        let limits = Resource::named(rest).map_or(LIMITS, |resource| resource.limits());
        (rest.is_empty() || rest.starts_with('/')).then_some(Route::Call(limits))
    }

    // A client without the key is not to make the server read files.
    fn refuse(&self, method: Method, head: &Head, is_local: bool) -> Option<Response<Bytes>> {
        self.refused(method, head, is_local)
    }

    fn call(&self, request: RouteRequest) -> RouteFuture<'_> {
        Box::pin(async move { self.answer(&request).await })
    }
}
