//! A model of acknowledged delivery, searched exhaustively: one client with overlapping connects, a network that loses, delays
//! and swaps replies, a move of the session, and its adoption while the former owner still replies.
//!
//! In every state the owner has forgotten no message that the client has not received, and from every state the client
//! receives all messages once the network works. Each fix can be taken out; the search then finds a lost message.

use std::collections::{HashSet, VecDeque};

use super::Ack;

/// The number of messages that are published, and of connects.
const PUBLISHED: usize = 2;
const CONNECTS: u8 = 3;
/// The largest number of requests and of replies on their way.
const PARALLEL: usize = 2;

/// A fix that is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    /// An acknowledgement covers all replies up to its number.
    Exactness,
    /// Messages leave the queue when they were written.
    Acknowledgement,
    /// A move takes the queue along, and not the numbers.
    MovedNumbers,
    /// After an export the former owner still assigns numbers.
    Freeze,
    /// Adoption continues with the number in the record.
    Gap,
}

/// One instance's view of the session. Messages have the numbers of their publication.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Owner {
    ack: Ack,
    /// The first message of the queue, which ends with the last publication.
    front: usize,
}

/// A connect reply, with messages `from..to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Reply {
    number: u64,
    from: usize,
    to: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    published: usize,
    owner: Owner,
    /// An instance that has owned the session before and still replies.
    former: Option<Owner>,
    /// The record of the session: the front of the queue, and the next number.
    record: (usize, u64),
    has_moved: bool,
    /// Connects on their way, by the number that they acknowledge.
    connects: Vec<u64>,
    /// Replies on their way, in order, so that equal states are equal.
    replies: Vec<Reply>,
    connects_left: u8,
    /// Whether the client has received each message.
    received: [bool; PUBLISHED],
    /// The number of the last reply that the client has received.
    last: u64,
}

impl World {
    fn new() -> Self {
        Self {
            published: 0,
            owner: Owner { ack: Ack::default(), front: 0 },
            former: None,
            record: (0, 1),
            has_moved: false,
            connects: Vec::new(),
            replies: Vec::new(),
            connects_left: CONNECTS,
            received: [false; PUBLISHED],
            last: 0,
        }
    }

    /// Whether the owner has all messages that the client has not received.
    fn is_safe(&self) -> bool {
        self.received[..self.owner.front].iter().all(|received| *received)
    }

    fn receive(&mut self, reply: Reply) {
        self.received[reply.from..reply.to].fill(true);
        self.last = reply.number;
    }

    /// All states after one step.
    fn next(&self, without: Without) -> Vec<Self> {
        let mut all = Vec::new();
        let mut add = |change: &dyn Fn(&mut Self)| {
            let mut world = self.clone();
            change(&mut world);
            world.connects.sort_unstable();
            world.replies.sort_unstable();
            all.push(world);
        };
        if self.published < PUBLISHED {
            add(&|world| world.published += 1);
        }
        if self.connects_left > 0 && self.connects.len() < PARALLEL {
            add(&|world| {
                world.connects_left -= 1;
                world.connects.push(world.last);
            });
        }
        for at in 0..self.connects.len() {
            // Lost, or superseded: a superseded connect is answered without a number.
            add(&|world| _ = world.connects.remove(at));
            for is_former in [false, true] {
                if is_former && self.former.is_none() || self.replies.len() >= PARALLEL {
                    continue;
                }
                for count in 0..=self.published {
                    add(&|world| {
                        let acknowledged = world.connects.remove(at);
                        let published = world.published;
                        let owner = if is_former { world.former.as_mut() } else { Some(&mut world.owner) };
                        let Some(owner) = owner else { return };
                        owner.acknowledge(acknowledged, without);
                        world.replies.extend(owner.reply(count, published, without));
                    });
                }
            }
        }
        for at in 0..self.replies.len() {
            add(&|world| _ = world.replies.remove(at));
            add(&|world| {
                let reply = world.replies.remove(at);
                world.receive(reply);
            });
        }
        add(&|world| world.record = (world.owner.front, world.owner.ack.next()));
        if !self.has_moved {
            add(&|world| {
                world.has_moved = true;
                let mut moved = world.owner.clone();
                moved.ack.check(world.published - moved.front);
                if without == Without::MovedNumbers {
                    moved.ack = Ack::default();
                }
                let former = std::mem::replace(&mut world.owner, moved);
                world.former = (without == Without::Freeze).then_some(former);
            });
            add(&|world| {
                world.has_moved = true;
                let (front, next) = world.record;
                let ack = if without == Without::Gap { Ack::since(next) } else { Ack::adopted(next) };
                let adopted = Owner { ack, front };
                world.former = Some(std::mem::replace(&mut world.owner, adopted));
            });
        }
        all
    }

    /// Exchanges connects and replies over a network that works, and returns whether the client receives everything.
    fn settles(mut self) -> bool {
        for _ in 0..=PUBLISHED {
            self.owner.acknowledge(self.last, Without::Nothing);
            let all = self.published;
            if let Some(reply) = self.owner.reply(1, all, Without::Nothing) {
                self.receive(reply);
            }
        }
        self.owner.front == self.published && self.is_safe()
    }
}

impl Owner {
    fn acknowledge(&mut self, number: u64, without: Without) {
        let number = if without == Without::Exactness {
            let known = self.ack.marks.iter().filter(|mark| mark.number <= number);
            known.max_by_key(|mark| mark.end).map_or(0, |mark| mark.number)
        } else {
            number
        };
        self.front += self.ack.acknowledge(number);
    }

    /// Returns the reply with the first messages of the queue; `None` if there are not as many.
    fn reply(&mut self, count: usize, published: usize, without: Without) -> Option<Reply> {
        let count = count.min(published.checked_sub(self.front)?);
        let sent = self.ack.send(count);
        let reply = Reply { number: sent.number, from: self.front, to: self.front + count };
        if without == Without::Acknowledgement {
            self.front += self.ack.acknowledge(sent.number);
        }
        Some(reply)
    }
}

/// Visits all reachable states. Returns their number, or an unsafe one.
fn search(without: Without) -> Result<usize, Box<World>> {
    let (mut seen, mut queue) = (HashSet::from([World::new()]), VecDeque::from([World::new()]));
    while let Some(world) = queue.pop_front() {
        for next in world.next(without) {
            if !next.is_safe() {
                return Err(Box::new(next));
            }
            if without == Without::Nothing {
                assert!(next.clone().settles(), "the client never receives everything: {next:?}");
            }
            if seen.insert(next.clone()) {
                queue.push_back(next);
            }
        }
    }
    Ok(seen.len())
}

#[test]
fn no_message_is_lost_in_any_order_of_events() {
    let states = search(Without::Nothing).unwrap_or_else(|lost| panic!("a message is lost: {lost:?}"));
    assert!(states > 10_000, "{states} states");
    println!("{states} states");
}

#[test]
fn each_fix_is_needed() {
    for without in
        [Without::Exactness, Without::Acknowledgement, Without::MovedNumbers, Without::Freeze, Without::Gap]
    {
        assert!(search(without).is_err(), "{without:?}: no message is lost");
    }
}
