//! `/meta/unsubscribe`: removes subscriptions.
//!
//! MUST contain `clientId` and `subscription`; MAY contain `ext`, `id` (Bayeux 1.0, section 4.5). The checks are those
//! of subscribe. A pattern removes only the subscription to the identical pattern; a missing subscription is no error.

use super::Server;
use super::event::Event;
use super::request::{Moved, Request, Stop};
use crate::auth::Decision;
use crate::bayeux::reply::Outcome;
use crate::router::Change;

impl Server {
    pub(super) fn unsubscribe(&self, request: &Request<'_>, out: &mut Vec<u8>) -> Result<Outcome, Moved> {
        let checked = self.check_channels(request, |_| Ok(Decision::FREE));
        self.change(request, checked, out, |session, pattern, _| {
            // Before the removal: a concurrent subscribe after it sets an expiry that must stay.
            session.ownership().clear_token_expiry(pattern);
            match self.trie.unsubscribe(session, pattern) {
                Change::Changed => {
                    self.log_unsubscribe(session.id(), pattern);
                    self.emit(|| Event::Unsubscribe { client: *session.id(), channel: pattern.to_owned() });
                    Ok(())
                }
                Change::Unchanged | Change::Full => Ok(()),
                Change::Frozen => Err(Stop::Moved),
                Change::Ended => Err(self.client_unknown(&request.message).into()),
            }
        })
    }
}
