//! What waits for one session: a bounded queue. A message leaves it only when it was written to a live connection.
//!
//! It is a plain value; the session locks it.

use std::collections::VecDeque;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::bayeux::Publication;
use crate::config::Overflow;

/// How much may wait.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Messages.
    pub messages: usize,
    /// Bytes of the messages.
    pub bytes: usize,
}

/// Messages that a transport writes. A few at a time need no memory of their own.
pub type Items = SmallVec<[Arc<Publication>; 4]>;

/// What became of a publication that was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It waits.
    Queued,
    /// It waits, and this many older ones were dropped for it.
    Displaced(usize),
    /// It was dropped.
    Dropped,
    /// There was no room, and the session has to end.
    Overflow,
}

/// The queue. The bounds are for what waits. What is leased to a transport is mostly written already, and the transport
/// has not said so yet; but it may come back, so both together are held to twice the bounds.
#[derive(Debug, Default)]
pub struct Mailbox {
    /// The front of the queue. Mostly it is all of it, and then nothing else in memory has to be pending.
    first: Option<Arc<Publication>>,
    /// What waits behind it; empty if there is no first.
    rest: VecDeque<Arc<Publication>>,
    bytes: usize,
    leased: usize,
    leased_bytes: usize,
}

/// Room that an empty queue may keep, in messages.
const KEPT: usize = 16;

impl Mailbox {
    /// Appends a publication, or does what the policy says if there is no room. An empty mailbox takes any one
    /// publication, however large.
    pub fn push(&mut self, publication: &Arc<Publication>, bounds: Bounds, overflow: Overflow) -> Pushed {
        let mut displaced = 0;
        while !self.has_room(publication.size(), bounds) {
            match overflow {
                Overflow::Disconnect => return Pushed::Overflow,
                Overflow::DropNewest => return Pushed::Dropped,
                // What is being written cannot be taken back; if that alone leaves no room, nothing is gained by
                // dropping what waits.
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

    /// Bytes of memory that the queue itself takes, without the publications, which it shares with others.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.rest.capacity() * size_of::<Arc<Publication>>()
    }

    /// Bytes of memory that the mailbox keeps in use: the queue, its share of each publication that waits, and what is
    /// leased.
    #[must_use]
    pub fn weight(&self) -> usize {
        let share = |publication: &Arc<Publication>| publication.memory() / Arc::strong_count(publication);
        let waiting: usize = self.items().map(share).sum();
        self.memory() + waiting + self.leased_bytes
    }

    /// Whether a transport is writing some of it.
    pub fn is_leased(&self) -> bool {
        self.leased > 0
    }

    /// What waits, in order.
    pub fn items(&self) -> impl Iterator<Item = &Arc<Publication>> {
        self.first.iter().chain(&self.rest)
    }

    /// Puts publications before those that wait, of which only those stay that are new.
    pub fn merge(&mut self, before: Vec<Arc<Publication>>, is_new: impl Fn(&Publication) -> bool) {
        let waiting = self.first.take().into_iter().chain(self.rest.drain(..));
        let mut all: VecDeque<_> = before.into();
        all.extend(waiting.filter(|publication| is_new(publication)));
        self.bytes = all.iter().map(|publication| publication.size()).sum();
        self.first = all.pop_front();
        self.rest = all;
    }

    fn pop(&mut self) -> Option<Arc<Publication>> {
        std::mem::replace(&mut self.first, self.rest.pop_front())
    }

    fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    /// Takes messages off the front for a transport to write, at least one if any waits. `None` if nothing waits or
    /// if an earlier lease is still out: one at a time keeps the order when a transport fails.
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

    /// Adds all that waits to the lease that is out.
    pub fn lease_more(&mut self) -> impl Iterator<Item = Arc<Publication>> {
        self.leased += self.len();
        self.leased_bytes += self.bytes;
        self.bytes = 0;
        self.first.take().into_iter().chain(self.rest.drain(..))
    }

    /// Ends the lease; what was not written comes back to the front, in its order.
    pub fn settle(&mut self, unwritten: impl DoubleEndedIterator<Item = Arc<Publication>>) {
        self.leased = 0;
        self.leased_bytes = 0;
        for publication in unwritten.rev() {
            self.bytes += publication.size();
            if let Some(second) = self.first.replace(publication) {
                self.rest.push_front(second);
            }
        }
        // An idle mailbox keeps next to no memory.
        if self.rest.is_empty() && self.rest.capacity() > KEPT {
            self.rest = VecDeque::new();
        }
    }

    /// Whether nothing waits; what is leased does not count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    fn has_room(&self, size: usize, bounds: Bounds) -> bool {
        let fits = |messages: usize, bytes: usize, times: usize| {
            messages < bounds.messages.saturating_mul(times)
                && bytes + size <= bounds.bytes.saturating_mul(times)
        };
        let queue = self.is_empty() || fits(self.len(), self.bytes, 1);
        let both = self.is_empty() && self.leased == 0
            || fits(self.len() + self.leased, self.bytes + self.leased_bytes, 2);
        queue && both
    }

    /// Whether there would be room if nothing but the lease was there.
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
            // A transport that never writes anything, again and again.
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
