//! `fetch` over plain HTTP: each request over a connection of its own, redirects left to the file.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::Request as HttpRequest;
use hyper::body::Bytes;
use hyper::header::HOST;
use hyper::http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::address::is_public;
use super::fetch::{Fetch, Request, Response};

/// Bytes of an answer's body.
const CAP: usize = 1024 * 1024;

/// Carries out requests within a time; to addresses that are not public only if they are allowed.
#[must_use]
pub fn over_http(time: Duration, private_addresses: bool) -> Fetch {
    Arc::new(move |request| {
        Box::pin(async move {
            match tokio::time::timeout(time, ask(request, private_addresses)).await {
                Ok(answer) => answer,
                Err(_) => Err(format!("no answer within {time:?}")),
            }
        })
    })
}

async fn ask(request: Request, private_addresses: bool) -> Result<Response, String> {
    let url: Uri = request.url.parse().map_err(|_| "the URL is none".to_owned())?;
    let (Some("http"), Some(authority)) = (url.scheme_str(), url.authority()) else {
        return Err("only http URLs can be fetched".to_owned());
    };
    if authority.as_str().contains('@') {
        return Err("a URL with a name and a password cannot be fetched".to_owned());
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let stream = connect(host, authority.port_u16().unwrap_or(80), private_addresses).await?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let mut http =
        HttpRequest::builder().method(request.method.as_bytes()).uri(path).header(HOST, authority.as_str());
    for (name, value) in request.headers.iter().filter(|(name, _)| !is_ours(name)) {
        http = http.header(name, value);
    }
    // The error is not shown: it may hold a header, and that a secret.
    let http = http
        .body(Full::new(Bytes::from(request.body)))
        .map_err(|_| "a method or header is wrong".to_owned())?;
    let broken = |error: &dyn std::fmt::Display| error.to_string();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| broken(&e))?;
    let answer = async {
        let response = sender.send_request(http).await.map_err(|e| broken(&e))?;
        let (head, body) = response.into_parts();
        let header = |name: &hyper::header::HeaderName, value: &hyper::header::HeaderValue| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let headers = head.headers.iter().map(|(name, value)| header(name, value)).collect();
        let body = Limited::new(body, CAP).collect().await.map_err(|e| broken(&e))?.to_bytes();
        Ok(Response { status: head.status.as_u16(), headers, body })
    };
    tokio::pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // The connection ends by itself when the answer closes it; what is buffered is still read.
        _ = connection => answer.await,
    }
}

/// Headers that say how the request is framed, which is not the file's to say.
fn is_ours(name: &str) -> bool {
    ["host", "content-length", "transfer-encoding", "connection", "upgrade"]
        .iter()
        .any(|ours| name.eq_ignore_ascii_case(ours))
}

/// Connects to one of the addresses of a name. The very addresses that were looked at are used, so that a name cannot
/// lead elsewhere a moment later.
async fn connect(host: &str, port: u16, private_addresses: bool) -> Result<TcpStream, String> {
    let found = tokio::net::lookup_host((host, port)).await.map_err(|error| error.to_string())?;
    let addresses: Vec<SocketAddr> =
        found.filter(|address| private_addresses || is_public(address.ip())).collect();
    if addresses.is_empty() {
        return Err("the address is not public, and extensions.private_addresses is not set".to_owned());
    }
    TcpStream::connect(addresses.as_slice()).await.map_err(|error| error.to_string())
}
