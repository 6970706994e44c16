//! Carries a publication to every node, in one order for each channel, and remembers it where its rule says so. Brokers
//! are handed functions; they do not know the router.

mod history;
mod memory;
mod redis;

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

pub use memory::Memory;
pub use redis::{Answer, Away, Deliver, Handlers, NodeId, Record, Redis, Unanswered, Written};

use crate::bayeux::{Field, Publication, parse};
use crate::config::History;

/// What is kept of a channel.
#[derive(Debug)]
pub struct Replay {
    /// Publications, oldest first.
    pub publications: Vec<Arc<Publication>>,
    /// Whether that is all that there was.
    pub is_complete: bool,
}

/// A publication that is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// When it was published, in milliseconds since 1970.
    pub at: u64,
    /// The publication, which has its position.
    pub publication: Arc<Publication>,
}

impl Kept {
    /// The number of its position.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.publication.position().map_or(0, |position| position.offset)
    }

    /// Its data, as JSON.
    #[must_use]
    pub fn data(&self) -> Option<Bytes> {
        let array = self.publication.array();
        let message = parse::parse_one(&array.slice(1..array.len() - 1))?;
        message.get(Field::Data).map(Bytes::copy_from_slice)
    }
}

/// The newest of what is kept of a channel.
#[derive(Debug, Default)]
pub struct Recent {
    /// Publications, newest first.
    pub publications: Vec<Kept>,
    /// The number of the oldest one that is kept, asked for or not; `None` if nothing is kept.
    pub oldest: Option<u64>,
}

/// The part of a history that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Publications behind this number.
    pub since: u64,
    /// How many there may be, and how old.
    pub history: History,
    /// Bytes of them together. The newest one may be larger.
    pub bytes: usize,
}

/// Called with the name of a channel after a publication was added to its history. It must not block.
pub type Appended = Arc<dyn Fn(&str) + Send + Sync>;

/// A publication that is not accepted: Redis does not take it, and there is no room to keep it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the publication was not accepted")]
pub struct Refused;

/// Tells whether a publication is accepted, when that is known.
pub struct Receipt(State);

enum State {
    Known(Result<(), Refused>),
    Awaited(oneshot::Receiver<Result<(), Refused>>),
}

impl Receipt {
    fn accepted() -> Self {
        Self(State::Known(Ok(())))
    }

    fn refused() -> Self {
        Self(State::Known(Err(Refused)))
    }

    fn awaited(receiver: oneshot::Receiver<Result<(), Refused>>) -> Self {
        Self(State::Awaited(receiver))
    }

    /// Waits until it is known.
    ///
    /// # Errors
    /// [`Refused`] if the publication is not accepted.
    pub async fn outcome(self) -> Result<(), Refused> {
        match self.0 {
            State::Known(outcome) => outcome,
            // The sender goes only with the broker.
            State::Awaited(receiver) => receiver.await.unwrap_or(Err(Refused)),
        }
    }
}
