//! What a session knows of its transport.

use std::sync::Arc;

use super::Session;
use crate::peer::Peer;

/// Why a transport lost its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detached {
    /// A newer transport took the session over.
    Superseded,
    /// The session ended: by its client, by expiry, or because its mailbox overflowed.
    Ended,
}

/// A live way to the client of a session. Nothing here may block or await.
pub trait Attachment: Send + Sync {
    /// Messages wait in the mailbox: lease and write them now, or wake the task that does.
    fn flush(&self, session: &Arc<Session>);

    /// The session is no longer this transport's. A connect that is held is to be answered, and a lease that is out is
    /// to be settled at once, if need be by cutting the connection.
    fn detach(&self, session: &Arc<Session>, why: Detached);

    /// The request that opened the transport.
    fn peer(&self) -> &Arc<Peer>;
}
