//! The identifiers of messages that were carried not long ago, so that none is carried twice.

use std::collections::{HashSet, VecDeque};

/// Identifiers that are remembered.
const KEPT: usize = 10_000;

#[derive(Default)]
pub(super) struct Seen {
    known: HashSet<String>,
    /// The oldest first.
    order: VecDeque<String>,
}

impl Seen {
    /// Remembers an identifier; false if it is known already.
    pub(super) fn insert(&mut self, id: &str) -> bool {
        if !self.known.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_remembered() {
        let mut seen = Seen::default();
        assert!(seen.insert("first") && !seen.insert("first"));
        for number in 0..KEPT {
            assert!(seen.insert(&number.to_string()));
        }
        assert!(!seen.insert("0") && seen.insert("first"));
        assert_eq!((seen.known.len(), seen.order.len()), (KEPT, KEPT));
    }
}
