//! An instance of the model: the real [`ConsumerState`] of a partition, and the decisions of `writer.rs` and `queue.rs` under
//! their names, without the tasks and the clock.

use super::scripts::{Frame, Sent, item, node};
use super::{Fate, Message, Spec, Without};
use crate::broker::redis::consumer_state::ConsumerState;
use crate::broker::redis::frame;
use crate::broker::redis::gap::{Delivery, Epoch};

/// `queue::RedisState`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum RedisState {
    Up,
    Failing,
    Down,
}

/// `queue::Item`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Item {
    pub(super) counter: u64,
    pub(super) message: Message,
    /// Whether a publisher waits for the outcome.
    pub(super) publisher: bool,
}

/// `writer::Unechoed`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Unechoed {
    counter: u64,
    offset: u64,
    message: Message,
}

/// A batch that the writer sent and got no reply to. Redis may execute it at any later time, or never.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Late {
    pub(super) known: u64,
    pub(super) counter: u64,
    pub(super) messages: Vec<Message>,
}

/// The reply of `fill.lua`, before the consumer has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Found {
    pub(super) until: u64,
    pub(super) epoch: Epoch,
    pub(super) deliveries: Vec<Delivery>,
}

/// A publication in a mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Received {
    /// `None` if it was delivered without Redis.
    pub(super) offset: Option<u64>,
    pub(super) message: Message,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub(super) id: usize,
    pub(super) consumer: ConsumerState,
    // The writer.
    pub(super) items: Vec<Item>,
    pub(super) batch: Vec<Item>,
    counter: u64,
    pub(super) redis: RedisState,
    newest_offset: u64,
    unechoed: Vec<Unechoed>,
    pub(super) late: Option<Late>,
    // The subscriber.
    pub(super) is_joined: bool,
    pub(super) frames: Vec<Frame>,
    pub(super) found: Option<Found>,
    /// What a session that was subscribed from the start received.
    pub(super) received: Vec<Received>,
    /// The metrics `missed` and `epoch_resets`.
    pub(super) missed: u64,
    pub(super) epoch_resets: u64,
}

impl Node {
    pub(super) fn new(id: usize, first: &Frame) -> Self {
        let mut consumer = ConsumerState::new(node(id));
        if let Frame::State { epoch, offset } = *first {
            consumer.reached(epoch, offset);
        }
        Self {
            id,
            consumer,
            items: Vec::new(),
            batch: Vec::new(),
            counter: 0,
            redis: RedisState::Up,
            newest_offset: 0,
            unechoed: Vec::new(),
            late: None,
            is_joined: true,
            frames: Vec::new(),
            found: None,
            received: Vec::new(),
            missed: 0,
            epoch_resets: 0,
        }
    }

    /// `Writer::publish`
    pub(super) fn publish(&mut self, message: Message, is_local: bool, fates: &mut Fates) {
        let is_alone = is_local && self.redis != RedisState::Up;
        if self.redis == RedisState::Down && !is_local {
            fates.of[usize::from(message)] = Fate::Refused;
            return;
        }
        self.counter += 1;
        fates.of[usize::from(message)] = if is_alone { Fate::Accepted } else { Fate::Waiting };
        if is_alone {
            self.deliver_alone(self.counter, message, None, fates);
        }
        self.items.push(Item { counter: self.counter, message, publisher: !is_alone });
    }

    /// `Queue::next_batch`, if the last batch is done.
    pub(super) fn next_batch(&mut self) {
        while self.batch.is_empty()
            || self.items.first().is_some_and(|item| self.batch.last().unwrap().counter + 1 == item.counter)
        {
            if self.items.is_empty() {
                return;
            }
            self.batch.push(self.items.remove(0));
        }
    }

    /// `Writer::try_send`, with the batch that was begun.
    pub(super) fn request(&self) -> Late {
        let counter = self.batch.first().map_or(0, |item| item.counter);
        let messages = self.batch.iter().map(|item| item.message).collect();
        Late { known: self.known(), counter, messages }
    }

    /// `Writer::known`
    pub(super) fn known(&self) -> u64 {
        self.consumer.offset().unwrap_or(0).max(self.newest_offset)
    }

    /// `Writer::send`, after a reply.
    pub(super) fn accept(&mut self, sent: Sent, specs: &[Spec], fates: &mut Fates) {
        self.newest_offset = sent.newest_offset.max(self.newest_offset);
        let count = self.batch.iter().take_while(|item| item.counter <= sent.newest_counter).count();
        let batch: Vec<_> = self.batch.drain(..count).collect();
        if batch.iter().any(|item| specs[usize::from(item.message)].is_local) {
            self.expect_echo(&batch, sent.newest_offset, specs);
        }
        for item in batch.iter().filter(|item| item.publisher) {
            fates.of[usize::from(item.message)] = Fate::Accepted;
        }
        self.redis = RedisState::Up;
    }

