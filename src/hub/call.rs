//! Requests to callbacks: over HTTP, or to the endpoint of this process that serves the callbacks below
//! `{public_url}/websub/callback/`. This module must not know the purpose of a request.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{ACCEPT_ENCODING, HeaderValue, USER_AGENT};
use hyper::http::Uri;
use hyper::{Request, Response};

use super::Hub;
use crate::fetch::FetchError;
use crate::transport::{Endpoint, local};

/// The beginning of the path of callbacks that this process serves.
pub(super) const LOCAL: &str = "/websub/callback/";

/// Sends a request to a callback, whose response has to be complete within `hub.deadline`. The body of a response is
/// read only if the status is 2xx and `cap` is above 0; otherwise it is empty. Redirects are not followed.
///
/// # Errors
/// [`FetchError`] without a response, or [`FetchError::Size`] if the body of a response with status 2xx has more than
/// `cap` bytes.
pub(super) async fn call(
    hub: &Hub,
    mut request: Request<Full<Bytes>>,
    cap: usize,
) -> Result<Response<Bytes>, FetchError> {
    let agent = format!("faye/{} (+{})", env!("CARGO_PKG_VERSION"), hub.url());
    request.headers_mut().insert(USER_AGENT, HeaderValue::try_from(agent).map_err(|_| FetchError::Url)?);
    request.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let deadline = hub.settings.deadline;
    if is_local(hub, request.uri()) {
        let locals: Vec<_> = hub.local.get().into_iter().flatten().filter_map(Weak::upgrade).collect();
        let response = tokio::time::timeout(deadline, call_local(&locals, request));
        return cut(response.await.map_err(|_| FetchError::Deadline(deadline))??, cap);
    }
    hub.callbacks.send_if(request, deadline, cap, |head| cap > 0 && head.status.is_success()).await
}

/// Whether a callback is served by this process, if it exists: no connection is made for it.
pub(super) fn is_local(hub: &Hub, url: &Uri) -> bool {
    hub.public_url.parse::<Uri>().is_ok_and(|own| is_same_origin(&own, url))
}

fn is_same_origin(own: &Uri, url: &Uri) -> bool {
    let port = |url: &Uri| {
        url.port_u16().or(match url.scheme_str() {
            Some("https") => Some(443),
            Some("http") => Some(80),
            _ => None,
        })
    };
    let host = |url: &Uri| url.host().map(str::to_ascii_lowercase);
    own.scheme() == url.scheme() && host(own) == host(url) && port(own) == port(url)
}

/// Removes the part of a response that [`call`] does not read.
fn cut(mut response: Response<Bytes>, cap: usize) -> Result<Response<Bytes>, FetchError> {
    if cap == 0 || !response.status().is_success() {
        response.body_mut().clear();
    } else if response.body().len() > cap {
        return Err(FetchError::Size(cap));
    }
    Ok(response)
}

/// Executes a request to this server. Only paths below [`LOCAL`] exist for the hub.
async fn call_local(
    endpoints: &[Arc<dyn Endpoint>],
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, FetchError> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let endpoints = if path.starts_with(LOCAL) { endpoints } else { &[] };
    let body = body.collect().await.map_err(|never| match never {})?.to_bytes();
    Ok(local::call(endpoints, Request::from_parts(parts, body)).await)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::transport::{Method, Route, RouteFuture, RouteLimits, RouteRequest};

    struct Everything;

    impl Endpoint for Everything {
        fn route(&self, _: Method, _: &str) -> Option<Route> {
            Some(Route::Call(RouteLimits { body: 3, body_time: Duration::from_secs(1) }))
        }

        fn call(&self, request: RouteRequest) -> RouteFuture<'_> {
            Box::pin(async move { Response::new(request.body) })
        }
    }

    #[tokio::test]
    async fn the_hub_reaches_only_callbacks_of_this_process() {
        let ask = async |endpoint: Option<Everything>, path: &str| {
            let endpoints: Vec<Arc<dyn Endpoint>> =
                endpoint.into_iter().map(|endpoint| Arc::new(endpoint) as _).collect();
            let request =
                Request::post(format!("https://hub.example{path}")).body(Full::from("xyz")).unwrap();
            let response = call_local(&endpoints, request).await.unwrap();
            (response.status().as_u16(), response.into_body())
        };
        assert_eq!(ask(Some(Everything), "/websub/callback/a").await, (200, Bytes::from("xyz")));
        assert_eq!(ask(Some(Everything), "/faye").await.0, 404);
        assert_eq!(ask(None, "/websub/callback/a").await.0, 404);
    }

    #[test]
    fn an_origin_is_compared_by_scheme_host_and_port() {
        let own: Uri = "https://hub.example".parse().unwrap();
        for (url, is_same) in [
            ("https://hub.example/x", true),
            ("https://HUB.example:443/x", true),
            ("https://hub.example:444/x", false),
            ("http://hub.example/x", false),
            ("https://hub.example.org/x", false),
            ("/x", false),
        ] {
            assert_eq!(is_same_origin(&own, &url.parse().unwrap()), is_same, "{url}");
        }
    }

    #[test]
    fn a_body_is_read_to_its_cap_and_only_of_a_success() {
        let response = |status: u16| Response::builder().status(status).body(Bytes::from("body")).unwrap();
        assert_eq!(cut(response(200), 4).unwrap().body(), "body");
        assert!(matches!(cut(response(200), 3), Err(FetchError::Size(3))));
        assert_eq!(cut(response(200), 0).unwrap().body(), "");
        assert_eq!(cut(response(404), 4).unwrap().body(), "");
    }
}
