//! `fetch` through the HTTP client of the server: decides the allowed addresses and the maximum size of a response.

use std::sync::LazyLock;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::http::Uri;
use hyper::{Method, Request as HttpRequest};

use super::fetch::{Fetch, Request, Response};
use crate::fetch::{Fetch as Client, FetchError, Reach, Repeat};

/// Maximum bytes of a response body.
const CAP: usize = 1024 * 1024;

/// Executes requests within a deadline; addresses that are not public have to be allowed.
#[must_use]
pub fn over_http(time: Duration, private_addresses: bool) -> Fetch {
    let reach = if private_addresses { Reach::Everywhere } else { Reach::Public };
    // Most servers send no request, and the client reads the CA certificates of the system.
    let client = LazyLock::new(move || Client::new(reach, Repeat::Idempotent));
    std::sync::Arc::new(move |request| {
        let client = Client::clone(&client);
        Box::pin(async move {
            let answer = client.send(convert(request)?, time, CAP).await.map_err(|error| match error {
                FetchError::Private(_) => {
                    "the address is not public, and extensions.private_addresses is not set".to_owned()
                }
                other => other.to_string(),
            })?;
            let (head, body) = answer.into_parts();
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let headers = head.headers.iter();
            let headers = headers.map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())));
            Ok(Response { status: head.status.as_u16(), headers: headers.collect(), body })
        })
    })
}

/// Refuses every request: for a check of the settings, which has no effect elsewhere.
#[must_use]
pub fn refused() -> Fetch {
    std::sync::Arc::new(|_| Box::pin(async { Err("a check sends no requests".to_owned()) }))
}

fn convert(request: Request) -> Result<HttpRequest<Full<Bytes>>, String> {
    let url: Uri = request.url.parse().map_err(|_| "not a URL".to_owned())?;
    if url.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("a URL with user and password is not allowed".to_owned());
    }
    // Errors are not shown: they may contain a header with a secret.
    let method = Method::from_bytes(request.method.to_ascii_uppercase().as_bytes());
    let method = method.ok().filter(|method| *method != Method::CONNECT).ok_or("invalid method")?;
    let mut http = HttpRequest::builder().method(method).uri(url);
    for (name, value) in request.headers.iter().filter(|(name, _)| !is_ours(name)) {
        http = http.header(name, value);
    }
    http.body(Full::new(Bytes::from(request.body))).map_err(|_| "invalid header".to_owned())
}

/// Whether a header controls the framing of the request, which the file may not change.
fn is_ours(name: &str) -> bool {
    ["host", "content-length", "transfer-encoding", "connection", "upgrade"]
        .iter()
        .any(|ours| name.eq_ignore_ascii_case(ours))
}
