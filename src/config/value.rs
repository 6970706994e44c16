//! Validates a value against the kind of its key. The error contains a valid value.
//!
//! This module knows one value at a time, and no sections, files or combinations of settings.

use toml::Value;
use toml::de::DeValue;

use super::feeds::{Feeds, NO_HUB};
use super::host_name::HostName;
use super::kinds::{HISTORY_AGE, HISTORY_MESSAGES, Kind};
use super::listen::ListenAddress;
use super::near_miss::{self, NearMiss};
use super::page_origin::PageOrigin;
use super::public_url;
use super::redact::redact;
use super::units::{
    MemoryLimit, NEVER, format_duration, format_size, parse_duration, parse_memory, parse_rate, parse_size,
};

/// A value as it was written.
pub(super) enum Given<'a> {
    /// A string.
    Text(&'a str),
    /// An integer of 64 bits.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// An array.
    List(Vec<Self>),
    /// A table within a key, `{ … }`.
    Table(Vec<(String, Self)>),
    /// A value that no key accepts, as shown in error messages.
    Other(String),
}

/// Bytes of the URL of a topic.
const TOPIC: usize = 2048;

/// Maximum characters of an invalid value in a message.
const SHOWN: usize = 60;

impl<'a> Given<'a> {
    /// Creates a value in a file.
    pub(super) fn in_file(value: &'a DeValue<'_>) -> Self {
        match value {
            DeValue::String(text) => Self::Text(text),
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
                .map_or_else(|_| Self::Other(shorten(&integer.to_string())), Self::Integer),
            DeValue::Float(float) => Self::Other(shorten(float.as_str())),
            DeValue::Boolean(boolean) => Self::Boolean(*boolean),
            DeValue::Datetime(_) => Self::Other("a date".to_owned()),
            DeValue::Array(array) => {
                Self::List(array.iter().map(|element| Self::in_file(element.get_ref())).collect())
            }
            DeValue::Table(table) => {
                let entry = |(name, value): (&toml::Spanned<_>, &'a toml::Spanned<_>)| {
                    let name: &std::borrow::Cow<'_, str> = name.get_ref();
                    (name.to_string(), Self::in_file(value.get_ref()))
                };
                Self::Table(table.iter().map(entry).collect())
            }
        }
    }

    /// Creates a value of a variable or a flag, which is always text.
    pub(super) fn bare(text: &'a str, kind: Kind) -> Self {
        match kind {
            Kind::Count(..) => text.parse().map_or(Self::Text(text), Self::Integer),
            Kind::Flag => text.parse().map_or(Self::Text(text), Self::Boolean),
            Kind::List(_) | Kind::Words(_) => {
                let elements = text.split(',').map(str::trim).filter(|element| !element.is_empty());
                Self::List(elements.map(Self::Text).collect())
            }
            _ => Self::Text(text),
        }
    }

    /// Returns the value as a boolean, also if it is text.
    fn as_switch(&self) -> Option<bool> {
        match self {
            Self::Boolean(boolean) => Some(*boolean),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Text(text) => format!("{:?}", shorten(text)),
            Self::Integer(integer) => integer.to_string(),
            Self::Boolean(boolean) => boolean.to_string(),
            Self::List(_) => "an array".to_owned(),
            Self::Table(_) => "a table".to_owned(),
            Self::Other(shown) => shown.clone(),
        }
    }
}

/// The reason why a value is invalid.
pub(super) struct Wrong {
    complaint: String,
    /// The words before `instead`: `for example`, `at most`.
    lead: &'static str,
    instead: Vec<String>,
    /// The delimiters around each of `instead` in a file.
    around: [&'static str; 2],
}

/// The words before an example.
const EXAMPLE: &str = "for example";

const NOTHING: [&str; 2] = ["", ""];
const QUOTES: [&str; 2] = ["\"", "\""];
const ARRAY: [&str; 2] = ["[\"", "\"]"];

impl Wrong {
    /// Replaces the example, if the message has one.
    pub(super) fn with_example(mut self, example: Option<String>) -> Self {
        if let Some(example) = example.filter(|_| self.lead == EXAMPLE) {
            self.instead = vec![example];
        }
        self
    }

