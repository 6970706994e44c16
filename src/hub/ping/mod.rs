//! Pings of code hosts: `POST {hub.path}/ping/NAME` makes the topics of a `[[ping]]` due for a fetch after a push.
//!
//! This module must not know the result of a fetch.

mod sender;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Response, StatusCode};

use super::Hub;
use super::refusal::Refusal;
use super::response::{empty, refused, text};
use crate::config::Ping;
use crate::transport::{Endpoint, Method, Route, RouteFuture, RouteLimits, RouteRequest};
use crate::web::urls;
use sender::{Event, SenderError};

/// The payload of a push names its commits and their files; code hosts send some megabytes at the most.
const LIMITS: RouteLimits = RouteLimits { body: 5 * 1024 * 1024, body_time: Duration::from_secs(30) };
/// The deadline for the store.
const DEADLINE: Duration = Duration::from_secs(10);
/// The mode of the requests in the metrics.
const MODE: &str = "ping";

/// Normalizes the topics of pings, as in the store.
///
/// # Errors
/// A text that names the setting and the topic that is not a URL.
pub(super) fn normalised(pings: &[Ping]) -> Result<Vec<Ping>, String> {
    let mut pings = pings.to_vec();
    for (at, ping) in pings.iter_mut().enumerate() {
        for topic in &mut ping.topics {
            let url = urls::read(topic);
            let url = url.map_err(|error| format!("ping[{}].topics: {topic:?} {error}", at + 1))?;
            *topic = url.key;
        }
    }
    Ok(pings)
}

/// The pings of the settings.
pub(super) struct Pings {
    hub: Arc<Hub>,
    /// The part of the path before the name.
    prefix: String,
}

impl Pings {
    /// Creates the pings of a hub.
    pub(super) fn new(hub: &Arc<Hub>) -> Self {
        let prefix = format!("{}/ping/", hub.settings.path.trim_end_matches('/'));
        Self { hub: Arc::clone(hub), prefix }
    }

    fn find(&self, path: &str) -> Option<&Ping> {
        let name = path.strip_prefix(&self.prefix)?;
        let name = name.strip_suffix('/').unwrap_or(name);
        self.hub.pings.iter().find(|ping| ping.name == name)
    }

    /// Counts a response.
    fn counted(&self, response: Response<Bytes>) -> Response<Bytes> {
        self.hub.metrics.hub.request(MODE, response.status().as_u16());
        response
    }

    async fn post(&self, request: &RouteRequest) -> Response<Bytes> {
        let Some(ping) = self.find(request.head.path()) else { return unknown() };
        if request.is_foreign {
            return refused(&Refusal::Origin);
        }
        let event = sender::read(ping.kind, ping.secret.expose(), &request.head, &request.body);
        match event {
            Ok(Event::Push(reference)) if is_wanted(ping, reference.as_deref()) => self.ping(ping).await,
            Ok(_) => empty(StatusCode::NO_CONTENT),
            Err(error) => {
                let status = match error {
                    SenderError::Signature => StatusCode::FORBIDDEN,
                    SenderError::Payload => StatusCode::BAD_REQUEST,
                };
                tracing::debug!(ping = ping.name, client = %request.client, %error, "ping refused");
                text(status, format!("{error}\n"))
            }
        }
    }

    async fn ping(&self, ping: &Ping) -> Response<Bytes> {
        let interval = self.hub.settings.fetch_interval;
        let pinging = self.hub.store.ping(&ping.topics, interval, ping.delay);
        match tokio::time::timeout(DEADLINE, pinging).await {
            Ok(Ok(_)) => return empty(StatusCode::NO_CONTENT),
            Ok(Err(error)) => tracing::debug!(ping = ping.name, %error, "ping not kept"),
            Err(_) => tracing::debug!(ping = ping.name, "ping not kept: the store does not answer"),
        }
        refused(&Refusal::Unavailable)
    }
}

fn unknown() -> Response<Bytes> {
    text(StatusCode::NOT_FOUND, "no ping has this name\n".to_owned())
}

/// Whether pushes to a reference count.
fn is_wanted(ping: &Ping, reference: Option<&str>) -> bool {
    let branch = reference.and_then(|reference| reference.strip_prefix("refs/heads/"));
    ping.branches.is_empty() || ping.branches.iter().any(|own| Some(own.as_str()) == branch)
}

impl Endpoint for Pings {
    fn route(&self, method: Method, path: &str) -> Option<Route> {
        path.strip_prefix(&self.prefix)?;
        let response = match self.find(path) {
            Some(_) if method == Method::Post => return Some(Route::Call(LIMITS)),
            Some(_) => refused(&Refusal::Method("POST")),
            None => unknown(),
        };
        Some(Route::Response(self.counted(response)))
    }

    fn call(&self, request: RouteRequest) -> RouteFuture<'_> {
        Box::pin(async move { self.counted(self.post(&request).await) })
    }
}
