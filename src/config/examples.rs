//! Examples of values in errors: the values of `faye.toml`, which are valid for their keys.
//!
//! This module knows the text of that file, and no rule about values.

use toml::{Table, Value};

use super::keys::Key;
use super::kinds::Kind;
use super::suggest::header;

/// The documented settings, each with its default or an example.
const SETTINGS: &str = include_str!("../../faye.toml");

/// Returns the value of a key in the documented settings, as text; of an array, its first element. `None` if the kind
/// of the key has a better example, or if the array is empty.
pub(super) fn of(key: &Key) -> Option<String> {
    if !is_better(key.kind) {
        return None;
    }
    let header = header(key.section());
    let mut is_section = false;
    for line in SETTINGS.lines() {
        let line = line.strip_prefix('#').unwrap_or(line);
        if line.starts_with('[') {
            is_section = line == header;
        } else if is_section && line.strip_prefix(key.name()).is_some_and(|rest| rest.starts_with(" = ")) {
            let value = line.parse::<Table>().ok()?.remove(key.name())?;
            return text(value);
        }
    }
    None
}

/// Whether values of this kind differ much between keys.
fn is_better(kind: Kind) -> bool {
    match kind {
        Kind::List(element) => is_better(element.kind()),
        _ => matches!(
            kind,
            Kind::Path
                | Kind::Duration(..)
                | Kind::DurationOrNever(..)
                | Kind::Count(..)
                | Kind::Size(..)
                | Kind::Memory(..)
                | Kind::Rate
                | Kind::Url
                | Kind::File
        ),
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        // 0, which disables limits, is no useful example.
        Value::Integer(number) => Some(number.to_string()).filter(|_| number > 0),
        Value::Array(elements) => text(elements.into_iter().next()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::KEYS;
    use super::super::value::Given;
    use super::*;

    #[test]
    fn every_example_may_be_written() {
        let mut found = 0;
        for key in KEYS {
            let Some(example) = of(key) else { continue };
            assert!(key.kind.read(&Given::bare(&example, key.kind)).is_ok(), "{}: {example}", key.path());
            found += 1;
        }
        assert!(found > 100, "{found}");
    }
}
