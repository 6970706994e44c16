//! The hub, its store and its pings.

use super::{Clash, followed};
use crate::config::Config;

/// The reason why the hub needs a public URL.
const WHY: &str = "the Link headers of deliveries, the links to status pages and the topics (rel=hub) contain the address \
                   of the hub";

/// The example of messages about a missing address.
pub(super) const PUBLIC_URL: &str = "server.public_url = \"https://push.example.com\"";

pub(super) fn clashes(config: &Config) -> Vec<Clash> {
    let hub = &config.hub;
    let mut found = Vec::new();
    if hub.enabled && !cfg!(feature = "websub") {
        let message = "this program was built without the feature \"websub\" and has no hub; use a build with it, or write false";
        found.push(Clash::new(["hub.enabled"], message));
    }
    if hub.enabled && config.server.public_url.is_none() {
        let message =
            format!("the hub needs server.public_url, because {WHY}; write for example {PUBLIC_URL}");
        found.push(Clash::incomplete(["hub.enabled", "server.public_url"], message));
    }
    found.extend(store(config));
    found.extend(pings(config));
    found
}

/// Checks the address of a store against the features that use it.
fn store(config: &Config) -> Option<Clash> {
    let url = config.store.url.as_ref().map_or("sqlite:", |url| url.expose());
    if ["env:", "file:"].iter().any(|reference| url.starts_with(reference)) {
        // The value is not known here.
        return None;
    }
    if url.starts_with("sqlite:") {
        let feeds = followed::key(config).map(|key| (key, "their feeds"));
        let (key, shared) = Some(("hub.enabled", "one hub")).filter(|_| config.hub.enabled).or(feeds)?;
        config.redis.url.as_ref()?;
        let message = format!(
            "with redis.url several instances share {shared}, and an SQLite file belongs to one; write a postgres: URL to \
             store.url, or remove redis.url"
        );
        return Some(Clash::incomplete([key, "redis.url", "store.url"], message));
    }
    let is_postgres = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
    (!is_postgres).then(|| {
        let message = "this is not the URL of a store; write for example \"sqlite:faye.db\", \
                       \"postgres://user@host/database\"";
        Clash::new(["store.url"], message)
    })
}

fn pings(config: &Config) -> Vec<Clash> {
    let mut found = Vec::new();
    for (at, ping) in config.ping.iter().enumerate() {
        let key = |name: &str| format!("ping[{}].{name}", at + 1);
        if let Some(first) = config.ping[..at].iter().position(|other| other.name == ping.name) {
            let message = format!("ping[{}] has the name {} too; write another name", first + 1, ping.name);
            found.push(Clash::new([key("name")], message));
        }
        if ping.topics.is_empty() {
            let message = "without a topic the ping has no effect; write at least one URL";
            found.push(Clash::new([key("topics")], message));
        }
    }
    found
}
