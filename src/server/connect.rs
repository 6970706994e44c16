//! `/meta/connect`: polls for messages.
//!
//! MUST contain `clientId` and `connectionType`; MAY contain `ext`, `id` (Bayeux 1.0, section 4.2). The reply is held
//! until there are messages, except for the first connect of a session and for a connect in a batch with other
//! messages.

use std::sync::Arc;
use std::time::Duration;

use super::handshake::ack_of;
use super::received::Accepted;
use super::request::{Moved, Request};
use super::{Server, is_of_stream};
use crate::bayeux::reply::{self, Outcome};
use crate::bayeux::{Advice, BayeuxError, CONNECTION_TYPES, Field, Message, json};
use crate::peer::Transport;
use crate::router::{Connected, Session};

impl Server {
    /// Checks whether a client may poll its session.
    ///
    /// # Errors
    /// The message is malformed or refused, names no session of its sender, or exceeds a rate limit.
    fn check_connect<'r>(&self, request: &'r Request<'_>) -> Result<&'r Arc<Session>, Outcome> {
        let message = &request.message;
        let session = self.session_of(request);
        if request.peer.transport == Transport::CallbackPolling
            && session.as_ref().is_ok_and(|session| session.ownership().is_bound())
        {
            return Err(BayeuxError::CallbackForbidden("/meta/connect".to_owned()).into());
        }
        if message.truthy(Field::ConnectionType).is_none() {
            return Err(BayeuxError::ParameterMissing("connectionType").into());
        }
        let kind = message.text(Field::ConnectionType);
        if !kind.is_some_and(|kind| CONNECTION_TYPES.contains(&kind.as_ref())) {
            let printed = json::printed(message.get(Field::ConnectionType).unwrap_or_default());
            return Err(BayeuxError::ConnectionTypes(printed.into_owned()).into());
        }
        let session = session?;
        request.check(self)?;
        request.check_rate(self)?;
        Ok(session)
    }

    pub(super) fn connect(
        &self,
        request: &Request<'_>,
        out: &mut Vec<u8>,
        accepted: &mut Option<Accepted>,
    ) -> Result<Outcome, Moved> {
        let message = &request.message;
        let received = ack_of(message).and_then(|number| std::str::from_utf8(number).ok()?.parse().ok());
        let connected = self.check_connect(request).and_then(|session| match session.connect(received) {
            Some(connected) => Ok(Some((session, connected))),
            None if session.is_frozen() => Ok(None),
            None => Err(self.client_unknown(message).into()),
        });
        let (session, Connected { is_first, ack }) = match connected {
            Ok(Some(connected)) => connected,
            Ok(None) => return Err(Moved),
            Err(outcome) => {
                let is_proven = request.session(self).is_some();
                reply::connect(out, message, &outcome, self.advice_for_refused(request, &outcome, is_proven));
                return Ok(outcome);
            }
        };
        if is_first {
            self.unconnected.remove(session);
        }
        // With acknowledged delivery the stream gets no messages: the connect waits for them.
        let is_stream = is_of_stream(message) && !ack.is_on();
        let hold =
            if is_first || !request.is_alone || is_stream { Duration::ZERO } else { self.hold(message) };
        reply::connect(out, message, &Outcome::Done, self.advice_of(is_stream));
        // A stream gets its messages over another connection than its replies.
        if !is_stream {
            self.add_cursor(session, out);
        }
        let session = Arc::clone(session);
        *accepted = Some(Accepted { session, reply: None, hold, is_unseen: false, is_stream, ack });
        Ok(Outcome::Done)
    }

    /// Returns the advice of a refused connect. `is_proven` says that the message proved that it owns a live session.
    /// That session is kept after a rate limit, and after errors of the server, its extensions or the application.
    fn advice_for_refused(&self, request: &Request<'_>, outcome: &Outcome, is_proven: bool) -> Advice {
        let message = &request.message;
        let address = request.peer.address.map(|address| address.ip());
        match outcome {
            Outcome::Failed(BayeuxError::TooOften(wait)) => {
                let advice = self.advice(message);
                let presented = message.get(Field::ClientId).unwrap_or_default();
                let is_repeated = self.backoff.count(address, presented) > 0;
                Advice { interval: advice.interval.max(if is_repeated { *wait } else { 0 }), ..advice }
            }
            _ => {
                let key = failure_key(request);
                let is_lost = matches!(outcome, Outcome::Failed(BayeuxError::ClientUnknown(_)));
                // Not if another client tries a session that exists.
                let interval = if is_lost && !request.is_known_unproven() {
                    self.backoff.lost(address, key)
                } else {
                    self.backoff.failed(address, key)
                };
                if is_proven && is_server_side(message, outcome) {
                    let advice = self.advice(message);
                    return Advice { interval: advice.interval.max(interval), ..advice };
                }
                self.advice_after_failure(interval)
            }
        }
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

/// Returns the key under which failures are counted. Messages that do not prove that they own their live session share
/// one key per address: a client that cannot prove ownership soon creates another such session, whose failures must not
/// restart at the first interval.
fn failure_key<'r>(request: &'r Request<'_>) -> &'r [u8] {
    if request.is_known_unproven() {
        return b"not its own";
    }
    request.message.get(Field::ClientId).unwrap_or_default()
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
