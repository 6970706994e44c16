//! Warnings about the settings of the hub, of pings and of feeds: operations that any client can cause, and settings
//! without effect.

use ipnet::IpNet;

use crate::config::{Config, Feeds, Hub, Lifestream, TopicPolicy};
#[cfg(feature = "websub")]
use crate::web::place::{self, Place};

/// Returns the warnings, each with its key.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut found = hub(config);
    found.extend(feeds(config));
    found.extend(followed(config));
    found
}

/// Warns about operations of the hub that any client can cause, and about settings without effect.
fn hub(config: &Config) -> Vec<String> {
    let hub = &config.hub;
    let mut found = Vec::new();
    if !hub.enabled {
        let ping = config.ping.first().map(|ping| {
            format!("ping[1].name: the hub is off, so /hub/ping/{} is not served; set hub.enabled", ping.name)
        });
        found.extend(ping);
        // An operator who writes `enabled = false` keeps the settings for later.
        if *hub != Hub::default() && !config.is_set("hub.enabled") {
            found.push(
                "hub: the settings of [hub] have no effect, because the hub is off; set hub.enabled = true"
                    .to_owned(),
            );
        }
        return found;
    }
    if hub.policy == TopicPolicy::Open && !config.server.listen.is_loopback() {
        let warning = "hub.policy: with \"open\" any client can have this server fetch and deliver any public URL; write \
                       \"advertised\", or \"listed\" and hub.topics";
        found.push(warning.to_owned());
    }
    if hub.policy == TopicPolicy::Listed
        && hub.topics.is_empty()
        && config.channel.iter().all(|rule| rule.syndicate.is_none())
    {
        found.push(
            "hub.policy: no topic is listed, so every subscription is refused; set hub.topics".to_owned(),
        );
    }
    found.extend(callback_networks(config));
    found.extend(details(config));
    found
}

/// Warns about requests that any subscriber can cause.
fn callback_networks(config: &Config) -> Option<String> {
    let networks = &config.hub.callback_networks;
    let is_single = |network: &IpNet| network.prefix_len() == network.max_prefix_len();
    let shown = networks.iter().map(|network| match is_single(network) {
        true => network.addr().to_string(),
        false => network.to_string(),
    });
    let shown: Vec<_> = shown.collect();
    let advice = if networks.iter().all(is_single) { "" } else { "; list single addresses where possible" };
    (!networks.is_empty()).then(|| {
        format!(
            "hub.callback_networks: any subscriber can have this server send requests to {}{advice}",
            shown.join(", ")
        )
    })
}

#[cfg(feature = "websub")]
fn details(config: &Config) -> Vec<String> {
    crate::hub::doubts(config)
}

#[cfg(not(feature = "websub"))]
fn details(_: &Config) -> Vec<String> {
    Vec::new()
}

/// Warns about feeds of channels that require a credential, because sessions require one.
fn feeds(config: &Config) -> Option<String> {
    let at = config.channel.iter().position(|rule| rule.syndicate.is_some())?;
    (!config.handshake.allow.anyone).then(|| {
        format!(
            "channel[{}].syndicate: the feed is public, although sessions need a credential (handshake.allow); remove \
             syndicate if the channel is not public",
            at + 1
        )
    })
}

/// Warns about limits of followed feeds, and about their public entries.
fn followed(config: &Config) -> Vec<String> {
    if !config.follows_feeds() {
        return without_feeds(config);
    }
    let mut found = addresses(config);
    if config.server.public_url.is_none() {
        let polled = if config.feeds.poll.is_some() {
            "are polled (feeds.poll)"
        } else {
            "with feeds.poll = \"never\" are fetched once"
        };
        found.push(format!(
            "server.public_url: without it hubs cannot send notifications to this server, so feeds {polled}; set it to the \
             address by which other machines reach the server"
        ));
    }
    for (at, feed) in config.feed.iter().enumerate() {
        if feed.username.is_some() && feed.url.starts_with("http:") {
            found.push(format!(
                "feed[{}].username: the password of {} is sent without TLS; write an https URL if the site has one",
                at + 1,
                feed.name
            ));
        }
    }
    if config.serves_lifestream() && !config.handshake.allow.anyone {
        found.push(
            "lifestream.enabled: the page is public, although sessions need a credential (handshake.allow); write false if \
             the feeds are not public"
                .to_owned(),
        );
    }
    found
}

/// Settings for feeds, and no feeds.
fn without_feeds(config: &Config) -> Vec<String> {
    let mut found = Vec::new();
    let remedy = "because no feeds are followed; add a [[feed]], or set lifestream.enabled = true";
    if config.feeds != Feeds::default() {
        found.push(format!("feeds: the settings of [feeds] have no effect, {remedy}"));
    }
    if config.lifestream.enabled.is_none() && config.lifestream != Lifestream::default() {
        found.push(format!("lifestream: the settings of [lifestream] have no effect, {remedy}"));
    }
    found
}

/// Feeds that cannot be fetched, and networks without feeds.
#[cfg(feature = "websub")]
fn addresses(config: &Config) -> Vec<String> {
    let networks = &config.feeds.networks;
    let mut found = Vec::new();
    let mut has_others = false;
    for (at, feed) in config.feed.iter().enumerate() {
        let hub = feed.hub.as_ref().and_then(|hub| place::of(hub));
        has_others |= matches!(hub, Some(Place::Named | Place::Private(_)));
        match place::of(&feed.url) {
            Some(Place::Private(address))
                if !networks.iter().any(|network| network.contains(&address))
                    && !is_exempt(config, &feed.url) =>
            {
                let remedy = place::remedy(address, "feeds.networks");
                found.push(format!("feed[{}].url: {} {remedy}", at + 1, feed.url));
            }
            Some(Place::Public(_)) | None => {}
            // The hubs of such a feed may have any address.
            Some(_) => has_others = true,
        }
    }
    if !networks.is_empty() && !config.feed.is_empty() && !has_others {
        let networks: Vec<_> = networks.iter().map(ToString::to_string).collect();
        found.push(format!(
            "feeds.networks: only feeds of [[feed]] are fetched from {}, and none of them can be there; correct or remove it",
            networks.join(", ")
        ));
    }
    found
}

/// Whether `faye lifestream` received this address as an argument.
#[cfg(feature = "websub")]
fn is_exempt(config: &Config, url: &str) -> bool {
    let Ok(url) = crate::web::urls::read(url) else { return false };
    config.feeds.exempt.contains(&(url.host, url.port))
}

#[cfg(not(feature = "websub"))]
fn addresses(_: &Config) -> Vec<String> {
    Vec::new()
}
