//! The monitoring events of Faye. They report effects, not requests.

use bytes::Bytes;

use crate::bayeux::ClientId;

/// A change of a session, or a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A session was created.
    Handshake {
        /// The session.
        client: ClientId,
    },
    /// A session gained a subscription that it did not have before.
    Subscribe {
        /// The session.
        client: ClientId,
        /// The channel or pattern.
        channel: String,
    },
    /// A session lost a subscription: it unsubscribed, the token expired, or the session ended.
    Unsubscribe {
        /// The session.
        client: ClientId,
        /// The channel or pattern.
        channel: String,
    },
    /// A publication was accepted and delivered, with or without subscribers. There is no event for one that an extension has
    /// dropped.
    Publish {
        /// The session that the publisher named; `None` if it named none, or a live one that it does not own.
        client: Option<ClientId>,
        /// The channel.
        channel: String,
        /// The `data` as published, JSON: extensions may have changed it.
        data: Bytes,
    },
    /// A session ended. The events of its subscriptions precede this one.
    Disconnect {
        /// The session.
        client: ClientId,
    },
}
