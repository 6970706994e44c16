//! The server of a load: its address, its path and the credentials.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use hyper::http::Uri;
use rustls::pki_types::ServerName;

use super::stream::Tls;
use super::{Failure, Options};
use crate::tls::{ConnectError, name_error};

/// How long one of several addresses may take to accept a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// The server of a load.
#[derive(Debug)]
pub(super) struct Target {
    /// Its URL as given.
    pub(super) url: String,
    /// Its address.
    pub(super) address: SocketAddr,
    /// What TLS needs, for an https URL.
    pub(super) tls: Option<Tls>,
    /// For the header `Host`.
    pub(super) host: String,
    /// The mount.
    pub(super) path: String,
    /// Whether it is the floor.
    pub(super) floor: bool,
    /// The `ext` of every message, with the comma before it; empty if there is none.
    pub(super) ext: String,
}

/// Connects to the server of a load once.
///
/// # Errors
/// [`Failure`] if no connection can be made.
pub fn probe(options: &Options) -> Result<(), Failure> {
    let target = Target::resolve(options)?;
    let connected = TcpStream::connect_timeout(&target.address, PATIENCE);
    let failed = |error| Failure::Unreachable { url: target.url, why: ConnectError::of(&error) };
    connected.map(drop).map_err(failed)
}

impl Target {
    /// Finds the address of the server.
    pub(super) fn resolve(options: &Options) -> Result<Self, Failure> {
        let Options { url, floor, ext, .. } = options;
        let bad = || Failure::Url(url.clone());
        let uri: Uri = url.parse().map_err(|_| bad())?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(bad());
        };
        let is_secure = scheme == "https";
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let unreachable = |why| Failure::Unreachable { url: url.clone(), why };
        let port = authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let found = (host, port).to_socket_addrs();
        let found = found.map_err(|error| unreachable(ConnectError::of(&name_error(&error))))?;
        let addresses: Vec<_> = found.collect();
        // A name such as localhost has an IPv4 and an IPv6 address, and a server may listen on one of them only.
        let answers = |address: &&SocketAddr| TcpStream::connect_timeout(address, PATIENCE).is_ok();
        let found = if addresses.len() > 1 { addresses.iter().find(answers) } else { None };
        let none = || unreachable(ConnectError::Name("the name has no address".to_owned()));
        let address = *found.or(addresses.first()).ok_or_else(none)?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| bad())?;
        let tls = is_secure.then(|| Tls { config: Arc::clone(&options.tls), name });
        Ok(Self {
            url: url.clone(),
            address,
            tls,
            host: authority.as_str().to_owned(),
            path: uri.path().to_owned(),
            floor: *floor,
            ext: ext.as_ref().map(|ext| format!(",\"ext\":{ext}")).unwrap_or_default(),
        })
    }
}
