//! Who may connect, publish and subscribe, how often, and from which pages.
//!
//! It decides on operations that were parsed, never on the text of a message, and answers at once: what has to be asked
//! of the application is told to the caller. It carries nothing out, and knows no socket.

mod browsers;
mod claims;
mod cookie;
mod credentials;
mod hosts;
mod judgement;
mod notices;
mod private_pub;
mod proxies;
mod rate;
mod rejection;
mod rules;
mod secret;
pub mod token;

use std::time::{Duration, SystemTime};

pub use browsers::{Browsers, Page, Visit};
pub use cookie::{Cookie, Holder, Seals};
pub use credentials::{Credentials, Shown};
pub use judgement::{Answer, Judgement};
pub use notices::{Notices, excerpt, more};
pub use proxies::{Proxies, household};
pub use rate::Buckets;
pub use rules::{Rule, never_matching};

use crate::bayeux::{Compiled, Pattern};
use crate::config::{Access, Config, Push};
use private_pub::Signatures;
use rules::Rules;
use secret::Secrets;
use token::Tokens;

/// Everything that the settings say about who may do what.
pub struct Policy {
    rules: Rules,
    handshake: Access,
    push: Push,
    secrets: Secrets,
    tokens: Tokens,
    token_field: String,
    signatures: Signatures,
    /// Handshakes of one address.
    pub handshakes: Option<Buckets>,
    /// Messages of one session.
    pub messages: Option<Buckets>,
    /// Publications of one publisher, by the place of the rule.
    publications: Vec<Option<Buckets>>,
    counts_publications: bool,
    /// Channels on which only the server publishes: those of the feeds that it follows.
    server_channels: Option<Compiled>,
    /// Whether any rule asks the application.
    asks: bool,
    /// Headers that the application sees.
    asked_headers: Vec<String>,
    /// Pages that may use the server.
    pub browsers: Browsers,
    /// Proxies that are believed.
    pub proxies: Proxies,
    refused_pages: Notices,
    wrong_secrets: Notices,
    full_mailboxes: Notices,
}

impl Policy {
    /// The policy of the settings.
    ///
    /// # Errors
    /// A text that begins with the key of the setting that cannot be used.
    pub fn new(config: &Config) -> Result<Self, String> {
        let rules = config.channel.iter().enumerate().flat_map(|(at, rule)| {
            let key = |name| format!("channel[{}].{name}", at + 1);
            [(key("publish"), rule.publish), (key("subscribe"), rule.subscribe)]
        });
        let ways: Vec<_> = rules.chain([("handshake.allow".to_owned(), config.handshake.allow)]).collect();
        let asks = ways.iter().any(|(_, access)| access.hook);
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
            rules: Rules::new(&config.channel, config.mailbox.overflow)?,
            handshake: config.handshake.allow,
            secrets: Secrets::new(&config.push),
            push: config.push.clone(),
            tokens: Tokens::new(&config.token, &config.key)?,
            token_field: config.token.field.clone(),
            signatures: Signatures::new(&config.private_pub),
            handshakes: config.rates.handshakes.map(Buckets::new),
            messages: config.rates.messages.map(Buckets::new),
            publications: config.channel.iter().map(|rule| rule.rate.map(Buckets::new)).collect(),
            counts_publications: config.rates.messages.is_some()
                || config.channel.iter().any(|rule| rule.rate.is_some()),
            server_channels: server_channels(config)?,
            asks,
            asked_headers: config.hook.headers.clone(),
            browsers: Browsers::new(config),
            proxies: Proxies::new(&config.server.trusted_proxies),
            refused_pages: Notices::every(Duration::from_secs(60)),
            wrong_secrets: Notices::every(Duration::from_secs(1)),
            full_mailboxes: Notices::every(Duration::from_secs(1)),
        })
    }

    /// The policy with the server-only channels of another one: settings of feeds do not change while they are followed.
    #[must_use]
    pub fn with_server_channels_of(self, other: &Self) -> Self {
        Self { server_channels: other.server_channels.clone(), ..self }
    }

    /// Whether only the server publishes on a channel, the name of which is valid.
    #[must_use]
    pub fn is_server_only(&self, channel: &str) -> bool {
        let channels = self.server_channels.as_ref();
        channels.is_some_and(|channels| channels.pattern().covers(Pattern::of_name(channel)))
    }

    /// The rule of a channel.
    #[must_use]
    pub fn rule(&self, channel: &str) -> &Rule {
        self.rules.of(channel)
    }

    /// The buckets of publications under a rule, if it has a rate.
    #[must_use]
    pub fn publications(&self, rule: &Rule) -> Option<&Buckets> {
        self.publications.get(rule.place?)?.as_ref()
    }

    /// Whether publications are counted at all.
    #[must_use]
    pub fn counts_publications(&self) -> bool {
        self.counts_publications
    }

    /// Whether any token is taken.
    #[must_use]
    pub fn takes_tokens(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// Whether some operations are for the application to allow.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.asks
    }

    /// Forgets what is not needed any more. To be called about once a second.
    pub fn sweep(&self) {
        let buckets = self.publications.iter().flatten().chain(&self.handshakes).chain(&self.messages);
        buckets.for_each(Buckets::sweep);
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

/// The second since 1970.
#[must_use]
pub fn seconds_now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
