//! Model M2: the hand-off of one session between two instances, with two publications. Instances lose their leases and die,
//! responses are lost, and each step may come arbitrarily late. Every state within these bounds is checked against the
//! guarantees G1 and G4 of docs/guarantees.md.
//!
//! [`Life`] and [`Owned`] are the real ones; `steps` has the decisions of `handoff/`, `heartbeat.rs` and `directory.rs` under
//! their names, `scripts` those of `src/redis/lua/`. Publications arrive in order and have a history: model M1 has the order of
//! publications, and what is accepted without Redis. What the model leaves out: full mailboxes, credentials, and Redis without
//! its data.

mod scripts;
mod steps;
mod tests;

use stateright::{Model, Property};
use tokio::time::{Duration, Instant};

use super::owned::{Export, Owned};
use crate::router::Life;
use scripts::{Record, Redis};

/// A fix that is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Without {
    /// A session that is exported goes on.
    Freeze,
    /// An instance keeps a session whose export is overdue by its old epoch.
    RaisedEpoch,
    /// An instance without a lease for a while goes on by its old epoch if no other instance owns the session.
    RaisedEpochInDoubt,
    /// An epoch that was raised without a reply is not raised again.
    RaisedAgain,
    /// An instance without a lease replies to a subscription by its old epoch.
    KeptSubscription,
    /// The record is not read again when the lease of the owner has ended.
    ReadAgain,
    /// A session with more subscriptions than its record is taken for one that has ended.
    Subscribed,
    /// A renewed lease that had expired raises no doubt.
    Doubt,
    /// `session.lua` and `claim.lua` do not compare owner and epoch.
    Fence,
    /// An export does not wait for what the other instance has received.
    ExportWaits,
    /// An import does not wait for what the owner has received.
    ImportWaits,
}

/// The model of a hand-off.
#[derive(Debug, Clone, Copy)]
struct HandOff {
    /// The maximum number of faults, of connects to the other instance, and of publications.
    faults: u8,
    connects: u8,
    publications: u64,
    /// The highest epoch. Each move and each kept session raises it.
    epochs: u64,
    /// Whether the client subscribes during the hand-off. It is subscribed from the start otherwise.
    subscribes: bool,
    without: Option<Without>,
    /// The time, which stands still.
    now: Instant,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    redis: Redis,
    nodes: [Node; 2],
    client: Client,
    /// The newest offset.
    published: u64,
    /// A commit for an instance, and its epoch.
    commit: Option<(usize, u64)>,
    faults: u8,
    /// A session of an instance without a lease was adopted: publications may arrive twice.
    is_adopted: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Client {
    /// The instance that it is connected to.
    at: usize,
    connects: u8,
    /// The offsets of the publications that it has received.
    written: Vec<u64>,
    /// Publications after this offset come after the reply to the subscription.
    subscribed_at: Option<u64>,
    outcome: Option<Outcome>,
}

/// The reply `401`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Outcome {
    /// No instance has the session.
    Ended,
    /// An instance has it.
    Buried,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Node {
    is_alive: bool,
    /// `Membership::has_lease`. The lease in Redis ends later.
    has_lease: bool,
    /// `Unflushed::pending_doubt`
    has_doubt: bool,
    /// The newest received offset.
    offset: u64,
    session: Option<Session>,
    import: Option<Import>,
    /// The owner that has reported that it has no such session.
    reported: Option<(usize, u64)>,
    /// The owner has told the subscription.
    subscribed: bool,
}

/// A session in the table of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Session {
    life: Life,
    owned: Owned,
    is_subscribed: bool,
    mailbox: Vec<u64>,
}

/// A session that an instance acquires.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Import {
    record: Record,
    /// The position when the session was subscribed here.
    received: u64,
    /// What has arrived since.
    mailbox: Vec<u64>,
    imported: Option<Imported>,
    /// The claim was sent.
    is_claiming: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Imported {
    queued: Vec<u64>,
    position: u64,
    is_subscribed: bool,
    is_adopted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Publish,
    Receive(usize),
    /// The owner executes the subscription.
    Subscribe(usize),
    /// The owner writes the subscription and replies.
    WriteSubscription(usize),
    /// A transport writes the mailbox.
    Write(usize),
    /// The client connects to an instance.
    Connect(usize),
    /// An instance reads the record, and subscribes the session.
    Acquire(usize),
    /// The owner exports the session to an instance. `is_lost`: the response is lost.
    Export {
        to: usize,
        is_lost: bool,
    },
    /// The other instance stops to acquire the session.
    GiveUp(usize),
    Adopt(usize),
    /// An instance sends its claim.
    Claim(usize),
    /// Redis executes the claim, and the instance commits the import.
    Commit(usize),
    /// The old owner receives the commit.
    Committed,
    /// The owner aborts an export. `is_lost`: the reply of Redis is lost.
    Abort {
        node: usize,
        is_lost: bool,
    },
    /// The heartbeat renews the lease.
    Renew(usize),
    /// The heartbeat writes the record.
    WriteRecord(usize),
    /// The lease of an instance ends in Redis.
    Expire(usize),
    /// An instance is frozen or cut off from Redis until its lease ends.
    LoseLease(usize),
    Kill(usize),
}

impl Node {
    /// Whether publications for its sessions are written: `Unflushed::is_in_doubt`.
    fn is_in_doubt(&self) -> bool {
        self.has_doubt || !self.has_lease
    }

    fn is_serving(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.life.is_live())
    }
}

impl HandOff {
    /// The state of the export of a session, long after it has begun.
    fn export_of(&self, session: &Session) -> Export {
        session.owned.export(self.now, Duration::ZERO)
    }

    /// Whether nothing is under way for the client, and it has what its session received.
    fn is_settled(state: &State) -> bool {
        let node = &state.nodes[state.client.at];
        let is_owner = state.redis.record.as_ref().is_some_and(|record| record.owner == state.client.at);
        let has_written = node.session.as_ref().is_some_and(|session| session.mailbox.is_empty());
        is_owner
            && node.is_serving()
            && has_written
            && !node.is_in_doubt()
            && state.nodes.iter().all(|node| node.import.is_none())
            && node.offset == state.published
    }
}

impl Model for HandOff {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let is_subscribed = !self.subscribes;
        let node = Node {
            is_alive: true,
            has_lease: true,
            has_doubt: false,
            offset: 0,
            session: None,
            import: None,
            reported: None,
            subscribed: false,
        };
        let session =
            Session { life: Life::new(true), owned: self.owned(1), is_subscribed, mailbox: Vec::new() };
        let owner = Node { session: Some(session), ..node.clone() };
        let record = Record { owner: 0, epoch: 1, is_subscribed, position: 0 };
        let client = Client {
            at: 0,
            connects: self.connects,
            written: Vec::new(),
            subscribed_at: is_subscribed.then_some(0),
            outcome: None,
        };
        vec![State {
            redis: Redis { record: Some(record), leases: [true; 2] },
            nodes: [owner, node],
            client,
            published: 0,
            commit: None,
            faults: self.faults,
            is_adopted: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.client.outcome.is_some() {
            return;
        }
        if state.published < self.publications {
            actions.push(Action::Publish);
        }
        if state.commit.is_some() {
            actions.push(Action::Committed);
        }
        for (n, node) in state.nodes.iter().enumerate() {
            if !node.has_lease && state.redis.leases[n] {
                actions.push(Action::Expire(n));
            }
            if node.is_alive {
                self.steps(state, n, actions);
            }
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        self.step(&mut state, action)?;
        Some(state)
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.redis.record.is_none_or(|record| record.epoch <= self.epochs)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        tests::properties()
    }
}
