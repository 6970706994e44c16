//! All settings of one server as one struct, and what follows from several sections together.
//!
//! The sections must not know this struct.

use serde::Deserialize;

use super::Extensions;
use super::cluster::{HistoryStore, Redis};
use super::delivery::{EventSource, Mailbox, WebSocket};
use super::dialect::Dialect;
use super::feeds::{Feed, Feeds, Lifestream};
use super::guard::{Browsers, ChannelRule, Handshake, PrivatePub, Push, Rates, Token, TokenKey};
use super::hooks::{Hook, Webhook};
use super::log::Log;
use super::own_pages::OwnPages;
use super::places::Places;
use super::sections::{Acme, Admin, Advice, Limits, PageMode, Server, Tls};
use super::websub::{Api, Hub, Ping, Store};

/// All settings of one server.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where and how the server listens.
    pub server: Server,
    /// Back-off for clients that fail.
    pub advice: Advice,
    /// Limits on resources of clients.
    pub limits: Limits,
    /// Messages queued for sessions.
    pub mailbox: Mailbox,
    /// WebSocket connections.
    pub websocket: WebSocket,
    /// EventSource streams.
    pub eventsource: EventSource,
    /// Clients of other servers.
    pub dialect: Dialect,
    /// Extensions written in JavaScript.
    pub extensions: Extensions,
    /// History of channels.
    pub history: HistoryStore,
    /// Redis, which joins several instances.
    pub redis: Redis,
    /// The listener for health and metrics.
    pub admin: Admin,
    /// The certificate of the server, from files.
    pub tls: Tls,
    /// The certificate of the server, by ACME.
    pub acme: Acme,
    /// Log lines.
    pub log: Log,
    /// Pages that may use the server.
    pub browsers: Browsers,
    /// The clients that may start a session.
    pub handshake: Handshake,
    /// The secret of back ends.
    pub push: Push,
    /// Tokens.
    pub token: Token,
    /// Signatures of the gem private_pub.
    pub private_pub: PrivatePub,
    /// Requests to the application for decisions.
    pub hook: Hook,
    /// Notifications of the application.
    pub webhook: Webhook,
    /// Rate limits.
    pub rates: Rates,
    /// Keys of tokens.
    pub key: Vec<TokenKey>,
    /// Rules for channels; the first that matches wins.
    pub channel: Vec<ChannelRule>,
    /// State on disk.
    pub store: Store,
    /// The WebSub hub.
    pub hub: Hub,
    /// The management API.
    pub api: Api,
    /// Requests of other programs that make topics of the hub due.
    pub ping: Vec<Ping>,
    /// Feeds that are followed.
    pub feed: Vec<Feed>,
    /// How feeds are followed.
    pub feeds: Feeds,
    /// The page of feeds.
    pub lifestream: Lifestream,
    /// Where each setting was written.
    #[serde(skip)]
    pub places: Places,
}

impl Config {
    /// Whether `server.listen` uses TLS.
    #[must_use]
    pub fn speaks_tls(&self) -> bool {
        self.tls.certificate.is_some() || !self.acme.domains.is_empty()
    }

    /// Returns the number of connections that the server itself opens at one time to applications, callbacks, topics,
    /// feeds and the store. They need file descriptors in addition to those of clients.
    #[must_use]
    pub fn outgoing_connections(&self) -> usize {
        let used = |is_used: bool, count: usize| if is_used { count } else { 0 };
        let store = usize::try_from(self.store.connections).unwrap_or(usize::MAX);
        [
            self.hook.connections(),
            used(self.hub.enabled, self.hub.concurrent.saturating_add(Hub::FETCHES)),
            used(self.follows_feeds(), self.feeds.concurrent),
            used(self.hub.enabled || self.follows_feeds(), store),
        ]
        .into_iter()
        .fold(0, usize::saturating_add)
    }

    /// Whether the demo page is served at `/`. It never replaces the mount. With `"auto"`, a host name in
    /// `server.listen` is resolved, which may block.
    #[must_use]
    pub fn serves_page(&self) -> bool {
        let is_on = match self.server.page {
            PageMode::On => true,
            PageMode::Off => false,
            PageMode::Auto => self.server.listen.is_loopback(),
        };
        is_on && self.server.mount != "/"
    }

    /// Whether feeds are followed: the settings have one, or others may be added while the server runs.
    #[must_use]
    pub fn follows_feeds(&self) -> bool {
        !self.feed.is_empty() || self.lifestream.enabled == Some(true)
    }

    /// Returns the addresses of this server that it must not follow.
    #[must_use]
    pub fn own_pages(&self) -> OwnPages {
        let lifestream = self.serves_lifestream().then_some(self.lifestream.path.as_str());
        OwnPages::new(self.server.public_url.as_deref(), lifestream, &self.feeds, &self.channel)
    }

    /// Whether the page of feeds is served.
    #[must_use]
    pub fn serves_lifestream(&self) -> bool {
        self.lifestream.enabled.unwrap_or(!self.feed.is_empty())
    }

    /// Whether the operator has set a key such as `limits.connections`.
    #[must_use]
    pub fn is_set(&self, key: &str) -> bool {
        self.places.has(key)
    }

    /// Adds file and line, the variable or the flag to an error that starts with a key and a colon, such as
    /// `key[1].secret: it is short`. Returns other texts unchanged.
    #[must_use]
    pub fn located(&self, error: &str) -> String {
        self.places.locate(error)
    }
}
