//! The single list of all keys with their kinds and bounds. The readers of files, of the environment and of flags use
//! it, and so does the test that compares `faye.toml` with the code.
//!
//! This module knows no struct, no file and no line; `value.rs` validates values.

use super::kinds::{DAY, Element, HOUR, Kind, MINUTE, SECOND};

/// The sections that are lists of tables, such as `[[channel]]`, each with the required keys of an element. Only a file
/// can contain them, since a variable cannot express a list of tables.
pub(super) const LISTS: &[(&str, &[&str])] = &[
    ("channel", &["match"]),
    ("key", &["algorithm"]),
    ("ping", &["name", "kind", "secret", "topics"]),
    ("feed", &["name", "url"]),
];

/// The prefix of every variable that sets a key.
pub(super) const VARIABLE_PREFIX: &str = "FAYE_";

/// The separator between section and key in a variable.
pub(super) const VARIABLE_SEPARATOR: &str = "__";

/// One key of `faye.toml`.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

impl Key {
    /// Returns the section, such as `server`.
    pub fn section(&self) -> &'static str {
        self.section
    }

    /// Returns the key within its section, such as `timeout`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns section and key, such as `server.timeout`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// Returns the environment variable of the key, such as `FAYE_SERVER__TIMEOUT`; `None` for rules.
    pub fn variable(&self) -> Option<String> {
        (!is_list(self.section)).then(|| {
            format!("{VARIABLE_PREFIX}{}{VARIABLE_SEPARATOR}{}", self.section, self.name).to_ascii_uppercase()
        })
    }
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// Above any practical need, and below an overflow of a semaphore's permits or of 32 bits.
const MANY: u64 = 1_000_000_000;

const ACCESS: Kind = Kind::Words(&["anyone", "secret", "token", "hook", "nobody"]);

const EVENTS: &[&str] = &["handshake", "subscribe", "unsubscribe", "publish", "disconnect"];

/// Subscribers receive the seconds of a lease as an integer.
const LEASE: Kind = Kind::Duration(SECOND, 366 * DAY);

const SIGNATURE: Kind = Kind::Word(&["sha1", "sha256", "sha384", "sha512"]);

const ACK: Kind = Kind::Word(&["local", "cluster"]);

const OVERFLOW: Kind = Kind::Word(&["disconnect", "drop-oldest", "drop-newest"]);

