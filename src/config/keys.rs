//! The one list of every key with its kind and its bounds. What reads a file, the environment or a flag, and
//! what holds `faye.toml` against the code, all go by this list.
//!
//! This module knows no struct, no file and no line: `value.rs` decides whether a value is right.

use super::units::{DURATION_EXAMPLE, MEMORY_EXAMPLE, RATE_EXAMPLE, SIZE_EXAMPLE};

/// The sections that are lists of tables, such as `[[channel]]`, each with the one key that an element cannot do
/// without. Only a file has them, for a list of tables has no place in a variable.
pub(super) const LISTS: &[(&str, &str)] = &[("channel", "match"), ("key", "algorithm")];

/// What every variable that sets a key begins with.
pub(super) const VARIABLE_PREFIX: &str = "FAYE_";

/// What stands between the section and the key in a variable.
pub(super) const VARIABLE_SEPARATOR: &str = "__";

/// One key of `faye.toml`.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    pub(super) section: &'static str,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// What may be written for a key. Bounds include both ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// An IP address or a host name with a port, or a port alone behind a colon.
    Address,
    /// The path of a URL.
    Path,
    /// Milliseconds from the first to the second.
    Duration(u64, u64),
    /// A whole number from the first to the second.
    Count(u64, u64),
    /// Bytes from the first to the second.
    Size(u64, u64),
    /// Percent of the memory, or bytes from the first to the second.
    Memory(u64, u64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A channel, or a pattern that ends in `*` or `**`.
    Pattern,
    /// An origin (RFC 6454), whose host may begin with `*.`, or `*`.
    Origin,
    /// An IP address, or a network of them.
    Network,
    /// A host, whose name may begin with `*.`, or `*`.
    Host,
    /// Any text that is not empty.
    Text,
    /// Text that is not shown: itself, `env:NAME` or `file:PATH`.
    Secret,
    /// The path of a file.
    File,
    /// An `http` or `https` URL.
    Url,
    /// `true` or `false`.
    Flag,
    /// So many in a second, a minute or an hour.
    Rate,
    /// How much of a channel is kept: a table of `messages` and `age`.
    History,
    /// One of these words, or several in an array.
    Words(&'static [&'static str]),
    /// An array; a variable has commas between the elements.
    List(Element),
}

/// What the elements of an array are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Element {
    /// Any text that is not empty.
    Text,
    /// The path of a file.
    File,
    /// An origin (RFC 6454), whose host may begin with `*.`, or `*`.
    Origin,
    /// An IP address, or a network of them.
    Network,
    /// A host, whose name may begin with `*.`, or `*`.
    Host,
    /// One of these words.
    Word(&'static [&'static str]),
}

impl Element {
    /// The kind of one element by itself.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Text => Kind::Text,
            Self::File => Kind::File,
            Self::Origin => Kind::Origin,
            Self::Network => Kind::Network,
            Self::Host => Kind::Host,
            Self::Word(words) => Kind::Word(words),
        }
    }
}

impl Kind {
    /// What a value of this kind is called.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Address => "an address with a port",
            Self::Path => "a path that begins with \"/\" and that browsers send unchanged",
            Self::Duration(..) => "a duration",
            Self::Count(..) => "a whole number",
            Self::Size(..) => "a size",
            Self::Memory(..) => "a percentage or a size",
            Self::Word(_) => "a valid value",
            Self::Pattern => "a channel, or a pattern that ends in \"/*\" or \"/**\"",
            Self::Origin => "an origin",
            Self::Network => "an address or a network",
            Self::Host => "a host (without scheme and port)",
            Self::Text => "a text",
            Self::Secret => "a secret",
            Self::File => "the path of a file",
            Self::Url => "an http or https URL",
            Self::Flag => "true or false",
            Self::Rate => "a rate",
            Self::History => "a table of messages and age",
            Self::Words(_) => "a valid value or an array of them",
            Self::List(_) => "an array",
        }
    }

    /// A value of this kind as it may be copied.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Address => "127.0.0.1:9000",
            Self::Path => "/faye",
            Self::Duration(..) => DURATION_EXAMPLE,
            Self::Count(_, most) if most < 64 => "1",
            Self::Count(..) => "64",
            Self::Size(..) => SIZE_EXAMPLE,
            Self::Memory(..) => MEMORY_EXAMPLE,
            Self::Word(words) => words.first().copied().unwrap_or_default(),
            Self::Pattern => "/projects/**",
            Self::Origin => "https://example.com",
            Self::Network => "10.0.0.0/8",
            Self::Host => "push.example.com",
            Self::Text => "text",
            Self::Secret => "env:NAME",
            Self::File => "auth.js",
            Self::Url => "http://127.0.0.1:3000/faye",
            Self::Flag => "true",
            Self::Rate => RATE_EXAMPLE,
            Self::History => HISTORY_EXAMPLE,
            Self::Words(words) => words.first().copied().unwrap_or_default(),
            Self::List(element) => element.kind().example(),
        }
    }
}