    /// Returns the message for a file, where text is quoted.
    pub(super) fn in_file(&self) -> String {
        self.say(self.around)
    }

    /// Returns the message for a variable or a flag, where quotes would be part of the value.
    pub(super) fn bare(&self) -> String {
        self.say(NOTHING)
    }

    fn say(&self, [before, behind]: [&str; 2]) -> String {
        let instead: Vec<_> = self.instead.iter().map(|value| format!("{before}{value}{behind}")).collect();
        let space = if self.lead.is_empty() { "" } else { " " };
        format!("{}; write {}{space}{}", self.complaint, self.lead, instead.join(", "))
    }
}

impl Kind {
    /// Validates and converts a value of this kind.
    ///
    /// # Errors
    ///
    /// The reason why the value is invalid.
    pub(super) fn read(self, given: &Given<'_>) -> Result<Value, Wrong> {
        if let Some(near_miss) = self.near_miss(given) {
            let complaint = format!("{} {}", self.shown(given), near_miss.complaint);
            let NearMiss { lead, instead, .. } = near_miss;
            return Err(Wrong { complaint, lead, instead, around: self.around() });
        }
        match (self, given) {
            (Self::DurationOrNever(..), Given::Text(NEVER)) => {}
            (Self::Duration(least, most) | Self::DurationOrNever(least, most), Given::Text(text)) => {
                let duration = parse_duration(text).ok_or_else(|| self.not_one(given))?;
                let print = |ms| format_duration(std::time::Duration::from_millis(ms));
                self.bounded(given, duration.as_millis(), least, most, print)?;
            }
            (Self::Size(least, most), Given::Text(text)) => {
                let bytes = parse_size(text).ok_or_else(|| self.not_one(given))?;
                self.bounded(given, bytes as u128, least, most, print_size)?;
            }
            (Self::Memory(least, most), Given::Text(text)) => {
                match parse_memory(text).ok_or_else(|| self.not_one(given))? {
                    MemoryLimit::Percent(_) => {}
                    MemoryLimit::Bytes(bytes) => {
                        self.bounded(given, bytes as u128, least, most, print_size)?;
                    }
                }
            }
            (Self::Size(least, most) | Self::Memory(least, most), Given::Integer(bytes)) => {
                let bytes = u128::try_from(*bytes).map_err(|_| self.not_one(given))?;
                self.bounded(given, bytes, least, most, print_size)?;
            }
            (Self::Count(least, most), Given::Integer(count)) => {
                let count = u128::try_from(*count).map_err(|_| self.not_one(given))?;
                self.bounded(given, count, least, most, |count| count.to_string())?;
            }
            (Self::Word(words), Given::Text(text)) if words.contains(text) => {}
            (Self::Address, Given::Text(text)) if text.parse::<ListenAddress>().is_ok() => {}
            (Self::Path, Given::Text(text)) if is_path(text) => {}
            (Self::Pattern, Given::Text(text)) if is_pattern(&without_dots(text)) => {}
            (Self::Origin, Given::Text(text)) if *text == "*" || PageOrigin::parse(text).is_some() => {}
            (Self::Network, Given::Text(text)) if is_network(text) => {}
            (Self::Host, Given::Text(text)) if HostName::parse(text).is_some() => {}
            (Self::Text | Self::Secret | Self::Bearer | Self::Pem | Self::File, Given::Text(text))
                if !text.is_empty() => {}
            (Self::Branch, Given::Text(text)) if near_miss::is_branch(text) => {}
            (Self::Url, Given::Text(text)) if is_url(text) => {}
            (Self::Topic, Given::Text(text)) if is_topic(text) => {}
            (Self::UrlOrNone, Given::Text(text)) if *text == NO_HUB || is_topic(text) => {}
            (Self::FeedChannel, Given::Text(text)) if is_feed_channel(text) => {}
            (Self::Colour, Given::Text(text)) if is_colour(text) => {}
            (Self::UrlPrefix, Given::Text(text)) if is_topic(text) && !text.contains('?') => {}
            (Self::PublicUrl, Given::Text(text)) if public_url::read(text).is_some() => {}
            (Self::Name, Given::Text(text)) if is_name(text) => {}
            (Self::Rate, Given::Text(text)) if parse_rate(text).is_some() => {}
            (Self::Flag, Given::Boolean(flag)) => return Ok(Value::Boolean(*flag)),
            (Self::History, Given::Table(entries)) => return self.read_history(given, entries),
            (Self::List(element), Given::List(given)) => return element.kind().read_all(given),
            (Self::Words(words), Given::List(given)) if !given.is_empty() => {
                return Self::Word(words).read_all(given);
            }
            (Self::Words(words), Given::Text(_)) => {
                return Ok(Value::Array(vec![Self::Word(words).read(given)?]));
            }
            _ => return Err(self.not_one(given)),
        }
        Ok(match given {
            Given::Text(text) => Value::String((*text).to_owned()),
            Given::Integer(integer) => Value::Integer(*integer),
            Given::Boolean(_) | Given::List(_) | Given::Table(_) | Given::Other(_) => {
                return Err(self.not_one(given));
            }
        })
    }

