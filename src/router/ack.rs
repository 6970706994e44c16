//! The state of acknowledged delivery (`ext.ack`, as CometD speaks it): which messages of a queue the client has received.
//!
//! Each connect reply has a number, and a connect names the last number that its client has received. Messages leave the
//! queue only then. Nothing depends on the order in which replies and connects arrive, or on whether they arrive.
//!
//! This is a plain value. It must not know sessions, messages or time: the caller has the queue, and tells its length.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// The number of replies whose content is known. An acknowledgement of an older one has no effect.
const MARKS: usize = 16;
/// The distance to the numbers of another owner that may still send replies.
const GAP: u64 = 65_536;
/// The largest number of a client that has an effect. Numbers stay exact in JavaScript.
const HIGHEST: u64 = 1 << 52;
/// The largest reply, in messages and in bytes.
const MESSAGES: usize = 64;
const BYTES: usize = 256 * 1024;
/// The number of replies with the same messages before they are sent only now and then.
const RESENDS: u8 = 2;
/// How often the size of a reply is halved.
const SHRINKS: u8 = 12;

/// The content of a reply: its number, and the index after its last message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Mark {
    number: u64,
    end: u64,
}

/// The state of acknowledged delivery. Indexes count all messages of the session from zero.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ack {
    /// The index of the front of the queue.
    base: u64,
    /// The index after the last message that was ever sent.
    sent: u64,
    /// The number of the next reply. Zero is what clients send that have received none.
    next: u64,
    /// The number of replies that repeated messages since the last message was acknowledged.
    resends: u8,
    /// How often the size of a reply is halved: a connection may end within each long reply.
    shrinks: u8,
    /// The newest replies, in the order of their numbers.
    marks: VecDeque<Mark>,
}

/// A reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbered {
    /// The number of the reply.
    pub number: u64,
    /// How many of its messages, from the first, were sent before.
    pub resent: usize,
}

impl Default for Ack {
    fn default() -> Self {
        Self::since(1)
    }
}

impl Ack {
    /// The bytes of memory of a value with its marks.
    pub const MEMORY: usize = size_of::<Self>() + MARKS * size_of::<Mark>();

    fn since(next: u64) -> Self {
        Self { base: 0, sent: 0, next, resends: 0, shrinks: 0, marks: VecDeque::with_capacity(MARKS) }
    }

    /// Returns the state of a session that is adopted from a dead instance. `next` is a number that its record had: the instance
    /// may have used later ones, and its replies may still arrive. They acknowledge nothing here.
    #[must_use]
    pub fn adopted(next: u64) -> Self {
        Self::since(next.min(HIGHEST) + GAP)
    }

    /// Returns the number of the next reply.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Handles the number of a connect. Returns how many messages leave the front of the queue.
    ///
    /// Only the messages of exactly this reply, and those before it, were received: another reply before it may be lost.
    pub fn acknowledge(&mut self, number: u64) -> usize {
        if number >= self.next {
            // A reply of another owner. Its number must not be used here, because it would acknowledge another content.
            if number <= HIGHEST {
                self.next = number + GAP;
            }
            return 0;
        }
        let Some(at) = self.marks.iter().position(|mark| mark.number == number) else { return 0 };
        let end = self.marks.drain(..=at).next_back().map_or(0, |mark| mark.end);
        let received = end.saturating_sub(self.base);
        if received > 0 {
            self.base = end;
            self.resends = 0;
            self.shrinks = self.shrinks.saturating_sub(1);
        }
        usize::try_from(received).unwrap_or(usize::MAX)
    }

    /// Assigns a number to a reply with this many messages from the front of the queue. Called before the reply is written.
    pub fn send(&mut self, count: usize) -> Numbered {
        let number = self.next;
        self.next += 1;
        let end = self.base + count as u64;
        let resent = self.sent.min(end).saturating_sub(self.base);
        if resent > 0 {
            self.resends = self.resends.saturating_add(1);
            self.shrinks = (self.shrinks + 1).min(SHRINKS);
        }
        self.sent = self.sent.max(end);
        if self.marks.len() >= MARKS {
            self.marks.pop_front();
        }
        self.marks.push_back(Mark { number, end });
        Numbered { number, resent: usize::try_from(resent).unwrap_or(usize::MAX) }
    }

