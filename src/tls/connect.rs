//! A connection to another server, plain or with TLS.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{ConnectError, name_error};

/// Bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// Connects to a host by its name or address (without brackets), with TLS if a configuration is given.
///
/// # Errors
/// [`ConnectError`] if the host cannot be reached, or presents no trusted certificate for its name.
pub async fn connect(
    host: &str,
    port: u16,
    tls: Option<&Arc<ClientConfig>>,
) -> Result<Box<dyn Duplex>, ConnectError> {
    let failed = |error: std::io::Error| ConnectError::of(&error);
    let found = tokio::net::lookup_host((host, port)).await.map_err(|error| failed(name_error(&error)))?;
    let addresses: Vec<_> = found.collect();
    let tcp = TcpStream::connect(addresses.as_slice()).await.map_err(failed)?;
    // Each message is written in one piece; waiting for more bytes only delays it.
    tcp.set_nodelay(true).map_err(failed)?;
    let Some(tls) = tls else { return Ok(Box::new(tcp)) };
    let name =
        ServerName::try_from(host.to_owned()).map_err(|error| ConnectError::Name(error.to_string()))?;
    Ok(Box::new(TlsConnector::from(Arc::clone(tls)).connect(name, tcp).await.map_err(failed)?))
}