    /// Detects a well-formed text that would never match.
    fn near_miss(self, given: &Given<'_>) -> Option<NearMiss> {
        match (self, given) {
            (Self::Network, Given::Text(text)) => near_miss::network(text),
            (Self::UrlPrefix, Given::Text(text)) => near_miss::url_prefix(text),
            (Self::Branch, Given::Text(text)) => near_miss::branch(text),
            _ => None,
        }
    }

    fn read_all(self, given: &[Given<'_>]) -> Result<Value, Wrong> {
        given.iter().map(|given| self.read(given)).collect::<Result<_, _>>().map(Value::Array)
    }

    /// Reads the bounds of a channel's history: both entries, and no other.
    fn read_history(self, given: &Given<'_>, entries: &[(String, Given<'_>)]) -> Result<Value, Wrong> {
        let mut table = toml::Table::new();
        for (name, value) in entries {
            let kind = match name.as_str() {
                "messages" => Self::Count(HISTORY_MESSAGES.0, HISTORY_MESSAGES.1),
                "age" => Self::Duration(HISTORY_AGE.0, HISTORY_AGE.1),
                _ => return Err(self.not_one(given)),
            };
            table.insert(name.clone(), kind.read(value)?);
        }
        if table.len() < 2 {
            return Err(self.not_one(given));
        }
        Ok(Value::Table(table))
    }

    fn bounded(
        self,
        given: &Given<'_>,
        value: u128,
        least: u64,
        most: u64,
        print: impl Fn(u64) -> String,
    ) -> Result<(), Wrong> {
        if value < u128::from(least) {
            return Err(self.out_of_bounds(given, "too small", "at least", print(least)));
        }
        if value > u128::from(most) {
            return Err(self.out_of_bounds(given, "too large", "at most", print(most)));
        }
        Ok(())
    }

    fn out_of_bounds(self, given: &Given<'_>, what: &str, lead: &'static str, bound: String) -> Wrong {
        let complaint = format!("{} is {what}", given.shown());
        Wrong { complaint, lead, instead: vec![bound], around: self.around() }
    }

    /// Returns an example of this kind as a file has it.
    pub(super) fn in_file(self) -> String {
        let [before, behind] = self.around();
        format!("{before}{}{behind}", self.example())
    }

    fn around(self) -> [&'static str; 2] {
        match self {
            Self::Count(..) | Self::Flag | Self::History => NOTHING,
            Self::List(_) => ARRAY,
            _ => QUOTES,
        }
    }

    /// Returns a value as messages quote it.
    fn shown(self, given: &Given<'_>) -> String {
        match given {
            // An invalid value of a secret may still be a secret.
            _ if self.is_secret() => "this".to_owned(),
            Given::Text(text) if self.is_url() => Given::Text(&redact(text)).shown(),
            _ => given.shown(),
        }
    }