impl Key {
    /// The section, such as `server`.
    pub fn section(&self) -> &'static str {
        self.section
    }

    /// The key within its section, such as `timeout`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Section and key, such as `server.timeout`.
    pub fn path(&self) -> String {
        format!("{}.{}", self.section, self.name)
    }

    /// The environment variable that sets it, such as `FAYE_SERVER__TIMEOUT`; rules have none.
    pub fn variable(&self) -> Option<String> {
        (!is_list(self.section)).then(|| {
            format!("{VARIABLE_PREFIX}{}{VARIABLE_SEPARATOR}{}", self.section, self.name).to_ascii_uppercase()
        })
    }
}

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;

/// Above any real need, below what overflows a semaphore's permits or 32 bits.
const MANY: u64 = 1_000_000_000;

const ACCESS: Kind = Kind::Words(&["anyone", "secret", "token", "hook", "nobody"]);

const EVENTS: &[&str] = &["handshake", "subscribe", "unsubscribe", "publish", "disconnect"];

/// A value of [`Kind::History`].
pub(super) const HISTORY_EXAMPLE: &str = "{ messages = 100, age = \"1h\" }";

/// Messages of one channel that may be kept.
pub(super) const HISTORY_MESSAGES: (u64, u64) = (1, 1_000_000);

/// Milliseconds for which they may be kept.
pub(super) const HISTORY_AGE: (u64, u64) = (1, 366 * 24 * HOUR);

const OVERFLOW: Kind = Kind::Word(&["disconnect", "drop-oldest", "drop-newest"]);

/// Every key there is, in the order of `faye.toml`.
pub const KEYS: &[Key] = &[
    key("server", "listen", Kind::Address),
    key("server", "mount", Kind::Path),
    key("server", "page", Kind::Word(&["auto", "on", "off"])),
    // No proxy holds a request longer, and none of it means that every poll returns at once.
    key("server", "timeout", Kind::Duration(1, 10 * MINUTE)),
    key("server", "interval", Kind::Duration(0, 10 * MINUTE)),
    key("server", "drain_timeout", Kind::Duration(0, HOUR)),
    key("server", "threads", Kind::Count(0, 1024)),
    key("server", "trusted_proxies", Kind::List(Element::Network)),
    key("server", "hosts", Kind::List(Element::Host)),
    // Zero doubled stays zero: failing clients would come back as fast as they can.
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
    key("extensions", "files", Kind::List(Element::File)),
    key("extensions", "environment", Kind::List(Element::Text)),
    // With less, the engine itself does not start.
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
    key("redis", "ack", Kind::Word(&["local", "cluster"])),
    key("redis", "backlog", Kind::Count(0, MANY)),
    // Below it there is no time for an answer of a Redis in another data centre.
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
    key("private_pub", "expiry", Kind::Duration(1, 366 * 24 * HOUR)),
    key("hook", "url", Kind::Url),
    key("hook", "secret", Kind::Secret),
    key("hook", "headers", Kind::List(Element::Text)),
    key("hook", "deadline", Kind::Duration(1, MINUTE)),
    key("hook", "concurrent", Kind::Count(1, 10_000)),
    key("hook", "max_pending", Kind::Count(0, MANY)),
    key("hook", "cache", Kind::Duration(0, 24 * HOUR)),
    key("hook", "on_error", Kind::Word(&["refuse", "allow"])),
    key("hook", "breaker_threshold", Kind::Count(1, MANY)),
    key("hook", "breaker_cooldown", Kind::Duration(1, HOUR)),
    key("webhook", "url", Kind::Url),
    key("webhook", "secret", Kind::Secret),
    key("webhook", "events", Kind::List(Element::Word(EVENTS))),
    key("webhook", "batch", Kind::Count(1, 10_000)),
    key("webhook", "deadline", Kind::Duration(1, MINUTE)),
    key("webhook", "retry", Kind::Duration(1, 24 * HOUR)),
    key("webhook", "max_pending", Kind::Count(1, MANY)),
    key("webhook", "max_pending_bytes", Kind::Size(1, GIB)),
    key("rates", "handshakes", Kind::Rate),
    key("rates", "messages", Kind::Rate),
    key("key", "id", Kind::Text),
    key("key", "algorithm", Kind::Word(&["HS256", "RS256", "ES256", "EdDSA"])),
    key("key", "secret", Kind::Secret),
    key("key", "public_key", Kind::Secret),
    key("channel", "match", Kind::Pattern),
    key("channel", "publish", ACCESS),
    key("channel", "subscribe", ACCESS),
    key("channel", "rate", Kind::Rate),
    key("channel", "overflow", OVERFLOW),
    key("channel", "history", Kind::History),
];

/// Whether a section is a list of tables.
pub(super) fn is_list(section: &str) -> bool {
    required(section).is_some()
}

/// The one key that an element of a list of tables cannot do without.
pub(super) fn required(section: &str) -> Option<&'static str> {
    LISTS.iter().find(|(list, _)| *list == section).map(|(_, key)| *key)
}

const fn key(section: &'static str, name: &'static str, kind: Kind) -> Key {
    Key { section, name, kind }
}

/// The key of that name in that section.
pub(super) fn find(section: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.section == section && key.name == name)
}

/// The keys of a section; none when there is no such section.
pub(super) fn in_section(section: &str) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.section == section)
}

/// Every section once, in the order of the list.
pub(super) fn sections() -> Vec<&'static str> {
    let mut names: Vec<_> = KEYS.iter().map(|key| key.section).collect();
    names.dedup();
    names
}
