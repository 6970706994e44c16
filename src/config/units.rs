//! Durations (`"1m30s"`) and sizes (`"64KiB"`) as people write them: read, and printed back.
//!
//! This module knows the two grammars and nothing of which setting uses them or what its bounds are.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Error, Visitor};

/// The units of a duration with their milliseconds, largest first.
const DURATION_UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// The units of a size with their bytes, largest first.
const SIZE_UNITS: [(&str, usize); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// A duration as messages show it to somebody who wrote something else.
pub(super) const DURATION_EXAMPLE: &str = "25s";

/// A size as messages show it to somebody who wrote something else.
pub(super) const SIZE_EXAMPLE: &str = "1MiB";

/// Reads a duration: one or more whole numbers, each with its unit (`d`, `h`, `m`, `s`, `ms`), larger units
/// first, no unit twice, no spaces: `"25s"`, `"1m30s"`, `"500ms"`, `"0s"`. `None` for everything else, and
/// for more milliseconds than fit 64 bits.
///
/// A bare number is refused on purpose: of `"25"` one reader thinks seconds, the next milliseconds.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut units = DURATION_UNITS.iter();
    let mut total: u64 = 0;
    loop {
        let (number, after) = leading_number(rest)?;
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        // The iterator is not rewound, so a unit cannot come twice nor after a smaller one.
        let (_, milliseconds) = units.find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.checked_mul(*milliseconds)?)?;
        if after.is_empty() {
            return Some(Duration::from_millis(total));
        }
        rest = after;
    }
}

/// Reads a size in bytes: a whole number, alone or followed by `B`, `KiB`, `MiB` or `GiB`, no spaces.
/// `None` for everything else, and for more bytes than fit a `usize`.
///
/// `KB` and `MB` are refused on purpose: half of those who write them mean 1000, the others 1024.
pub fn parse_size(text: &str) -> Option<usize> {
    let (number, unit) = leading_number(text)?;
    let bytes = match unit {
        "" => 1,
        _ => SIZE_UNITS.iter().find(|(name, _)| *name == unit)?.1,
    };
    usize::try_from(number).ok()?.checked_mul(bytes)
}

/// Prints a duration as [`parse_duration`] reads it; what is less than a millisecond is left out.
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

/// For `#[serde(deserialize_with)]`: a duration, written as a string.
///
/// # Errors
///
/// Anything that [`parse_duration`] does not read.
pub fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_str(DurationVisitor)
}

/// For `#[serde(deserialize_with)]`: a size, written as a string or as an integer of bytes.
///
/// # Errors
///
/// Anything that [`parse_size`] does not read, and integers below zero or above `usize`.
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

/// Splits the digits at the start from what follows; `None` without a digit or above 64 bits.
fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}
