//! The notation of durations (`"1m30s"`), sizes (`"64KiB"`) and rates (`"10/s"`): parsing and formatting.
//!
//! This module knows the grammars, and not the settings or their bounds.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// The units of a duration with their milliseconds, largest first.
const DURATION_UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// The units of a size with their bytes, largest first.
const SIZE_UNITS: [(&str, usize); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// The example of a duration in error messages.
pub(super) const DURATION_EXAMPLE: &str = "25s";

/// The example of a size in error messages.
pub(super) const SIZE_EXAMPLE: &str = "1MiB";

/// An example of a limit of memory, for messages about a wrong value.
pub(super) const MEMORY_EXAMPLE: &str = "25%";

/// The example of a rate in error messages.
pub(super) const RATE_EXAMPLE: &str = "10/s";

/// A rate: the number of operations in a burst, and the number that is added in each period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// The period.
    pub time: Duration,
}

impl Rate {
    /// So many in a second.
    pub(super) const fn per_second(count: u32) -> Self {
        Self { count, time: Duration::from_secs(1) }
    }
}

impl<'de> serde::Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_rate(&text).ok_or_else(|| Error::custom(format!("{text:?} is not a rate")))
    }
}

/// A share of the memory that this process may use, or a number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryLimit {
    /// Percent of the memory, 1 to 100.
    Percent(u8),
    /// Bytes.
    Bytes(usize),
}

impl MemoryLimit {
    /// The limit in bytes, where a process may use so many.
    #[must_use]
    pub fn of(self, available: usize) -> usize {
        match self {
            Self::Percent(percent) => available / 100 * usize::from(percent),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl<'de> serde::Deserialize<'de> for MemoryLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(untagged)]
        enum Written {
            Bytes(usize),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Bytes(bytes) => Ok(Self::Bytes(bytes)),
            Written::Text(text) => {
                parse_memory(&text).ok_or_else(|| Error::custom(format!("{text:?} is no share of memory")))
            }
        }
    }
}

/// Parses a memory limit: `1%` to `100%`, or a size for [`parse_size`]. Returns `None` for other texts.
pub fn parse_memory(text: &str) -> Option<MemoryLimit> {
    let Some(percent) = text.strip_suffix('%') else { return parse_size(text).map(MemoryLimit::Bytes) };
    let (number, rest) = leading_number(percent)?;
    let percent = u8::try_from(number).ok().filter(|percent| (1..=100).contains(percent))?;
    rest.is_empty().then_some(MemoryLimit::Percent(percent))
}

/// Parses a rate: an integer above zero, then `/s`, `/m` or `/h`. Returns `None` for other texts.
pub fn parse_rate(text: &str) -> Option<Rate> {
    let (number, unit) = leading_number(text)?;
    let seconds = match unit {
        "/s" => 1,
        "/m" => 60,
        "/h" => 3600,
        _ => return None,
    };
    let count = u32::try_from(number).ok().filter(|count| *count > 0)?;
    Some(Rate { count, time: Duration::from_secs(seconds) })
}

/// Parses a duration: one or more integers, each with its unit (`d`, `h`, `m`, `s`, `ms`), larger units first, no unit
/// twice, no spaces: `"25s"`, `"1m30s"`, `"500ms"`, `"0s"`. Returns `None` for other texts, and for more milliseconds
/// than fit 64 bits.
///
/// A bare number is refused deliberately: `"25"` is ambiguous between seconds and milliseconds.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut units = DURATION_UNITS.iter();
    let mut total: u64 = 0;
    loop {
        let (number, after) = leading_number(rest)?;
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        // The iterator is not rewound, so a unit cannot occur twice or after a smaller one.
        let (_, milliseconds) = units.find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.checked_mul(*milliseconds)?)?;
        if after.is_empty() {
            return Some(Duration::from_millis(total));
        }
        rest = after;
    }
}

/// Parses a size in bytes: an integer, alone or followed by `B`, `KiB`, `MiB` or `GiB`, no spaces. Returns `None` for
/// other texts, and for more bytes than fit a `usize`.
///
/// `KB` and `MB` are refused deliberately: they are ambiguous between factors of 1000 and 1024.
pub fn parse_size(text: &str) -> Option<usize> {
    let (number, unit) = leading_number(text)?;
    let bytes = match unit {
        "" => 1,
        _ => SIZE_UNITS.iter().find(|(name, _)| *name == unit)?.1,
    };
    usize::try_from(number).ok()?.checked_mul(bytes)
}

