//! Feeds that the server follows (`[[feed]]`), their channels and their page.

use super::Clash;
use crate::config::{Config, Feed, Feeds, PageOrigin};

/// Nested values in the message of an entry: the message, `data`, `entry`, `media` and one of its elements.
const DEPTH: usize = 5;

/// Channels that have no subscribers.
const RESERVED: [&str; 2] = ["/meta/", "/service/"];

/// Returns the key that turns the feeds on; `None` if they are off.
pub(super) fn key(config: &Config) -> Option<&'static str> {
    let key = if config.feed.is_empty() { "lifestream.enabled" } else { "feed[1].name" };
    config.follows_feeds().then_some(key)
}

pub(super) fn clashes(config: &Config) -> Vec<Clash> {
    let Some(key) = key(config) else { return Vec::new() };
    let mut found = Vec::new();
    if !cfg!(feature = "websub") {
        let message = "this program was built without the feature \"websub\" and follows no feeds; use a build with it, or \
                       remove the feeds";
        found.push(Clash::new([key], message));
    }
    found.extend(feeds(config));
    found.extend(private(config));
    found.extend(embed_origins(config));
    found.extend(channel(config, key));
    found.extend(rules(config));
    found
}

fn feeds(config: &Config) -> Vec<Clash> {
    let mut found = Vec::new();
    if config.feed.len() > Feeds::MOST {
        let message = format!(
            "there are {} feeds, and one server follows at most {}; remove some, or start another server for them",
            config.feed.len(),
            Feeds::MOST
        );
        found.push(Clash::new([format!("feed[{}].name", Feeds::MOST + 1)], message));
    }
    let own = config.own_pages();
    let mut names = std::collections::HashMap::new();
    for (at, feed) in config.feed.iter().enumerate() {
        let key = |name: &str| format!("feed[{}].{name}", at + 1);
        let first = *names.entry(feed.name.as_str()).or_insert(at);
        if first != at {
            let message = format!("feed[{}] has the name {} too; write another name", first + 1, feed.name);
            found.push(Clash::new([key("name")], message));
        }
        found.extend(own.refuse(&feed.url).map(|message| Clash::new([key("url")], message)));
        found.extend(credentials(feed).map(|(name, message)| Clash::new([key(name)], message)));
    }
    found
}

/// Returns the error in the user of a feed, and its key.
pub(in crate::config) fn credentials(feed: &Feed) -> Option<(&'static str, &'static str)> {
    match (&feed.username, &feed.password) {
        (Some(_), None) => Some((
            "username",
            "a username and its password go together; write for example password = \"env:FEED_PASSWORD\"",
        )),
        (None, Some(_)) => Some((
            "password",
            "a password and its username go together; write username too, or remove password",
        )),
        // The colon ends the user in the header (RFC 7617, section 2).
        (Some(username), _) if username.contains(':') => {
            Some(("username", "a username for HTTP Basic has no colon; write it without one"))
        }
        _ => None,
    }
}

/// Finds feeds with a user whose entries any client receives, although they are not marked as public.
fn private(config: &Config) -> Vec<Clash> {
    let feeds = config.feed.iter().enumerate();
    let feeds =
        feeds.filter(|(_, feed)| feed.username.is_some() && !feed.public && credentials(feed).is_none());
    let open = feeds.filter_map(|(at, feed)| {
        let channel = config.feeds.channel_of(&feed.name);
        let rule = config.channel.iter().find(|rule| rule.matches(&channel));
        let is_open = config.channel.is_empty() || rule.is_some_and(|rule| rule.subscribe.anyone);
        is_open.then_some((at + 1, channel))
    });
    let clash = |(number, channel): (usize, String)| {
        let message = format!(
            "the feed has a username, and any client may subscribe to its channel {channel}; write public = true to show \
             its entries, or a rule with match = \"{channel}\" and for example subscribe = \"token\""
        );
        Clash::new([format!("feed[{number}].username"), format!("feed[{number}].public")], message)
    };
    open.map(clash).collect()
}

/// Finds origins that no page in a browser window can have, so that they would have no effect.
fn embed_origins(config: &Config) -> Option<Clash> {
    let is_useless = |origin: &&PageOrigin| **origin != PageOrigin::Any && origin.host().is_none();
    config.lifestream.embed_origins.iter().find(is_useless).map(|_| {
        let message =
            "pages are embedded by http and https pages only; write for example \"https://example.com\"";
        Clash::new(["lifestream.embed_origins"], message)
    })
}

/// Limits that refuse every publication of an entry.
fn channel(config: &Config, key: &'static str) -> Vec<Clash> {
    let (channel, limits) = (&config.feeds.channel, &config.limits);
    let mut found = Vec::new();
    if let Some(reserved) = RESERVED.iter().find(|reserved| channel.starts_with(**reserved)) {
        let message = format!(
            "channels below {reserved} have no subscribers; write for example \"{}\"",
            Feeds::default().channel
        );
        found.push(Clash::new(["feeds.channel", key], message));
    }
    let longest = config.feed.iter().map(|feed| feed.name.as_str()).max_by_key(|name| name.len());
    let longest = config.feeds.channel_of(longest.unwrap_or("a"));
    let segments = longest.split('/').count() - 1;
    if segments > limits.segments {
        let message = format!(
            "the channels have {segments} segments, and limits.segments is {}; write a shorter channel, or raise the limit",
            limits.segments
        );
        found.push(Clash::new(["feeds.channel", "limits.segments", key], message));
    }
    if longest.len() > limits.channel {
        let message = format!(
            "{longest} has {} bytes, and limits.channel is {}; write a shorter channel or name, or raise the limit",
            longest.len(),
            limits.channel
        );
        found.push(Clash::new(["feeds.channel", "limits.channel", key], message));
    }
    if limits.depth < DEPTH {
        let message = format!(
            "messages of entries are nested {DEPTH} deep, and limits.depth is {}; write at least {DEPTH}",
            limits.depth
        );
        found.push(Clash::new(["limits.depth", key], message));
    }
    found
}

/// Finds rules for channels of feeds that allow clients to publish, which has no effect.
fn rules(config: &Config) -> Vec<Clash> {
    let literal = config.feeds.channel.trim_end_matches(Feeds::NAME);
    let rules = config.channel.iter().enumerate();
    let granting = rules.filter(|(_, rule)| {
        // A rule for longer channels holds for no feed.
        let is_of_feeds = rule.pattern.strip_prefix(literal).is_some_and(|rest| !rest.contains('/'));
        let publish = rule.publish;
        is_of_feeds && (publish.anyone || publish.secret || publish.token || publish.hook)
    });
    let clash = |(at, rule): (usize, &crate::config::ChannelRule)| {
        let message = format!(
            "only the server publishes on the channels of feeds ({}), and the rule for {} lets clients publish; write \
             publish = \"nobody\"",
            config.feeds.channel, rule.pattern
        );
        Clash::new([format!("channel[{}].publish", at + 1), format!("channel[{}].match", at + 1)], message)
    };
    granting.map(clash).collect()
}
