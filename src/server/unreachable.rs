//! Replies to messages whose session cannot be reached for now. This module must not depend on single verbs.

use std::time::Duration;

use super::Server;
use super::cluster::Cluster;
use super::received::Received;
use crate::bayeux::reply::{self, Outcome};
use crate::bayeux::{Advice, BayeuxError, Field, Message, Verb};
use crate::peer::Peer;

/// Maximum delay of the reply to a repeated connect whose session is unreachable.
const MAX_CONNECT_DELAY: Duration = Duration::from_secs(1);

impl Server {
    /// Returns the reply to a message whose session is unreachable for now; the client retries. Repeated connects are
    /// delayed here instead of with a longer `advice.interval`, which some clients read as seconds. The connects of one
    /// request are delayed once.
    pub(super) async fn unreachable_reply(
        &self,
        message: &Message,
        peer: &Peer,
        has_waited: &mut bool,
        received: &mut Received,
    ) -> Vec<u8> {
        self.metrics.error_replies.inc();
        received.is_leaving |= self.cluster.as_ref().is_some_and(Cluster::is_draining);
        if message.verb() == Verb::Connect {
            let address = peer.address.map(|address| address.ip());
            // Counted apart from other failures of the session, which the client has to recover from.
            let presented = [b"503 ", message.get(Field::ClientId).unwrap_or_default()].concat();
            let wait = self.backoff.failed_within(MAX_CONNECT_DELAY, address, &presented);
            if wait > 0 && !std::mem::replace(has_waited, true) {
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
        }
        let mut out = Vec::with_capacity(256);
        self.write_unreachable(message, &mut out);
        out
    }

    /// Appends the reply to a message whose session is unreachable.
    pub(super) fn write_unreachable(&self, message: &Message, out: &mut Vec<u8>) {
        let outcome = Outcome::Failed(BayeuxError::Unreachable);
        match message.verb() {
            Verb::Connect => {
                let advice = Advice { retry: true, interval: 0, timeout: super::milliseconds(self.timeout) };
                reply::connect(out, message, &outcome, advice);
            }
            Verb::Subscribe | Verb::Unsubscribe => reply::subscription(out, message, &outcome),
            _ => reply::plain(out, message, &outcome, true),
        }
    }
}
