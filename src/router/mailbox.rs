//! The mailbox of a session: a bounded queue of undelivered messages. A message leaves it only after it was written to
//! a live connection.
//!
//! The mailbox is a plain value; the session locks it.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::bayeux::Publication;
use crate::config::Overflow;

/// The capacity of a mailbox.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Maximum number of messages.
    pub messages: usize,
    /// Maximum size of the messages in bytes.
    pub bytes: usize,
}

/// Messages that a transport writes. Up to four are stored inline.
pub type Items = SmallVec<[Arc<Publication>; 4]>;

/// The result of pushing a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// The publication is queued.
    Queued,
    /// The publication is queued, and this number of older ones was dropped.
    Displaced(usize),
    /// The publication was dropped.
    Dropped,
    /// There was no room, and the session has to end.
    Overflow,
    /// The publication is left to a replay of its history.
    Deferred,
}

/// The queue. The bounds apply to queued messages. Leased messages are usually written but not yet reported as such;
/// since they may return, queued and leased messages together are limited to twice the bounds.
#[derive(Debug, Default)]
pub struct Mailbox {
    /// The front of the queue. Usually it is the only message, and no other memory has to be read.
    first: Option<Arc<Publication>>,
    /// The queued messages after `first`; empty without `first`.
    rest: VecDeque<Arc<Publication>>,
    bytes: usize,
    leased: usize,
    leased_bytes: usize,
}

/// Maximum capacity that an empty queue keeps, in messages.
const KEPT: usize = 16;

impl Mailbox {
    /// Appends a publication, or applies the overflow policy if there is no room. An empty mailbox accepts any single
    /// publication, regardless of its size.
    pub fn push(&mut self, publication: &Arc<Publication>, bounds: Bounds, overflow: Overflow) -> Pushed {
        let mut displaced = 0;
        while !self.has_room(publication.size(), bounds) {
            match overflow {
                Overflow::Disconnect => return Pushed::Overflow,
                Overflow::DropNewest => return Pushed::Dropped,
                // Leased messages cannot be dropped; if they alone exceed the bounds, dropping queued messages makes no
                // room.
                Overflow::DropOldest if !self.lease_leaves_room(publication.size(), bounds) => {
                    return Pushed::Dropped;
                }
                Overflow::DropOldest => match self.pop() {
                    Some(oldest) => {
                        self.bytes -= oldest.size();
                        displaced += 1;
                    }
                    None => return Pushed::Dropped,
                },
            }
        }
        self.bytes += publication.size();
        if self.first.is_none() {
            self.first = Some(Arc::clone(publication));
        } else {
            self.rest.push_back(Arc::clone(publication));
        }
        if displaced > 0 { Pushed::Displaced(displaced) } else { Pushed::Queued }
    }

