//! Log lines about sessions (`log.sessions`) and refused operations. Session identifiers are shortened; `data` and
//! `ext` are never logged.

use std::borrow::Cow;
use std::sync::Arc;

use super::Server;
use super::request::Request;
use crate::auth::excerpt;
use crate::bayeux::reply::Outcome;
use crate::bayeux::{BayeuxError, ClientId, Field, Message, UnknownClient, Verb, json};
use crate::peer::Peer;

impl Server {
    pub(super) fn log_handshake(&self, client: &ClientId, peer: &Peer) {
        if self.logs_sessions {
            let address = peer.address.map(|address| address.ip().to_string());
            tracing::info!(%client, address, transport = peer.transport.name(), "handshake");
        }
    }

    pub(super) fn log_subscribe(&self, client: &ClientId, channel: &str) {
        if self.logs_sessions {
            tracing::info!(%client, channel, "subscribe");
        }
    }

    pub(super) fn log_unsubscribe(&self, client: &ClientId, channel: &str) {
        if self.logs_sessions {
            tracing::info!(%client, channel, "unsubscribe");
        }
    }

    /// Logs the end of a session with the number of its subscriptions.
    pub(super) fn log_disconnect(&self, client: &ClientId, subscriptions: usize) {
        if self.logs_sessions {
            tracing::info!(%client, subscriptions, "disconnect");
        }
    }

    /// Logs a refused publish or subscribe with the rule that applies to the channel.
    pub(super) fn log_refused(&self, request: &Request<'_>, channel: &[u8], outcome: &Outcome) {
        if outcome.is_done() || !tracing::enabled!(tracing::Level::DEBUG) {
            return;
        }
        let channel = printed(channel);
        let (verb, rule) = match request.verb {
            Verb::Publish => ("publish", request.policy.rule(&channel).name()),
            Verb::Subscribe => {
                let context = request.auth_context(request.session(self).map(Arc::as_ref));
                ("subscribe", request.policy.denying_rule(&channel, context, request.hook_decision(&channel)))
            }
            _ => return,
        };
        let address = request.peer.address.map(|address| address.ip().to_string());
        let client = client(&request.message).map(|client| client.to_string());
        let error = error(outcome);
        tracing::debug!(
            verb,
            channel = excerpt(&channel),
            rule,
            client,
            address,
            error = excerpt(&error),
            "refused"
        );
    }
}

fn client(message: &Message) -> Option<ClientId> {
    ClientId::parse(message.text(Field::ClientId)?.as_bytes())
}

/// Returns a channel of a message as text, or its JSON if it is not a string.
fn printed(json: &[u8]) -> Cow<'_, str> {
    json::as_text(json).unwrap_or_else(|| json::printed(json))
}

/// Returns the error of the reply without the identifier of the session.
fn error(outcome: &Outcome) -> Cow<'static, str> {
    match outcome {
        Outcome::Failed(BayeuxError::ClientUnknown(UnknownClient::Faye(_))) => "401::Unknown client".into(),
        Outcome::Failed(error) => error.to_string().into(),
        Outcome::Refused => "refused by an extension".into(),
        Outcome::Done => "".into(),
    }
}
