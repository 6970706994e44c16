//! Authentication, authorization, rate limits, origins and proxies.
//!
//! [`Policy`] decides about parsed operations, never about message text, and never waits: where a rule leaves the
//! decision to the application, it returns [`Decision::AskHook`] to the caller. Must not execute operations and must
//! not know sockets.

mod authenticate;
mod claims;
mod cookie;
mod decide;
mod grant;
pub mod hook;
mod hosts;
mod notices;
mod origins;
mod ownership;
mod private_pub;
mod proxies;
mod rate_limit;
mod rejection;
mod rules;
mod secret;
pub mod token;

use std::time::{Duration, SystemTime};

pub use authenticate::{AuthContext, Credentials};
pub use cookie::{Cookie, Holder, Seals};
pub use decide::{Decision, HookDecision};
pub use grant::Grant;
pub use notices::{Notices, excerpt, more};
pub use origins::{Origins, Page, PageRequest};
pub use ownership::{Browser, Browsers, CredentialSnapshot, Ownership, Proof};
pub use proxies::{Proxies, network_prefix};
pub use rate_limit::RateLimiter;
pub use rules::{Rule, never_matching};

use crate::bayeux::{Compiled, Pattern};
use crate::config::{Access, Config, Push};
use private_pub::Signatures;
use rules::Rules;
use secret::Secrets;
use token::Tokens;

/// The authorization settings, compiled.
pub struct Policy {
    rules: Rules,
    handshake: Access,
    push: Push,
    secrets: Secrets,
    tokens: Tokens,
    token_field: String,
    signatures: Signatures,
    /// Limits handshakes by network prefix.
    pub handshakes: Option<RateLimiter>,
    /// Limits messages by session.
    pub messages: Option<RateLimiter>,
    /// Limit publications by publisher; indexed like the rules.
    publications: Vec<Option<RateLimiter>>,
    counts_publications: bool,
    /// Channels that only the server may publish to: those of followed feeds.
    server_channels: Option<Compiled>,
    /// Whether any rule leaves the decision to the hook.
    uses_hook: bool,
    /// Request headers that the hook receives.
    hook_headers: Vec<String>,
    /// The allowed origins.
    pub origins: Origins,
    /// The trusted proxies.
    pub proxies: Proxies,
    refused_pages: Notices,
    wrong_secrets: Notices,
    full_mailboxes: Notices,
}

impl Policy {
    /// Compiles the settings.
    ///
    /// # Errors
    /// A message that starts with the key of the unusable setting.
    pub fn new(config: &Config) -> Result<Self, String> {
        let rules = config.channel.iter().enumerate().flat_map(|(at, rule)| {
            let key = |name| format!("channel[{}].{name}", at + 1);
            [(key("publish"), rule.publish), (key("subscribe"), rule.subscribe)]
        });
        let ways: Vec<_> = rules.chain([("handshake.allow".to_owned(), config.handshake.allow)]).collect();
        let uses_hook = ways.iter().any(|(_, access)| access.hook);
        let has_private_pub = config.private_pub.secret.is_some();
        let has_secret = config.push.secret.is_some() || has_private_pub;
        let has_keys = !config.key.is_empty() || has_private_pub;
        for (key, access) in &ways {
            let needs = [
                ("secret", "push.secret", access.secret && !has_secret),
                ("token", "a [[key]]", access.token && !has_keys),
                ("hook", "hook.url", access.hook && config.hook.url.is_none()),
            ];
            if let Some((word, setting, _)) = needs.into_iter().find(|(.., is_missing)| *is_missing) {
                return Err(format!("{key}: \"{word}\" needs {setting}; set it"));
            }
        }
        Ok(Self {
            rules: Rules::new(&config.channel, config.mailbox.overflow, config.redis.ack)?,
            handshake: config.handshake.allow,
            secrets: Secrets::new(&config.push),
            push: config.push.clone(),
            tokens: Tokens::new(&config.token, &config.key)?,
            token_field: config.token.field.clone(),
            signatures: Signatures::new(&config.private_pub),
            handshakes: config.rates.handshakes.map(RateLimiter::new),
            messages: config.rates.messages.map(RateLimiter::new),
            publications: config.channel.iter().map(|rule| rule.rate.map(RateLimiter::new)).collect(),
            counts_publications: config.rates.messages.is_some()
                || config.channel.iter().any(|rule| rule.rate.is_some()),
            server_channels: server_channels(config)?,
            uses_hook,
            hook_headers: config.hook.headers.clone(),
            origins: Origins::new(config),
            proxies: Proxies::new(&config.server.trusted_proxies),
            refused_pages: Notices::every(Duration::from_secs(60)),
            wrong_secrets: Notices::every(Duration::from_secs(1)),
            full_mailboxes: Notices::every(Duration::from_secs(1)),
        })
    }

    /// Returns this policy with the server-only channels of `other`: a reload does not change the settings of
    /// followed feeds.
    #[must_use]
    pub fn with_server_channels_of(self, other: &Self) -> Self {
        Self { server_channels: other.server_channels.clone(), ..self }
    }

    /// Returns whether only the server may publish to a channel with a valid name.
    #[must_use]
    pub fn is_server_only(&self, channel: &str) -> bool {
        let channels = self.server_channels.as_ref();
        channels.is_some_and(|channels| channels.pattern().covers(Pattern::of_name(channel)))
    }

    /// Returns the rule of a channel.
    #[must_use]
    pub fn rule(&self, channel: &str) -> &Rule {
        self.rules.of(channel)
    }

    /// Returns the rules that apply to channels of a pattern.
    pub fn rules_of<'a>(&'a self, pattern: &'a str) -> impl Iterator<Item = &'a Rule> {
        let pattern = Pattern::parse(pattern);
        pattern.into_iter().flat_map(|pattern| self.rules.overlapping(pattern)).map(|(rule, _)| rule)
    }

    /// Whether publications of a channel have their position in their data.
    #[must_use]
    pub fn has_replay_id(&self, channel: &str) -> bool {
        self.rules.has_replay_id(channel)
    }

    /// Returns a hash of the rules that decide which publications a history has.
    #[must_use]
    pub fn history_rules(&self) -> u64 {
        self.rules.history_hash()
    }

    /// Returns the rate limiter for publications under a rule, if the rule has a rate.
    #[must_use]
    pub fn publications(&self, rule: &Rule) -> Option<&RateLimiter> {
        self.publications.get(rule.place?)?.as_ref()
    }

    /// Returns whether any rate applies to publications.
    #[must_use]
    pub fn counts_publications(&self) -> bool {
        self.counts_publications
    }

    /// Returns whether any token key is configured.
    #[must_use]
    pub fn accepts_tokens(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// Returns whether any operation is left to the hook.
    #[must_use]
    pub fn uses_hook(&self) -> bool {
        self.uses_hook
    }

    /// Removes full buckets of the rate limiters. Call about once a second.
    pub fn sweep(&self) {
        let buckets = self.publications.iter().flatten().chain(&self.handshakes).chain(&self.messages);
        buckets.for_each(RateLimiter::sweep);
    }
}

fn server_channels(config: &Config) -> Result<Option<Compiled>, String> {
    if !config.follows_feeds() {
        return Ok(None);
    }
    let pattern = config.feeds.pattern();
    match Compiled::parse(&pattern) {
        Some(channels) => Ok(Some(channels)),
        None => Err(format!("feeds.channel: {pattern:?} is not a pattern")),
    }
}

/// Returns the Unix time in seconds.
#[must_use]
pub fn seconds_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
