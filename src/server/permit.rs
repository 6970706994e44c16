//! Asks the policy, and notes what follows from its judgement for the session: what binds it, and what rests on a token.

use std::sync::Arc;

use super::Server;
use super::request::Request;
use crate::bayeux::{BayeuxError, Verb};
use crate::metrics::Reason;
use crate::peer::{Peer, Transport};
use crate::policy::{Answer, Cookie, Holder, Judgement, Shown};
use crate::router::{Browser, Grant, Proof, Session};

/// What an operation was allowed by.
pub(super) struct Permit {
    /// Whether a credential was needed, so that the session is bound from now on.
    pub(super) by_credential: bool,
    /// The token that it rests on.
    pub(super) grant: Option<Arc<Grant>>,
    /// Whether the application was asked, and no token was enough.
    is_asked: bool,
}

impl<'a> Request<'a> {
    /// All that is known of who asks.
    pub(super) fn shown(&self, session: Option<&'a Session>) -> Shown<'a> {
        Shown { credentials: self.credentials, session, peer: self.peer }
    }

    /// What the application said about a channel.
    pub(super) fn answer(&self, channel: &str) -> Option<&'a Answer> {
        self.answers.iter().find(|(asked, _)| **asked == *channel).map(|(_, answer)| answer)
    }

    /// Counts the message against the rates, once however often its verb is executed.
    ///
    /// # Errors
    /// That it came too often.
    pub(super) fn charge(&self, server: &Server, verb: Verb) -> Result<(), BayeuxError> {
        match self.charge {
            Some(charge) => charge.get_or_init(|| server.charge(verb, self)).clone(),
            None => server.charge(verb, self),
        }
    }

    /// Whether the message or its request shows a good token.
    pub(super) fn shows_token(&self) -> bool {
        self.policy.takes_tokens() && self.policy.proof(self.credentials, self.peer).grant.is_some()
    }

    /// What is wrong with the token that the message shows, even where none is needed: who shows one wants to know.
    pub(super) fn token_error(&self) -> Option<BayeuxError> {
        use crate::policy::token::TokenError;
        self.credentials.token_error().map(|error| match error {
            TokenError::Expired => BayeuxError::TokenExpired,
            TokenError::Invalid => BayeuxError::TokenInvalid,
        })
    }
}

impl Server {
    /// Turns a judgement into what was allowed.
    pub(super) fn permit(
        &self,
        judgement: Judgement,
        request: &Request<'_>,
        channel: &str,
    ) -> Result<Permit, BayeuxError> {
        let refused = match judgement {
            Judgement::Allowed { by_credential, grant } => {
                let is_asked = grant.is_none() && request.answer(channel).is_some();
                return Ok(Permit { by_credential, grant, is_asked });
            }
            Judgement::Refused(error) => error,
            // Nobody was there to be asked.
            Judgement::Ask => BayeuxError::ChannelForbidden(channel.to_owned()),
        };
        self.metrics.refuse(Reason::forbidden);
        Err(refused)
    }

    /// Binds a session to what its client has shown. Over HTTP its browser gets a cookie with a fresh value, unless it
    /// has one that was drawn for the same user.
    pub(super) fn bind(
        &self,
        session: &Arc<Session>,
        request: &Request<'_>,
        permit: &Permit,
        cookie: &mut Option<Cookie>,
    ) {
        let proof = request.policy.proof(request.credentials, request.peer);
        // What the application did not look at proves nothing.
        let digest = proof.digest.filter(|_| permit.is_asked);
        let grant = permit.grant.clone().or(proof.grant);
        let holder = match (&grant, digest) {
            (Some(grant), _) => Holder::Token(grant),
            (None, Some(digest)) => Holder::Asked(digest),
            (None, None) => Holder::Unknown,
        };
        let known = session.browser();
        let is_known = known.is_some_and(|known| {
            // A client that has no cookies at all needs none.
            proof.browsers.is_empty() || proof.browsers.contains(&known)
        });
        let browser = if is_known { known } else { self.browser(request.peer, holder, cookie) };
        let was_bound = session.is_bound();
        let proof = Proof { grant: grant.clone(), digest, ..proof };
        session.bind(&proof, browser);
        if !was_bound && session.is_bound() {
            // What was attached before may belong to someone who has only seen the identifier.
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

    /// The value of the browser's cookie that was drawn for this user, or a fresh one, which the browser is to keep.
    fn browser(&self, peer: &Arc<Peer>, holder: Holder<'_>, cookie: &mut Option<Cookie>) -> Option<Browser> {
        let older = Cookie::of(peer);
        let known = self.seals.recognise(&older, holder);
        let takes_cookies = !matches!(peer.transport, Transport::WebSocket | Transport::InProcess);
        if known.is_some() || !takes_cookies || peer.is_foreign {
            return known;
        }
        // Without one the client has to show its credential each time.
        let (drawn, list) = self.seals.draw(older, holder).ok()?;
        *cookie = Some(list);
        Some(drawn)
    }
}