/// All keys, in the order of `faye.toml`.
pub const KEYS: &[Key] = &[
    key("server", "listen", Kind::Address),
    key("server", "mount", Kind::Path),
    key("server", "page", Kind::Word(&["auto", "on", "off"])),
    // No proxy holds a request for longer, and zero would mean that every poll returns immediately.
    key("server", "timeout", Kind::Duration(1, 10 * MINUTE)),
    key("server", "interval", Kind::Duration(0, 10 * MINUTE)),
    key("server", "drain_timeout", Kind::Duration(0, HOUR)),
    key("server", "threads", Kind::Count(0, 1024)),
    key("server", "trusted_proxies", Kind::List(Element::Network)),
    key("server", "hosts", Kind::List(Element::Host)),
    key("server", "public_url", Kind::PublicUrl),
    // Zero doubled stays zero: failing clients would retry without a delay.
    key("advice", "retry_min", Kind::Duration(1, HOUR)),
    key("advice", "retry_max", Kind::Duration(1, HOUR)),
    key("limits", "connections", Kind::Count(1, MANY)),
    key("limits", "connections_by_address", Kind::Count(0, MANY)),
    // With less, a few sessions would fill it.
    key("limits", "memory", Kind::Memory(MIB, 1024 * GIB)),
    key("limits", "body", Kind::Size(1, GIB)),
    key("limits", "body_time", Kind::Duration(1, HOUR)),
    key("limits", "frame", Kind::Size(1, GIB)),
    key("limits", "message", Kind::Size(1, GIB)),
    key("limits", "batch", Kind::Count(1, MANY)),
    // serde_json, like many a client's parser, builds no deeper tree.
    key("limits", "depth", Kind::Count(1, 127)),
    // hyper refuses, by panic, a buffer of less than 8 KiB.
    key("limits", "header", Kind::Size(8 * KIB, MIB)),
    key("limits", "header_time", Kind::Duration(1, HOUR)),
    key("limits", "idle_time", Kind::Duration(1, HOUR)),
    key("limits", "write_time", Kind::Duration(1, HOUR)),
    key("limits", "subscriptions", Kind::Count(1, MANY)),
    key("limits", "sessions", Kind::Count(1, MANY)),
    key("limits", "unconnected_by_address", Kind::Count(1, MANY)),
    key("limits", "unconnected_time", Kind::Duration(1, HOUR)),
    key("limits", "unconnected_messages", Kind::Count(1, MANY)),
    key("limits", "unconnected_bytes", Kind::Size(1, GIB)),
    // With less, "/meta/unsubscribe" would be too long.
    key("limits", "channel", Kind::Size(32, MIB)),
    // The walk through the trie is a recursion.
    key("limits", "segments", Kind::Count(2, 256)),
    key("limits", "callback", Kind::Size(1, MIB)),
    key("mailbox", "messages", Kind::Count(1, MANY)),
    key("mailbox", "bytes", Kind::Size(1, GIB)),
    key("mailbox", "overflow", OVERFLOW),
    key("websocket", "ping", Kind::Duration(1, HOUR)),
    // The levels of zlib.
    key("websocket", "compression", Kind::Count(0, 9)),
    key("websocket", "compression_threshold", Kind::Size(0, GIB)),
    key("eventsource", "ping", Kind::Duration(1, HOUR)),
    key("eventsource", "retry", Kind::Duration(1, HOUR)),
    key("dialect", "dotted_channels", Kind::Flag),
    key("dialect", "publish_without_data", Kind::Flag),
    key("dialect", "unknown_client", Kind::Word(&["faye", "salesforce"])),
    key("extensions", "files", Kind::List(Element::File)),
    key("extensions", "environment", Kind::List(Element::Text)),
    // The engine itself does not start with less.
    key("extensions", "memory", Kind::Size(MIB, 4 * GIB)),
    key("extensions", "cpu_limit", Kind::Duration(1, 10 * MINUTE)),
    key("extensions", "timeout", Kind::Duration(1, HOUR)),
    // The queue to the thread of JavaScript has a place for each.
    key("extensions", "max_pending", Kind::Count(1, 1_000_000)),
    key("extensions", "log_rate", Kind::Count(1, 1_000_000)),
    key("extensions", "on_failure", Kind::Word(&["refuse", "exit"])),
    key("extensions", "private_addresses", Kind::Flag),
    key("history", "channels", Kind::Count(1, MANY)),
    key("history", "bytes", Kind::Size(1, 1024 * GIB)),
    key("redis", "url", Kind::Secret),
    key("redis", "prefix", Kind::Text),
    key("redis", "tls_ca", Kind::File),
    key("redis", "ack", ACK),
    key("redis", "patience", Kind::Duration(0, 10 * MINUTE)),
    key("redis", "backlog", Kind::Count(0, 10_000)),
    // A Redis in another data centre could not respond within less.
    key("redis", "deadline", Kind::Duration(50, MINUTE)),
    key("redis", "heartbeat", Kind::Duration(50, MINUTE)),
    key("redis", "lease", Kind::Duration(200, 10 * MINUTE)),
    key("redis", "probe", Kind::Duration(50, 10 * MINUTE)),
    key("redis", "drain_delay", Kind::Duration(0, 10 * MINUTE)),
    key("admin", "listen", Kind::Address),
    key("tls", "certificate", Kind::File),
    key("tls", "key", Kind::File),
    key("acme", "domains", Kind::List(Element::Text)),
    key("acme", "email", Kind::Text),
    key("acme", "cache", Kind::File),
    key("acme", "directory", Kind::Url),
    key("acme", "directory_ca", Kind::File),
    key("log", "level", Kind::Word(&["error", "warn", "info", "debug", "trace"])),
    key("log", "format", Kind::Word(&["text", "json"])),
    // Below it a single line may not fit.
    key("log", "queue", Kind::Size(16 * KIB, GIB)),
    key("log", "sessions", Kind::Flag),
    key("browsers", "origins", Kind::List(Element::Origin)),
    key("browsers", "jsonp", Kind::Flag),
    key("handshake", "allow", ACCESS),
    key("push", "secret", Kind::Secret),
    key("push", "previous", Kind::Secret),
    key("push", "field", Kind::Text),
    key("push", "refusal", Kind::Text),
    key("token", "field", Kind::Text),
    key("token", "issuer", Kind::Text),
    key("token", "audience", Kind::Text),
    key("token", "leeway", Kind::Duration(0, HOUR)),
    key("token", "require_expiry", Kind::Flag),
    key("private_pub", "secret", Kind::Secret),
    key("private_pub", "expiry", Kind::Duration(1, 366 * DAY)),
    key("hook", "url", Kind::Url),
    key("hook", "secret", Kind::Secret),
    key("hook", "headers", Kind::List(Element::Text)),
    key("hook", "deadline", Kind::Duration(1, MINUTE)),
    key("hook", "concurrent", Kind::Count(1, 10_000)),
    key("hook", "max_pending", Kind::Count(0, MANY)),
    key("hook", "cache", Kind::Duration(0, DAY)),
    key("hook", "on_error", Kind::Word(&["refuse", "allow"])),
    key("hook", "breaker_threshold", Kind::Count(1, MANY)),
    key("hook", "breaker_cooldown", Kind::Duration(1, HOUR)),
    key("webhook", "url", Kind::Url),
    key("webhook", "secret", Kind::Secret),
    key("webhook", "events", Kind::List(Element::Word(EVENTS))),
    key("webhook", "batch", Kind::Count(1, 10_000)),
    key("webhook", "deadline", Kind::Duration(1, MINUTE)),
    key("webhook", "retry", Kind::Duration(1, DAY)),
    key("webhook", "max_pending", Kind::Count(1, MANY)),
    key("webhook", "max_pending_bytes", Kind::Size(1, GIB)),
    key("store", "url", Kind::Secret),
    key("store", "durability", Kind::Word(&["full", "normal"])),
    key("store", "connections", Kind::Count(1, 1000)),
    key("hub", "enabled", Kind::Flag),
    key("hub", "path", Kind::Path),
    key("hub", "root", Kind::Flag),
    key("hub", "policy", Kind::Word(&["advertised", "open", "listed"])),
    key("hub", "topics", Kind::List(Element::UrlPrefix)),
    key("hub", "bare_names", Kind::Flag),
    key("hub", "legacy", Kind::Flag),
    key("hub", "lease", LEASE),
    key("hub", "lease_min", LEASE),
    key("hub", "lease_max", LEASE),
    key("hub", "signature", SIGNATURE),
    key("hub", "legacy_signature", SIGNATURE),
    key("hub", "sha1_hosts", Kind::List(Element::Host)),
    key("hub", "change", Kind::Word(&["entries", "bytes"])),
    key("hub", "topic_size", Kind::Size(1, GIB)),
    key("hub", "content_size", Kind::Size(1, 1024 * GIB)),
    key("hub", "fetch_interval", Kind::Duration(0, DAY)),
    key("hub", "fetch_deadline", Kind::Duration(1, 10 * MINUTE)),
    key("hub", "deadline", Kind::Duration(1, 10 * MINUTE)),
    key("hub", "retries", Kind::List(Element::Duration(1, 30 * DAY))),
    key("hub", "per_host", Kind::Count(1, 10_000)),
    key("hub", "concurrent", Kind::Count(1, 10_000)),
    key("hub", "max_topics", Kind::Count(1, MANY)),
    key("hub", "max_subscriptions", Kind::Count(1, MANY)),
    key("hub", "max_pending", Kind::Count(1, MANY)),
    key("hub", "pending_by_client", Kind::Count(1, MANY)),
    key("hub", "pending_by_host", Kind::Count(1, MANY)),
    key("hub", "subscriptions_by_host", Kind::Count(1, MANY)),
    key("hub", "rate", Kind::Rate),
    key("hub", "topic_networks", Kind::List(Element::Network)),
    key("hub", "callback_networks", Kind::List(Element::Network)),
    key("api", "key", Kind::Bearer),
    key("rates", "handshakes", Kind::Rate),
    key("rates", "messages", Kind::Rate),
    key("key", "id", Kind::Text),
    key("key", "algorithm", Kind::Word(&["HS256", "RS256", "ES256", "EdDSA"])),
    key("key", "secret", Kind::Secret),
    key("key", "public_key", Kind::Pem),
    key("channel", "match", Kind::Pattern),
    key("channel", "publish", ACCESS),
    key("channel", "subscribe", ACCESS),
    key("channel", "rate", Kind::Rate),
    key("channel", "overflow", OVERFLOW),
    key("channel", "history", Kind::History),
    key("channel", "replay", Kind::Count(0, MANY)),
    key("channel", "replay_lost", Kind::Word(&["tell", "refuse"])),
    key("channel", "replay_id", Kind::Word(&["ext", "event"])),
    key("channel", "ack", ACK),
    key("channel", "syndicate", Kind::Name),
    key("ping", "name", Kind::Name),
    key("ping", "kind", Kind::Word(&["gogs", "gogs-body", "gitea", "forgejo", "github", "gitlab"])),
    key("ping", "secret", Kind::Secret),
    key("ping", "topics", Kind::List(Element::Topic)),
    key("ping", "delay", Kind::Duration(0, HOUR)),
    key("ping", "branches", Kind::List(Element::Branch)),
    key("feed", "name", Kind::Name),
    key("feed", "url", Kind::Topic),
    key("feed", "hub", Kind::UrlOrNone),
    key("feed", "poll", Kind::DurationOrNever(SECOND, 31 * DAY)),
    key("feed", "username", Kind::Text),
    key("feed", "password", Kind::Secret),
    key("feed", "public", Kind::Flag),
    key("feed", "title", Kind::Text),
    key("feeds", "channel", Kind::FeedChannel),
    key("feeds", "poll", Kind::DurationOrNever(MINUTE, 31 * DAY)),
    key("feeds", "backup_poll", Kind::DurationOrNever(MINUTE, 31 * DAY)),
    key("feeds", "backfill", Kind::Count(0, 1000)),
    key("feeds", "size", Kind::Size(KIB, 64 * MIB)),
    key("feeds", "networks", Kind::List(Element::Network)),
    key("feeds", "ingest", Kind::Word(&["auto", "payload", "fetch"])),
    key("feeds", "lease", LEASE),
    key("feeds", "keep", Kind::Count(1, 10_000_000)),
    key("feeds", "keep_for", Kind::Duration(HOUR, 36_600 * DAY)),
    key("feeds", "rate", Kind::Rate),
    key("feeds", "concurrent", Kind::Count(1, 1000)),
    key("feeds", "per_host", Kind::Count(1, 1000)),
    key("lifestream", "enabled", Kind::Flag),
    key("lifestream", "path", Kind::Path),
    key("lifestream", "title", Kind::Text),
    key("lifestream", "intro", Kind::Text),
    key("lifestream", "accent", Kind::Colour),
    key("lifestream", "css", Kind::File),
    key("lifestream", "images", Kind::Word(&["show", "link"])),
    key("lifestream", "page", Kind::Count(1, 500)),
    key("lifestream", "embed_origins", Kind::List(Element::Origin)),
    key("lifestream", "rate", Kind::Rate),
];

/// Whether a section is a list of tables.
pub(super) fn is_list(section: &str) -> bool {
    required(section).is_some()
}

/// Returns the required keys of an element of a list of tables.
pub(super) fn required(section: &str) -> Option<&'static [&'static str]> {
    LISTS.iter().find(|(list, _)| *list == section).map(|(_, keys)| *keys)
}

const fn key(section: &'static str, name: &'static str, kind: Kind) -> Key {
    Key { section, name, kind }
}

/// Returns the key of that name in that section.
pub(super) fn find(section: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.section == section && key.name == name)
}

/// Returns the keys of a section; empty for an unknown section.
pub(super) fn in_section(section: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.section == section)
}

/// Returns every section once, in the order of the list.
pub(super) fn sections() -> Vec<&'static str> {
    let mut names: Vec<_> = KEYS.iter().map(|key| key.section).collect();
    names.dedup();
    names
}
