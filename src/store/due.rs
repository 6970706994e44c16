//! Kinds of work that may be due, as a set: workers of this instance and of others are woken for them.

use std::ops::BitOr;

use super::records::Work;

/// A set of kinds of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due(u8);

impl Due {
    pub(super) const REQUESTS: Self = Self(1);
    pub(super) const FETCHES: Self = Self(2);
    pub(super) const DELIVERIES: Self = Self(4);
    pub(super) const POLLS: Self = Self(8);
    pub(super) const CALLS: Self = Self(16);
    pub(super) const ENTRIES: Self = Self(32);
    pub(super) const ALL: Self = Self(63);

    /// Returns the set of these bits; others are ignored.
    pub(super) fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }

    pub(super) fn bits(self) -> u8 {
        self.0
    }

    /// This set, or the empty one.
    pub(super) fn when(self, is_due: bool) -> Self {
        if is_due { self } else { Self(0) }
    }

    /// Wakes the workers.
    pub(super) fn wake(self, work: &Work) {
        for (kind, worker) in [
            (Self::REQUESTS, &work.requests),
            (Self::FETCHES, &work.fetches),
            (Self::DELIVERIES, &work.deliveries),
            (Self::POLLS, &work.polls),
            (Self::CALLS, &work.calls),
            (Self::ENTRIES, &work.entries),
        ] {
            if self.0 & kind.0 != 0 {
                worker.notify_one();
            }
        }
    }
}

impl BitOr for Due {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
