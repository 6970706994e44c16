//! Limits the connections from one network prefix.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

use super::net::context::Context;
use crate::auth::network_prefix;

/// The number of connections from each network prefix.
#[derive(Default)]
pub(super) struct ConnectionLimit(Counts);

type Counts = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// One counted connection; `None` inside if it is exempt.
pub(super) struct CountedConnection(Option<(IpAddr, Counts)>);

impl ConnectionLimit {
    /// Counts a connection; `None` if its network prefix has reached the limit. Connections of trusted proxies are exempt.
    pub(super) fn admit(&self, address: IpAddr, context: &Context) -> Option<CountedConnection> {
        let limit = context.limits.connections_by_address;
        let is_proxy =
            || context.server.as_ref().is_some_and(|server| server.policy().proxies.contains(address));
        if limit == 0 || is_proxy() {
            return Some(CountedConnection(None));
        }
        let prefix = network_prefix(address);
        let mut counts = self.0.lock();
        let count = counts.entry(prefix).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(CountedConnection(Some((prefix, Arc::clone(&self.0)))))
    }
}

impl Drop for CountedConnection {
    fn drop(&mut self) {
        let Some((prefix, counts)) = &self.0 else { return };
        let mut counts = counts.lock();
        if let Some(count) = counts.get_mut(prefix) {
            *count -= 1;
            if *count == 0 {
                counts.remove(prefix);
            }
        }
    }
}
