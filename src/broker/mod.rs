//! The broker distributes a publication to all instances, in one order for each channel, and keeps it in the history of its
//! channel. It does not know the router: it calls a [`Deliver`].

mod history;
mod memory;
#[cfg(not(feature = "redis"))]
mod no_redis;
mod page;
#[cfg(feature = "redis")]
mod redis;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

pub use history::HistorySize;
pub use memory::Memory;
#[cfg(not(feature = "redis"))]
pub use no_redis::Redis;
pub use page::{Age, Newest, Page, PageRequest, PageStart, PartitionState};
#[cfg(all(feature = "redis", fuzzing))]
pub(crate) use redis::fuzzing;
#[cfg(feature = "redis")]
pub use redis::{OnRpc, Redis};

use crate::bayeux::{Field, Partition, Publication, StreamPosition, event, parse};
use crate::config::{Ack, History, Overflow};

/// Delivers the publications of a broker to the subscribers of this instance.
///
/// The broker calls it under the lock of the partition of the publications. An implementation puts them into mailboxes. It
/// writes to no transport and ends no session: that follows when the lock is released.
pub trait Deliver: Send + Sync + 'static {
    /// Collects sessions to write to, for a publisher that handles several messages.
    type Pending;

    /// Delivers a publication of this instance to its subscribers here, of whom `pending` receives those to write to.
    fn deliver(&self, publication: &Arc<Publication>, overflow: Overflow, pending: &mut Self::Pending);

    /// Delivers publications from other instances, and own ones that Redis has echoed, in their order. `is_shared` is false
    /// for a publication that only this instance has, since it was accepted while Redis was down.
    fn receive(&self, publications: &[Arc<Publication>], is_shared: bool);

    /// Whether this instance has a subscriber in a partition.
    fn is_interested_in(&self, partition: Partition) -> bool;

    /// Returns the history of a channel by the rules of this instance. Its subscribers receive the offsets of its publications.
    fn history(&self, channel: &str) -> Option<History>;

    /// Whether the data of kept publications of a channel has their offsets, too, by the rules of this instance.
    fn has_replay_id(&self, channel: &str) -> bool;

    /// Tells the subscribers in a partition that publications may be missing at this place. Called under the lock of the
    /// partition, as [`Deliver::receive`] is.
    fn lost(&self, partition: Partition);
}

/// A broker: in the memory of one instance, or on Redis for several.
///
/// The contract of both:
///
/// - [`Broker::publish`] gives a publication the next position of its partition. Every instance with a subscriber delivers
///   the publications of a partition in the order of their positions, by its [`Deliver`].
/// - Publications are enqueued under the lock of their partition. Transports are written to after it: in memory by the
///   publisher, which has the sessions in `pending`; on Redis by each receiving instance.
/// - The [`Receipt`] resolves once the publication is accepted or refused: at once in memory, once Redis has it on Redis.
///   While Redis is down, a publication with [`Ack::Local`] is delivered on the publishing instance alone, without a position.
/// - Once [`Broker::join`] has returned true, later publications that match the patterns are delivered. A partition is left
///   some time after its last subscriber has gone, as [`Deliver::is_interested_in`] tells.
/// - A publication with a history is in [`Broker::page`] and [`Broker::recent`] once it has its position, until the history
///   exceeds its number of messages, its age or the memory of the broker. A replay reports whether publications are missing.
///
/// Dispatch is a match. In memory a publication costs one allocation, its [`Arc`].
pub enum Broker<D: Deliver> {
    /// One instance.
    Memory(Memory<D>),
    /// Several instances.
    Redis(Arc<Redis<D>>),
}

/// Returns a publication of a history with its offset in its data, if the rules of this instance want it there.
fn with_replay_id<'a>(
    deliver: &impl Deliver,
    channel: &str,
    position: StreamPosition,
    object: &'a [u8],
) -> Cow<'a, [u8]> {
    if deliver.has_replay_id(channel) {
        event::with_replay_id(object, position.offset)
    } else {
        Cow::Borrowed(object)
    }
}

/// How a publication is published.
#[derive(Clone, Copy)]
pub struct PublishOptions<'a> {
    /// The history of its channel.
    pub history: Option<History>,
    /// What happens if a mailbox has no room for the publication. On Redis each instance follows its own settings.
    pub overflow: Overflow,
    /// When a broker on Redis accepts it. A publication with a history is accepted by Redis only.
    pub ack: Ack,
    /// Called once the publication is in its history.
    pub appended: Option<&'a Appended>,
}

impl<D: Deliver> Broker<D> {
    /// Publishes. In memory, `pending` has the sessions to write to afterwards.
    pub fn publish(
        &self,
        publication: Publication,
        options: PublishOptions<'_>,
        pending: &mut D::Pending,
    ) -> Receipt {
        match self {
            Self::Memory(memory) => memory.publish(publication, options, pending),
            Self::Redis(redis) => redis.publish(publication, options),
        }
    }

