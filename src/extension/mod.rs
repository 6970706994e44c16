//! Extensions: code that sees incoming and outgoing messages, and may change, refuse or drop them.
//!
//! The trait is part of the public API. It must not know the internals of sessions, transports or sockets.

#[cfg(feature = "javascript")]
pub mod javascript;
mod pipeline;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

#[doc(hidden)]
pub use pipeline::Pipeline;

use crate::bayeux::{ClientId, Message};
use crate::peer::Peer;

/// The verdict of an extension on a message.
#[allow(
    clippy::large_enum_variant,
    reason = "a message is moved once; a box would cost each of them an allocation"
)]
pub enum Verdict<'a> {
    /// The message continues, changed or not. [`Message::refuse`] turns it into one that is answered with an error.
    Pass(Message),
    /// The message is dropped: it has no effect and gets no reply.
    Drop,
    /// The extension has to wait. Other clients are not delayed; later messages of the same request are.
    Wait(Pin<Box<dyn Future<Output = Option<Message>> + Send + 'a>>),
}

impl From<Message> for Verdict<'_> {
    fn from(message: Message) -> Self {
        Self::Pass(message)
    }
}

impl From<Option<Message>> for Verdict<'_> {
    fn from(message: Option<Message>) -> Self {
        message.map_or(Self::Drop, Self::Pass)
    }
}

/// The methods that an extension implements; a stage without extensions costs nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stages {
    /// [`Extension::incoming`]
    pub incoming: bool,
    /// [`Extension::reply`]
    pub reply: bool,
    /// [`Extension::publication`]
    pub publication: bool,
    /// [`Extension::delivery`]
    pub delivery: bool,
}

/// The receiver of a delivery.
pub struct Receiver<'a> {
    /// Its session.
    pub client: &'a ClientId,
    /// The request of its attached transport; `None` without one.
    pub peer: Option<Arc<Peer>>,
}

/// Code in the way of the messages. Several run in the order in which they were added, in both directions.
pub trait Extension: Send + Sync + 'static {
    /// A name for the log.
    fn name(&self) -> &str;

    /// Returns the implemented methods.
    fn stages(&self) -> Stages;

    /// Why the extension cannot work now, if so: the server is not ready then.
    fn failure(&self) -> Option<String> {
        None
    }

    /// Sees every message of every request before any check, including meta messages.
    fn incoming<'a>(&'a self, message: Message, _peer: &'a Arc<Peer>) -> Verdict<'a> {
        Verdict::Pass(message)
    }

    /// Sees every reply when it is sent. The reply to a held connect is sent when there are messages, when its time is
    /// over, or when the session gets another transport or ends.
    fn reply<'a>(&'a self, message: Message, _peer: &'a Arc<Peer>) -> Verdict<'a> {
        Verdict::Pass(message)
    }

    /// Sees every accepted publication once, before its subscribers are looked up.
    fn publication<'a>(&'a self, message: Message) -> Verdict<'a> {
        Verdict::Pass(message)
    }

    /// Sees every publication once for each receiver. It runs on the delivering thread during the delivery, so it has
    /// to be fast and must not call the server; it costs an encoding for each receiver.
    fn delivery(&self, message: Message, _receiver: &Receiver<'_>) -> Option<Message> {
        Some(message)
    }
}
