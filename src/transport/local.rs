//! Requests to endpoints of this process, without a connection.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use hyper::header::HOST;
use hyper::{Request, Response, StatusCode};

use super::http::endpoint::{Endpoint, Route, RouteRequest};
use super::http::request::Method;
use crate::peer::Head;

/// Answers a request as if it had arrived from this machine through a proxy: with the first endpoint for the path, within its
/// limits. The status is 404 if there is none.
pub async fn call(endpoints: &[Arc<dyn Endpoint>], request: Request<Bytes>) -> Response<Bytes> {
    let (parts, body) = request.into_parts();
    let method = match parts.method {
        hyper::Method::GET => Method::Get,
        hyper::Method::POST => Method::Post,
        _ => Method::Other,
    };
    let path = parts.uri.path();
    let route = endpoints.iter().find_map(|endpoint| Some((endpoint, endpoint.route(method, path)?)));
    let (endpoint, limits) = match route {
        Some((_, Route::Response(response))) => return response,
        Some((endpoint, Route::Call(limits))) => (endpoint, limits),
        None => return status(StatusCode::NOT_FOUND),
    };
    if body.len() > limits.body {
        return status(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let head = head(&parts);
    if let Some(response) = endpoint.refuse(method, &head, false) {
        return response;
    }
    let request = RouteRequest {
        method,
        head,
        body,
        client: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        is_local: false,
        is_foreign: false,
        is_secure: parts.uri.scheme_str() == Some("https"),
    };
    endpoint.call(request).await
}

/// Returns a response without a body.
fn status(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// Encodes the head of a request as it would arrive.
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
    use std::time::Duration;

    use super::*;
    use crate::transport::{RouteFuture, RouteLimits};

    struct Echo;

    impl Endpoint for Echo {
        fn route(&self, _: Method, path: &str) -> Option<Route> {
            let limits = RouteLimits { body: 3, body_time: Duration::from_secs(1) };
            (path == "/websub/callback/a").then_some(Route::Call(limits))
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

    async fn ask(path: &str, body: &'static str) -> (u16, String) {
        let request = Request::post(format!("https://hub.example{path}")).header("content-type", "text/x");
        let response = call(&[Arc::new(Echo)], request.body(Bytes::from(body)).unwrap()).await;
        (response.status().as_u16(), String::from_utf8(response.into_body().to_vec()).unwrap())
    }

    #[tokio::test]
    async fn an_endpoint_gets_the_request_as_it_would_arrive() {
        let found = ask("/websub/callback/a?b=c&d", "xyz").await;
        let host = &b"hub.example"[..];
        assert_eq!(
            found,
            (200, format!("POST {:?} {:?} {:?}xyz", Some("b=c&d"), Some(host), Some("text/x")))
        );
        assert_eq!(ask("/websub/callback/a", "long").await.0, 413);
        assert_eq!(ask("/websub/callback/b", "").await.0, 404);
    }
}
