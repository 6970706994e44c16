//! What is served outside the mount: health, metrics, the page at `/`, the hub, feeds, the API.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use hyper::{Response, StatusCode};

use super::Method;
use crate::peer::Head;

/// How an endpoint answers a request, decided by method and path before the body is read.
pub enum Route {
    /// With this response, whatever the body is. The connection leaves the body out of the answer to a HEAD.
    Response(Response<Bytes>),
    /// With the result of [`Endpoint::call`], if the request is within these limits.
    Call(RouteLimits),
}

/// Limits of a request, in place of `limits.body` and `limits.body_time`.
#[derive(Debug, Clone, Copy)]
pub struct RouteLimits {
    /// Bytes of the body.
    pub body: usize,
    /// How long the client may take to send the body.
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
    /// Whether the request came from this machine and was not forwarded by a proxy.
    pub is_local: bool,
    /// Whether a page of another origin sent the request (its `Origin` is not one of the server's own hosts).
    pub is_foreign: bool,
    /// Whether the client uses TLS, with the server or with a trusted proxy.
    pub is_secure: bool,
}

/// The response of an endpoint that has to wait for it.
pub type RouteFuture<'a> = Pin<Box<dyn Future<Output = Response<Bytes>> + Send + 'a>>;

/// Answers requests for certain paths.
pub trait Endpoint: Send + Sync {
    /// How the request is answered, or `None` if the path is not one of this endpoint. It must not block.
    fn route(&self, method: Method, path: &str) -> Option<Route>;

    /// Refuses a request before its body is read, if method and head are enough to know that it is refused. It is asked for
    /// every request for which `route` returned [`Route::Call`]. `is_local` is that of [`RouteRequest`]. It must not block.
    fn refuse(&self, _method: Method, _head: &Head, _is_local: bool) -> Option<Response<Bytes>> {
        None
    }

    /// Answers a request for which `route` returned [`Route::Call`]. It must bound its own time.
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
