//! Asks the policy, and notes what follows from its judgement for the session: what binds it, and what rests on a token.

use std::sync::Arc;

use super::Server;
use super::receive::Request;
use crate::bayeux::{BayeuxError, Verb};
use crate::metrics::Reason;
use crate::peer::Transport;
use crate::policy::{Answer, Credentials, Judgement, Shown};
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

    /// What the rates say to the message; it is counted once.
    pub(super) fn charge(&self, server: &Server, verb: Verb) -> Result<(), BayeuxError> {
        self.charged.clone().unwrap_or_else(|| server.charge(verb, self))
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

    /// Binds a session to what its client has shown. Over HTTP its browser gets a cookie by which it is known again,
    /// unless it has one.
    pub(super) fn bind(
        &self,
        session: &Arc<Session>,
        request: &Request<'_>,
        permit: &Permit,
        cookie: &mut Option<Browser>,
    ) {
        let proof = request.policy.proof(request.credentials, request.peer);
        let mut browser = proof.browser;
        let takes_cookies = !matches!(request.peer.transport, Transport::WebSocket | Transport::InProcess);
        if browser.is_none() && takes_cookies && !request.peer.is_foreign && !session.knows_browser() {
            let mut drawn = Browser::default();
            // Without it the client has to show its credential each time.
            if getrandom::fill(&mut drawn).is_ok() {
                browser = Some(drawn);
                *cookie = browser;
            }
        }
        // What the application did not look at proves nothing.
        let digest = proof.digest.filter(|_| permit.is_asked);
        let was_bound = session.is_bound();
        session.bind(&Proof { browser, grant: permit.grant.clone().or(proof.grant), digest, ..proof });
        if !was_bound && session.is_bound() {
            // Whoever was attached before might be somebody who has only seen the identifier.
            session.expel(|peer| match peer.transport {
                Transport::CallbackPolling => false,
                Transport::EventSource => {
                    browser.is_some()
                        && request.policy.proof(&Credentials::default(), peer).browser == browser
                }
                Transport::WebSocket => {
                    request.peer.transport != Transport::WebSocket || Arc::ptr_eq(peer, request.peer)
                }
                _ => true,
            });
        }
    }
}
