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
    /// Another instance has the session now, or is getting it; the client has to connect again.
    Moved {
        /// Whether this instance is stopping, so that the next request should go to another one.
        is_leaving: bool,
    },
}

/// A live way to the client of a session. Nothing here may block or await.
pub trait Attachment: Send + Sync {
    /// Messages wait in the mailbox: lease and write them now, or wake the task that does. How many were written now.
    fn flush(self: Arc<Self>, session: &Arc<Session>) -> usize;

    /// The session is no longer this transport's. A connect that is held is to be answered, and a lease that is out is
    /// to be settled at once, if need be by cutting the connection.
    fn detach(&self, session: &Arc<Session>, why: Detached);

    /// The request that opened the transport.
    fn peer(&self) -> &Arc<Peer>;
}

/// Who has the lease of a session.
#[derive(Default)]
pub(super) enum Holder {
    /// Nobody.
    #[default]
    Nobody,
    /// The attached transport.
    Attached,
    /// A transport that is not attached any more.
    Former(Arc<dyn Attachment>),
}

impl Holder {
    /// Notes that the transport which was attached is so no longer.
    pub(super) fn outlive(&mut self, attached: &Arc<dyn Attachment>) {
        if matches!(self, Self::Attached) {
            *self = Self::Former(Arc::clone(attached));
        }
    }

    /// The transport, if it is not the attached one.
    pub(super) fn former(&self) -> Option<&Arc<dyn Attachment>> {
        match self {
            Self::Former(transport) => Some(transport),
            Self::Nobody | Self::Attached => None,
        }
    }
}

/// Whether two are one transport. Their tables of functions are not compared: they may differ for one type.
pub(super) fn same(one: &Arc<dyn Attachment>, other: &Arc<dyn Attachment>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
}
