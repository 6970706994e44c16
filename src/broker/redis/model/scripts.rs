//! The partition in Redis as the model has it: the decisions of `epoch.lua`, `publish.lua`, `state.lua` and `fill.lua` as pure
//! functions, with their names and in their order. What has no effect on the order of publications, such as the lifetimes of
//! keys, is left out.

use super::{Message, Without};
use crate::broker::redis::frame::Item;
use crate::broker::redis::gap::{Delivery, Epoch};
use crate::redis::NodeId;

/// The keys of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Keys {
    pub(super) number: u64,
    pub(super) epoch: u64,
    base: u64,
    pub(super) master: u64,
    /// The newest counter of each publisher.
    newest: [u64; 2],
    /// The histories of all channels, by offset.
    pub(super) history: Vec<Kept>,
    /// Every message that was appended; no key.
    pub(super) appended: Vec<Message>,
}

/// A message of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Kept {
    pub(super) offset: u64,
    publisher: usize,
    counter: u64,
    pub(super) message: Message,
}

/// Redis: a master with a replica.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Redis {
    pub(super) keys: Keys,
    /// Before the last batch, which the replica may not have.
    before: Option<Box<Keys>>,
    /// The `run_id` of the master.
    pub(super) master: u64,
    /// The number of epochs so far, which gives a new one its identifier.
    epochs: u64,
}

/// What Redis publishes in the Pub/Sub channel of the partition. `State` is the reply of `state.lua`, or a probe.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Frame {
    Publications { epoch: u64, offset: u64, publisher: usize, counter: u64, messages: Vec<Message> },
    State { epoch: u64, offset: u64 },
}

/// The reply of `publish.lua`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) newest_offset: u64,
    pub(super) newest_counter: u64,
}

/// The first epoch begins here, the second at twice this offset: above all that were assigned before, as the time in
/// microseconds is.
const TIME: u64 = 10;

pub(super) fn node(publisher: usize) -> NodeId {
    NodeId([u8::try_from(publisher).unwrap(); 16])
}

pub(super) fn item(message: Message) -> Item {
    Item { channel: "/a".into(), object: vec![message], is_kept: None }
}

impl Redis {
    pub(super) fn new() -> Self {
        let (history, appended) = (Vec::new(), Vec::new());
        let keys = Keys { number: TIME, epoch: 1, base: TIME, master: 1, newest: [0; 2], history, appended };
        Self { before: None, keys, master: 1, epochs: 1 }
    }

    /// Makes the replica the master. Returns `None` if there is no last batch that it may not have.
    pub(super) fn fail_over(&mut self, has_last_batch: bool) -> Option<()> {
        let before = self.before.take();
        if !has_last_batch {
            self.keys = *before?;
        }
        self.master += 1;
        Some(())
    }

    /// Whether a batch of a publisher that begins with this counter has no effect any more.
    pub(super) fn has(&self, publisher: usize, counter: u64) -> bool {
        self.keys.newest[publisher] >= counter
    }

    /// Forgets what matters only for a failover.
    pub(super) fn keep_master(&mut self) {
        self.before = None;
    }

    /// `epoch.lua`
    fn epoch_of(&mut self, known: u64, without: Option<Without>) {
        if without == Some(Without::EpochOfMaster) {
            self.keys.master = self.master;
        }
        let is_of_master = self.keys.master == self.master;
        if self.keys.number >= known && is_of_master {
            return;
        }
        self.epochs += 1;
        let time = if without == Some(Without::OffsetsAboveTime) { 0 } else { TIME * self.epochs };
        let number = time.max(self.keys.number + 1).max(known + 1);
        let (epoch, master) = (self.epochs, self.master);
        self.keys = Keys { number, base: number, epoch, master, ..self.keys.clone() };
    }

    /// `publish.lua`
    pub(super) fn publish(
        &mut self,
        known: u64,
        publisher: usize,
        counter: u64,
        messages: &[Message],
        has_history: impl Fn(Message) -> bool,
        without: Option<Without>,
    ) -> (Sent, Option<Frame>) {
        self.epoch_of(known, without);
        let newest = self.keys.newest[publisher];
        if newest >= counter && without != Some(Without::CountersInRedis) {
            return (Sent { newest_offset: self.keys.number, newest_counter: newest }, None);
        }
        self.before = Some(Box::new(self.keys.clone()));
        let first = self.keys.number + 1;
        self.keys.number += messages.len() as u64;
        self.keys.newest[publisher] = counter + messages.len() as u64 - 1;
        for (place, message) in (0..).zip(messages) {
            let (offset, counter) = (first + place, counter + place);
            if has_history(*message) {
                self.keys.history.push(Kept { offset, publisher, counter, message: *message });
            }
        }
        self.keys.appended.extend(messages);
        let sent = Sent { newest_offset: self.keys.number, newest_counter: self.keys.newest[publisher] };
        let (epoch, messages) = (self.keys.epoch, messages.to_vec());
        (sent, Some(Frame::Publications { epoch, offset: first, publisher, counter, messages }))
    }

    /// `state.lua`
    pub(super) fn state(&mut self, known: u64, without: Option<Without>) -> Frame {
        self.epoch_of(known, without);
        Frame::State { epoch: self.keys.epoch, offset: self.keys.number }
    }

    /// `fill.lua`
    pub(super) fn fill(&self, since: u64) -> (Epoch, Vec<Delivery>) {
        let found = self.keys.history.iter().filter(|kept| kept.offset > since).map(|kept| Delivery {
            offset: kept.offset,
            publisher: node(kept.publisher),
            counter: kept.counter,
            item: item(kept.message),
        });
        (Epoch { id: self.keys.epoch, base: Some(self.keys.base) }, found.collect())
    }
}
