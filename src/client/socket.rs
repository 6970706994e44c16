//! Opens a WebSocket to a server, plain or with TLS depending on the URL.

use std::sync::Arc;
use std::time::Duration;

use hyper::http::Uri;
use rustls::ClientConfig;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;

use super::Failure;
use crate::tls::{self, ConnectError, Duplex};

/// An open WebSocket.
pub(super) type Socket = WebSocketStream<Box<dyn Duplex>>;

/// Opens a WebSocket to a server within a time.
pub(super) async fn connect(
    url: &str,
    tls: &Arc<ClientConfig>,
    deadline: Duration,
) -> Result<Socket, Failure> {
    let opened = tokio::time::timeout(deadline, open(url, tls)).await;
    opened.map_err(|_| Failure::Unreachable { url: url.to_owned(), why: ConnectError::Timeout(deadline) })?
}

async fn open(url: &str, tls: &Arc<ClientConfig>) -> Result<Socket, Failure> {
    let bad = || Failure::Url(url.to_owned());
    let uri: Uri = url.parse().map_err(|_| bad())?;
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(bad());
    };
    let is_secure = scheme == "https";
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let port = authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let stream = tls::connect(host, port, is_secure.then_some(tls))
        .await
        .map_err(|why| Failure::Unreachable { url: url.to_owned(), why })?;
    let scheme = if is_secure { "wss" } else { "ws" };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let upgraded = tokio_tungstenite::client_async(format!("{scheme}://{authority}{path}"), stream).await;
    let (socket, _) = upgraded.map_err(|error| failure(url, error))?;
    Ok(socket)
}

/// Returns why the WebSocket handshake failed on an open connection.
fn failure(url: &str, error: tungstenite::Error) -> Failure {
    let url = url.to_owned();
    match error {
        tungstenite::Error::Http(response) => {
            let location = response.headers().get("location").and_then(|value| value.to_str().ok());
            let body = response.body().as_deref().unwrap_or_default();
            Failure::of_status(&url, response.status(), location.map(str::to_owned), body)
        }
        tungstenite::Error::HttpFormat(_) | tungstenite::Error::Utf8(_) => {
            Failure::NotHttp { url, why: error.to_string() }
        }
        tungstenite::Error::Protocol(error) => match error {
            tungstenite::error::ProtocolError::HttparseError(_) => {
                Failure::NotHttp { url, why: error.to_string() }
            }
            error => Failure::NoResponse { url, why: error.to_string() },
        },
        error => Failure::NoResponse { url, why: error.to_string() },
    }
}
