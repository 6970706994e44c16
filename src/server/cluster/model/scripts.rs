//! The record of a session and the leases in Redis: the decisions of `claim.lua`, `session.lua`, `beat.lua` and `alive.lua` as
//! pure functions, in their order.

use super::Without;
use crate::cluster::WriteOutcome;

/// The record of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Record {
    pub(super) owner: usize,
    pub(super) epoch: u64,
    pub(super) is_subscribed: bool,
    /// The position before the first queued publication.
    pub(super) position: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Redis {
    pub(super) record: Option<Record>,
    /// Whether the lease of each instance has not ended: `alive.lua`.
    pub(super) leases: [bool; 2],
}

impl Redis {
    /// `claim.lua`
    pub(super) fn claim(&mut self, node: usize, epoch: u64, without: Option<Without>) -> bool {
        let Some(record) = &mut self.record else { return false };
        if record.owner == node && record.epoch == epoch + 1 {
            return true;
        }
        let is_restored = record.owner == node && record.epoch < epoch;
        if record.epoch != epoch && !is_restored && without != Some(Without::Fence) {
            return false;
        }
        (record.owner, record.epoch) = (node, epoch + 1);
        true
    }

    /// `session.lua`
    pub(super) fn write(
        &mut self,
        node: usize,
        epoch: u64,
        change: impl FnOnce(&mut Record),
        without: Option<Without>,
    ) -> WriteOutcome {
        let Some(record) = &mut self.record else { return WriteOutcome::NotFound };
        if record.owner == node && record.epoch < epoch {
            return WriteOutcome::NotFound;
        }
        if (record.owner != node || record.epoch != epoch) && without != Some(Without::Fence) {
            return WriteOutcome::Fenced;
        }
        change(record);
        WriteOutcome::Written
    }

    /// `session.lua` with `end`
    pub(super) fn remove(&mut self, owner: usize, epoch: u64) {
        self.record.take_if(|record| record.owner == owner && record.epoch == epoch);
    }

    /// `beat.lua`: whether the lease had not ended.
    pub(super) fn beat(&mut self, node: usize) -> bool {
        std::mem::replace(&mut self.leases[node], true)
    }
}
