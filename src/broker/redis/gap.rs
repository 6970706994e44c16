//! A gap in the offsets of a partition: buffers what arrives behind it, and counts what stays missing.

use std::collections::BTreeMap;

use super::frame::Item;
use crate::redis::NodeId;

/// Publications that are buffered behind a gap.
pub(super) const BUFFERED: usize = 10_000;
/// Bytes of publications that are buffered behind a gap.
const BUFFERED_BYTES: usize = 16 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Gap {
    /// The last missing offset. Later publications arrive by Pub/Sub.
    pub(super) until: u64,
    /// The deliveries since, by offset.
    buffered: BTreeMap<u64, Delivery>,
    bytes: usize,
}

/// A gap that has ended.
pub(super) struct Closed {
    /// What was found and what was buffered, by offset.
    pub(super) deliveries: BTreeMap<u64, Delivery>,
    /// The newest offset.
    pub(super) end: u64,
    /// The number of publications that were found.
    pub(super) recovered: usize,
    /// The number of publications that stay missing, as far as it is known.
    pub(super) missed: u64,
}

/// A publication that arrived by Pub/Sub or was found in a history.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Delivery {
    pub(super) offset: u64,
    pub(super) publisher: NodeId,
    pub(super) counter: u64,
    pub(super) item: Item,
}

/// The epoch of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Epoch {
    pub(super) id: u64,
    /// The offset before the first one of the epoch; `None` if an older version of the server began it.
    pub(super) base: Option<u64>,
}

impl Gap {
    pub(super) fn until(offset: u64) -> Self {
        Self { until: offset, buffered: BTreeMap::new(), bytes: 0 }
    }

    /// Returns the last known offset.
    pub(super) fn last(&self) -> u64 {
        self.buffered.keys().next_back().copied().unwrap_or(0).max(self.until)
    }

    pub(super) fn add(&mut self, delivery: Delivery) {
        self.bytes += delivery.item.object.len();
        self.buffered.insert(delivery.offset, delivery);
        while self.buffered.len() > BUFFERED || self.bytes > BUFFERED_BYTES {
            // A history may still have it. If not, it is counted as missed.
            let Some((_, oldest)) = self.buffered.pop_first() else { return };
            self.bytes -= oldest.item.object.len();
        }
    }

    /// Ends the gap after an offset with the publications that were found. With an `epoch` the partition has another one than
    /// before the gap: the jump of the offsets between both is not missed, and what was found may be below the offset.
    pub(super) fn close(self, here: u64, epoch: Option<Epoch>, found: Vec<Delivery>) -> Closed {
        let mut deliveries = self.buffered;
        let buffered = deliveries.len();
        let is_new = |found: &Delivery| epoch.is_some() || found.offset > here;
        for delivery in found.into_iter().filter(|found| is_new(found) && found.offset <= self.until) {
            deliveries.entry(delivery.offset).or_insert(delivery);
        }
        let recovered = deliveries.len() - buffered;
        let end = deliveries.keys().next_back().copied().unwrap_or(0).max(self.until);
        let expected = match epoch {
            Some(epoch) => {
                let first = deliveries.keys().next().map_or(end, |first| first.saturating_sub(1));
                let base = epoch.base.map_or(first, |base| base.clamp(here, end));
                // The end of the other epoch, as far as it is known.
                let until = Some(self.until).filter(|until| *until < base);
                let last = deliveries.range(..base).next_back().map(|(offset, _)| *offset);
                last.max(until).unwrap_or(here).saturating_sub(here) + (end - base)
            }
            None => end - here.min(end),
        };
        let missed = expected.saturating_sub(deliveries.range(here + 1..).count() as u64);
        Closed { deliveries, end, recovered, missed }
    }
}
