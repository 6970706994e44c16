//! `/meta/disconnect`: ends a session.
//!
//! MUST contain `clientId`; MAY contain `ext`, `id` (Bayeux 1.0, section 4.3). The reply to a held connect precedes the
//! reply to the disconnect.

use super::Server;
use super::request::Request;
use crate::bayeux::BayeuxError;
use crate::bayeux::reply::{self, Outcome};

impl Server {
    pub(super) fn disconnect(&self, request: &Request<'_>, out: &mut Vec<u8>) -> Outcome {
        let mut outcome = request.outcome.clone();
        let session = self.session_of(request, &mut outcome);
        let message = request.message;
        if let (Outcome::Done, Some(session)) = (&outcome, session)
            && !self.end(&session)
            && session.is_frozen()
        {
            outcome = Outcome::Failed(BayeuxError::Unreachable);
        }
        reply::plain(out, message, &outcome, outcome.is_done());
        outcome
    }
}
