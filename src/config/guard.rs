//! The sections of `faye.toml` about access and rates. Field names are the keys.

use std::time::Duration;

use serde::Deserialize;

use super::cluster::Ack;
use super::delivery::Overflow;
use super::units::{self, Rate};
use super::{Access, PageOrigin, Secret};

/// `[[channel]]`: a rule for the channels that a glob matches.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelRule {
    /// A channel, or a pattern ending in `*` (one segment) or `**` (one or more).
    #[serde(rename = "match")]
    pub pattern: String,
    /// The clients that may publish.
    #[serde(default = "anyone")]
    pub publish: Access,
    /// The clients that may subscribe.
    #[serde(default = "anyone")]
    pub subscribe: Access,
    /// How often one publisher may publish.
    pub rate: Option<Rate>,
    /// The policy for mailboxes without room for a message of these channels.
    pub overflow: Option<Overflow>,
    /// The history of each channel for returning clients; `None` for no history.
    pub history: Option<History>,
    /// How many of the newest messages of its history each new subscription receives.
    #[serde(default)]
    pub replay: usize,
    /// What happens to a subscription that asks for messages that are not kept any more.
    #[serde(default)]
    pub replay_lost: ReplayLost,
    /// Where its messages have their position.
    #[serde(default)]
    pub replay_id: ReplayId,
    /// When a publication is accepted, instead of `redis.ack`.
    pub ack: Option<Ack>,
    /// The name under which the channel is a feed and a topic of the hub.
    pub syndicate: Option<String>,
}

impl ChannelRule {
    /// Whether the pattern of the rule matches a channel.
    pub(super) fn matches(&self, channel: &str) -> bool {
        matches(&self.pattern, channel)
    }
}

/// Whether a pattern matches a channel.
fn matches(pattern: &str, channel: &str) -> bool {
    let below = |parent: &str| channel.strip_prefix(parent).filter(|rest| rest.len() > 1);
    if let Some(parent) = pattern.strip_suffix("/**") {
        return below(parent).is_some_and(|rest| rest.starts_with('/'));
    }
    match pattern.strip_suffix("/*") {
        Some(parent) => below(parent).is_some_and(|rest| rest.rfind('/') == Some(0)),
        None => pattern == channel,
    }
}

/// What happens to a subscription that asks for messages that are not kept any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplayLost {
    /// It gets what is kept, and is told.
    #[default]
    Tell,
    /// It is refused.
    Refuse,
}

/// Where the messages of a history have their position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplayId {
    /// In `ext.replay.id`.
    #[default]
    Ext,
    /// Also in `event.replayId` of `data`, as in Salesforce.
    Event,
}

/// How much of a channel is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// The newest messages.
    pub messages: usize,
    /// For how long after they were published.
    #[serde(deserialize_with = "units::duration")]
    pub age: Duration,
}

fn anyone() -> Access {
    Access::ANYONE
}

/// `[browsers]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Browsers {
    /// Origins whose pages may use the server. Without any, all pages may, unless a cookie or a secret grants access.
    pub origins: Vec<PageOrigin>,
    /// Whether JSON-P is served.
    pub jsonp: bool,
}

impl Default for Browsers {
    fn default() -> Self {
        Self { origins: Vec::new(), jsonp: true }
    }
}

/// `[handshake]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Handshake {
    /// The clients that may start a session.
    pub allow: Access,
}

impl Default for Handshake {
    fn default() -> Self {
        Self { allow: Access::ANYONE }
    }
}

/// `[push]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Push {
    /// The secret of back ends.
    pub secret: Option<Secret>,
    /// The previous secret during a rotation.
    pub previous: Option<Secret>,
    /// The field of `ext` that holds it.
    pub field: String,
    /// The `error` for a client without it.
    pub refusal: String,
}

impl Default for Push {
    fn default() -> Self {
        Self {
            secret: None,
            previous: None,
            field: "password".to_owned(),
            refusal: "403::Password required".to_owned(),
        }
    }
}

/// `[token]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Token {
    /// The field of `ext` that holds it.
    pub field: String,
    /// Required `iss`.
    pub issuer: Option<String>,
    /// Required `aud`.
    pub audience: Option<String>,
    /// Tolerated difference between clocks.
    #[serde(deserialize_with = "units::duration")]
    pub leeway: Duration,
    /// Whether a token requires `exp`.
    pub require_expiry: bool,
}

impl Default for Token {
    fn default() -> Self {
        Self {
            field: "token".to_owned(),
            issuer: None,
            audience: None,
            leeway: Duration::from_secs(10),
            require_expiry: true,
        }
    }
}

/// `[private_pub]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrivatePub {
    /// The `secret_token` of its settings.
    pub secret: Option<Secret>,
    /// Time for which a signature is valid.
    #[serde(deserialize_with = "units::duration")]
    pub expiry: Duration,
}

impl Default for PrivatePub {
    fn default() -> Self {
        Self { secret: None, expiry: Duration::from_secs(3600) }
    }
}

/// `[rates]`
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// Handshakes of one address.
    pub handshakes: Option<Rate>,
    /// Messages of one session.
    pub messages: Option<Rate>,
}

/// `[[key]]`: a key that tokens are signed with.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenKey {
    /// The `kid` of the tokens that it signs; without it, tokens without a `kid`.
    pub id: Option<String>,
    /// The only algorithm of the key.
    pub algorithm: String,
    /// The secret, for HS256.
    pub secret: Option<Secret>,
    /// The public key in PEM, for the others.
    pub public_key: Option<Secret>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_earlier_rules() {
        for (pattern, channel) in
            [("/a", "/a"), ("/*", "/a"), ("/**", "/a/b"), ("/a/*", "/a/b"), ("/a/**", "/a/b/c")]
        {
            assert!(matches(pattern, channel), "{pattern} {channel}");
        }
        for (pattern, channel) in [
            ("/a", "/b"),
            ("/*", "/a/b"),
            ("/a/*", "/a"),
            ("/a/**", "/a"),
            ("/a/**", "/ab/c"),
            ("/a/*", "/ab"),
        ] {
            assert!(!matches(pattern, channel), "{pattern} {channel}");
        }
    }
}