/// Formats a duration for [`parse_duration`]; fractions of a millisecond are omitted.
pub fn format_duration(duration: Duration) -> String {
    let mut rest = duration.as_millis();
    let mut text = String::new();
    for (unit, milliseconds) in DURATION_UNITS {
        let number = rest / u128::from(milliseconds);
        rest %= u128::from(milliseconds);
        if number > 0 {
            text.push_str(&format!("{number}{unit}"));
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

/// Prints a size as [`parse_size`] reads it, with the largest unit that leaves no remainder.
pub fn format_size(bytes: usize) -> String {
    match SIZE_UNITS.iter().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit)) {
        Some((name, unit)) if *unit > 1 => format!("{}{name}", bytes / unit),
        _ => bytes.to_string(),
    }
}

/// For `#[serde(deserialize_with)]`: IP addresses and networks.
///
/// # Errors
///
/// A text that is neither.
pub fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ipnet::IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let network = |text: String| {
        let address = || text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from);
        text.parse().or_else(|_| address()).map_err(|_| Error::custom(format!("{text:?} is no network")))
    };
    texts.into_iter().map(network).collect()
}

/// For `#[serde(deserialize_with)]`: a duration as a string.
///
/// # Errors
///
/// Any text that [`parse_duration`] rejects.
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_str(DurationVisitor)
}

/// The text for an infinite duration.
pub const NEVER: &str = "never";

/// For `#[serde(deserialize_with)]`: a duration, or `never` for `None`.
///
/// # Errors
///
/// Any text that [`parse_duration`] rejects, except `never`.
pub fn duration_or_never<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text == NEVER {
        return Ok(None);
    }
    DurationVisitor.visit_str(&text).map(Some)
}

/// Same as [`duration_or_never`], for an optional key.
///
/// # Errors
///
/// Any text that [`duration_or_never`] rejects.
pub fn maybe_duration_or_never<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Duration>>, D::Error> {
    duration_or_never(deserializer).map(Some)
}

/// For `#[serde(deserialize_with)]`: a list of durations as strings.
///
/// # Errors
///
/// Any text that [`parse_duration`] rejects.
pub fn durations<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Duration>, D::Error> {
    #[derive(serde::Deserialize)]
    struct Element(#[serde(deserialize_with = "duration")] Duration);
    Ok(Vec::<Element>::deserialize(deserializer)?.into_iter().map(|element| element.0).collect())
}

/// For `#[serde(deserialize_with)]`: a size as a string or as an integer of bytes.
///
/// # Errors
///
/// Any text that [`parse_size`] rejects, and integers below zero or above `usize`.
pub fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    deserializer.deserialize_any(SizeVisitor)
}

struct DurationVisitor;

impl Visitor<'_> for DurationVisitor {
    type Value = Duration;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a duration, for example \"{DURATION_EXAMPLE}\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        parse_duration(text).ok_or_else(|| {
            E::custom(format_args!("{text:?} is not a duration; write for example \"{DURATION_EXAMPLE}\""))
        })
    }
}

struct SizeVisitor;

impl Visitor<'_> for SizeVisitor {
    type Value = usize;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a size, for example \"{SIZE_EXAMPLE}\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<usize, E> {
        parse_size(text).ok_or_else(|| not_a_size(format_args!("{text:?}")))
    }

    fn visit_u64<E: Error>(self, bytes: u64) -> Result<usize, E> {
        usize::try_from(bytes).map_err(|_| not_a_size(format_args!("{bytes}")))
    }

    fn visit_i64<E: Error>(self, bytes: i64) -> Result<usize, E> {
        usize::try_from(bytes).map_err(|_| not_a_size(format_args!("{bytes}")))
    }
}

fn not_a_size<E: Error>(shown: fmt::Arguments<'_>) -> E {
    E::custom(format_args!("{shown} is not a size; write for example \"{SIZE_EXAMPLE}\""))
}

/// Splits a leading number from the rest; `None` without a digit or above 64 bits.
fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}
