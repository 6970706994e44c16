//! `/meta/subscribe`: adds subscriptions.
//!
//! MUST contain `clientId` and `subscription`, a channel or pattern or an array of them; MAY contain `ext`, `id`
//! (Bayeux 1.0, section 4.4). An array is processed in order up to the first refused element; earlier elements stay in
//! effect.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use smallvec::SmallVec;

use super::Server;
use super::authorize::Authorization;
use super::event::Event;
use super::replay_plan::replay_of;
use super::request::{Effects, Moved, Request, Stop};
use crate::auth::Decision;
use crate::bayeux::reply::{self, Outcome};
use crate::bayeux::{BayeuxError, Field, channel, json};
use crate::router::{Change, Session};

/// The channels of a subscribe or unsubscribe that passed the checks, apart from the decisions.
pub(super) struct CheckedChannels<'r> {
    session: &'r Arc<Session>,
    /// In order, each once, up to the first refused element.
    pub(super) channels: SmallVec<[CheckedChannel<'r>; 1]>,
    /// The element that ended the processing of the list, and its error.
    refused: Option<(&'r [u8], BayeuxError)>,
}

/// A channel or pattern of a subscribe or unsubscribe.
pub(super) struct CheckedChannel<'r> {
    pub(super) pattern: Cow<'r, str>,
    pub(super) decision: Decision,
    /// The pattern as JSON.
    element: &'r [u8],
}

impl Server {
    /// Checks a subscribe against the limits, the rates and the policy.
    ///
    /// # Errors
    /// The message is malformed or refused, or names no session of its sender.
    pub(super) fn check_subscribe<'r>(
        &self,
        request: &'r Request<'_>,
    ) -> Result<CheckedChannels<'r>, Outcome> {
        let rate_check = request.check_rate(self);
        let context = request.auth_context(request.session(self).map(Arc::as_ref));
        self.check_channels(request, |pattern| {
            rate_check.clone()?;
            Ok(match request.token_error() {
                Some(error) => Decision::Deny(error),
                None => request.policy.authorize_subscribe(pattern, context, request.hook_decision(pattern)),
            })
        })
    }

    pub(super) fn subscribe(
        &self,
        request: &Request<'_>,
        out: &mut Vec<u8>,
        effects: &mut Effects,
    ) -> Result<Outcome, Moved> {
        let checked = self.check_subscribe(request);
        let Effects { cookie, replays, .. } = effects;
        self.change(request, checked, out, |session, pattern, decision| {
            let authorization = self.authorize(decision, request, pattern)?;
            let mut plan = self.plan_replay(request, pattern, !session.is_subscribed(pattern))?;
            if plan.needs_replay() {
                plan.announced = Some(session.announce_replay(pattern));
            }
            self.add(session, pattern, request)?;
            if plan.needs_replay() || replay_of(&request.message).is_some() || session.has_cursors() {
                replays.push(plan);
            }
            if authorization.by_credential {
                self.bind(session, request, &authorization, cookie);
                self.track_expiry(session, pattern, &authorization);
            }
            Ok(())
        })
    }

    fn add(&self, session: &Arc<Session>, pattern: &str, request: &Request<'_>) -> Result<(), Stop> {
        match self.trie.subscribe(session, pattern, self.limits.subscriptions) {
            Change::Changed => {
                self.log_subscribe(session.id(), pattern);
                self.emit(|| Event::Subscribe { client: *session.id(), channel: pattern.to_owned() });
                Ok(())
            }
            Change::Unchanged => Ok(()),
            Change::Full => Err(BayeuxError::TooManySubscriptions(self.limits.subscriptions).into()),
            Change::Frozen => Err(Stop::Moved),
            Change::Ended => Err(self.client_unknown(&request.message).into()),
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

    /// Checks the channels of a subscribe or unsubscribe, and decides about each of them.
    ///
    /// # Errors
    /// The message is malformed or refused, or names no session of its sender.
    pub(super) fn check_channels<'r>(
        &self,
        request: &'r Request<'_>,
        decide: impl Fn(&str) -> Result<Decision, BayeuxError>,
    ) -> Result<CheckedChannels<'r>, Outcome> {
        let wanted = request.message.truthy(Field::Subscription);
        let wanted = wanted.ok_or(BayeuxError::ParameterMissing("subscription"))?;
        let session = self.session_of(request)?;
        request.check(self)?;
        let elements = self.elements(wanted)?;
        let mut channels = SmallVec::new();
        let mut seen = HashSet::new();
        for element in elements {
            let decided = self.subscribable(element).and_then(|pattern| {
                // Messages to `/service/` are for the server only (Bayeux 1.0, section 2.1): there is nothing to
                // subscribe to, and no reason to refuse it.
                if channel::is_service(&pattern) || seen.contains(&pattern) {
                    return Ok(None);
                }
                let decision = decide(&pattern)?;
                Ok(Some(CheckedChannel { pattern, decision, element }))
            });
            match decided {
                Ok(None) => {}
                Ok(Some(channel)) => {
                    seen.insert(channel.pattern.clone());
                    let is_denied = matches!(channel.decision, Decision::Deny(_));
                    channels.push(channel);
                    if is_denied {
                        break;
                    }
                }
                Err(error) => {
                    return Ok(CheckedChannels { session, channels, refused: Some((element, error)) });
                }
            }
        }
        Ok(CheckedChannels { session, channels, refused: None })
    }

    /// Applies a change to each checked channel, up to the first one that is refused, and appends the reply.
    ///
    /// # Errors
    /// The session belongs to another instance by now.
    pub(super) fn change(
        &self,
        request: &Request<'_>,
        checked: Result<CheckedChannels<'_>, Outcome>,
        out: &mut Vec<u8>,
        mut apply: impl FnMut(&Arc<Session>, &str, Decision) -> Result<(), Stop>,
    ) -> Result<Outcome, Moved> {
        let message = &request.message;
        let mut outcome = Outcome::Done;
        // The element that ended the processing of the list.
        let mut failed = message.truthy(Field::Subscription);
        match checked {
            Ok(CheckedChannels { session, channels, refused }) => {
                let mut refused = refused;
                for CheckedChannel { pattern, decision, element } in channels {
                    match apply(session, &pattern, decision) {
                        Ok(()) => {}
                        Err(Stop::Moved) => return Err(Moved),
                        Err(Stop::Refused(error)) => {
                            refused = Some((element, error));
                            break;
                        }
                    }
                }
                if let Some((element, error)) = refused {
                    failed = Some(element);
                    outcome = error.into();
                }
            }
            Err(refused) => outcome = refused,
        }
        self.relieve();
        reply::subscription(out, message, &outcome);
        self.log_refused(request, failed.unwrap_or_default(), &outcome);
        Ok(outcome)
    }

    /// Returns the elements of a subscription.
    ///
    /// # Errors
    /// There are more elements than the larger one of `limits.batch` and `limits.subscriptions`.
    fn elements<'a>(&self, wanted: &'a [u8]) -> Result<Vec<&'a [u8]>, BayeuxError> {
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
    fn subscribable<'a>(&self, element: &'a [u8]) -> Result<Cow<'a, str>, BayeuxError> {
        let invalid = || BayeuxError::ChannelInvalid(json::printed(element).into_owned());
        let pattern = json::as_text(element).ok_or_else(invalid)?;
        self.check_size(&pattern)?;
        if !self.grammar().is_valid(&pattern) {
            return Err(invalid());
        }
        if channel::is_meta(&pattern) {
            return Err(BayeuxError::ChannelForbidden(pattern.into_owned()));
        }
        Ok(pattern)
    }
}
