//! The hand-off of a session from one instance to another.
//!
//! 1. The acquiring instance subscribes the session locally, and requests its export (`acquire`).
//! 2. The owner freezes the session, waits until it has received as much as the acquiring instance, and responds with its
//!    state (`export`).
//! 3. The acquiring instance claims the session in the directory, which fences the old owner. It merges the state with
//!    what it has received itself, and sends a commit (`import`).
//! 4. The old owner ends the session on the commit. Without one it aborts: after a while the session is its own again.
//!
//! A session of a dead instance is adopted: its state is read from the directory and the histories in Redis.

mod acquire;
mod export;
mod import;

use crate::redis::RedisError;

/// Why a session was not acquired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::server::cluster) enum AcquireError {
    /// There is no such session.
    NotFound,
    /// The request does not prove that it is of the client of the session.
    Unproven,
    /// Redis or the owner does not respond, or there is no room for the session.
    Unavailable,
}

impl From<RedisError> for AcquireError {
    fn from(_: RedisError) -> Self {
        Self::Unavailable
    }
}