    /// `Writer::expect_echo`
    fn expect_echo(&mut self, batch: &[Item], newest: u64, specs: &[Spec]) {
        if let Some(last) = batch.last() {
            self.consumer.sent(last.counter, newest);
        }
        let own = self.consumer.own();
        self.unechoed.retain(|sent| sent.counter > own);
        let sent =
            batch.iter().filter(|item| specs[usize::from(item.message)].is_local && item.counter > own);
        self.unechoed.extend(sent.map(|item| {
            let Item { counter, message, .. } = *item;
            Unechoed { counter, offset: newest, message }
        }));
    }

    /// `Writer::fail`
    pub(super) fn fail(
        &mut self,
        is_over: bool,
        specs: &[Spec],
        fates: &mut Fates,
        without: Option<Without>,
    ) {
        match self.redis {
            RedisState::Up => {
                self.redis = RedisState::Failing;
                self.accept_alone(specs, fates, without);
            }
            RedisState::Failing => {}
            RedisState::Down => return,
        }
        if !is_over {
            return;
        }
        self.redis = RedisState::Down;
        let waiting = std::mem::take(&mut self.items);
        for item in self.batch.drain(..).chain(waiting) {
            if item.publisher {
                fates.of[usize::from(item.message)] = Fate::Refused;
            } else {
                self.items.push(item);
            }
        }
    }

    /// `Writer::accept_alone`
    fn accept_alone(&mut self, specs: &[Spec], fates: &mut Fates, without: Option<Without>) {
        for Unechoed { counter, offset, message } in std::mem::take(&mut self.unechoed) {
            if without != Some(Without::Unechoed) {
                self.deliver_alone(counter, message, Some(offset), fates);
            }
        }
        let is_local = |item: &Item| specs[usize::from(item.message)].is_local;
        let accepted: Vec<_> = self.batch.iter().chain(&self.items).copied().filter(is_local).collect();
        for Item { counter, message, publisher } in accepted {
            self.deliver_alone(counter, message, None, fates);
            if publisher {
                fates.of[usize::from(message)] = Fate::Accepted;
            }
        }
        for item in self.batch.iter_mut().chain(&mut self.items).filter(|item| is_local(item)) {
            item.publisher = false;
        }
    }

    fn deliver_alone(&mut self, counter: u64, message: Message, sent: Option<u64>, fates: &mut Fates) {
        if self.consumer.deliver_alone(counter, sent) {
            self.received.push(Received { offset: None, message });
            fates.is_alone[usize::from(message)] = true;
        }
    }

    /// `Redis::receive` in `subscriber.rs`.
    pub(super) fn receive(&mut self, frame: Frame, without: Option<Without>) {
        let received = &mut self.received;
        match frame {
            Frame::Publications { epoch, offset, publisher, counter, messages } => {
                // A counter that has never been there makes every publication new.
                let is_new = without == Some(Without::CountersInConsumer) && publisher != self.id;
                let counter = if is_new { offset } else { counter };
                let items = messages.into_iter().map(item).collect();
                self.consumer.publications(epoch, offset, node(publisher), counter, items, |offset, item| {
                    received.push(Received { offset: Some(offset), message: item.object[0] });
                });
            }
            Frame::State { epoch, offset } => _ = self.consumer.reached(epoch, offset),
        }
    }

    /// `PartitionConsumer::recover`; without what was found, `PartitionConsumer::abandon`.
    pub(super) fn recover(&mut self, until: u64, found: Option<Found>) {
        let received = &mut self.received;
        let (epoch, deliveries) = found.map(|found| (found.epoch, found.deliveries)).unzip();
        let deliver = |offset, item: frame::Item| {
            received.push(Received { offset: Some(offset), message: item.object[0] });
        };
        let recovered = self.consumer.recover(epoch, until, deliveries.unwrap_or_default(), deliver);
        if let Some(recovered) = recovered {
            self.missed += recovered.missed;
            self.epoch_resets += u64::from(recovered.is_reset);
        }
    }
}

/// What became of the messages.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Fates {
    pub(super) of: Vec<Fate>,
    /// Whether an instance has delivered the message without Redis.
    pub(super) is_alone: Vec<bool>,
    /// Whether a new master did not have the message.
    pub(super) is_rolled_back: Vec<bool>,
}
