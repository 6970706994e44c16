//! The client of Redis: its address, the connection for commands, keys, scripts, and the cause of an outage.
//!
//! It does not interpret what it stores. The broker and the cluster are built on it.

mod address;
mod backoff;
mod cause;
mod check;
mod client;
mod dial;
#[cfg(test)]
pub(crate) mod fake;
mod keys;
mod link;
mod node;
mod number;
mod scripts;

pub(crate) use address::{Connection, OnPush};
pub(crate) use backoff::{Backoff, with_jitter};
pub use client::Client;
pub use dial::{Dial, Stream};
pub use link::RedisError;
pub use node::NodeId;
pub(crate) use number::number;
pub(crate) use scripts::{
    ALIVE, BEAT, CHANGED, CLAIM, FILL, FORMAT, PAGE, POSITIONS, PUBLISH, RECENT, SESSION, STATE,
};
