//! Requests to endpoints that wait for their response: limits of the body, the properties of the client, and the end of the
//! client or the server during the wait.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use tokio::time::Instant;

use super::connection::{HttpConnection, Next};
use super::endpoint::{Endpoint, RouteFuture, RouteLimits, RouteRequest};
use super::headers::is_coded;
use super::refusal::Refusal;
use super::request::Request;
use super::response;
use super::visitor::Visitor;
use crate::budget::BufferCharge;
use crate::metrics::Reason;
use crate::peer::Head;
use crate::transport::net::connection::AHEAD;
use crate::transport::net::wait::{Interest, UNFINISHED, WaitResult};

/// The longest single wait of a connection. An endpoint bounds its time, so this is no deadline.
const LONG: Duration = Duration::from_secs(24 * 60 * 60);

/// Headers of proxies.
const FORWARDED: [&str; 5] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];

impl HttpConnection {
    /// Reads the body within the limits of the route and writes the response of the endpoint. The endpoint may refuse the request
    /// before its body is read.
    pub(super) async fn call(
        &mut self,
        request: &Request,
        endpoint: Arc<dyn Endpoint>,
        limits: RouteLimits,
    ) -> Next {
        if let Some(response) = endpoint.refuse(request.method, &request.head, self.is_local(&request.head)) {
            // The start of the next request is known only without a body.
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
            self.context().metrics.refuse(Reason::syntax);
            return self.respond(request, response::coded(&request.head)).await;
        }
        let mut charge = BufferCharge::new(&self.context().budget);
        if charge.set(body.len()).is_err() {
            self.context().metrics.refuse(Reason::memory);
            return self.refuse(request, &Refusal::Exhausted).await;
        }
        let mut call = self.route_request(request, body);
        if let Some(head) = request.head.without_final_slash()
            && endpoint.route(request.method, request.head.path()).is_none()
        {
            // The endpoint has the path without the final slash.
            call.head = head;
        }
        let call = endpoint.call(call);
        let response = self.wait_for(call).await;
        drop(charge);
        let response = response.unwrap_or_else(|| {
            let text = "The server is stopping; try again later";
            let mut response = response::refuse(&request.head, StatusCode::SERVICE_UNAVAILABLE, text);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            response
        });
        self.respond(request, response).await
    }

    /// Waits for a response. `None` if it takes longer than [`UNFINISHED`] after the server began to drain, or after the client
    /// closed its side. Such a request is executed all the same, because many publishers do not wait for the response.
    async fn wait_for(&mut self, mut call: RouteFuture<'_>) -> Option<Response<Bytes>> {
        let mut until = Instant::now() + LONG;
        let mut is_reading = true;
        loop {
            // Further requests wait in the input, within its limit.
            is_reading &= self.net.input.len() < AHEAD;
            let waiting = async {
                if is_reading {
                    self.read(until, None).await
                } else {
                    self.net.wait(Interest::default(), until, None).await
                }
            };
            let result = tokio::select! {
                biased;
                response = &mut call => return Some(response),
                result = waiting => result,
            };
            match result {
                WaitResult::Closed | WaitResult::Exhausted => {
                    is_reading = false;
                    until = Instant::now() + UNFINISHED;
                }
                WaitResult::Deadline => return None,
                _ => {}
            }
        }
    }

    /// Whether the request is from this machine and was not forwarded by a proxy.
    fn is_local(&self, head: &Head) -> bool {
        let local = self.local_address();
        local.is_some_and(|local| is_here(self.net.address.ip(), local) && !is_forwarded(head, local))
    }

    fn route_request(&self, request: &Request, body: Bytes) -> RouteRequest {
        let head = &request.head;
        let Visitor { address: client, is_foreign, is_secure } = self.visitor(head);
        RouteRequest {
            method: request.method,
            head: head.clone(),
            body,
            client,
            is_local: self.is_local(head),
            is_foreign,
            is_secure,
        }
    }
}

/// Whether an address is one of this machine: a loopback address, or the address at which the connection was accepted.
fn is_here(address: IpAddr, local: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address == local.to_canonical()
}

/// Whether a proxy has forwarded the request: it has a header of proxies, or the host in it is not this machine.
fn is_forwarded(head: &Head, local: IpAddr) -> bool {
    let is_for_here = head.authority().is_none_or(|authority| match authority.address() {
        Some(address) => is_here(address, local),
        None => authority.host().eq_ignore_ascii_case("localhost"),
    });
    !is_for_here || FORWARDED.iter().any(|name| head.get(name).is_some())
}