    /// Joins the partitions of some patterns, and waits until their publications arrive. False if that takes longer than
    /// `redis.deadline`; the partitions are then joined when Redis is back.
    pub async fn join<'a>(&self, patterns: impl Iterator<Item = &'a str>) -> bool {
        match self {
            Self::Memory(_) => true,
            Self::Redis(redis) => redis.join(patterns).await,
        }
    }

    /// Reads a page of a replay.
    ///
    /// # Errors
    /// [`HistoryError`] if Redis did not reply.
    pub async fn page(&self, request: PageRequest<'_>) -> Result<Page, HistoryError> {
        match self {
            Self::Memory(memory) => Ok(memory.page(request)),
            Self::Redis(redis) => redis.page(request).await,
        }
    }

    /// Returns the state of a partition as this instance has delivered it: what is published later is delivered later here. On
    /// Redis the offset is zero before the partition is joined.
    #[must_use]
    pub fn state(&self, partition: Partition) -> PartitionState {
        match self {
            Self::Memory(memory) => memory.state(partition),
            Self::Redis(redis) => redis.state(partition),
        }
    }

    /// Returns the newest publications of a channel that are kept, newest first.
    ///
    /// # Errors
    /// [`HistoryError`] if Redis did not reply.
    pub async fn recent(&self, channel: &str, span: Span) -> Result<Recent, HistoryError> {
        match self {
            Self::Memory(memory) => Ok(memory.recent(channel, span)),
            Self::Redis(redis) => redis.recent(channel, span).await,
        }
    }

    /// Sets the hash of the rules of the histories. What was kept by other rules is judged as incomplete.
    pub fn set_rules(&self, rules: u64) {
        match self {
            Self::Memory(memory) => memory.set_rules(rules),
            Self::Redis(redis) => redis.set_rules(rules),
        }
    }

    /// Whether all instances share the histories.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Redis(_))
    }

    /// Returns the size of all histories in the memory of this instance.
    #[must_use]
    pub fn history_size(&self) -> HistorySize {
        match self {
            Self::Memory(memory) => memory.history_size(),
            Self::Redis(redis) => redis.history_size(),
        }
    }

    /// Removes expired publications from the histories of one partition in memory. To be called about once a second.
    pub fn sweep(&self) {
        match self {
            Self::Memory(memory) => memory.sweep(),
            Self::Redis(redis) => redis.sweep(),
        }
    }
}

/// A publication in a history.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The time of publication in milliseconds since 1970.
    pub at: u64,
    /// The publication, with its position.
    pub publication: Arc<Publication>,
}

impl Kept {
    /// The offset of the publication.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.publication.position().map_or(0, |position| position.offset)
    }

    /// The data of the publication, as JSON.
    #[must_use]
    pub fn data(&self) -> Option<Bytes> {
        let array = self.publication.array();
        let message = parse::parse_one(&array.slice(1..array.len() - 1))?;
        message.get(Field::Data).map(Bytes::copy_from_slice)
    }
}

/// The newest publications of a channel.
#[derive(Debug, Default)]
pub struct Recent {
    /// Publications, newest first.
    pub publications: Vec<Kept>,
    /// The offset of the oldest publication in the history, in the span or not; `None` if the history is empty.
    pub oldest: Option<u64>,
}

/// The requested part of a history.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Publications after this offset.
    pub since: u64,
    /// The maximum number of publications, and their maximum age.
    pub history: History,
    /// The maximum size of all publications in bytes. The newest one may be larger.
    pub bytes: usize,
}

/// Called with the name of a channel after a publication was added to its history. Must not block.
pub type Appended = Arc<dyn Fn(&str) + Send + Sync>;

/// The error for a publication that is not accepted: Redis is down, and the publication cannot be queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the publication was not accepted")]
pub struct Refused;

/// The error for a history that cannot be read. The cause is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no response from Redis")]
pub struct HistoryError;

/// The acknowledgement of a publication, which may be pending.
pub struct Receipt(State);

enum State {
    Known(Result<(), Refused>),
    #[cfg_attr(not(feature = "redis"), expect(dead_code, reason = "a broker in memory accepts at once"))]
    Awaited(oneshot::Receiver<Result<(), Refused>>),
}

impl Receipt {
    fn accepted() -> Self {
        Self(State::Known(Ok(())))
    }

    #[cfg(feature = "redis")]
    fn refused() -> Self {
        Self(State::Known(Err(Refused)))
    }

    #[cfg(feature = "redis")]
    fn awaited(receiver: oneshot::Receiver<Result<(), Refused>>) -> Self {
        Self(State::Awaited(receiver))
    }

    /// Waits for the acknowledgement.
    ///
    /// # Errors
    /// [`Refused`] if the publication is not accepted.
    pub async fn outcome(self) -> Result<(), Refused> {
        match self.0 {
            State::Known(outcome) => outcome,
            // The sender is dropped only with the broker.
            State::Awaited(receiver) => receiver.await.unwrap_or(Err(Refused)),
        }
    }
}
