//! `/meta/disconnect`: ends a session.
//!
//! MUST contain `clientId`; MAY contain `ext`, `id` (Bayeux 1.0, section 4.3). The reply to a held connect precedes the
//! reply to the disconnect.

use std::sync::Arc;

use super::Server;
use super::request::{Moved, Request};
use crate::bayeux::reply::{self, Outcome};
use crate::router::Session;

impl Server {
    pub(super) fn disconnect(&self, request: &Request<'_>, out: &mut Vec<u8>) -> Result<Outcome, Moved> {
        let outcome = match self.check_disconnect(request) {
            Ok(session) => {
                if !self.end(session) && session.is_frozen() {
                    return Err(Moved);
                }
                Outcome::Done
            }
            Err(refused) => refused,
        };
        reply::plain(out, &request.message, &outcome, outcome.is_done());
        Ok(outcome)
    }

    fn check_disconnect<'r>(&self, request: &'r Request<'_>) -> Result<&'r Arc<Session>, Outcome> {
        let session = self.session_of(request)?;
        request.check(self)?;
        Ok(session)
    }
}
