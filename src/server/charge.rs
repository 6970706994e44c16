//! Counts what a message does against the rates, once, and before the application is asked about it.

use super::request::Request;
use super::{Server, milliseconds};
use crate::bayeux::{BayeuxError, Field, Verb, channel};
use crate::metrics::Reason;
use crate::policy::{Buckets, household};
use crate::router::Session;

impl Server {
    /// Counts a message that asks for something which may cost. Who is above a rate may still leave and unsubscribe.
    ///
    /// # Errors
    /// That it was too often.
    pub(super) fn charge(&self, verb: Verb, request: &Request<'_>) -> Result<(), BayeuxError> {
        let policy = request.policy;
        match verb {
            Verb::Handshake => match (&policy.handshakes, request.peer.address) {
                (Some(buckets), Some(address)) => {
                    self.draw(buckets, household(address.ip()), Reason::handshakes)
                }
                _ => Ok(()),
            },
            Verb::Connect | Verb::Subscribe if policy.messages.is_some() => {
                self.charge_session(request, self.named_session(request).as_deref())
            }
            Verb::Publish => self.charge_publication(request),
            _ => Ok(()),
        }
    }

    fn charge_session(&self, request: &Request<'_>, session: Option<&Session>) -> Result<(), BayeuxError> {
        match (&request.policy.messages, session) {
            (Some(buckets), Some(session)) => self.draw(buckets, session.id(), Reason::messages),
            _ => Ok(()),
        }
    }

    /// Who has the push secret may publish as often as it likes.
    fn charge_publication(&self, request: &Request<'_>) -> Result<(), BayeuxError> {
        let policy = request.policy;
        if !policy.counts_publications() {
            return Ok(());
        }
        let Some(name) = request.message.text(Field::Channel).filter(|name| channel::is_name(name)) else {
            return Ok(());
        };
        let session = self.named_session(request);
        if policy.has_secret(request.shown(session.as_deref())) {
            return Ok(());
        }
        self.charge_session(request, session.as_deref())?;
        let Some(buckets) = policy.publications(policy.rule(&name)) else { return Ok(()) };
        let client = session.map(|session| *session.id());
        let address = request.peer.address.filter(|_| client.is_none());
        self.draw(buckets, (client, address.map(|address| household(address.ip()))), Reason::publications)
    }

    fn draw(&self, buckets: &Buckets, who: impl std::hash::Hash, reason: Reason) -> Result<(), BayeuxError> {
        buckets.take(who).map_err(|wait| {
            self.metrics.refuse(reason);
            BayeuxError::TooOften(milliseconds(wait).max(1))
        })
    }
}
