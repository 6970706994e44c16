//! Whether each subscriber gets each publication once and in its order.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

/// What went wrong with messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// They never came.
    pub(super) lost: u64,
    /// They came before.
    pub(super) doubled: u64,
    /// A later one came before them.
    pub(super) misordered: u64,
    /// They were for somebody else, or nobody had published them.
    pub(super) stray: u64,
}

/// What each subscriber has got from its publisher.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The publication that each subscriber gets next. It is all that is touched when nothing is wrong.
    next: Vec<u32>,
    /// What subscribers did not get though they got later ones.
    missing: HashMap<usize, BTreeSet<u32>>,
    /// What went wrong so far.
    pub(super) faults: Faults,
}

impl Ledger {
    /// For connections up to this number, which have got nothing.
    pub(super) fn new(connections: usize) -> Self {
        Self { next: vec![0; connections], ..Self::default() }
    }

    /// Notes that a subscriber got a publication, and says which need not be waited for any more.
    #[inline]
    pub(super) fn note(&mut self, subscriber: usize, sequence: u32) -> Range<u32> {
        let next = self.next[subscriber];
        if sequence != next {
            return self.note_fault(subscriber, sequence);
        }
        self.next[subscriber] = next + 1;
        next..next + 1
    }

    #[cold]
    fn note_fault(&mut self, subscriber: usize, sequence: u32) -> Range<u32> {
        let next = self.next[subscriber];
        let missing = self.missing.entry(subscriber).or_default();
        if sequence > next {
            missing.extend(next..sequence);
            self.next[subscriber] = sequence + 1;
            return next..sequence + 1;
        }
        if missing.remove(&sequence) {
            self.faults.misordered += 1;
        } else {
            self.faults.doubled += 1;
        }
        0..0
    }

    /// Counts what never came. `sent` says how many publications there were for a subscriber.
    pub(super) fn finish(&mut self, subscribers: impl Iterator<Item = (usize, u32)>) {
        self.faults.lost += self.missing.values().map(|missing| missing.len() as u64).sum::<u64>();
        self.missing.clear();
        for (subscriber, sent) in subscribers {
            self.faults.lost += u64::from(sent.saturating_sub(self.next[subscriber]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_wrong_is_counted_as_what_it_is() {
        for (came, lost, doubled, misordered) in [
            (&[0, 1, 2, 3][..], 0, 0, 0),
            (&[0, 2, 3], 1, 0, 0),
            (&[0, 1, 1, 2, 3], 0, 1, 0),
            (&[0, 2, 1, 3], 0, 0, 1),
            (&[0, 1, 2], 1, 0, 0),
            (&[3, 0], 2, 0, 1),
            (&[0, 2, 1, 1, 3], 0, 1, 1),
            (&[], 4, 0, 0),
        ] {
            let mut ledger = Ledger::new(1);
            for sequence in came {
                ledger.note(0, *sequence);
            }
            ledger.finish(std::iter::once((0, 4)));
            assert_eq!(ledger.faults, Faults { lost, doubled, misordered, stray: 0 }, "{came:?}");
        }
    }
}
