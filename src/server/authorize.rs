//! Enforces policy decisions: errors for denied operations, session ownership, and token expiry.

use std::sync::Arc;

use super::Server;
use super::request::Request;
use crate::auth::{Browser, Cookie, Decision, Grant, Holder, Proof};
use crate::bayeux::BayeuxError;
use crate::metrics::Reason;
use crate::peer::{Peer, Transport};
use crate::router::Session;

/// The permission for an operation.
pub(super) struct Authorization {
    /// Whether the operation required a client credential; the session is then bound to it.
    pub(super) by_credential: bool,
    /// The token that the permission depends on.
    pub(super) grant: Option<Arc<Grant>>,
    /// Whether the hook allowed the operation, without a sufficient token.
    by_hook: bool,
}

impl Request<'_> {
    /// Checks the rate limits, once for each message, even if its verb is executed again.
    ///
    /// # Errors
    /// The message exceeds a rate.
    pub(super) fn check_rate(&self, server: &Server) -> Result<(), BayeuxError> {
        self.rate_check.get_or_init(|| server.check_rate(self)).clone()
    }

    /// Returns whether the message or its request has a valid token.
    pub(super) fn shows_token(&self) -> bool {
        self.policy.accepts_tokens() && self.policy.proof(&self.credentials, self.peer).grant.is_some()
    }

    /// Returns the error of the token in the message, also for operations that need no token, so that the client
    /// learns about it.
    pub(super) fn token_error(&self) -> Option<BayeuxError> {
        use crate::auth::token::TokenError;
        self.credentials.token_error().map(|error| match error {
            TokenError::Expired => BayeuxError::TokenExpired,
            TokenError::Invalid => BayeuxError::TokenInvalid,
        })
    }
}

impl Server {
    /// Turns a decision into a permission or an error.
    pub(super) fn authorize(
        &self,
        decision: Decision,
        request: &Request<'_>,
        channel: &str,
    ) -> Result<Authorization, BayeuxError> {
        let refused = match decision {
            Decision::Allow { by_credential, grant } => {
                let by_hook = grant.is_none() && request.hook_decision(channel).is_some();
                return Ok(Authorization { by_credential, grant, by_hook });
            }
            Decision::Deny(error) => error,
            // No hook is configured any more, so it was not called.
            Decision::AskHook => BayeuxError::ChannelForbidden(channel.to_owned()),
        };
        self.metrics.refuse(Reason::forbidden);
        Err(refused)
    }

    /// Binds a session to the credentials of its client. Over HTTP, the reply sets a cookie with a new value, unless
    /// the browser already has a value that was issued for the same user.
    pub(super) fn bind(
        &self,
        session: &Arc<Session>,
        request: &Request<'_>,
        authorization: &Authorization,
        cookie: &mut Option<Cookie>,
    ) {
        let ownership = session.ownership();
        let proof = request.policy.proof(&request.credentials, request.peer);
        // A digest proves ownership only if the hook has seen the credentials.
        let digest = proof.digest.filter(|_| authorization.by_hook);
        let grant = authorization.grant.clone().or(proof.grant);
        let holder = match (&grant, digest) {
            (Some(grant), _) => Holder::Token(grant),
            (None, Some(digest)) => Holder::Hook(digest),
            (None, None) => Holder::Unknown,
        };
        let known = ownership.browser();
        let is_known = known.is_some_and(|known| {
            // Clients without cookies need no value.
            proof.browsers.is_empty() || proof.browsers.contains(&known)
        });
        let browser = if is_known { known } else { self.browser(request.peer, holder, cookie) };
        let was_bound = ownership.is_bound();
        let proof = Proof { grant: grant.clone(), digest, ..proof };
        ownership.bind(&proof, browser);
        if !was_bound && ownership.is_bound() {
            // Earlier attachments may belong to a client that only knows the identifier.
            session.expel(|peer| match peer.transport {
                Transport::CallbackPolling => false,
                Transport::EventSource => {
                    browser.is_some_and(|browser| Cookie::of(peer).browsers().contains(&browser))
                }
                Transport::WebSocket => {
                    request.peer.transport != Transport::WebSocket || Arc::ptr_eq(peer, request.peer)
                }
                _ => true,
            });
        }
    }

    /// Returns the value in the browser's cookie that was issued for this user, or issues a new value.
    fn browser(&self, peer: &Arc<Peer>, holder: Holder<'_>, cookie: &mut Option<Cookie>) -> Option<Browser> {
        let older = Cookie::of(peer);
        let known = self.seals.recognise(&older, holder);
        let takes_cookies = !matches!(peer.transport, Transport::WebSocket | Transport::InProcess);
        if known.is_some() || !takes_cookies || peer.is_foreign {
            return known;
        }
        // Without a value, the client has to send its credentials with each request.
        let (drawn, list) = self.seals.issue(older, holder).ok()?;
        *cookie = Some(list);
        Some(drawn)
    }
}
