//! Extensions: code that sees messages on their way in and out, and may change, refuse or drop them.
//!
//! The trait is what the library exports. It knows nothing of sessions' insides, of transports or of sockets.

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

/// What an extension makes of a message.
#[allow(
    clippy::large_enum_variant,
    reason = "a message is moved once; a box would cost each of them an allocation"
)]
pub enum Verdict<'a> {
    /// The message goes on, changed or not. [`Message::refuse`] makes of it one that is answered with an error.
    Pass(Message),
    /// The message is dropped: it has no effect and gets no reply.
    Drop,
    /// The extension has to wait for something. Other clients do not wait with it; later messages of the same request
    /// do.
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

/// Which of its methods an extension has; a stage that no extension has costs nothing.
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

/// Who gets a delivery.
pub struct Receiver<'a> {
    /// Its session.
    pub client: &'a ClientId,
    /// The request by which it is reached now, if it is.
    pub peer: Option<Arc<Peer>>,
}

/// Code in the way of the messages. Several run in the order in which they were added, in both directions.
pub trait Extension: Send + Sync + 'static {
    /// A name for the log.
    fn name(&self) -> &str;

    /// Which of the methods below do something.
    fn stages(&self) -> Stages;

    /// Why the extension cannot work now, if so: the server is not ready then.
    fn failure(&self) -> Option<String> {
        None
    }

    /// Sees every message of every request before any check, meta messages too.
    fn incoming<'a>(&'a self, message: Message, _peer: &'a Arc<Peer>) -> Verdict<'a> {
        Verdict::Pass(message)
    }

    /// Sees every reply when it leaves. The reply to a connect that is held leaves when there are messages, when its time is
    /// over, or when the session has another transport or has ended.
    fn reply<'a>(&'a self, message: Message, _peer: &'a Arc<Peer>) -> Verdict<'a> {
        Verdict::Pass(message)
    }

    /// Sees every accepted publication once, before its subscribers are looked up.
    fn publication<'a>(&'a self, message: Message) -> Verdict<'a> {
        Verdict::Pass(message)
    }

    /// Sees every publication once for each receiver. It runs on the thread that delivers, in the middle of the
    /// delivery, so it has to be quick and must not call the server; and it costs an encoding for each receiver.
    fn delivery(&self, message: Message, _receiver: &Receiver<'_>) -> Option<Message> {
        Some(message)
    }
}
