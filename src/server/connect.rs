//! `/meta/connect`: polls for messages.
//!
//! MUST contain `clientId` and `connectionType`; MAY contain `ext`, `id` (Bayeux 1.0, section 4.2). The reply is held
//! until there are messages, except for the first connect of a session and for a connect in a batch with other
//! messages.

use std::time::Duration;

use super::received::Accepted;
use super::request::Request;
use super::{Server, client_unknown};
use crate::bayeux::reply::{self, Outcome};
use crate::bayeux::{Advice, BayeuxError, CONNECTION_TYPES, Field, Message, Verb, json};
use crate::peer::Transport;

impl Server {
    pub(super) fn connect(
        &self,
        request: &Request<'_>,
        out: &mut Vec<u8>,
        accepted: &mut Option<Accepted>,
    ) -> Outcome {
        let mut outcome = request.outcome.clone();
        let session = self.session_of(request, &mut outcome);
        let is_proven = session.is_some();
        let Request { message, peer, alone, .. } = *request;
        if let (true, Err(error)) = (outcome.is_done(), request.check_rate(self, Verb::Connect)) {
            outcome = Outcome::Failed(error);
        }
        let kind = message.text(Field::ConnectionType);
        if !kind.as_deref().is_some_and(|kind| CONNECTION_TYPES.contains(&kind)) {
            let printed = json::printed(message.get(Field::ConnectionType).unwrap_or_default());
            outcome = Outcome::Failed(BayeuxError::ConnectionTypes(printed.into_owned()));
        }
        if message.truthy(Field::ConnectionType).is_none() {
            outcome = Outcome::Failed(BayeuxError::ParameterMissing("connectionType"));
        }
        if peer.transport == Transport::CallbackPolling
            && session.as_ref().is_some_and(|session| session.ownership().is_bound())
        {
            outcome = Outcome::Failed(BayeuxError::CallbackForbidden("/meta/connect".to_owned()));
        }
        let connected = session.filter(|_| outcome.is_done()).and_then(|session| {
            let first = session.connect();
            if first.is_none() {
                let has_departed = session.is_frozen();
                let error = if has_departed { BayeuxError::Unreachable } else { client_unknown(message) };
                outcome = Outcome::Failed(error);
            }
            if first == Some(true) {
                self.unconnected.remove(&session);
            }
            Some((session, first?))
        });
        let Some((session, first)) = connected else {
            reply::connect(out, message, &outcome, self.advice_for_refused(request, &outcome, is_proven));
            return outcome;
        };
        let is_stream = kind.as_deref() == Some("eventsource");
        let hold = if first || !alone || is_stream { Duration::ZERO } else { self.hold(message) };
        reply::connect(out, message, &outcome, self.advice(message));
        *accepted = Some(Accepted { session, reply: None, hold, is_unseen: false, is_stream });
        outcome
    }

    /// Returns the advice of a refused connect. `is_proven` says that the message proved that it owns a live session.
    /// That session is kept after a rate limit, and after errors of the server, its extensions or the application.
    fn advice_for_refused(&self, request: &Request<'_>, outcome: &Outcome, is_proven: bool) -> Advice {
        let Request { message, peer, .. } = *request;
        let address = peer.address.map(|address| address.ip());
        match outcome {
            Outcome::Failed(BayeuxError::TooOften(wait)) => {
                let advice = self.advice(message);
                let presented = message.get(Field::ClientId).unwrap_or_default();
                let is_repeated = self.backoff.count(address, presented) > 0;
                Advice { interval: advice.interval.max(if is_repeated { *wait } else { 0 }), ..advice }
            }
            // The verb is executed again, or by another instance; this reply is dropped.
            Outcome::Failed(BayeuxError::Unreachable) => self.advice(message),
            _ => {
                let interval = self.backoff.failed(address, self.failure_key(message, is_proven));
                if is_proven && is_server_side(message, outcome) {
                    let advice = self.advice(message);
                    return Advice { interval: advice.interval.max(interval), ..advice };
                }
                self.advice_after_failure(interval)
            }
        }
    }

    /// Returns the key under which failures are counted. Messages that do not prove that they own their live session
    /// share one key per address: a client that cannot prove ownership soon creates another such session, whose
    /// failures must not restart at the first interval.
    fn failure_key<'a>(&self, message: &'a Message, is_proven: bool) -> &'a [u8] {
        if !is_proven && self.is_alive(message) {
            return b"not its own";
        }
        message.get(Field::ClientId).unwrap_or_default()
    }

    /// Returns how long to hold the connect: `advice.timeout` of the request or the server's timeout, at most the
    /// lifetime of a session.
    fn hold(&self, message: &Message) -> Duration {
        match message.get(Field::Advice).and_then(|advice| json::member(advice, "timeout")) {
            None => self.timeout,
            Some(timeout) => Duration::from_millis(json::milliseconds(timeout)).min(2 * self.timeout),
        }
    }
}

/// Whether a message failed because of the server, its extensions or the application, so that a retry may succeed.
fn is_server_side(message: &Message, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Failed(error) => is_server_error(error.to_string().as_bytes()),
        Outcome::Refused => message.text(Field::Error).is_some_and(|error| is_server_error(error.as_bytes())),
        Outcome::Done => false,
    }
}

/// Whether an error code is in the range 500 to 599 (Bayeux 1.0, section 3.5.2: `CODE:ARGUMENTS:TEXT`).
fn is_server_error(error: &[u8]) -> bool {
    matches!(error, [b'5', tens, ones, b':', ..] if tens.is_ascii_digit() && ones.is_ascii_digit())
}
