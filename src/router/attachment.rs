//! The interface of a session to its transport.

use std::sync::Arc;

use super::Session;
use crate::peer::Peer;

/// Why a transport was detached from its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detached {
    /// A newer transport was attached.
    Superseded,
    /// The session ended: disconnect, expiry, or an overflowed mailbox.
    Ended,
    /// Another instance owns or acquires the session; the client has to reconnect.
    Moved {
        /// Whether this instance is stopping, so that the next request should reach another one.
        is_leaving: bool,
    },
}

/// A transport to the client of a session. The methods must neither block nor await.
pub trait Attachment: Send + Sync {
    /// Leases and writes the queued messages, or notifies the task that does. Returns the number of messages that were
    /// written synchronously.
    fn flush(self: Arc<Self>, session: &Arc<Session>) -> usize;

    /// Detaches the transport from the session. The transport answers a held connect and settles an active lease
    /// immediately, if necessary by closing the connection.
    fn detach(&self, session: &Arc<Session>, why: Detached);

    /// Returns the request that opened the transport.
    fn peer(&self) -> &Arc<Peer>;
}

/// The transport that has the lease of a session.
#[derive(Default)]
pub(super) enum LeaseHolder {
    /// No lease is active.
    #[default]
    Free,
    /// The attached transport.
    Attached,
    /// A transport that is no longer attached.
    Former(Arc<dyn Attachment>),
}

impl LeaseHolder {
    /// Records that the attached transport was detached.
    pub(super) fn mark_detached(&mut self, attached: &Arc<dyn Attachment>) {
        if matches!(self, Self::Attached) {
            *self = Self::Former(Arc::clone(attached));
        }
    }

    /// Returns the transport with the lease if it is no longer attached.
    pub(super) fn former(&self) -> Option<&Arc<dyn Attachment>> {
        match self {
            Self::Former(transport) => Some(transport),
            Self::Free | Self::Attached => None,
        }
    }
}

/// Whether two references are the same transport. The vtables are not compared: they may differ for one type.
pub(super) fn same(one: &Arc<dyn Attachment>, other: &Arc<dyn Attachment>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
}
