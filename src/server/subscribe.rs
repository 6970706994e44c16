//! `/meta/subscribe`: a session wants the publications of channels.
//!
//! MUST contain `clientId` and `subscription`, a channel or pattern or an array of them; MAY contain `ext`, `id`
//! (Bayeux 1.0, section 4.4). An array is worked off in its order up to the first bad element; what came before
//! it stays in effect.

use std::sync::Arc;

use super::Server;
use super::event::Event;
use super::receive::Request;
use crate::bayeux::reply::{self, Outcome};
use crate::bayeux::{BayeuxError, Field, channel, json};
use crate::metrics::Reason;
use crate::router::{Change, Session};

impl Server {
    pub(super) fn subscribe(&self, request: Request<'_>, out: &mut Vec<u8>) -> Outcome {
        self.change(request, out, |session, pattern| {
            match self.trie.subscribe(session, pattern, self.limits.subscriptions) {
                Change::Changed => {
                    self.emit(|| Event::Subscribe { client: *session.id(), channel: pattern.to_owned() });
                    Ok(())
                }
                Change::Unchanged => Ok(()),
                Change::Full => {
                    self.metrics.refuse(Reason::subscriptions);
                    Err(BayeuxError::TooManySubscriptions(self.limits.subscriptions))
                }
                Change::Ended => Err(BayeuxError::ClientUnknown(session.id().as_str().to_owned())),
            }
        })
    }

    /// What subscribe and unsubscribe have in common: the checks, and `apply` for each channel.
    pub(super) fn change(
        &self,
        request: Request<'_>,
        out: &mut Vec<u8>,
        apply: impl Fn(&Arc<Session>, &str) -> Result<(), BayeuxError>,
    ) -> Outcome {
        let Request { message, mut outcome, .. } = request;
        let session = self.session_of(message, &mut outcome);
        let wanted = message.truthy(Field::Subscription);
        if wanted.is_none() {
            outcome = Outcome::Failed(BayeuxError::ParameterMissing("subscription"));
        }
        if let (Outcome::Done, Some(session), Some(wanted)) = (&outcome, session, wanted) {
            let result = json::elements(wanted).into_iter().try_for_each(|element| {
                let pattern = self.subscribable(element)?;
                // Messages to /service/ are for the server alone (Bayeux 1.0, section 2.1), so there is nothing to
                // subscribe to, and no reason to refuse it.
                if channel::is_service(&pattern) { Ok(()) } else { apply(&session, &pattern) }
            });
            if let Err(error) = result {
                outcome = Outcome::Failed(error);
            }
        }
        reply::subscription(out, message, &outcome);
        outcome
    }

    fn subscribable<'a>(&self, element: &'a [u8]) -> Result<std::borrow::Cow<'a, str>, BayeuxError> {
        let invalid = || BayeuxError::ChannelInvalid(json::printed(element).into_owned());
        let pattern = json::as_text(element).ok_or_else(invalid)?;
        self.check_size(&pattern)?;
        if !channel::is_valid(&pattern) {
            return Err(invalid());
        }
        if channel::is_meta(&pattern) {
            return Err(BayeuxError::ChannelForbidden(pattern.into_owned()));
        }
        Ok(pattern)
    }
}
