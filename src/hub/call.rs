//! Requests to callbacks: over HTTP, or to the endpoint of this process that serves the callbacks below
//! `{public_url}/websub/callback/`. This module must not know what a request is for.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{ACCEPT_ENCODING, HOST, HeaderValue, USER_AGENT};
use hyper::http::Uri;
use hyper::{Request, Response, StatusCode};

use super::Hub;
use crate::fetch::FetchError;
use crate::peer::Head;
use crate::transport::{Endpoint, Method, Route, RouteRequest};

/// The beginning of the path of callbacks that this process serves.
pub(super) const LOCAL: &str = "/websub/callback/";

/// Sends a request to a callback, whose response has to be complete within `hub.deadline`. The body of a response is
/// read only if its status is 2xx and `cap` is not 0; else it is empty. Redirects are not followed.
///
/// # Errors
/// [`FetchError`] if there is no response, or [`FetchError::Size`] if the body of a response with status 2xx has more than
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
        let response = tokio::time::timeout(deadline, call_local(hub.local.as_deref(), request));
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

/// Leaves out the part of a response that [`call`] does not read.
fn cut(mut response: Response<Bytes>, cap: usize) -> Result<Response<Bytes>, FetchError> {
    if cap == 0 || !response.status().is_success() {
        response.body_mut().clear();
    } else if response.body().len() > cap {
        return Err(FetchError::Size(cap));
    }
    Ok(response)
}

/// Answers a request to this server. Only paths below [`LOCAL`] exist for the hub.
async fn call_local(
    endpoint: Option<&dyn Endpoint>,
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, FetchError> {
    let status = |status| Ok(Response::builder().status(status).body(Bytes::new()).unwrap_or_default());
    let (parts, body) = request.into_parts();
    let method = match parts.method {
        hyper::Method::GET => Method::Get,
        hyper::Method::POST => Method::Post,
        _ => Method::Other,
    };
    let path = parts.uri.path();
    let route =
        endpoint.filter(|_| path.starts_with(LOCAL)).and_then(|own| Some((own, own.route(method, path)?)));
    let (endpoint, limits) = match route {
        Some((_, Route::Response(response))) => return Ok(response),
        Some((endpoint, Route::Call(limits))) => (endpoint, limits),
        None => return status(StatusCode::NOT_FOUND),
    };
    let body = body.collect().await.map_err(|never| match never {})?.to_bytes();
    if body.len() > limits.body {
        return status(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let request = RouteRequest {
        method,
        head: head(&parts),
        body,
        client: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        is_local: false,
        is_foreign: false,
        is_secure: parts.uri.scheme_str() == Some("https"),
    };
    Ok(endpoint.call(request).await)
}

/// The head of a request as it would arrive.
fn head(parts: &hyper::http::request::Parts) -> Head {
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let mut text = format!("{} {target} HTTP/1.1\r\n", parts.method).into_bytes();
    let start = parts.method.as_str().len() + 1;
    let authority = parts.uri.authority().map_or("", |authority| authority.as_str());
    let host = (HOST.as_str(), authority.as_bytes());
    let headers = parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    for (name, value) in std::iter::once(host).chain(headers) {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value);
        text.extend_from_slice(b"\r\n");
    }
    Head::new(&text, start..start + target.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{RouteFuture, RouteLimits};
    use std::time::Duration;

    struct Echo;

    impl Endpoint for Echo {
        fn route(&self, _: Method, path: &str) -> Option<Route> {
            let limits = RouteLimits { body: 3, body_time: Duration::from_secs(1) };
            (path == "/websub/callback/a" || path == "/faye").then_some(Route::Call(limits))
        }

        fn call(&self, request: RouteRequest) -> RouteFuture<'_> {
            Box::pin(async move {
                let head = &request.head;
                let type_ = head.get("content-type").map(|value| String::from_utf8_lossy(value).into_owned());
                let text = format!("{} {:?} {:?} {type_:?}", head.method(), head.query(), head.get("host"));
                assert_eq!((request.is_local, request.is_foreign, request.is_secure), (false, false, true));
                Response::new(Bytes::from([text.as_bytes(), &request.body].concat()))
            })
        }
    }

    async fn ask(endpoint: Option<&dyn Endpoint>, path: &str, body: &'static str) -> (u16, String) {
        let request = Request::post(format!("https://hub.example{path}")).header("content-type", "text/x");
        let request = request.body(Full::from(body)).unwrap();
        let response = call_local(endpoint, request).await.unwrap();
        (response.status().as_u16(), String::from_utf8(response.into_body().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn callbacks_of_this_process_get_the_request_as_it_would_arrive() {
        let found = ask(Some(&Echo), "/websub/callback/a?b=c&d", "xyz").await;
        let host = &b"hub.example"[..];
        assert_eq!(
            found,
            (200, format!("POST {:?} {:?} {:?}xyz", Some("b=c&d"), Some(host), Some("text/x")))
        );
        assert_eq!(ask(Some(&Echo), "/websub/callback/a", "long").await.0, 413);
        assert_eq!(ask(Some(&Echo), "/websub/callback/b", "").await.0, 404);
        assert_eq!(ask(Some(&Echo), "/faye", "").await.0, 404, "a path of the server that is no callback");
        assert_eq!(ask(None, "/websub/callback/a", "").await.0, 404);
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
