//! All other channels: publications.
//!
//! MUST contain `channel` and `data`; MAY contain `clientId`, `ext`, `id` (Bayeux 1.0, section 5.1). No session is
//! required: a back end publishes with one POST. The `clientId` is used only where the authorization or the rate limits
//! depend on the session.

use bytes::Bytes;

use super::Server;
use super::event::Event;
use super::request::{Publish, Request};
use crate::auth::Rule;
use crate::bayeux::reply::{self, Outcome};
use crate::bayeux::{BayeuxError, ClientId, Field, Message, Publication, Verb, channel, json};
use crate::broker::{PublishOptions, Receipt};
use crate::peer::Transport;
use crate::router::PendingFlush;

impl Server {
    pub(super) fn publish(
        &self,
        request: &Request<'_>,
        out: &mut Vec<u8>,
        accepted: &mut Option<Publish>,
    ) -> Outcome {
        let message = request.message;
        let mut outcome = request.outcome.clone();
        let name = message.text(Field::Channel).unwrap_or_default();
        if let Err(error) = self.check_size(&name) {
            outcome = Outcome::Failed(error);
        } else if !channel::is_name(&name) {
            let printed = json::printed(message.get(Field::Channel).unwrap_or_default());
            outcome = Outcome::Failed(BayeuxError::ChannelInvalid(printed.into_owned()));
        }
        if message.get(Field::Data).is_none() {
            outcome = Outcome::Failed(BayeuxError::ParameterMissing("data"));
        }
        let rule = request.policy.rule(&name);
        if outcome.is_done()
            && let Err(error) = self.may_publish(request, rule, &name)
        {
            outcome = Outcome::Failed(error);
        }
        reply::plain(out, message, &outcome, true);
        self.log_refused(request, message.get(Field::Channel).unwrap_or_default(), &outcome);
        if outcome.is_done() {
            let client = if self.is_listened_to() { self.publisher(request) } else { None };
            *accepted = Some(Publish {
                channel: name.into_owned(),
                overflow: rule.overflow,
                history: rule.history,
                is_syndicated: rule.syndicate.is_some(),
                client,
            });
        }
        outcome
    }

    /// Returns the session that the publisher names, for event listeners. `None` if the session is live and the message
    /// does not prove that it owns it.
    fn publisher(&self, request: &Request<'_>) -> Option<ClientId> {
        let message = request.message;
        let id = ClientId::parse(message.text(Field::ClientId)?.as_bytes())?;
        let is_undisputed = !self.is_alive(message) || self.named_session(request).is_some();
        is_undisputed.then_some(id)
    }

    /// Checks the rate limits and the policy for a publication.
    ///
    /// # Errors
    /// The publisher exceeds a rate limit, or the policy denies the publication.
    fn may_publish(&self, request: &Request<'_>, rule: &Rule, channel: &str) -> Result<(), BayeuxError> {
        let is_server_only = request.policy.is_server_only(channel);
        // Rate limits apply to clients.
        if !is_server_only || request.peer.transport != Transport::InProcess {
            request.check_rate(self, Verb::Publish)?;
        }
        if rule.publish.anyone && !is_server_only {
            return Ok(());
        }
        let session = if rule.publish.token { self.proven_session(request) } else { None };
        let context = request.auth_context(session.as_deref());
        let decision =
            request.policy.authorize_publish(rule, channel, context, request.hook_decision(channel));
        self.authorize(decision, request, channel).map(|_| ())
    }

    /// Queues an accepted publication in the mailboxes of its subscribers.
    pub(super) fn deliver(&self, accepted: Publish, message: Message, pending: &mut PendingFlush) {
        let reported = self.is_listened_to().then(|| message.clone());
        // Messages to `/service/` are for the server only.
        if !channel::is_service(&accepted.channel) {
            self.publish_to_broker(&accepted, message, pending);
        }
        match reported {
            Some(message) => self.report_publication(accepted, &message),
            None => {
                self.metrics.publications.inc();
            }
        }
    }

    /// Counts a publication and emits its event, with or without subscribers.
    pub(super) fn report_publication(&self, accepted: Publish, message: &Message) {
        self.metrics.publications.inc();
        self.emit(|| {
            let Publish { channel, client, .. } = accepted;
            let data = Bytes::copy_from_slice(message.get(Field::Data).unwrap_or_default());
            Event::Publish { client, channel, data }
        });
    }

    /// Publishes through the broker. The receipt resolves once the broker accepts the publication.
    pub(super) fn publish_to_broker(
        &self,
        accepted: &Publish,
        message: Message,
        pending: &mut PendingFlush,
    ) -> Receipt {
        let Publish { channel: name, overflow, history, is_syndicated, .. } = accepted;
        let publication = Publication::new(name, message);
        let appended = if *is_syndicated { self.appended.get() } else { None };
        let options = PublishOptions { history: *history, overflow: *overflow, appended };
        let receipt = self.broker.publish(publication, options, pending);
        // The lock of the partition is released.
        self.end_overflowed(pending);
        self.relieve();
        receipt
    }

    /// Ends the sessions whose mailbox overflowed. The caller must hold no lock.
    pub(super) fn end_overflowed(&self, pending: &mut PendingFlush) {
        for (session, publication) in pending.take_overflowed() {
            if self.end(&session) {
                let channel = publication.as_ref().map(|publication| publication.channel());
                self.policy.load().note_full_mailbox(session.id(), channel.unwrap_or_default());
                self.metrics.mailbox_disconnects.inc();
            }
        }
    }
}
