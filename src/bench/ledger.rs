//! Checks that each subscriber receives each publication once and in order.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

/// Counts of lost and wrong messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Faults {
    /// Messages that did not arrive.
    pub(super) lost: u64,
    /// Messages that arrived again.
    pub(super) doubled: u64,
    /// Messages that arrived after a later one.
    pub(super) misordered: u64,
    /// Messages of another channel, or that were not published.
    pub(super) stray: u64,
}

/// The publications that each subscriber has received.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The next publication of each subscriber. Without faults nothing else is touched.
    next: Vec<u32>,
    /// Publications that subscribers have not received, before later ones that they have.
    missing: HashMap<usize, BTreeSet<u32>>,
    /// The faults so far.
    pub(super) faults: Faults,
}

impl Ledger {
    /// Creates an empty ledger for a number of connections.
    pub(super) fn new(connections: usize) -> Self {
        Self { next: vec![0; connections], ..Self::default() }
    }

    /// Records a publication of a subscriber. Returns the publications that it need not wait for any longer.
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

    /// Counts the publications that did not arrive. `subscribers` gives the number sent to each.
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
