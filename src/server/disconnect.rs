//! `/meta/disconnect`: a session ends.
//!
//! MUST contain `clientId`; MAY contain `ext`, `id` (Bayeux 1.0, section 4.3). A connect that is held is answered
//! before the disconnect is.

use super::Server;
use super::receive::Request;
use crate::bayeux::reply::{self, Outcome};
use crate::bayeux::{BayeuxError, Field, json};

impl Server {
    pub(super) fn disconnect(&self, request: Request<'_>, out: &mut Vec<u8>) -> Outcome {
        let Request { message, mut outcome, .. } = request;
        let session = self.session_of(&message);
        if session.is_none() {
            let client = json::printed(message.get(Field::ClientId).unwrap_or_default());
            outcome = Outcome::Failed(BayeuxError::ClientUnknown(client.into_owned()));
        }
        if message.truthy(Field::ClientId).is_none() {
            outcome = Outcome::Failed(BayeuxError::ParameterMissing("clientId"));
        }
        if let (Outcome::Done, Some(session)) = (&outcome, session) {
            self.end(&session);
        }
        reply::plain(out, &message, &outcome, outcome.is_done());
        outcome
    }
}
