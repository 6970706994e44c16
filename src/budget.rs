//! The memory budget for everything that clients cause: one total, charged where memory is allocated and released where
//! it is freed.
//!
//! Responsible for counting. It must not know sessions or connections: the server decides which of them end when the
//! budget is exceeded.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Buffers up to this size may use the whole share of buffers, so that short messages are accepted while large ones use
/// most of it.
const SMALL_BUFFER: usize = 16 * 1024;

/// A counter on a separate cache line, so that updates do not slow down readers of adjacent data.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Padded(AtomicUsize);

/// A total of bytes with a limit. Charging never fails, since the memory is already in use; the server ends sessions
/// when the budget is exceeded. Only the buffers of connections are refused, because a connection can end alone: they
/// may use at most half of the budget, which leaves the other half to sessions.
#[derive(Debug)]
pub struct Budget {
    limit: usize,
    /// Bytes that sessions use.
    kept: Padded,
    /// Bytes that the buffers of connections use.
    buffers: Padded,
}

/// The share of the budget for the buffers of connections is exhausted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("limits.memory is used up by unfinished input and unsent output")]
pub struct Exhausted;

impl Budget {
    /// Creates an unused budget of `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, kept: Padded::default(), buffers: Padded::default() })
    }

    /// Creates a budget that is never exceeded.
    #[must_use]
    pub fn unlimited() -> Arc<Self> {
        Self::new(usize::MAX)
    }

    /// Returns the limit in bytes.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Returns the used bytes.
    #[must_use]
    pub fn used(&self) -> usize {
        self.kept.0.load(Ordering::Relaxed) + self.buffers.0.load(Ordering::Relaxed)
    }

    /// Returns the bytes of sessions beyond the part of the limit that the buffers of connections leave. Buffers beyond
    /// their share are ignored: their connections end. `more` are bytes with a separate limit.
    #[must_use]
    pub fn excess(&self, more: usize) -> usize {
        let buffers = self.buffers.0.load(Ordering::Relaxed).min(self.limit / 2);
        self.kept.0.load(Ordering::Relaxed).saturating_sub((self.limit - buffers).saturating_add(more))
    }

    /// Returns the bytes to free after an excess: the excess and an eighth of the limit, so that searches for sessions
    /// to end are rare.
    #[must_use]
    pub fn to_free(&self, more: usize) -> usize {
        match self.excess(more) {
            0 => 0,
            excess => excess + self.limit / 8,
        }
    }

    /// Returns the bytes that sessions use.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.kept.0.load(Ordering::Relaxed)
    }

    /// Adds bytes that sessions use.
    pub fn charge(&self, bytes: usize) {
        self.kept.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Subtracts bytes that sessions no longer use.
    pub fn release(&self, bytes: usize) {
        self.kept.0.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Adds the difference of two numbers of bytes.
    pub fn change(&self, from: usize, to: usize) {
        if to > from {
            self.charge(to - from);
        } else if from > to {
            self.release(from - to);
        }
    }
}

/// Bytes that are charged until this value is dropped. It is shared by reference and can only grow.
#[derive(Debug)]
pub struct Charge {
    budget: Arc<Budget>,
    bytes: AtomicUsize,
}

impl Charge {
    /// Charges bytes.
    #[must_use]
    pub fn new(budget: &Arc<Budget>, bytes: usize) -> Self {
        budget.charge(bytes);
        Self { budget: Arc::clone(budget), bytes: AtomicUsize::new(bytes) }
    }

    /// Charges additional bytes.
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

/// The charge of the buffers of one connection.
#[derive(Debug)]
pub struct BufferCharge {
    budget: Arc<Budget>,
    bytes: usize,
}

impl BufferCharge {
    /// Creates a charge of zero bytes.
    #[must_use]
    pub fn new(budget: &Arc<Budget>) -> Self {
        Self { budget: Arc::clone(budget), bytes: 0 }
    }

    /// Sets the number of bytes in the buffers.
    ///
    /// # Errors
    /// [`Exhausted`] if they grow and the buffers of all connections exceed half of the budget, or three eighths if
    /// these buffers are large. The bytes are charged nevertheless, until the connection ends.
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
        // Cannot fail, since nothing grows.
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
