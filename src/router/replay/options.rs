//! What a replay leaves out, as the client or the rule of its channels says.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What is not replayed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Options {
    /// The offsets up to which the client has seen a channel of the pattern.
    #[serde(default, skip_serializing_if = "Offsets::is_empty")]
    pub seen: Offsets,
    /// Whether the first pass has only as many publications of a channel as its rule tells (`replay`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_by_rule: bool,
}

/// Offsets of channels. Clones share them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "HashMap<String, u64>", into = "HashMap<String, u64>")]
pub struct Offsets(Arc<HashMap<String, u64>>);

impl std::ops::Deref for Offsets {
    type Target = HashMap<String, u64>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl From<HashMap<String, u64>> for Offsets {
    fn from(offsets: HashMap<String, u64>) -> Self {
        Self(Arc::new(offsets))
    }
}

impl From<Offsets> for HashMap<String, u64> {
    fn from(offsets: Offsets) -> Self {
        (*offsets.0).clone()
    }
}

impl Hash for Offsets {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.len().hash(state);
    }
}

impl Offsets {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns about how many bytes of memory they need.
    pub(super) fn memory(&self) -> usize {
        self.0.keys().map(|channel| channel.len() + 2 * size_of::<(String, u64)>()).sum()
    }
}