    fn not_one(self, given: &Given<'_>) -> Wrong {
        let complaint = format!("{} is not {}", self.shown(given), self.what());
        match self {
            Self::Word(words) if words.contains(&"on") && given.as_switch().is_some() => {
                // The setting was a boolean once.
                let word = if given.as_switch() == Some(true) { "on" } else { "off" };
                Wrong { complaint, lead: "", instead: vec![word.to_owned()], around: QUOTES }
            }
            Self::Word(words) | Self::Words(words) => {
                let instead = words.iter().map(|word| (*word).to_owned()).collect();
                Wrong { complaint, lead: "one of", instead, around: QUOTES }
            }
            _ => {
                let instead = vec![self.example().to_owned()];
                Wrong { complaint, lead: EXAMPLE, instead, around: self.around() }
            }
        }
    }
}

/// Cuts text that would fill the screen.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

fn print_size(bytes: u64) -> String {
    // Bounds are from the list of keys and fit a usize on every machine.
    format_size(usize::try_from(bytes).unwrap_or(usize::MAX))
}

/// Whether a text is a path in the form of a request line. Other characters than ASCII would arrive percent-encoded and
/// never match.
fn is_path(text: &str) -> bool {
    let is_kept = |byte: u8| byte.is_ascii_graphic() && !b"?#\\\"<>^`{|}".contains(&byte);
    let is_resolved = |segment: &str| ["", ".", ".."].contains(&segment);
    let segments = text.trim_end_matches('/').split('/').skip(1);
    text.starts_with('/') && text.bytes().all(is_kept) && !segments.into_iter().any(is_resolved)
}

/// An address, or one with the bits of its network.
fn is_network(text: &str) -> bool {
    text.parse::<ipnet::IpNet>().is_ok() || text.parse::<std::net::IpAddr>().is_ok()
}

fn is_url(text: &str) -> bool {
    let Ok(url) = text.parse::<hyper::http::Uri>() else { return false };
    let has_port = url.authority().is_some_and(|authority| !authority.host().is_empty())
        && url.port().is_none_or(|_| url.port_u16().is_some());
    let has_wildcard = || url.host().is_some_and(|host| host.contains('*'));
    matches!(url.scheme_str(), Some("http" | "https")) && has_port && !has_wildcard()
}

/// A URL that may be the topic of a feed.
fn is_topic(text: &str) -> bool {
    let has_user = || text.split('/').nth(2).is_some_and(|authority| authority.contains('@'));
    is_url(text) && text.len() <= TOPIC && !text.contains('#') && !has_user()
}

/// A channel with the name of a feed as its last segment.
fn is_feed_channel(text: &str) -> bool {
    let parent = text.strip_suffix(Feeds::NAME);
    parent
        .is_some_and(|parent| parent.len() > 1 && parent.ends_with('/') && is_pattern(&format!("{parent}*")))
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Whether a text is a lower-case name without characters that need encoding in a URL.
fn is_name(text: &str) -> bool {
    let is_kept = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(is_kept)
}

/// Whether a text is a channel, or a pattern whose last segment is `*` or `**`: the texts that a client may subscribe
/// to.
fn is_pattern(text: &str) -> bool {
    let Some(segments) = text.strip_prefix('/') else { return false };
    let segments: Vec<_> = segments.split('/').collect();
    let Some((last, parents)) = segments.split_last() else { return false };
    parents.iter().all(|segment| is_segment(segment)) && (matches!(*last, "*" | "**") || is_segment(last))
}

/// Replaces the dots that names of channels may have with `dialect.dotted_channels`, which a later check requires.
fn without_dots(pattern: &str) -> String {
    let replaced = |segment: &str| match segment {
        "." | ".." => segment.to_owned(),
        _ => segment.replace('.', "-"),
    };
    pattern.split('/').map(replaced).collect::<Vec<_>>().join("/")
}

fn is_segment(segment: &str) -> bool {
    !segment.is_empty()
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_!~()$@".contains(&byte))
}
