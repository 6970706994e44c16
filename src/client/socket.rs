//! A WebSocket to a server, plain or by TLS as its URL says.

use std::fmt::Display;
use std::time::Duration;

use hyper::http::Uri;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;

use super::Failure;
use crate::tls::{self, Duplex};

/// An open WebSocket.
pub(super) type Socket = WebSocketStream<Box<dyn Duplex>>;

/// Opens a WebSocket to a server, which may take so long for it.
pub(super) async fn connect(url: &str, patience: Duration) -> Result<Socket, Failure> {
    let opened = tokio::time::timeout(patience, open(url)).await;
    let silent = |_| Failure::Unreachable { url: url.to_owned(), why: "it does not answer".to_owned() };
    opened.map_err(silent)?
}

async fn open(url: &str) -> Result<Socket, Failure> {
    let bad = || Failure::Url(url.to_owned());
    let unreachable = |why: &dyn Display| Failure::Unreachable { url: url.to_owned(), why: why.to_string() };
    let uri: Uri = url.parse().map_err(|_| bad())?;
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(bad());
    };
    let is_secure = scheme == "https";
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let port = authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let stream = tls::connect(host, port, is_secure).await.map_err(|error| unreachable(&error))?;
    let scheme = if is_secure { "wss" } else { "ws" };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let upgraded = tokio_tungstenite::client_async(format!("{scheme}://{authority}{path}"), stream).await;
    let (socket, _) = upgraded.map_err(|error| match error {
        tungstenite::Error::Http(_) => Failure::NotBayeux { url: url.to_owned(), why: error.to_string() },
        _ => unreachable(&error),
    })?;
    Ok(socket)
}