    /// Returns the bytes of memory of the queue, without the publications, which it shares with other mailboxes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.rest.capacity() * size_of::<Arc<Publication>>()
    }

    /// Returns the bytes of memory that the mailbox keeps in use: the queue, its share of each queued publication, and
    /// the leased messages.
    #[must_use]
    pub fn weight(&self) -> usize {
        let share = |publication: &Arc<Publication>| publication.memory() / Arc::strong_count(publication);
        let waiting: usize = self.items().map(share).sum();
        self.memory() + waiting + self.leased_bytes
    }

    /// Whether a publication of this size has room.
    pub(super) fn has_room(&self, size: usize, bounds: Bounds) -> bool {
        let fits = |messages: usize, bytes: usize, times: usize| {
            messages < bounds.messages.saturating_mul(times)
                && bytes + size <= bounds.bytes.saturating_mul(times)
        };
        let queue = self.is_empty() || fits(self.len(), self.bytes, 1);
        let both = self.is_empty() && self.leased == 0
            || fits(self.len() + self.leased, self.bytes + self.leased_bytes, 2);
        queue && both
    }

    /// Whether this number of publications with this size in bytes has room, while nothing is leased.
    pub(super) fn fits(&self, count: usize, size: usize, bounds: Bounds) -> bool {
        self.leased == 0 && self.len() + count <= bounds.messages && self.bytes + size <= bounds.bytes
    }

    /// Returns the bytes of the queued messages.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes
    }

    /// Whether a transport is writing messages of this mailbox.
    pub fn is_leased(&self) -> bool {
        self.leased > 0
    }

    /// Returns the queued messages in order.
    pub fn items(&self) -> impl Iterator<Item = &Arc<Publication>> {
        self.first.iter().chain(&self.rest)
    }

    /// Inserts publications before the queued ones, and keeps only those queued ones for which `is_new` returns `true`. One
    /// in both has its place among the queued ones: between them are others that are only queued. Returns the number of those.
    pub fn merge(
        &mut self,
        before: Vec<Arc<Publication>>,
        mut is_new: impl FnMut(&Publication) -> bool,
    ) -> usize {
        let count = before.len();
        let waiting = self.first.take().into_iter().chain(self.rest.drain(..));
        let waiting: Vec<_> = waiting.filter(|publication| is_new(publication)).collect();
        let queued: HashSet<_> = waiting.iter().filter_map(|publication| publication.position()).collect();
        let is_queued = |publication: &Publication| {
            publication.position().is_some_and(|position| queued.contains(&position))
        };
        let mut all: VecDeque<_> = before.into_iter().filter(|publication| !is_queued(publication)).collect();
        let in_both = count - all.len();
        all.extend(waiting);
        self.bytes = all.iter().map(|publication| publication.size()).sum();
        self.first = all.pop_front();
        self.rest = all;
        in_both
    }

    fn pop(&mut self) -> Option<Arc<Publication>> {
        std::mem::replace(&mut self.first, self.rest.pop_front())
    }

    /// Returns the number of queued messages.
    #[must_use]
    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    /// Moves messages from the front to a lease, at least one if any is queued. Returns `None` if the queue is empty or
    /// if another lease is active: one lease at a time keeps the order when a transport fails.
    pub fn lease(&mut self, messages: usize, bytes: usize) -> Option<Items> {
        if self.leased > 0 {
            return None;
        }
        let mut size = self.first.as_ref()?.size();
        let mut items = Items::new();
        items.extend(self.pop());
        while let Some(next) = &self.first
            && items.len() < messages
            && size + next.size() <= bytes
        {
            size += next.size();
            items.extend(self.pop());
        }
        self.leased = items.len();
        self.leased_bytes = size;
        self.bytes -= size;
        Some(items)
    }

    /// Adds all queued messages to the active lease.
    pub fn lease_more(&mut self) -> impl Iterator<Item = Arc<Publication>> {
        self.leased += self.len();
        self.leased_bytes += self.bytes;
        self.bytes = 0;
        self.first.take().into_iter().chain(self.rest.drain(..))
    }

    /// Ends the lease; unwritten messages return to the front in their order.
    pub fn settle(&mut self, unwritten: impl DoubleEndedIterator<Item = Arc<Publication>>) {
        self.leased = 0;
        self.leased_bytes = 0;
        for publication in unwritten.rev() {
            self.bytes += publication.size();
            if let Some(second) = self.first.replace(publication) {
                self.rest.push_front(second);
            }
        }
        self.bound_idle_memory();
    }

    fn bound_idle_memory(&mut self) {
        if self.rest.is_empty() && self.rest.capacity() > KEPT {
            self.rest = VecDeque::new();
        }
    }

    /// Returns the first messages, which stay queued: at least one if any is queued, up to a number and a size in bytes.
    #[must_use]
    pub fn prefix(&self, messages: usize, bytes: usize) -> Items {
        let mut size = 0;
        let mut items = Items::new();
        for publication in self.items() {
            size += publication.size();
            if !items.is_empty() && (items.len() >= messages || size > bytes) {
                break;
            }
            items.push(Arc::clone(publication));
        }
        items
    }

    /// Removes the first messages.
    pub fn discard(&mut self, count: usize) {
        for _ in 0..count {
            let Some(publication) = self.pop() else { break };
            self.bytes -= publication.size();
        }
        self.bound_idle_memory();
    }

    /// Whether no message is queued; leased messages do not count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Whether there would be room if only the leased messages remained.
    fn lease_leaves_room(&self, size: usize, bounds: Bounds) -> bool {
        self.leased == 0
            || (self.leased < bounds.messages.saturating_mul(2)
                && self.leased_bytes + size <= bounds.bytes.saturating_mul(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayeux::parse::parse_one;

    fn publication(data: usize) -> Arc<Publication> {
        let text = format!(r#"{{"channel":"/a","data":{data:03}}}"#).replace(":00", ":1");
        Arc::new(Publication::new("/a", parse_one(&text.into()).unwrap()))
    }

    fn bounds(messages: usize) -> Bounds {
        Bounds { messages, bytes: usize::MAX }
    }

    #[test]
    fn what_is_not_written_comes_back_in_order() {
        let mut mailbox = Mailbox::default();
        let all: Vec<_> = (100..105).map(publication).collect();
        for one in &all {
            assert_eq!(mailbox.push(one, bounds(5), Overflow::Disconnect), Pushed::Queued);
        }
        let leased = mailbox.lease(3, usize::MAX).unwrap();
        assert_eq!(leased.len(), 3);
        assert!(mailbox.lease(3, usize::MAX).is_none(), "one lease at a time");
        mailbox.settle(leased.into_iter().skip(1));
        let rest = mailbox.lease(usize::MAX, usize::MAX).unwrap();
        assert!(rest.iter().zip(&all[1..]).all(|(one, other)| Arc::ptr_eq(one, other)) && rest.len() == 4);
    }

    #[test]
    fn what_is_leased_leaves_room_but_not_for_ever() {
        let one = publication(101);
        for overflow in [Overflow::Disconnect, Overflow::DropOldest, Overflow::DropNewest] {
            let mut mailbox = Mailbox::default();
            let mut most = 0;
            // A transport that repeatedly writes nothing.
            for _ in 0..5 {
                while matches!(mailbox.push(&one, bounds(3), overflow), Pushed::Queued) {}
                let leased = mailbox.lease(usize::MAX, usize::MAX).unwrap();
                let waiting = leased.len();
                assert_eq!(
                    mailbox.push(&one, bounds(3), overflow) == Pushed::Queued,
                    waiting < 6,
                    "{overflow:?}"
                );
                while matches!(mailbox.push(&one, bounds(3), overflow), Pushed::Queued) {}
                mailbox.settle(leased.into_iter());
                most = most.max(mailbox.len());
            }
            assert_eq!(most, 6, "{overflow:?}");
        }
    }

    #[test]
    fn policies() {
        let (one, two) = (publication(101), publication(102));
        let mut mailbox = Mailbox::default();
        assert_eq!(mailbox.push(&one, bounds(1), Overflow::Disconnect), Pushed::Queued);
        assert_eq!(mailbox.push(&two, bounds(1), Overflow::Disconnect), Pushed::Overflow);
        assert_eq!(mailbox.push(&two, bounds(1), Overflow::DropNewest), Pushed::Dropped);
        assert_eq!(mailbox.push(&two, bounds(1), Overflow::DropOldest), Pushed::Displaced(1));
        assert!(Arc::ptr_eq(&mailbox.lease(9, usize::MAX).unwrap()[0], &two));
        assert_eq!(mailbox.push(&one, bounds(1), Overflow::DropOldest), Pushed::Queued, "one is leased");
        assert_eq!(mailbox.push(&two, bounds(1), Overflow::DropOldest), Pushed::Displaced(1));
    }

    #[test]
    fn a_prefix_stays_queued_until_it_is_discarded() {
        let mut mailbox = Mailbox::default();
        let all: Vec<_> = (100..105).map(publication).collect();
        all.iter().for_each(|one| _ = mailbox.push(one, bounds(9), Overflow::Disconnect));
        let size = all[0].size();
        let prefix = |mailbox: &Mailbox, messages, bytes| {
            let items = mailbox.prefix(messages, bytes);
            let at = all.len() - mailbox.len();
            assert!(items.iter().zip(&all[at..]).all(|(one, other)| Arc::ptr_eq(one, other)));
            items.len()
        };
        assert_eq!((prefix(&mailbox, 3, usize::MAX), prefix(&mailbox, 9, 2 * size)), (3, 2));
        assert_eq!((prefix(&mailbox, 1, 0), prefix(&mailbox, 9, 9 * size)), (1, 5), "at least one");
        mailbox.discard(2);
        assert_eq!((mailbox.len(), mailbox.bytes, prefix(&mailbox, 9, usize::MAX)), (3, 3 * size, 3));
        mailbox.discard(9);
        assert_eq!((mailbox.len(), mailbox.bytes, prefix(&mailbox, 9, usize::MAX)), (0, 0, 0));
    }

    #[test]
    fn bytes_are_bounded_but_one_message_always_fits() {
        let one = publication(101);
        let tight = Bounds { messages: 10, bytes: one.size() + 1 };
        let mut mailbox = Mailbox::default();
        assert_eq!(
            mailbox.push(&one, Bounds { messages: 10, bytes: 1 }, Overflow::Disconnect),
            Pushed::Queued
        );
        assert_eq!(mailbox.push(&one, tight, Overflow::Disconnect), Pushed::Overflow);
        assert_eq!(mailbox.lease(9, 1).unwrap().len(), 1, "a lease holds at least one");
    }
}