    /// Returns the largest number of messages and bytes of the next reply.
    #[must_use]
    pub fn limits(&self) -> (usize, usize) {
        ((MESSAGES >> self.shrinks).max(1), BYTES >> self.shrinks)
    }

    /// Records that messages were dropped from the front of the queue, because it was full.
    pub fn drop_oldest(&mut self, count: usize) {
        self.base += count as u64;
        self.sent = self.sent.max(self.base);
    }

    /// Whether a queue of this length has messages that were never sent.
    #[must_use]
    pub fn has_unsent(&self, queued: usize) -> bool {
        self.base + queued as u64 > self.sent
    }

    /// Whether the same messages were sent repeatedly, and none was acknowledged.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.resends >= RESENDS && self.sent > self.base
    }

    /// Checks a state from another instance against its queue. Without a consistent one no earlier reply can be acknowledged.
    pub fn check(&mut self, queued: usize) {
        let end = self.base.saturating_add(queued as u64);
        let is_ordered =
            self.marks.iter().zip(self.marks.iter().skip(1)).all(|(one, next)| one.number < next.number);
        let is_known = |mark: &Mark| mark.end <= self.sent && mark.number < self.next;
        if self.sent > end || self.marks.len() > MARKS || !is_ordered || !self.marks.iter().all(is_known) {
            self.forget();
        }
        self.shrinks = self.shrinks.min(SHRINKS);
    }

    /// Forgets the content of all replies, because the queue is another one: none of them can be acknowledged any more.
    pub fn forget(&mut self) {
        self.marks.clear();
        (self.base, self.sent) = (0, 0);
    }
}

