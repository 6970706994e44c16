//! A small Bayeux client for the command line, the bridge and tests. It must not know the purpose of the messages.

mod failure;
mod polling;
mod publish;
mod publisher;
mod refusal;
mod socket;
mod subscription;

pub use failure::Failure;
pub use polling::Polling;
pub use publish::{object, publish};
pub use publisher::Publisher;
pub use refusal::{Reconnect, Refusal};
pub use subscription::Subscription;
