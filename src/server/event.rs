//! The monitoring events, Faye's own: what happened, not what was asked for.

use bytes::Bytes;

use crate::bayeux::ClientId;

/// Something that happened to a session, or a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A session began.
    Handshake {
        /// The session.
        client: ClientId,
    },
    /// A session was subscribed to a channel that it had not been subscribed to.
    Subscribe {
        /// The session.
        client: ClientId,
        /// The channel or pattern.
        channel: String,
    },
    /// A session lost a subscription, by its own wish or because it ended.
    Unsubscribe {
        /// The session.
        client: ClientId,
        /// The channel or pattern.
        channel: String,
    },
    /// A publication was accepted and delivered, whether anybody was subscribed or not.
    Publish {
        /// The session that the publisher named, if it named one, and if that is not known to be somebody else's.
        client: Option<ClientId>,
        /// The channel.
        channel: String,
        /// The `data` as it came in, JSON.
        data: Bytes,
    },
    /// A session ended. The events of its subscriptions came before.
    Disconnect {
        /// The session.
        client: ClientId,
    },
}