#[cfg(test)]
mod model;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn number(ack: &mut Ack, count: usize) -> u64 {
        ack.send(count).number
    }

    #[test]
    fn a_reply_is_acknowledged_by_exactly_its_number() {
        let mut ack = Ack::default();
        assert_eq!(ack.acknowledge(0), 0, "a client that has received nothing");
        assert_eq!(number(&mut ack, 3), 1);
        assert_eq!(number(&mut ack, 0), 2, "an empty reply");
        assert_eq!((ack.acknowledge(2), ack.acknowledge(1)), (0, 0), "the first reply may be lost");
        assert_eq!(ack.send(4), Numbered { number: 3, resent: 3 });
        assert!(!ack.has_unsent(4) && ack.has_unsent(5));
        assert_eq!((ack.acknowledge(3), ack.acknowledge(3)), (4, 0), "once");
    }

    #[test]
    fn a_late_acknowledgement_of_less_is_one_of_less() {
        let mut ack = Ack::default();
        let replies = [number(&mut ack, 1), number(&mut ack, 3), number(&mut ack, 3)];
        assert_eq!(ack.acknowledge(replies[0]), 1);
        assert_eq!(ack.acknowledge(replies[2]), 2);
        assert_eq!(ack.acknowledge(replies[1]), 0);
    }

    #[test]
    fn a_number_from_the_future_is_never_used_here() {
        let mut ack = Ack::default();
        assert_eq!(ack.acknowledge(7), 0);
        let next = number(&mut ack, 1);
        assert!(next > 7, "{next}");
        assert_eq!((ack.acknowledge(7), ack.acknowledge(next)), (0, 1));
        for senseless in [HIGHEST + 1, u64::MAX] {
            assert_eq!(ack.acknowledge(senseless), 0);
            assert_eq!(number(&mut ack, 0), next + 1);
            ack.next -= 1;
        }
        assert!(number(&mut Ack::adopted(u64::MAX), 0) > 0, "a record without sense");
    }

    #[test]
    fn messages_that_were_dropped_are_not_dropped_once_more() {
        let mut ack = Ack::default();
        let replies = [number(&mut ack, 2), number(&mut ack, 3)];
        ack.drop_oldest(2);
        assert_eq!((ack.acknowledge(replies[0]), ack.acknowledge(replies[1])), (0, 1));
        ack.drop_oldest(5);
        assert!(ack.has_unsent(1) && !ack.has_unsent(0));
    }

    #[test]
    fn the_content_of_the_newest_sixteen_replies_is_known() {
        let mut ack = Ack::default();
        (0..17).for_each(|_| _ = ack.send(1));
        assert_eq!((ack.acknowledge(1), ack.acknowledge(2)), (0, 1));
    }

    #[test]
    fn replies_without_progress_become_shorter_and_rare() {
        let mut ack = Ack::default();
        let mut stalls = Vec::new();
        for _ in 0..4 {
            ack.send(1);
            stalls.push((ack.is_stalled(), ack.limits().0));
        }
        assert_eq!(stalls, [(false, 64), (false, 32), (true, 16), (true, 8)]);
        ack.send(0);
        assert_eq!((ack.is_stalled(), ack.limits().0), (true, 8), "an empty reply repeats nothing");
        let last = number(&mut ack, 1);
        assert_eq!(ack.acknowledge(last), 1);
        assert_eq!((ack.is_stalled(), ack.limits()), (false, (8, 32 * 1024)));
        (0..100).for_each(|_| _ = ack.send(1));
        assert_eq!(ack.limits(), (1, 64));
    }

    #[test]
    fn a_state_of_another_instance_must_fit_its_queue() {
        let mut ack = Ack::default();
        let replies = [number(&mut ack, 2), number(&mut ack, 3)];
        ack.acknowledge(replies[0]);
        let text = serde_json::to_string(&ack).unwrap();
        assert_eq!(
            text,
            r#"{"base":2,"sent":3,"next":3,"resends":0,"shrinks":0,"marks":[{"number":2,"end":3}]}"#
        );
        let read = || serde_json::from_str::<Ack>(&text).unwrap();
        for (queued, received) in [(1, 1), (9, 1), (0, 0)] {
            let mut ack = read();
            ack.check(queued);
            assert_eq!((ack.acknowledge(2), ack.next()), (received, 3), "{queued}");
        }
        for damage in [r#""sent":2"#, r#""next":2"#] {
            let mut ack: Ack =
                serde_json::from_str(&text.replace(&damage.replace('2', "3"), damage)).unwrap();
            ack.check(9);
            assert_eq!(ack.acknowledge(2), 0, "{damage}");
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Push,
        Send(usize),
        Acknowledge(u64),
        Drop,
        Move,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => Just(Step::Push),
            3 => (0..6_usize).prop_map(Step::Send),
            3 => (0..40_u64).prop_map(Step::Acknowledge),
            1 => Just(Step::Drop),
            1 => Just(Step::Move),
        ]
    }

    proptest! {
        /// The reference: what each reply contained, by message.
        #[test]
        fn only_messages_of_the_acknowledged_reply_and_before_it_leave(steps in vec(step(), 0..200)) {
            let mut ack = Ack::default();
            let (mut front, mut pushed) = (0, 0);
            let mut replies: Vec<(u64, usize)> = Vec::new();
            for step in steps {
                let queued = pushed - front;
                match step {
                    Step::Push => pushed += 1,
                    Step::Send(count) => {
                        let count = count.min(queued);
                        let sent = ack.send(count);
                        prop_assert!(replies.last().is_none_or(|(last, _)| sent.number > *last));
                        prop_assert!(sent.resent <= count);
                        replies.push((sent.number, front + count));
                    }
                    Step::Acknowledge(number) => {
                        let count = ack.acknowledge(number);
                        prop_assert!(count <= queued);
                        front += count;
                        let end = replies.iter().find(|(known, _)| *known == number).map(|(_, end)| *end);
                        prop_assert!(count == 0 || Some(front) == end);
                    }
                    Step::Drop if queued > 0 => {
                        ack.drop_oldest(1);
                        front += 1;
                    }
                    Step::Drop => {}
                    Step::Move => {
                        let before = ack.clone();
                        ack.check(queued);
                        prop_assert_eq!(&ack, &before);
                    }
                }
                prop_assert!(ack.marks.len() <= MARKS && ack.marks.capacity() <= MARKS);
                prop_assert_eq!(ack.base, front as u64);
            }
        }
    }
}
