//! Channels that are feeds (`channel.syndicate`). Feed readers present no credential, so the channel has to be public.

use super::{Clash, hub};
use crate::config::{ChannelRule, Config};

/// Returns the rules with a feed, each with its key, such as `channel[2].syndicate`.
pub(super) fn syndicated(config: &Config) -> impl Iterator<Item = (String, (usize, &ChannelRule))> {
    let rules = config.channel.iter().enumerate().filter(|(_, rule)| rule.syndicate.is_some());
    rules.map(|(at, rule)| (format!("channel[{}].syndicate", at + 1), (at, rule)))
}

pub(super) fn clashes(config: &Config) -> Vec<Clash> {
    let mut found = Vec::new();
    for (key, (at, rule)) in syndicated(config) {
        let element = |name: &str| format!("channel[{}].{name}", at + 1);
        if !cfg!(feature = "websub") {
            let message = "this program was built without the feature \"websub\" and has no feeds; use a build with it, or \
                           remove the line";
            found.push(Clash::new([key.clone()], message));
        }
        if let Some(message) = not_one_channel(&rule.pattern) {
            found.push(Clash::new([element("match"), key.clone()], message));
        } else if let Some(earlier) =
            config.channel[..at].iter().position(|rule_before| rule_before.matches(&rule.pattern))
        {
            let message = format!(
                "channel[{}] above it applies to {} instead of this rule; move this rule up",
                earlier + 1,
                rule.pattern
            );
            found.push(Clash::new([element("match"), key.clone()], message));
        }
        if rule.history.is_none() {
            let message = "a feed shows the history of its channel, and the rule has none; write for example history = \
                           { messages = 100, age = \"7d\" }";
            found.push(Clash::new([key.clone()], message));
        }
        if !rule.subscribe.anyone {
            let message =
                "a feed is public, and the channel is not; write subscribe = \"anyone\", or remove syndicate";
            found.push(Clash::new([element("subscribe"), key.clone()], message));
        }
        if let Some(first) = config.channel[..at].iter().position(|other| other.syndicate == rule.syndicate) {
            let message = format!("channel[{}].syndicate has this name too; write another name", first + 1);
            found.push(Clash::new([key.clone()], message));
        }
        if config.server.public_url.is_none() {
            let message = format!(
                "a feed needs server.public_url, because it contains its own address; write for example {}",
                hub::PUBLIC_URL
            );
            found.push(Clash::incomplete([key.as_str(), "server.public_url"], message));
        }
    }
    found
}

/// Returns why a pattern is not one channel with publications.
fn not_one_channel(pattern: &str) -> Option<String> {
    if pattern.ends_with("/*") || pattern.ends_with("/**") {
        return Some(format!(
            "a feed is one channel, and {pattern} is a pattern; write the name of a channel"
        ));
    }
    let is_reserved = ["/meta/", "/service/"].iter().any(|reserved| pattern.starts_with(reserved));
    is_reserved.then(|| format!("{pattern} has no subscribers and no history; write another channel"))
}
