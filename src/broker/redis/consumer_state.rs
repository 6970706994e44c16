//! The state of the consumer of one partition: decides which publications are delivered, in which order, and where a gap
//! is. A plain value, so that a model checker drives it. It must not know the lock, the subscribers and the metrics.

use super::frame::Item;
use super::gap::{Closed, Delivery, Epoch, Gap};
use super::local_deliveries::LocalDeliveries;
use super::publishers::Publishers;
use crate::redis::NodeId;

/// The state of a consumer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ConsumerState {
    me: NodeId,
    /// The epoch of the partition and the newest delivered offset; `None` before this instance joins.
    at: Option<(u64, u64)>,
    /// The newest counter of each publisher.
    publishers: Publishers,
    /// The newest echoed counter of own publications.
    own: u64,
    /// Own publications that were delivered without Redis.
    local: LocalDeliveries,
    /// The gap that is being recovered. Deliveries are buffered in it.
    gap: Option<Gap>,
}

/// The action that the caller has to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    None,
    /// Recover the gap, which has just begun.
    Recover,
}

/// The end of a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Recovered {
    /// The number of publications that were found.
    pub(super) recovered: u64,
    /// The number of publications that stay missing, as far as it is known.
    pub(super) missed: u64,
    /// Whether the partition has another epoch than before.
    pub(super) is_reset: bool,
}

impl ConsumerState {
    pub(super) fn new(me: NodeId) -> Self {
        let (publishers, local) = (Publishers::default(), LocalDeliveries::default());
        Self { me, at: None, publishers, own: 0, local, gap: None }
    }

    /// Returns the epoch and the newest delivered offset.
    pub(super) fn at(&self) -> Option<(u64, u64)> {
        self.at
    }

    /// Returns the epoch of the newest delivered offset.
    pub(super) fn epoch(&self) -> Option<u64> {
        self.at.map(|(epoch, _)| epoch)
    }

    /// Returns the newest delivered offset; `None` before this instance joins.
    pub(super) fn offset(&self) -> Option<u64> {
        self.at.map(|(_, offset)| offset)
    }

    /// Handles publications of one publisher. `first` is the offset of the first, `counter` its counter. Calls `deliver`
    /// with those to deliver.
    pub(super) fn publications(
        &mut self,
        epoch: u64,
        first: u64,
        publisher: NodeId,
        counter: u64,
        items: Vec<Item>,
        deliver: impl FnMut(u64, Item),
    ) -> Action {
        let deliveries = items.into_iter().enumerate().map(|(place, item)| {
            let place = place as u64;
            Delivery { offset: first + place, publisher, counter: counter + place, item }
        });
        if let Some(gap) = &mut self.gap {
            if first > gap.last() + 1 {
                gap.until = first - 1;
            }
            deliveries.for_each(|delivery| gap.add(delivery));
            return Action::None;
        }
        let until = match self.at {
            // The offsets of another epoch may be lower.
            Some((same, offset)) if same != epoch || first > offset + 1 => {
                offset.max(first.saturating_sub(1))
            }
            _ => {
                self.deliver(epoch, deliveries, deliver);
                return Action::None;
            }
        };
        let mut gap = Gap::until(until);
        deliveries.for_each(|delivery| gap.add(delivery));
        self.gap = Some(gap);
        Action::Recover
    }

    /// Handles the newest offset of the partition, from a probe or from Redis. Publications before this instance joined are
    /// not missing.
    pub(super) fn reached(&mut self, epoch: u64, offset: u64) -> Action {
        if let Some(gap) = &mut self.gap {
            if offset > gap.last() {
                gap.until = offset;
            }
            return Action::None;
        }
        match self.at {
            None => self.at = Some((epoch, offset)),
            Some((same, here)) if same == epoch && here >= offset => {}
            Some((_, here)) => {
                self.gap = Some(Gap::until(offset.max(here)));
                return Action::Recover;
            }
        }
        Action::None
    }

    /// Resets the state after this instance has left the partition.
    pub(super) fn reset(&mut self) {
        self.at = None;
        self.gap = None;
    }

    /// Returns the gap: the newest delivered offset, and the last missing one.
    pub(super) fn gap(&self) -> Option<(u64, u64)> {
        self.gap.as_ref().zip(self.offset()).map(|(gap, offset)| (offset, gap.until))
    }

    /// Ends the gap up to `until` with the publications that were found, in this epoch; without an epoch, in that of the last
    /// delivery. Calls `deliver` with those to deliver. Returns `None`, without an effect, if the gap has grown.
    pub(super) fn recover(
        &mut self,
        epoch: Option<Epoch>,
        until: u64,
        found: Vec<Delivery>,
        deliver: impl FnMut(u64, Item),
    ) -> Option<Recovered> {
        let (before, here) = self.at?;
        let gap = self.gap.take_if(|gap| gap.until == until)?;
        let epoch = epoch.unwrap_or(Epoch { id: before, base: None });
        let is_reset = before != epoch.id;
        let Closed { deliveries, end, recovered, missed } = gap.close(here, is_reset.then_some(epoch), found);
        if is_reset {
            // Those of the other epoch may be below.
            let first = deliveries.keys().next().map_or(here, |first| first.saturating_sub(1));
            self.at = Some((epoch.id, first.min(here)));
        }
        self.deliver(epoch.id, deliveries.into_values(), deliver);
        self.at = Some((epoch.id, end));
        Some(Recovered { recovered: recovered as u64, missed, is_reset })
    }

    /// Returns the newest echoed counter of own publications.
    pub(super) fn own(&self) -> u64 {
        self.own
    }

    /// Whether an own publication is delivered without Redis, which is down. If so, its echo is dropped. `sent` is its offset
    /// if Redis has accepted it before.
    pub(super) fn deliver_alone(&mut self, counter: u64, sent: Option<u64>) -> bool {
        // What Redis has up to the newest delivered offset came from there, or was before the first subscriber here.
        let is_delivered = sent.zip(self.offset()).is_some_and(|(sent, newest)| sent <= newest);
        counter > self.own && !is_delivered && self.local.add(counter, sent)
    }

    /// Notes that Redis has own publications with counters up to this one, at offsets up to this one.
    pub(super) fn sent(&mut self, counter: u64, offset: u64) {
        self.local.sent(counter, offset);
    }

    /// Counts the publications that were delivered without Redis. `None` while one of them is not in Redis, or its echo has
    /// not arrived.
    pub(super) fn delivered_alone(&mut self) -> Option<u64> {
        // Without a subscriber no echo arrives.
        self.local.settled(self.offset().unwrap_or(u64::MAX))
    }

    fn deliver(
        &mut self,
        epoch: u64,
        deliveries: impl Iterator<Item = Delivery>,
        mut deliver: impl FnMut(u64, Item),
    ) {
        let mut newest = self.offset().unwrap_or(0);
        for Delivery { offset, publisher, counter, item } in deliveries {
            if offset <= newest {
                continue;
            }
            newest = offset;
            if !self.publishers.is_new(publisher, counter) {
                continue;
            }
            if publisher == self.me {
                self.own = counter.max(self.own);
                if self.local.echoed(counter) {
                    continue;
                }
            }
            deliver(offset, item);
        }
        self.at = Some((epoch, newest));
    }
}
