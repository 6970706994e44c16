//! Checks the rate limits of a message, once, before the authorization hook.

use std::sync::Arc;

use super::request::Request;
use super::{Server, milliseconds};
use crate::auth::{RateLimiter, network_prefix};
use crate::bayeux::{BayeuxError, Field, Verb, channel};
use crate::metrics::Reason;

impl Server {
    /// Checks the rate limits for verbs with a significant cost. Disconnect and unsubscribe are always allowed.
    ///
    /// # Errors
    /// The message exceeds a rate limit.
    pub(super) fn check_rate(&self, request: &Request<'_>) -> Result<(), BayeuxError> {
        let policy = request.policy;
        match request.verb {
            Verb::Handshake => match (&policy.handshakes, request.peer.address) {
                (Some(limiter), Some(address)) => {
                    self.acquire(limiter, network_prefix(address.ip()), Reason::handshakes)
                }
                _ => Ok(()),
            },
            Verb::Connect | Verb::Subscribe if policy.messages.is_some() => self.check_session_rate(request),
            Verb::Publish => self.check_publication_rate(request),
            _ => Ok(()),
        }
    }

    fn check_session_rate(&self, request: &Request<'_>) -> Result<(), BayeuxError> {
        match (&request.policy.messages, request.session(self)) {
            (Some(limiter), Some(session)) => self.acquire(limiter, session.id(), Reason::messages),
            _ => Ok(()),
        }
    }

    /// Publications with a valid push secret are exempt.
    fn check_publication_rate(&self, request: &Request<'_>) -> Result<(), BayeuxError> {
        let policy = request.policy;
        if !policy.counts_publications() {
            return Ok(());
        }
        let Some(name) = request.message.text(Field::Channel).filter(|name| channel::is_name(name)) else {
            return Ok(());
        };
        let session = request.session(self);
        if policy.has_secret(request.auth_context(session.map(Arc::as_ref))) {
            return Ok(());
        }
        self.check_session_rate(request)?;
        let Some(limiter) = policy.publications(policy.rule(&name)) else { return Ok(()) };
        let client = session.map(|session| *session.id());
        let address = request.peer.address.filter(|_| client.is_none());
        self.acquire(
            limiter,
            (client, address.map(|address| network_prefix(address.ip()))),
            Reason::publications,
        )
    }

    fn acquire(
        &self,
        limiter: &RateLimiter,
        key: impl std::hash::Hash,
        reason: Reason,
    ) -> Result<(), BayeuxError> {
        limiter.acquire(key).map_err(|wait| {
            self.metrics.refuse(reason);
            BayeuxError::TooOften(milliseconds(wait).max(1))
        })
    }
}
