//! The server that is loaded: where it is, and what it speaks.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use hyper::http::Uri;

use super::{Failure, Options};

/// How long one of several addresses may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The server that is loaded.
#[derive(Debug)]
pub(super) struct Target {
    /// As it was given.
    pub(super) url: String,
    /// Where to connect to.
    pub(super) address: SocketAddr,
    /// For the header `Host`.
    pub(super) host: String,
    /// The mount.
    pub(super) path: String,
    /// Whether it is the floor.
    pub(super) floor: bool,
    /// The `ext` of every message, with the comma before it; empty if there is none.
    pub(super) ext: String,
}

impl Target {
    /// Finds the address of the server.
    pub(super) fn resolve(options: &Options) -> Result<Self, Failure> {
        let Options { url, floor, ext, .. } = options;
        let bad = || Failure::Url(url.clone());
        let uri: Uri = url.parse().map_err(|_| bad())?;
        let (Some("http" | "ws"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(bad());
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let unreachable = |why: String| Failure::Unreachable { url: url.clone(), why };
        let addresses: Vec<_> = (host, authority.port_u16().unwrap_or(80))
            .to_socket_addrs()
            .map_err(|error| unreachable(error.to_string()))?
            .collect();
        // A name such as localhost has an address of either kind, and a server may listen on one of them only.
        let answers = |address: &&SocketAddr| TcpStream::connect_timeout(address, PATIENCE).is_ok();
        let found = if addresses.len() > 1 { addresses.iter().find(answers) } else { None };
        let address =
            *found.or(addresses.first()).ok_or_else(|| unreachable("the name has no address".to_owned()))?;
        Ok(Self {
            url: url.clone(),
            address,
            host: authority.as_str().to_owned(),
            path: uri.path().to_owned(),
            floor: *floor,
            ext: ext.as_ref().map(|ext| format!(",\"ext\":{ext}")).unwrap_or_default(),
        })
    }
}
