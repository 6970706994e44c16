//! Local delivery: sessions, their subscriptions and their mailboxes.
//!
//! The module is synchronous: no awaits and no I/O. It does not depend on sockets; a transport registers as an
//! [`Attachment`].

mod ack;
mod attach;
mod batch;
mod batched;
mod end;
mod expiry;
mod hold;
mod holder;
mod lease;
mod life;
mod mailbox;
mod paging;
mod pending_flush;
mod replay;
mod replaying;
mod session;
mod sessions;
mod subscribers;
mod terms;
mod transfer;
mod trie;
mod weight;

pub use ack::{Ack, Numbered};
pub use attach::Attached;
pub use batch::{Batch, Readiness};
pub use batched::ConnectAck;
pub use expiry::Expiry;
pub use hold::Held;
pub use lease::{Lease, Renewed};
#[cfg(test)]
pub(crate) use life::Life;
pub use mailbox::{Bounds, Items, Mailbox, Pushed};
pub use paging::Announced;
pub use pending_flush::PendingFlush;
pub use replay::{Applied, Begin, Job, Offsets, Options, ReplayState, Replays, Seen};
pub use replaying::{NextPage, PagePushed, StartReplay, gap_notice};
pub use session::{Attachment, Connected, Detached, Patterns, Session, Weight};
pub use sessions::{Full, Sessions};
pub use subscribers::Subscribers;
pub use terms::Terms;
pub use transfer::{Contents, Progress};
pub use trie::{Adapt, Change, Trie};
pub use weight::of_subscription;

#[cfg(test)]
mod tests;
