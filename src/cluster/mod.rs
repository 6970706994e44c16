//! The cluster as Redis stores it: the session directory, the membership of instances, and requests between instances.
//!
//! It does not know sessions. The server moves them.

mod clock;
mod directory;
mod frame;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod membership;
mod rpc;

pub use directory::{Directory, SessionRecord, SessionUpdate, WriteOutcome};
pub use membership::Membership;
pub use rpc::{RequestHandler, Rpc, RpcError};
