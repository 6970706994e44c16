//! Own publications of a partition that were delivered without Redis, until their echoes.

use std::collections::BTreeMap;

/// The number of publications whose echoes are recognized. More than the queue of a writer can hold.
const REMEMBERED: usize = 20_000;

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct LocalDeliveries {
    /// The counters of those that have not been echoed. Once Redis has one, an offset that its echo does not exceed.
    unechoed: BTreeMap<u64, Option<u64>>,
    /// The number of all.
    count: u64,
}

impl LocalDeliveries {
    /// Adds a publication. `sent` is its offset if Redis has accepted it before. Returns `false` if it was added before.
    pub(super) fn add(&mut self, counter: u64, sent: Option<u64>) -> bool {
        if self.unechoed.contains_key(&counter) {
            return false;
        }
        self.unechoed.insert(counter, sent);
        self.count += 1;
        if self.unechoed.len() > REMEMBERED {
            self.unechoed.pop_first();
        }
        true
    }

    /// Notes that Redis has the publications with counters up to this one, at offsets up to this one.
    pub(super) fn sent(&mut self, counter: u64, offset: u64) {
        for (_, echo) in self.unechoed.range_mut(..=counter) {
            echo.get_or_insert(offset);
        }
    }

    /// Notes an echo. Returns whether the publication was delivered without Redis.
    pub(super) fn echoed(&mut self, counter: u64) -> bool {
        self.unechoed.remove(&counter).is_some()
    }

    /// Returns the number of all publications. `None` while one of them is not in Redis, or its echo is after the newest
    /// delivered offset.
    pub(super) fn settled(&mut self, newest: u64) -> Option<u64> {
        self.unechoed.retain(|_, echo| echo.is_none_or(|offset| offset > newest));
        self.unechoed.is_empty().then_some(self.count)
    }
}
