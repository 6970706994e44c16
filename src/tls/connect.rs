//! A connection to somebody else's server, plain or by TLS as its URL says.

use std::io;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::client_config;

/// Bytes in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// Connects to a host by its name or address (without brackets).
///
/// # Errors
/// What the system says, or that the host has not shown a certificate that we trust and that bears its name.
pub async fn connect(host: &str, port: u16, is_secure: bool) -> io::Result<Box<dyn Duplex>> {
    let tcp = TcpStream::connect((host, port)).await?;
    if !is_secure {
        return Ok(Box::new(tcp));
    }
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    Ok(Box::new(TlsConnector::from(client_config()).connect(name, tcp).await?))
}
