//! The place of each setting, for errors that are found after loading.
//!
//! This module knows keys and origins, and no values.

use std::collections::BTreeMap;

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

    /// Whether the operator has set a key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Adds the place of its key to an error; see [`Config::located`](super::Config::located).
    pub(super) fn locate(&self, error: &str) -> String {
        let found = error.split_once(": ").and_then(|(key, message)| Some((key, message, self.of(key)?)));
        let Some((key, message, origin)) = found else { return error.to_owned() };
        match origin {
            Origin::Variable(name) | Origin::Flag(name) => format!("{name}: {error}"),
            Origin::File { .. } => {
                Problem { origin: origin.clone(), key: key.to_owned(), message: message.to_owned() }
                    .to_string()
            }
        }
    }

    /// Returns the origin of a key, or else of its element.
    fn of(&self, key: &str) -> Option<&Origin> {
        let element = || key.split_once("].").and_then(|(list, _)| self.0.get(&format!("{list}]")));
        self.0.get(key).or_else(element)
    }
}
