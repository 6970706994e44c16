//! Settings of the hub that are valid and have no effect: networks without topics, topics that are never fetched. This
//! module fetches nothing.

use ipnet::IpNet;

use super::{ping, policy};
use crate::config::{Config, TopicPolicy};
use crate::web::place::{self, Place};

/// Whether a hub can be made of the settings.
///
/// # Errors
/// The setting that cannot be used, and why.
pub(crate) fn check(config: &Config) -> Result<(), String> {
    policy::Prefixes::new(&config.hub.topics)?;
    ping::normalised(&config.ping).map(drop)
}

/// Warnings about the settings of a hub, each with its key.
pub(crate) fn doubts(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(networks_without_topics(config));
    let topics = config.hub.topics.iter().map(|topic| ("hub.topics".to_owned(), topic));
    let pings = config.ping.iter().enumerate();
    let pings = pings.flat_map(|(at, ping)| {
        ping.topics.iter().map(move |topic| (format!("ping[{}].topics", at + 1), topic))
    });
    found.extend(topics.chain(pings.clone()).filter_map(|(key, topic)| unreachable(config, &key, topic)));
    found.extend(pings.filter_map(|(key, topic)| unlisted(config, &key, topic)));
    found
}

/// Networks that no topic is fetched from.
fn networks_without_topics(config: &Config) -> Option<String> {
    let hub = &config.hub;
    if hub.policy == TopicPolicy::Open {
        return None;
    }
    let has_topics = |network: &IpNet| {
        hub.topics.iter().filter_map(|topic| place::of(topic)).any(|place| match place {
            Place::Named => true,
            Place::Public(address) | Place::Private(address) => network.contains(&address),
        })
    };
    let unused: Vec<_> = hub.topic_networks.iter().filter(|network| !has_topics(network)).collect();
    let unused: Vec<_> = unused.into_iter().map(ToString::to_string).collect();
    (!unused.is_empty()).then(|| {
        format!(
            "hub.topic_networks: only topics of hub.topics are fetched from {}, and none of them can be there; add their URLs \
             to hub.topics",
            unused.join(", ")
        )
    })
}

/// Detects a topic at a private address in none of the networks.
fn unreachable(config: &Config, key: &str, topic: &str) -> Option<String> {
    let Place::Private(address) = place::of(topic)? else { return None };
    let is_allowed = config.hub.topic_networks.iter().any(|network| network.contains(&address));
    (!is_allowed).then(|| format!("{key}: {topic} {}", place::remedy(address, "hub.topic_networks")))
}

/// Detects a topic of a ping that the hub refuses.
fn unlisted(config: &Config, key: &str, topic: &str) -> Option<String> {
    let listed = policy::Prefixes::new(&config.hub.topics).ok()?;
    let url = crate::web::urls::read(topic).ok()?;
    let is_refused = config.hub.policy == TopicPolicy::Listed && !listed.have(&url.key);
    (is_refused && !super::feeds::topics(config).contains(&url.key))
        .then(|| format!("{key}: hub.topics does not have {topic}, so it has no subscribers; add it there"))
}
