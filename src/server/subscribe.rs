//! `/meta/subscribe`: adds subscriptions.
//!
//! MUST contain `clientId` and `subscription`, a channel or pattern or an array of them; MAY contain `ext`, `id`
//! (Bayeux 1.0, section 4.4). An array is processed in order up to the first refused element; earlier elements stay in
//! effect.

use std::collections::HashSet;
use std::sync::Arc;

use super::Server;
use super::authorize::Authorization;
use super::event::Event;
use super::request::Request;
use crate::auth::Cookie;
use crate::bayeux::reply::{self, Outcome};
use crate::bayeux::{BayeuxError, Field, Verb, channel, json};
use crate::metrics::Reason;
use crate::router::{Change, Session};

impl Server {
    pub(super) fn subscribe(
        &self,
        request: &Request<'_>,
        out: &mut Vec<u8>,
        cookie: &mut Option<Cookie>,
    ) -> Outcome {
        let rate_check = request.check_rate(self, Verb::Subscribe);
        self.change(request, out, |session, pattern| {
            rate_check.clone()?;
            if let Some(error) = request.token_error() {
                self.metrics.refuse(Reason::forbidden);
                return Err(error);
            }
            let context = request.auth_context(Some(session));
            let decision =
                request.policy.authorize_subscribe(pattern, context, request.hook_decision(pattern));
            let authorization = self.authorize(decision, request, pattern)?;
            self.add(session, pattern)?;
            if authorization.by_credential {
                self.bind(session, request, &authorization, cookie);
                self.track_expiry(session, pattern, &authorization);
            }
            Ok(())
        })
    }

    fn add(&self, session: &Arc<Session>, pattern: &str) -> Result<(), BayeuxError> {
        match self.trie.subscribe(session, pattern, self.limits.subscriptions) {
            Change::Changed => {
                self.log_subscribe(session.id(), pattern);
                self.emit(|| Event::Subscribe { client: *session.id(), channel: pattern.to_owned() });
                Ok(())
            }
            Change::Unchanged => Ok(()),
            Change::Full => Err(BayeuxError::TooManySubscriptions(self.limits.subscriptions)),
            Change::Frozen => Err(BayeuxError::Unreachable),
            Change::Ended => Err(BayeuxError::ClientUnknown(session.id().as_str().to_owned())),
        }
    }

    /// Records the expiry of the token that a subscription depends on.
    fn track_expiry(&self, session: &Arc<Session>, pattern: &str, authorization: &Authorization) {
        match &authorization.grant {
            Some(grant) if grant.expires < u64::MAX => {
                if let Some(second) = session.ownership().set_token_expiry(pattern, grant.expires) {
                    self.token_expiry.watch(session, second);
                }
            }
            _ => session.ownership().clear_token_expiry(pattern),
        }
    }

    /// Runs the checks that subscribe and unsubscribe have in common, then `apply` for each channel.
    pub(super) fn change(
        &self,
        request: &Request<'_>,
        out: &mut Vec<u8>,
        mut apply: impl FnMut(&Arc<Session>, &str) -> Result<(), BayeuxError>,
    ) -> Outcome {
        let mut outcome = request.outcome.clone();
        let session = self.session_of(request, &mut outcome);
        let message = request.message;
        let wanted = message.truthy(Field::Subscription);
        if wanted.is_none() {
            outcome = Outcome::Failed(BayeuxError::ParameterMissing("subscription"));
        }
        // The element that ended the processing of the list.
        let mut failed = None;
        if let (Outcome::Done, Some(session), Some(wanted)) = (&outcome, session, wanted) {
            // Repeated elements are applied once.
            let mut seen = HashSet::new();
            let failed = &mut failed;
            let result = self.elements(wanted).and_then(|elements| {
                elements.into_iter().try_for_each(|element| {
                    *failed = Some(element);
                    let pattern = self.subscribable(element)?;
                    // Messages to `/service/` are for the server only (Bayeux 1.0, section 2.1): there is nothing to
                    // subscribe to, and no reason to refuse it.
                    if channel::is_service(&pattern) || seen.contains(&pattern) {
                        return Ok(());
                    }
                    apply(&session, &pattern)?;
                    seen.insert(pattern);
                    Ok(())
                })
            });
            if let Err(error) = result {
                outcome = Outcome::Failed(error);
            }
        }
        self.relieve();
        reply::subscription(out, message, &outcome);
        self.log_refused(request, failed.or(wanted).unwrap_or_default(), &outcome);
        outcome
    }

    /// Returns the elements of a subscription.
    ///
    /// # Errors
    /// There are more elements than the larger one of `limits.batch` and `limits.subscriptions`.
    pub(super) fn elements<'a>(&self, wanted: &'a [u8]) -> Result<Vec<&'a [u8]>, BayeuxError> {
        let elements = json::elements(wanted);
        let most = self.limits.batch.max(self.limits.subscriptions);
        if elements.len() > most {
            return Err(BayeuxError::TooManySubscriptions(most));
        }
        Ok(elements)
    }

    /// Returns the channel or pattern of an element of a subscription.
    ///
    /// # Errors
    /// The channel is too long, invalid, or a meta channel.
    pub(super) fn subscribable<'a>(
        &self,
        element: &'a [u8],
    ) -> Result<std::borrow::Cow<'a, str>, BayeuxError> {
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
