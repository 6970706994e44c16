//! Refuses topics and callbacks, and requests beyond a bound. Clients get generic texts; the log names the setting that
//! would allow the request, at most once a minute for each host.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Hub;
use super::policy::{self, Standing};
use super::refusal::Refusal;
use crate::auth::more;
use crate::fetch::Reach;
use crate::store::{Bound, Bounds};
use crate::web::urls::WebUrl;

impl Hub {
    /// Checks a topic of a subscription. Returns whether the topic has to name the hub.
    pub(super) fn check_topic(&self, topic: &WebUrl) -> Result<bool, Refusal> {
        let standing = policy::standing(self, topic);
        if standing == Standing::Local {
            return Ok(false);
        }
        if let Standing::Refused(setting) = standing {
            if let Some(suppressed) = self.notices.pass((setting, &topic.host)) {
                let suppressed = more(suppressed);
                tracing::warn!(
                    host = topic.host,
                    suppressed,
                    "subscription refused: the topic is not in hub.topics, and hub.policy is \"listed\""
                );
            }
            return Err(Refusal::Topic);
        }
        // The networks of this topic are checked when it is fetched.
        let reach = Reach::Networks(self.settings.topic_networks.as_slice().into());
        if let Some(address) = topic.address.filter(|address| !reach.allows(*address)) {
            self.metrics.hub.refuse_fetch("topics");
            let needs_both = standing == Standing::NeedsCheck;
            let setting = if needs_both { "hub.topic_networks and hub.topics" } else { "hub.topic_networks" };
            self.note_address(&topic.host, address, setting);
            return Err(Refusal::Topic);
        }
        Ok(standing == Standing::NeedsCheck)
    }

    /// Refuses callbacks at this server that are not its own subscribers, and those at addresses that may not be
    /// requested. The addresses of names are checked when they are requested.
    pub(super) fn check_callback(&self, callback: &WebUrl) -> Result<(), Refusal> {
        if !policy::is_callback(&self.public_url, callback) {
            if let Some(suppressed) = self.notices.pass(("callback", &callback.host)) {
                let suppressed = more(suppressed);
                tracing::warn!(
                    host = callback.host,
                    suppressed,
                    "subscription refused: the callback is at server.public_url, and not below /websub/callback/"
                );
            }
            return Err(Refusal::Callback);
        }
        let is_own = policy::is_own_callback(&self.public_url, callback);
        let address = callback.address.filter(|address| !is_own && !self.callbacks.reach().allows(*address));
        if let Some(address) = address {
            self.metrics.hub.refuse_fetch("callbacks");
            self.note_address(&callback.host, address, "hub.callback_networks");
            return Err(Refusal::Callback);
        }
        Ok(())
    }

    /// Logs a refused address, unless no setting would allow it.
    fn note_address(&self, host: &str, address: IpAddr, setting: &'static str) {
        let address = address.to_canonical();
        if Reach::Networks([IpNet::from(address)].as_slice().into()).allows(address) {
            self.note_refused(host, address, setting);
        }
    }

    /// Returns the bounds of the settings.
    pub(super) fn bounds(&self) -> Bounds {
        let settings = &self.settings;
        Bounds {
            topics: settings.max_topics,
            subscriptions: settings.max_subscriptions,
            pending: settings.max_pending,
            pending_by_client: settings.pending_by_client,
            pending_by_host: settings.pending_by_host,
            subscriptions_by_host: settings.subscriptions_by_host,
        }
    }

    /// Returns the refusal of a request that reaches a bound.
    pub(super) fn refuse_full(&self, bound: Bound, host: &str) -> Refusal {
        let (setting, host, refusal) = match bound {
            Bound::Topics => ("hub.max_topics", None, Refusal::Full),
            Bound::Subscriptions => ("hub.max_subscriptions", None, Refusal::Full),
            Bound::Pending => ("hub.max_pending", None, Refusal::Full),
            Bound::PendingByClient => ("hub.pending_by_client", None, Refusal::Client),
            Bound::PendingByHost => ("hub.pending_by_host", Some(host), Refusal::Pending),
            Bound::SubscriptionsByHost => ("hub.subscriptions_by_host", Some(host), Refusal::Host),
        };
        if let Some(suppressed) = self.notices.pass((setting, host)) {
            let suppressed = more(suppressed);
            tracing::warn!(
                setting,
                host,
                suppressed,
                "subscription refused: the bound of this setting is reached"
            );
        }
        refusal
    }
}
