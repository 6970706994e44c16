//! Model M1: the order of the publications of one partition, for two instances and up to three messages. The environment loses
//! Pub/Sub messages and replies of Redis, executes batches late and twice, refuses them, loses history and makes a replica the
//! master. Every state within these bounds is checked against the guarantees G1 to G5 of docs/guarantees.md.
//!
//! The consumers are the real ones. `scripts` has the decisions of the scripts in `src/redis/lua/`, `node` those of the writer.
//! What the model leaves out: several partitions, limits of sizes, and an old master that accepts writes after a failover.

mod node;
mod scripts;
mod steps;
mod tests;

use stateright::{Model, Property};

use node::{Fates, Node, Received, RedisState};
use scripts::Redis;

/// A message: its place in [`Partition::specs`].
type Message = u8;

/// A message that a client publishes.
#[derive(Debug, Clone, Copy)]
struct Spec {
    /// The instance of the publisher.
    publisher: usize,
    channel: u8,
    /// The channel has `ack = "local"`.
    is_local: bool,
    /// The channel has a history.
    has_history: bool,
}

/// The outcome of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Fate {
    Unpublished,
    Waiting,
    Accepted,
    Refused,
}

/// A part of the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Batches are refused, or get no reply.
    Redis,
    /// Connections of subscribers break, or lose messages.
    PubSub,
    /// Histories expire, and gaps are abandoned.
    History,
    /// The master fails over.
    Master,
}

/// A fix that is taken out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Without {
    /// `publish.lua` does not compare the counter of a batch.
    CountersInRedis,
    /// The consumer does not compare the counters of a publisher.
    CountersInConsumer,
    /// A new master continues the epoch of the old one.
    EpochOfMaster,
    /// The offsets of a new epoch begin after the newest known one, and not above the time: the clock of the master is behind.
    /// The consumers accept such offsets.
    OffsetsAboveTime,
    /// What Redis has accepted and not echoed is not delivered before what the instance accepts alone.
    Unechoed,
    /// A gap ends with what was found, even if it has grown.
    GrownGaps,
    /// No probes tell the newest offset.
    Probes,
    /// A session moves while an instance has publications that it has delivered alone.
    WaitForAlone,
}

/// The model of a partition.
#[derive(Debug, Clone)]
struct Partition {
    specs: Vec<Spec>,
    /// The parts of the environment that have faults, and the maximum number of faults.
    environment: &'static [Part],
    faults: u8,
    /// Whether a session moves from the first instance to the second one.
    moves: bool,
    without: Option<Without>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    redis: Redis,
    nodes: [Node; 2],
    fates: Fates,
    faults: u8,
    /// Whether all history is left, and all gaps were recovered from it.
    is_history_whole: bool,
    session: Session,
}

/// A session that moves, after `handoff/acquire.rs` and `handoff/export.rs`. Its mailbox at an instance is what that instance
/// has received since a place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Session {
    /// At the first instance, from the start.
    Here,
    /// The second instance has subscribed it, has received this offset and delivered so many publications alone.
    Prepared { since: usize, received: u64, alone: u64 },
    /// The first instance has packed its mailbox, up to this offset.
    Packed { since: usize, alone: u64, queued: Vec<Received>, offset: u64 },
    /// At the second instance.
    Moved { since: usize, queued: Vec<Received> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Publish(Message),
    /// The writer sends a batch and gets the reply.
    Send(usize),
    /// The writer of an instance that Redis has refused sends a probe.
    TryAgain(usize),
    /// An instance receives a Pub/Sub message.
    Receive(usize),
    /// The Pub/Sub connection is set up again.
    Join(usize),
    Probe(usize),
    /// An instance reads the history for a gap.
    Fill(usize),
    /// The consumer gets what was found.
    Recover(usize),
    /// A batch without a reply is executed.
    Execute(usize),
    Prepare,
    Pack,
    Take,
    Abort,
    /// The reply to a batch is lost, or the batch is late. `is_over`: `redis.patience` is over.
    Timeout {
        node: usize,
        is_over: bool,
    },
    /// Redis refuses a batch for good.
    Refuse(usize),
    /// The Pub/Sub connection breaks.
    Cut(usize),
    /// A Pub/Sub message is lost on an open connection.
    Lose(usize),
    /// A gap is given up.
    Abandon(usize),
    /// The oldest message of the history expires.
    Expire,
    /// The replica is the master from now on.
    FailOver {
        has_last_batch: bool,
    },
}

impl Partition {
    /// Whether the consumers know the newest offset and epoch.
    fn is_current(&self, state: &State) -> bool {
        let keys = &state.redis.keys;
        keys.master == state.redis.master
            && state.nodes.iter().all(|node| node.consumer.at() == Some((keys.epoch, keys.number)))
    }

    /// Whether nothing is under way: what has not arrived does not arrive any more.
    fn is_settled(&self, state: &State) -> bool {
        self.is_current(state)
            && state.nodes.iter().all(|node| {
                node.is_joined
                    && node.frames.is_empty()
                    && node.consumer.gap().is_none()
                    && node.items.is_empty()
                    && node.batch.is_empty()
                    && node.redis == RedisState::Up
            })
    }

    /// What sessions have received: those that stay at an instance, and the one that has moved.
    fn received(state: &State) -> Vec<Vec<Received>> {
        let mut lists: Vec<_> = state.nodes.iter().map(|node| node.received.clone()).collect();
        if let Session::Moved { since, queued } = &state.session {
            lists.push([queued, &state.nodes[1].received[*since..]].concat());
        }
        lists
    }

    /// The accepted messages that a list does not have.
    fn missing(state: &State, list: &[Received]) -> Vec<Message> {
        let accepted = (0..).zip(&state.fates.of).filter(|(_, fate)| **fate == Fate::Accepted);
        accepted
            .map(|(message, _)| message)
            .filter(|message| !list.iter().any(|received| received.message == *message))
            .collect()
    }

    fn has_failed_over(state: &State) -> bool {
        state.redis.master > 1
    }
}

impl Model for Partition {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut redis = Redis::new();
        let first = redis.state(0, None);
        let nodes = [0, 1].map(|id| Node::new(id, &first));
        let messages = self.specs.len();
        let fates = Fates {
            of: vec![Fate::Unpublished; messages],
            is_alone: vec![false; messages],
            is_rolled_back: vec![false; messages],
        };
        let (faults, session) = (self.faults, Session::Here);
        vec![State { redis, nodes, fates, faults, is_history_whole: true, session }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.steps(state, actions);
        if state.faults > 0 {
            self.faults(state, actions);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let mut state = before.clone();
        self.step(&mut state, action)?;
        if state.faults == 0 {
            state.redis.keep_master();
            for (n, node) in state.nodes.iter_mut().enumerate() {
                // It would have no effect.
                node.late.take_if(|late| state.redis.has(n, late.counter));
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        tests::properties()
    }
}
