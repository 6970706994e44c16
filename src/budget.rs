//! The memory that clients may make the server use, all together: one total, charged where memory is taken and released
//! where it is freed.
//!
//! Responsible for counting. It knows neither sessions nor connections: the server decides which of them end when
//! the budget is exceeded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Buffers up to this size may use all of the share of buffers, so that short messages get through while large ones use
/// up most of it.
const SMALL_BUFFER: usize = 16 * 1024;

/// A counter that has a cache line to itself, so that changes do not slow down readers of its neighbours.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Padded(AtomicUsize);

/// A total of bytes with a limit. Charging never fails, since the memory is in use by then; the server relieves a budget
/// that is exceeded. Only buffers of connections are refused, because their owners can end alone: they have half of the
/// budget at most, so that what is kept for sessions has the other half.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    /// What is kept for sessions.
    kept: Padded,
    /// What buffers of connections hold.
    buffers: Padded,
}

/// The share of the budget that buffers of connections may use is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("limits.memory is used up by unfinished input and unsent output")]
pub struct Exhausted;

impl Budget {
    /// A budget of so many bytes, none of which is used.
    #[must_use]
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, kept: Padded::default(), buffers: Padded::default() })
    }

    /// A budget that is never exceeded.
    #[must_use]
    pub fn unlimited() -> Arc<Self> {
        Self::new(usize::MAX)
    }

    /// Bytes that may be used.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes in use.
    #[must_use]
    pub fn used(&self) -> usize {
        self.kept.0.load(Ordering::Relaxed) + self.buffers.0.load(Ordering::Relaxed)
    }

    /// Bytes that are kept for sessions beyond what the buffers of connections leave of the limit. Buffers beyond their
    /// share do not count: their connections end. `more` is kept by others, who have a limit of their own.
    #[must_use]
    pub fn excess(&self, more: usize) -> usize {
        let buffers = self.buffers.0.load(Ordering::Relaxed).min(self.limit / 2);
        self.kept.0.load(Ordering::Relaxed).saturating_sub((self.limit - buffers).saturating_add(more))
    }

    /// Bytes to free once there is an excess: an eighth of the limit more than that, so that the search for what can go is
    /// rare.
    #[must_use]
    pub fn to_free(&self, more: usize) -> usize {
        match self.excess(more) {
            0 => 0,
            excess => excess + self.limit / 8,
        }
    }

    /// Bytes that are kept for sessions.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.kept.0.load(Ordering::Relaxed)
    }

    /// Counts bytes that are kept from now on.
    pub fn charge(&self, bytes: usize) {
        self.kept.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes that are kept no longer.
    pub fn release(&self, bytes: usize) {
        self.kept.0.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Counts a change from one number of bytes to another.
    pub fn change(&self, from: usize, to: usize) {
        if to > from {
            self.charge(to - from);
        } else if from > to {
            self.release(from - to);
        }
    }
}

/// Bytes that are charged until this is dropped. Shared by reference; it can only grow.
#[derive(Debug)]
pub struct Charge {
    budget: Arc<Budget>,
    bytes: AtomicUsize,
}

impl Charge {
    /// Charges so many bytes.
    #[must_use]
    pub fn new(budget: &Arc<Budget>, bytes: usize) -> Self {
        budget.charge(bytes);
        Self { budget: Arc::clone(budget), bytes: AtomicUsize::new(bytes) }
    }

    /// Charges so many bytes more.
    pub fn grow(&self, bytes: usize) {
        self.budget.charge(bytes);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.release(*self.bytes.get_mut());
    }
}

/// What buffers of one connection are charged.
#[derive(Debug)]
pub struct BufferCharge {
    budget: Arc<Budget>,
    bytes: usize,
}

impl BufferCharge {
    /// Charges nothing yet.
    #[must_use]
    pub fn new(budget: &Arc<Budget>) -> Self {
        Self { budget: Arc::clone(budget), bytes: 0 }
    }

    /// Notes how many bytes the buffers hold now.
    ///
    /// # Errors
    /// [`Exhausted`] if they grow and the buffers of all connections hold more than half of the budget, or more than three
    /// eighths where these are large. The bytes are charged nevertheless, until the connection ends.
    pub fn set(&mut self, bytes: usize) -> Result<(), Exhausted> {
        let before = std::mem::replace(&mut self.bytes, bytes);
        let total = &self.budget.buffers.0;
        if bytes <= before {
            total.fetch_sub(before - bytes, Ordering::Relaxed);
            return Ok(());
        }
        let grown = bytes - before;
        let buffers = total.fetch_add(grown, Ordering::Relaxed) + grown;
        let half = self.budget.limit / 2;
        let share = if bytes <= SMALL_BUFFER { half } else { half / 4 * 3 };
        if buffers > share { Err(Exhausted) } else { Ok(()) }
    }
}

impl Drop for BufferCharge {
    fn drop(&mut self) {
        // It cannot fail: nothing grows.
        let _ = self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_charge_is_released() {
        let budget = Budget::new(80);
        let charge = Charge::new(&budget, 60);
        charge.grow(40);
        assert_eq!((budget.used(), budget.excess(0), budget.to_free(0)), (100, 20, 30));
        assert_eq!((budget.excess(20), budget.to_free(20)), (0, 0), "20 bytes are kept by others");
        drop(charge);
        assert_eq!((budget.used(), budget.excess(0), budget.to_free(0)), (0, 0, 0));
    }

    #[test]
    fn buffers_take_half_of_the_budget_at_most_and_large_ones_less() {
        let budget = Budget::new(400 * 1024);
        let mut large = BufferCharge::new(&budget);
        assert_eq!(large.set(150 * 1024), Ok(()));
        let mut other = BufferCharge::new(&budget);
        assert_eq!(other.set(SMALL_BUFFER), Ok(()));
        assert_eq!(other.set(SMALL_BUFFER + 1), Err(Exhausted));
        assert_eq!(other.set(SMALL_BUFFER), Ok(()), "shrinking is never refused");
        let mut third = BufferCharge::new(&budget);
        assert_eq!(third.set(SMALL_BUFFER), Ok(()), "short messages get through");
        assert_eq!(large.set(300 * 1024), Err(Exhausted));
        budget.charge(200 * 1024);
        assert_eq!(budget.excess(0), 0, "half is left for sessions, whatever buffers hold");
        budget.charge(1);
        assert_eq!(budget.excess(0), 1);
        drop((large, other, third));
        assert_eq!((budget.used(), budget.excess(0)), (200 * 1024 + 1, 0));
    }
}
