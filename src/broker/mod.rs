//! Carries a publication to every node, in one order for each channel, and remembers it where its rule says so. Brokers
//! are handed functions; they do not know the router.

mod history;
mod memory;
mod redis;

use std::sync::Arc;

use tokio::sync::oneshot;

pub use memory::Memory;
pub use redis::{Answer, Away, Deliver, Handlers, NodeId, Record, Redis, Unanswered, Written};

use crate::bayeux::Publication;

/// What is kept of a channel.
#[derive(Debug)]
pub struct Replay {
    /// Publications, oldest first.
    pub publications: Vec<Arc<Publication>>,
    /// Whether that is all that there was.
    pub is_complete: bool,
}

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
