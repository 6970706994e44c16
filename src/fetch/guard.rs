//! Decides which addresses requests may use, at connect time: the resolver drops addresses that are not allowed, and a
//! literal address that is not allowed gets no connection. It must not know HTTP.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use hyper::http::Uri;
use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use super::lookups::look_up;
use super::reach::Reach;
use super::resolved::Resolved;
use crate::tls::name_error;

/// Addresses of one name that are used; the others are ignored.
const ADDRESSES: usize = 16;

/// The error of a connection to an address that is not allowed.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the address is private")]
pub(super) struct Refused(pub(super) IpAddr);

impl Refused {
    /// Returns the refusal among an error and its sources.
    pub(super) fn find(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            // `source` of an I/O error skips the error that it wraps.
            let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
            if let Some(refused) = wrapped.and_then(|wrapped| wrapped.downcast_ref()) {
                return Some(*refused);
            }
            next = error.source();
        }
        None
    }
}

/// Parses a host that is a literal address: hyper connects to it without the resolver.
fn literal(host: &str) -> Option<IpAddr> {
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    inner.unwrap_or(host).parse().ok()
}

/// Resolves names for connections.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    reach: Reach,
    resolved: Arc<Resolved>,
}

impl Guard {
    pub(super) fn new(reach: Reach) -> Self {
        Self { reach, resolved: Arc::default() }
    }

    pub(super) fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Returns the allowed address of a host. The address of a name is cached for a few seconds, and connections within
    /// that time use only this address: a client could otherwise give a name the address of another server, too.
    pub(super) async fn address(&self, host: &str) -> io::Result<Option<IpAddr>> {
        if let Some(address) = literal(host) {
            return self.check(address).map(|()| Some(address)).map_err(io::Error::other);
        }
        if let Some(known) = self.resolved.get(host) {
            return Ok(Some(known));
        }
        let found = self.resolve(host).await?;
        Ok(self.resolved.insert(host, &found))
    }

    /// Notes that no connection could be made to the address of a host. Its other addresses are preferred for a while.
    pub(super) fn unreachable(&self, host: &str) {
        self.resolved.avoid(host);
    }

    fn check(&self, address: IpAddr) -> Result<(), Refused> {
        if self.reach.allows(address) { Ok(()) } else { Err(Refused(address)) }
    }

    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = look_up(name).await.map_err(|error| name_error(&error))?;
        self.allowed(found.iter().map(SocketAddr::ip)).map_err(io::Error::other)
    }

    /// Returns the allowed addresses of a name.
    ///
    /// # Errors
    /// The name has addresses, and none is allowed.
    fn allowed(&self, found: impl Iterator<Item = IpAddr>) -> Result<Vec<IpAddr>, Refused> {
        let (mut allowed, mut refused) = (Vec::new(), None);
        for address in found {
            match self.check(address) {
                Ok(()) if allowed.contains(&address) || allowed.len() == ADDRESSES => {}
                Ok(()) => allowed.push(address),
                Err(found) => refused = refused.or(Some(found)),
            }
        }
        refused.filter(|_| allowed.is_empty()).map_or(Ok(allowed), Err)
    }
}

impl Service<Name> for Guard {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let guard = self.clone();
        Box::pin(async move {
            let found = match guard.resolved.get(name.as_str()) {
                Some(known) => vec![known],
                None => guard.resolve(name.as_str()).await?,
            };
            Ok(found.into_iter().map(|address| SocketAddr::new(address, 0)).collect::<Vec<_>>().into_iter())
        })
    }
}

/// Makes connections, but none to a literal that is not allowed. Names are left to the resolver, which is a [`Guard`] too.
#[derive(Clone)]
pub(super) struct Guarded<C> {
    pub(super) guard: Guard,
    pub(super) connector: C,
}

impl<C> Service<Uri> for Guarded<C>
where
    C: Service<Uri>,
    C::Error: Into<Box<dyn Error + Send + Sync>>,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connector.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, url: Uri) -> Self::Future {
        let address = url.host().and_then(literal);
        if let Some(Err(refused)) = address.map(|address| self.guard.check(address)) {
            return Box::pin(async move { Err(io::Error::other(refused).into()) });
        }
        let connecting = self.connector.call(url);
        Box::pin(async move { connecting.await.map_err(Into::into) })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// Returns the text of the refusal of a host.
    fn refused(guard: &Guard, found: &[&str]) -> Option<String> {
        let found = found.iter().map(|address| address.parse().unwrap());
        guard.allowed(found).err().map(|Refused(address)| address.to_string())
    }

    #[test]
    fn a_name_has_its_allowed_addresses_only() {
        let guard = Guard::new(Reach::Public);
        let parse =
            |addresses: &[&str]| addresses.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        let mixed = parse(&["10.0.0.1", "1.1.1.1", "::1", "2606:4700::1111", "1.1.1.1", "127.0.0.1"]);
        assert_eq!(guard.allowed(mixed.into_iter()).unwrap(), parse(&["1.1.1.1", "2606:4700::1111"]));
        assert_eq!(refused(&guard, &["::ffff:10.0.0.1", "127.0.0.1"]), Some("::ffff:10.0.0.1".to_owned()));
        assert_eq!(refused(&guard, &[]), None);
        let many = (0..1000_u32).map(|number| IpAddr::V4(Ipv4Addr::from(0x0800_0000 + number)));
        assert_eq!(guard.allowed(many).unwrap().len(), ADDRESSES);
    }
}
