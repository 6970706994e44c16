//! `/meta/handshake`: creates a session.
//!
//! MUST contain `version` and `supportedConnectionTypes`; MAY contain `minimumVersion`, `ext`, `id` (Bayeux 1.0,
//! section 4.1). As in Faye, the value of the version is ignored.

use std::cell::RefCell;
use std::sync::Arc;

use super::Server;
use super::event::Event;
use super::replay_plan::replay_of;
use super::request::{Effects, Request};
use crate::auth::{Decision, network_prefix};
use crate::bayeux::reply::{self, Extensions, Outcome};
use crate::bayeux::{BayeuxError, CONNECTION_TYPES, ClientId, Field, Message, json};
use crate::metrics::{Cause, Reason};
use crate::peer::Peer;
use crate::router::Session;

/// The channel of handshakes, also in requests to the authorization hook.
pub(super) const HANDSHAKE: &str = "/meta/handshake";

impl Server {
    /// Checks whether a client may create a session.
    ///
    /// # Errors
    /// The message is malformed or refused, or the client exceeds a rate limit.
    pub(super) fn check_handshake(&self, request: &Request<'_>) -> Result<Decision, Outcome> {
        if let Some(error) = handshake_error(&request.message) {
            return Err(error.into());
        }
        request.check(self)?;
        request.check_rate(self)?;
        if let Some(error) = request.token_error() {
            return Ok(Decision::Deny(error));
        }
        let answer = request.hook_decision(HANDSHAKE);
        Ok(request.policy.authorize_handshake(request.auth_context(None), answer))
    }

    pub(super) fn handshake(
        &self,
        request: &Request<'_>,
        out: &mut Vec<u8>,
        effects: &mut Effects,
    ) -> Outcome {
        let Request { message, peer, .. } = request;
        let admitted = self.check_handshake(request).and_then(|decision| {
            let authorization = self.authorize(decision, request, HANDSHAKE)?;
            Ok((self.begin(peer)?, authorization))
        });
        let mut outcome = Outcome::Done;
        let mut created = None;
        // Only the literal, as in CometD.
        let wants_ack = ack_of(message) == Some(b"true");
        let wants_replay = replay_of(message) == Some(b"true");
        match admitted {
            Ok((session, authorization)) => {
                created = Some(*session.id());
                if wants_ack {
                    session.enable_ack();
                }
                if wants_replay {
                    session.enable_cursors();
                }
                if authorization.by_credential || request.shows_token() {
                    self.bind(&session, request, &authorization, &mut effects.cookie);
                }
            }
            Err(refused) => outcome = refused,
        }
        let advice = if outcome.is_done() {
            self.advice(message)
        } else {
            let mut interval = self.backoff.failed(peer.address.map(|address| address.ip()), b"");
            if let (1.., Outcome::Failed(BayeuxError::TooOften(wait))) = (interval, &outcome) {
                interval = interval.max(*wait);
            }
            self.advice_after_failure(interval)
        };
        effects.begun = created;
        let extensions = Extensions { ack: wants_ack, replay: wants_replay };
        reply::handshake(out, message, &outcome, created.as_ref(), advice, extensions);
        outcome
    }

    fn begin(&self, peer: &Peer) -> Result<Arc<Session>, BayeuxError> {
        let bits = random_bits().map_err(|error| {
            tracing::error!(%error, "no random bytes from the system; refusing handshakes");
            BayeuxError::Internal
        })?;
        let id = ClientId::from_random(bits);
        let session = self.sessions.create(id).or_else(|full| {
            // Evict a session without a connect: a real client connects immediately after its handshake.
            let mut oldest = std::iter::from_fn(|| self.unconnected.take_oldest());
            let has_room = oldest.any(|oldest| self.evict_unconnected(&oldest, Cause::sessions));
            if has_room { self.sessions.create(id) } else { Err(full) }
        });
        let session = session.map_err(|_| {
            self.metrics.refuse(Reason::sessions);
            BayeuxError::TooManySessions(self.limits.sessions)
        })?;
        self.expiry.watch(&session);
        let address = peer.address.map(|address| network_prefix(address.ip()));
        if let Some(oldest) = self.unconnected.add(&session, address, self.limits.unconnected_by_address) {
            self.evict_unconnected(&oldest, Cause::unconnected_by_address);
        }
        self.own(session.id());
        self.log_handshake(session.id(), peer);
        self.emit(|| Event::Handshake { client: *session.id() });
        Ok(session)
    }
}

/// Returns `ext.ack` of a message, JSON.
pub(super) fn ack_of(message: &Message) -> Option<&[u8]> {
    json::member(message.get(Field::Ext)?, "ack")
}

/// Returns 160 random bits of the system. Each thread draws several identifiers at once and uses each once.
fn random_bits() -> Result<[u8; 20], getrandom::Error> {
    const DRAWN: usize = 32;
    thread_local! {
        static BITS: RefCell<Vec<[u8; 20]>> = const { RefCell::new(Vec::new()) };
    }
    BITS.with_borrow_mut(|drawn| {
        if let Some(bits) = drawn.pop() {
            return Ok(bits);
        }
        let mut bits = [[0; 20]; DRAWN];
        getrandom::fill(bits.as_flattened_mut())?;
        drawn.extend_from_slice(&bits[1..]);
        Ok(bits[0])
    })
}

fn handshake_error(message: &Message) -> Option<BayeuxError> {
    let Some(types) = message.truthy(Field::SupportedConnectionTypes) else {
        return Some(BayeuxError::ParameterMissing("supportedConnectionTypes"));
    };
    // A string is not a list of one element, as in Faye.
    let elements = if types.first() == Some(&b'[') { json::elements(types) } else { Vec::new() };
    let known = |element: &&[u8]| {
        json::as_text(element).is_some_and(|name| CONNECTION_TYPES.contains(&name.as_ref()))
    };
    if !elements.iter().any(known) {
        let printed = json::printed(types).into_owned();
        return Some(BayeuxError::ConnectionTypes(printed));
    }
    message.truthy(Field::Version).is_none().then_some(BayeuxError::ParameterMissing("version"))
}
