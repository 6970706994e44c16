//! Model M3: the replays of one session, whose mailbox has room for two messages. Publications of two channels of one partition
//! arrive between the steps, histories are trimmed, the client subscribes and unsubscribes, and the session moves or is adopted.
//! Every state within these bounds is checked.
//!
//! [`Replays`] is the real one; the steps have the decisions of `paging.rs`, `transfer.rs`, `server/replay.rs` and the hand-off,
//! and `client` what the client may expect. What the model leaves out: other partitions, epochs, bytes, and leases of transports.

mod client;
mod page;
mod steps;
mod tests;

use stateright::{Model, Property};

use super::{Begin, Job, Options, Replays, Seen};
use crate::bayeux::{PageStart, Partition, Pattern, Positions, StreamPosition};
use client::Client;

/// The channels of the publications.
const CHANNELS: [&str; 2] = ["/a", "/b"];
/// The bound of a mailbox.
const ROOM: usize = 2;

/// A fix that is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Without {
    /// Publications enter the mailbox during a replay.
    LeftToReplay,
    /// A publication that is left to a replay does not move its end.
    Until,
    /// A replay counts a page as read before the mailbox has it.
    AppliedWithPage,
    /// A page of a replay that has ended is not dropped.
    DroppedPage,
    /// The client is not told of a gap.
    ToldGap,
    /// A move forgets the ends of the replays.
    MovedUntil,
    /// A replay for a full mailbox of the importing instance ignores what the owner has delivered.
    Delivered,
    /// An abandoned replay reads the newest publication that was left to it.
    First,
    /// An announced replay ends the one of the same pattern.
    GoesOn,
    /// A publication is left to all replays of its channel.
    OneReplay,
    /// A page has what was left to a later replay.
    OfPage,
    /// The end of a subscription ends its replay for other subscriptions too.
    Others,
    /// The end of a subscription does not end replays of its channels.
    Narrowed,
}

/// The model.
#[derive(Debug, Clone, Copy)]
struct Paging {
    patterns: &'static [&'static str],
    /// Whether the session has all subscriptions from the start.
    is_subscribed: bool,
    /// Whether pages go channel by channel, as in Redis.
    by_channel: bool,
    publications: usize,
    trims: u8,
    /// The number of subscribes and unsubscribes.
    changes: u8,
    moves: u8,
    kills: u8,
    without: Option<Without>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    /// The channels of the publications; the offsets begin at one.
    published: Vec<usize>,
    /// The last offset of each channel that its history has trimmed.
    trimmed: [u64; 2],
    trims: u8,
    /// The last offset of a channel without a history.
    forgotten: u64,
    /// The newest offset that each instance has received.
    received: [u64; 2],
    /// The instance of the session.
    at: usize,
    session: Session,
    /// The session at the other instance, which imports it.
    import: Option<Session>,
    /// The position of the session as the heartbeat has written it.
    record: u64,
    client: Client,
    changes: u8,
    moves: u8,
    kills: u8,
    fault: Option<&'static str>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Session {
    /// The subscriptions, by their index.
    subscribed: Vec<usize>,
    replays: Replays,
    mailbox: Vec<Item>,
    /// A page that is read.
    page: Option<(Job, Page)>,
    /// Subscribes whose replays were announced: subscription, serial, and the offset after which the client wants messages.
    announced: Vec<(usize, u64, Option<u64>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Item {
    Message(u64),
    /// The gap notice of a subscription or channel, by the channels that it covers.
    Gap([bool; 2]),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Page {
    offsets: Vec<u64>,
    next: Option<PageStart>,
    seen: Seen,
}

/// Where a subscribe begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum From {
    New,
    All,
    /// After what the client has received.
    Position,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Action {
    Publish(usize),
    /// An instance receives the next publication.
    Receive(usize),
    Trim(usize),
    Subscribe(usize, From),
    /// The reply to a subscribe.
    Begin,
    /// The request of a subscribe ends before its reply.
    Abandon,
    Unsubscribe(usize),
    ReadPage,
    PushPage,
    /// A transport writes a message.
    Write,
    /// The heartbeat writes the position of the session.
    WriteRecord,
    /// The other instance subscribes the session.
    Acquire,
    Move,
    /// The instance of the session dies, and the other one adopts it.
    Adopt,
}

fn partition() -> Partition {
    Partition::of(CHANNELS[0])
}

fn covers(pattern: &str, channel: usize) -> bool {
    Pattern::parse(pattern).is_some_and(|pattern| pattern.covers(Pattern::of_name(CHANNELS[channel])))
}

impl Paging {
    /// Whether a subscription of the session covers a channel.
    fn is_covered(&self, session: &Session, channel: usize) -> bool {
        session.subscribed.iter().any(|pattern| covers(self.patterns[*pattern], channel))
    }
}

impl Model for Paging {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let subscribed = if self.is_subscribed { (0..self.patterns.len()).collect() } else { Vec::new() };
        vec![State {
            published: Vec::new(),
            trimmed: [0; 2],
            trims: self.trims,
            forgotten: 0,
            received: [0; 2],
            at: 0,
            session: Session { subscribed, ..Session::default() },
            import: None,
            record: 0,
            client: Client::default(),
            changes: self.changes,
            moves: self.moves,
            kills: self.kills,
            fault: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.steps(state, actions);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        self.step(&mut state, action);
        (state != *last).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("each message once, in order, or a notice", |_: &Self, state: &State| {
                state.fault.is_none()
            }),
            Property::always(
                "everything arrives and delivery is live again",
                |model: &Self, state: &State| state.fault.is_some() || model.settles(state.clone()),
            ),
            Property::sometimes("a notice in a mailbox", |_: &Self, state: &State| {
                state.session.mailbox.iter().any(|item| matches!(item, Item::Gap(_)))
            }),
            Property::sometimes("a full mailbox becomes a replay", |_: &Self, state: &State| {
                state.session.mailbox.len() == ROOM && !state.session.replays.is_empty()
            }),
            Property::sometimes("two replays", |_: &Self, state: &State| state.session.replays.len() > 1),
        ]
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.fault.is_none() || self.without.is_some()
    }
}
