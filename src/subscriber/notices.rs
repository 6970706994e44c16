//! Log lines about feeds and hubs, limited for each host or feed. It must not know the purpose of a request.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::Subscriber;
use crate::auth::more;
use crate::fetch::Reach;

/// The time between two lines about a host.
pub(super) const PAUSE: Duration = Duration::from_secs(60);
/// The time between two lines about a feed that has moved.
pub(super) const MOVED: Duration = Duration::from_secs(24 * 60 * 60);

impl Subscriber {
    /// Logs that a request was refused because of the address of the host, unless no setting would allow it.
    pub(super) fn note_refused(&self, feed: &str, host: &str, address: IpAddr) {
        let is_allowable = Reach::Networks(Arc::new([IpNet::from(address.to_canonical())])).allows(address);
        if !is_allowable {
            return;
        }
        if let Some(suppressed) = self.notices.pass(("feeds.networks", host)) {
            tracing::warn!(
                feed,
                host,
                %address,
                suppressed = more(suppressed),
                "request refused: the address is not public; feeds.networks allows it for the URL of a feed, and for the hub \
                 of such a feed"
            );
        }
    }

    /// Logs that a feed has moved permanently.
    pub(super) fn note_moved(&self, feed: &str, url: &str) {
        if self.moves.pass((feed, url)).is_some() {
            tracing::info!(feed, url, "feed has moved for good; change its url");
        }
    }
}
