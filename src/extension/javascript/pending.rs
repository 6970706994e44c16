//! Messages that are with a file until it calls back.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use super::answer::Answer;

/// What is kept longer than the message waits, so that the answer and the end of the wait do not meet.
const GRACE: Duration = Duration::from_secs(1);

/// Where an answer goes, and the room that the message takes until then.
pub(super) struct Ticket {
    pub(super) answer: oneshot::Sender<Answer>,
    pub(super) room: OwnedSemaphorePermit,
    /// Until when somebody waits for the answer.
    pub(super) until: Instant,
}

/// All messages that wait for their callback, by number.
#[derive(Default)]
pub(super) struct Pending {
    tickets: HashMap<u64, Ticket>,
    order: VecDeque<(Instant, u64)>,
    last: u64,
}

impl Pending {
    /// Keeps a ticket; its number.
    pub(super) fn add(&mut self, ticket: Ticket) -> u64 {
        self.last += 1;
        // One that is never answered keeps those behind it in the list.
        if self.order.len() > 2 * self.tickets.len() + 1000 {
            self.order.retain(|(_, number)| self.tickets.contains_key(number));
        }
        self.order.push_back((ticket.until + GRACE, self.last));
        self.tickets.insert(self.last, ticket);
        self.last
    }

    /// Answers a message. False if it was answered before, or waits no longer.
    pub(super) fn answer(&mut self, number: u64, answer: Answer) -> bool {
        let Some(ticket) = self.tickets.remove(&number) else { return false };
        drop(ticket.room);
        ticket.answer.send(answer).is_ok()
    }

    /// Forgets what nobody waits for any more.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((until, number)) = self.order.front().copied()
            && (until <= now || !self.tickets.contains_key(&number))
        {
            self.tickets.remove(&number);
            self.order.pop_front();
        }
    }

    /// When something is to be forgotten next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.order.front().map(|(until, _)| *until)
    }
}
