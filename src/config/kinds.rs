//! The kinds of values of settings.
//!
//! This module knows the names of kinds, and no key; `value.rs` validates values.

use super::units::{DURATION_EXAMPLE, MEMORY_EXAMPLE, RATE_EXAMPLE, SIZE_EXAMPLE};

pub(super) const SECOND: u64 = 1000;
pub(super) const MINUTE: u64 = 60 * SECOND;
pub(super) const HOUR: u64 = 60 * MINUTE;
pub(super) const DAY: u64 = 24 * HOUR;

/// A value of [`Kind::History`].
pub(super) const HISTORY_EXAMPLE: &str = "{ messages = 100, age = \"1h\" }";

/// Messages of one channel that may be kept.
pub(super) const HISTORY_MESSAGES: (u64, u64) = (1, 1_000_000);

/// Milliseconds for which they may be kept.
pub(super) const HISTORY_AGE: (u64, u64) = (1, 366 * DAY);

/// The accepted values of a key. Bounds are inclusive.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// An IP address or a host name with a port, or a port after a colon.
    Address,
    /// The path of a URL.
    Path,
    /// Milliseconds from the first to the second.
    Duration(u64, u64),
    /// Milliseconds from the first to the second, or `never`.
    DurationOrNever(u64, u64),
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
    /// An origin (RFC 6454), whose host may start with `*.`, or `*`.
    Origin,
    /// An IP address, or a network of them.
    Network,
    /// A host, whose name may start with `*.`, or `*`.
    Host,
    /// Any text that is not empty.
    Text,
    /// A text that is never shown: the value, `env:NAME` or `file:PATH`.
    Secret,
    /// A secret that clients send in a header.
    Bearer,
    /// A secret of several lines: itself, `env:NAME` or `file:PATH`.
    Pem,
    /// The path of a file.
    File,
    /// An `http` or `https` URL.
    Url,
    /// The URL of a topic: `http` or `https`, without a user and a fragment.
    Topic,
    /// The URL of a hub, or `none`.
    UrlOrNone,
    /// A channel with `{name}` as one of its segments.
    FeedChannel,
    /// A colour, `#rrggbb`.
    Colour,
    /// The first part of URLs: scheme, host and whole segments of the path.
    UrlPrefix,
    /// Scheme, host and port. `http` only if the host is a loopback address.
    PublicUrl,
    /// A name in a URL: lower-case letters, digits and hyphens.
    Name,
    /// The name of a branch in Git.
    Branch,
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

/// The elements of an array.
#[derive(Debug, Clone, Copy)]
pub(super) enum Element {
    /// Any text that is not empty.
    Text,
    /// The path of a file.
    File,
    /// An origin (RFC 6454), whose host may start with `*.`, or `*`.
    Origin,
    /// An IP address, or a network of them.
    Network,
    /// A host, whose name may start with `*.`, or `*`.
    Host,
    /// The URL of a topic.
    Topic,
    /// The first part of URLs.
    UrlPrefix,
    /// The name of a branch in Git.
    Branch,
    /// Milliseconds from the first to the second.
    Duration(u64, u64),
    /// One of these words.
    Word(&'static [&'static str]),
}

impl Element {
    /// Returns the kind of one element by itself.
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Text => Kind::Text,
            Self::File => Kind::File,
            Self::Origin => Kind::Origin,
            Self::Network => Kind::Network,
            Self::Host => Kind::Host,
            Self::Topic => Kind::Topic,
            Self::UrlPrefix => Kind::UrlPrefix,
            Self::Branch => Kind::Branch,
            Self::Duration(least, most) => Kind::Duration(least, most),
            Self::Word(words) => Kind::Word(words),
        }
    }
}

impl Kind {
    /// Whether a value is a secret, which messages never show.
    pub(super) fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::Bearer | Self::Pem)
    }

    /// Whether a value is a URL, or a part of one.
    pub(super) fn is_url(self) -> bool {
        matches!(
            self,
            Self::Origin
                | Self::Host
                | Self::Url
                | Self::Topic
                | Self::UrlOrNone
                | Self::UrlPrefix
                | Self::PublicUrl
        )
    }

    /// Returns the name of this kind of values.
    pub(super) fn what(self) -> &'static str {
        match self {
            Self::Address => "an address with a port",
            Self::Path => "a path that begins with \"/\" and that browsers send unchanged",
            Self::Duration(..) => "a duration",
            Self::DurationOrNever(..) => "a duration or \"never\"",
            Self::Count(..) => "a whole number",
            Self::Size(..) => "a size",
            Self::Memory(..) => "a percentage or a size",
            Self::Word(_) => "a valid value",
            Self::Pattern => "a channel, or a pattern that ends in \"/*\" or \"/**\"",
            Self::Origin => "an origin",
            Self::Network => "an address or a network",
            Self::Host => "a host (without scheme and port)",
            Self::Text => "a text",
            Self::Secret | Self::Bearer | Self::Pem => "a secret",
            Self::File => "the path of a file",
            Self::Url => "an http or https URL",
            Self::Topic => "an http or https URL without a user and a fragment",
            Self::UrlOrNone => "an http or https URL without a user and a fragment, or \"none\"",
            Self::FeedChannel => "a channel whose last segment is \"{name}\"",
            Self::Colour => "a colour",
            Self::UrlPrefix => "an http or https URL without a user, a query and a fragment",
            Self::PublicUrl => "scheme and host (https; http for a loopback address only; no user, no path)",
            Self::Name => "a name of 1 to 64 lower-case letters, digits and hyphens",
            Self::Branch => "the name of a branch",
            Self::Flag => "true or false",
            Self::Rate => "a rate",
            Self::History => "a table of messages and age",
            Self::Words(_) => "a valid value or an array of them",
            Self::List(_) => "an array",
        }
    }

    /// Returns a value of this kind as it may be copied.
    pub(super) fn example(self) -> &'static str {
        match self {
            Self::Address => "127.0.0.1:9000",
            Self::Path => "/faye",
            Self::Duration(least, _) if least >= MINUTE => "30d",
            Self::Duration(..) => DURATION_EXAMPLE,
            Self::DurationOrNever(..) => "15m",
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
            Self::Secret | Self::Bearer | Self::Pem => "env:NAME",
            Self::File => "auth.js",
            Self::Url => "http://127.0.0.1:3000/faye",
            Self::Topic => "https://example.com/feed.xml",
            Self::UrlOrNone => "https://hub.example.com/",
            Self::FeedChannel => "/feeds/{name}",
            Self::Colour => "#b03030",
            Self::UrlPrefix => "https://example.com/blog/",
            Self::PublicUrl => "https://push.example.com",
            Self::Name => "news",
            Self::Branch => "main",
            Self::Flag => "true",
            Self::Rate => RATE_EXAMPLE,
            Self::History => HISTORY_EXAMPLE,
            Self::Words(words) => words.first().copied().unwrap_or_default(),
            Self::List(element) => element.kind().example(),
        }
    }
}
