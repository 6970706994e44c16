//! The interface of endpoints outside of the mount: health, metrics, the page at `/`, the hub, feeds, the API.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Response, StatusCode};

use super::request::Method;
use crate::peer::Head;

/// The way in which an endpoint answers a request. It depends on method and path, and is chosen before the body is read.
pub enum Route {
    /// With this response, whatever the body. The connection omits the body of the response to a HEAD.
    Response(Response<Bytes>),
    /// With the result of [`Endpoint::call`], for a request within these limits.
    Call(RouteLimits),
}

/// Limits of a request, in place of `limits.body` and `limits.body_time`.
#[derive(Debug, Clone, Copy)]
pub struct RouteLimits {
    /// The longest body, in bytes.
    pub body: usize,
    /// The time that the client has to send the body.
    pub body_time: Duration,
}

/// A request to an endpoint, with its whole body.
pub struct RouteRequest {
    /// The method.
    pub method: Method,
    /// Path, query and headers.
    pub head: Head,
    /// The body, without transfer coding.
    pub body: Bytes,
    /// The address of the client, before all trusted proxies.
    pub client: SocketAddr,
    /// Whether the request is from this machine and was not forwarded by a proxy.
    pub is_local: bool,
    /// Whether a page of another origin sent the request (`Origin` is not one of the hosts of the server).
    pub is_foreign: bool,
    /// Whether the client uses TLS, with the server or with a trusted proxy.
    pub is_secure: bool,
}

/// The future response of an endpoint.
pub type RouteFuture<'a> = Pin<Box<dyn Future<Output = Response<Bytes>> + Send + 'a>>;

/// Serves certain paths.
pub trait Endpoint: Send + Sync {
    /// Returns the route of a request; `None` if the endpoint does not serve the path. Must not block.
    fn route(&self, method: Method, path: &str) -> Option<Route>;

    /// Refuses a request before its body is read, if method and head are sufficient. Called for every request whose `route` is
    /// [`Route::Call`]. `is_local` is that of [`RouteRequest`]. Must not block.
    fn refuse(&self, _method: Method, _head: &Head, _is_local: bool) -> Option<Response<Bytes>> {
        None
    }

    /// Answers a request whose `route` is [`Route::Call`]. Must bound its time.
    fn call(&self, _request: RouteRequest) -> RouteFuture<'_> {
        Box::pin(async {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        })
    }

    /// Whether the endpoint reads bodies with a content coding. Otherwise they are refused with 415.
    fn decodes(&self) -> bool {
        false
    }
}
