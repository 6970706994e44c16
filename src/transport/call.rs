//! Requests to endpoints that wait for their response: the limits of the body, what the endpoint learns about the client,
//! and what happens if the client or the server goes away before.
//!
//! It must not know any endpoint.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use tokio::time::Instant;

use super::connection::{AHEAD, Connection, Interest, Next, UNFINISHED, Woken};
use super::dispatch::is_coded;
use super::endpoint::{Endpoint, RouteFuture, RouteLimits, RouteRequest};
use super::request::Request;
use super::{answer, refusal::Refusal};
use crate::auth::PageRequest;
use crate::budget::BufferCharge;
use crate::metrics::Reason;
use crate::peer::Head;

/// How long the connection waits before it looks again. An endpoint bounds its own time, so this is no deadline.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// Headers that proxies add.
const FORWARDED: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

impl Connection {
    /// Reads the body within the limits of the route, unless the endpoint refuses the request before, and answers with the response of the endpoint.
    pub(super) async fn call(
        &mut self,
        request: &Request,
        endpoint: Arc<dyn Endpoint>,
        limits: RouteLimits,
    ) -> Next {
        if let Some(response) = endpoint.refuse(request.method, &request.head, self.is_local(&request.head)) {
            // Where the next request begins is known only if there is no body.
            return if request.has_body() {
                self.close_with(request, response).await
            } else {
                self.respond(request, response).await
            };
        }
        let body = match self.body(request, limits).await {
            Ok(body) => body,
            Err(refusal) => return self.refuse(request, &refusal).await,
        };
        if !body.is_empty() && !endpoint.decodes() && is_coded(&request.head) {
            self.context.metrics.refuse(Reason::syntax);
            return self.respond(request, answer::coded(&request.head)).await;
        }
        let mut charge = BufferCharge::new(&self.context.budget);
        if charge.set(body.len()).is_err() {
            self.context.metrics.refuse(Reason::memory);
            return self.refuse(request, &Refusal::Exhausted).await;
        }
        let mut call = self.route_request(request, body);
        if let Some(head) = request.head.without_final_slash()
            && endpoint.route(request.method, request.head.path()).is_none()
        {
            // The endpoint has the path without the slash.
            call.head = head;
        }
        let call = endpoint.call(call);
        let response = self.wait_for(call).await;
        drop(charge);
        let response = response.unwrap_or_else(|| {
            let text = "The server is stopping; try again later";
            let mut response = answer::refuse(&request.head, StatusCode::SERVICE_UNAVAILABLE, text);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            response
        });
        self.respond(request, response).await
    }

    /// Waits for a response. `None` if it takes longer than [`UNFINISHED`] after the server has begun to stop, or after the
    /// client has closed its side: publishers often do not wait for the response, and their requests count all the same.
    async fn wait_for(&mut self, mut call: RouteFuture<'_>) -> Option<Response<Bytes>> {
        let mut until = Instant::now() + LONG;
        let mut is_reading = true;
        loop {
            // Requests that follow wait in the input, as far as there is room for them.
            is_reading &= self.input.len() < AHEAD;
            let woken = async {
                if is_reading {
                    self.read(until, None).await
                } else {
                    self.wait(Interest::default(), until, None).await
                }
            };
            let woken = tokio::select! {
                biased;
                response = &mut call => return Some(response),
                woken = woken => woken,
            };
            match woken {
                Woken::Ended | Woken::Exhausted => {
                    is_reading = false;
                    until = Instant::now() + UNFINISHED;
                }
                Woken::Due => return None,
                _ => {}
            }
        }
    }

    /// Whether the request came from this machine and was not forwarded by a proxy.
    fn is_local(&self, head: &Head) -> bool {
        let local = self.stream.tcp().local_addr().ok().map(|address| address.ip());
        local.is_some_and(|local| is_here(self.address.ip(), local) && !is_forwarded(head, local))
    }

    fn route_request(&self, request: &Request, body: Bytes) -> RouteRequest {
        let head = &request.head;
        let has_tls = self.stream.tls().is_some();
        let local = || self.stream.tcp().local_addr().ok().map(|address| address.ip());
        let (client, is_secure, is_foreign) = match &self.context.server {
            Some(server) => {
                let policy = server.policy();
                let is_secure = has_tls || policy.proxies.is_secure(self.address, head);
                let page_request = PageRequest { head, is_script: false, is_secure, local: &local };
                (
                    policy.proxies.client(self.address, head),
                    is_secure,
                    policy.origins.is_of_other_host(&page_request),
                )
            }
            // The listener for operators serves no page, so every page is one of another host.
            None => (self.address, has_tls, head.get("origin").is_some_and(|origin| !origin.is_empty())),
        };
        let is_local = self.is_local(head);
        RouteRequest {
            method: request.method,
            head: head.clone(),
            body,
            client,
            is_local,
            is_foreign,
            is_secure,
        }
    }
}

/// Whether an address is one of this machine: a loopback address, or the one at which the connection was accepted.
fn is_here(address: IpAddr, local: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address == local.to_canonical()
}

/// Whether a proxy has passed the request on: it has added a header, or the request is for a host that is not this machine.
fn is_forwarded(head: &Head, local: IpAddr) -> bool {
    let is_for_here = head.authority().is_none_or(|authority| match authority.address() {
        Some(address) => is_here(address, local),
        None => authority.host().eq_ignore_ascii_case("localhost"),
    });
    !is_for_here || FORWARDED.iter().any(|name| head.get(name).is_some())
}
