//! The identifiers of recently forwarded messages, which prevent duplicates.

use std::collections::{HashSet, VecDeque};

/// Maximum number of remembered identifiers.
const KEPT: usize = 10_000;

#[derive(Default)]
pub(super) struct RecentIds {
    known: HashSet<String>,
    /// Oldest first.
    order: VecDeque<String>,
}

impl RecentIds {
    /// Remembers an identifier. Returns `false` if it is already known.
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
        let mut seen = RecentIds::default();
        assert!(seen.insert("first") && !seen.insert("first"));
        for number in 0..KEPT {
            assert!(seen.insert(&number.to_string()));
        }
        assert!(!seen.insert("0") && seen.insert("first"));
        assert_eq!((seen.known.len(), seen.order.len()), (KEPT, KEPT));
    }
}
