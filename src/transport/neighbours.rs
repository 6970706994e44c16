//! How many connections come from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Context;
use crate::auth::network_prefix;

/// Connections by the address that they come from.
#[derive(Default)]
pub(super) struct Neighbours(Counts);

type Counts = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// One connection among those of its address; nothing inside if they are not counted.
pub(super) struct Neighbour(Option<(IpAddr, Counts)>);

impl Neighbours {
    /// Counts a connection; `None` if its address has as many as it may. Those of trusted proxies are not counted.
    pub(super) fn admit(&self, address: IpAddr, context: &Context) -> Option<Neighbour> {
        let limit = context.limits.connections_by_address;
        let is_proxy =
            || context.server.as_ref().is_some_and(|server| server.policy().proxies.contains(address));
        if limit == 0 || is_proxy() {
            return Some(Neighbour(None));
        }
        let address = network_prefix(address);
        let mut counts = self.0.lock();
        let count = counts.entry(address).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Neighbour(Some((address, Arc::clone(&self.0)))))
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let Some((address, counts)) = &self.0 else { return };
        let mut counts = counts.lock();
        if let Some(count) = counts.get_mut(address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(address);
            }
        }
    }
}
