//! The place of each setting, for errors that are found after loading.
//!
//! This module knows keys and origins, and no values.

use std::collections::BTreeMap;

use super::Config;
use super::problem::{Origin, Problem};

/// The origin of each key that was set, and of each element of a list, such as `channel[2]`.
///
/// Two values are always equal: settings do not differ by their places.
#[derive(Debug, Clone, Default)]
pub struct Places(BTreeMap<String, Origin>);

impl PartialEq for Places {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Places {
    pub(super) fn new(origins: BTreeMap<String, Origin>) -> Self {
        Self(origins)
    }

    /// Returns the origin of a key, or else of its element.
    fn of(&self, key: &str) -> Option<&Origin> {
        let element = || key.split_once("].").and_then(|(list, _)| self.0.get(&format!("{list}]")));
        self.0.get(key).or_else(element)
    }
}

impl Config {
    /// Whether the operator has set a key such as `limits.connections`.
    #[must_use]
    pub fn is_set(&self, key: &str) -> bool {
        self.places.0.contains_key(key)
    }

    /// Adds file and line, the variable or the flag to an error that starts with a key and a colon, such as
    /// `key[1].secret: it is short`. Returns other texts unchanged.
    #[must_use]
    pub fn located(&self, error: &str) -> String {
        let found =
            error.split_once(": ").and_then(|(key, message)| Some((key, message, self.places.of(key)?)));
        let Some((key, message, origin)) = found else { return error.to_owned() };
        match origin {
            Origin::Variable(name) | Origin::Flag(name) => format!("{name}: {error}"),
            Origin::File { .. } => {
                Problem { origin: origin.clone(), key: key.to_owned(), message: message.to_owned() }
                    .to_string()
            }
        }
    }
}
