//! All other channels: publications.
//!
//! MUST contain `channel` and `data`; MAY contain `clientId`, `ext`, `id` (Bayeux 1.0, section 5.1). No session is
//! required: a back end publishes with one POST. The `clientId` is used only where the authorization or the rate limits
//! depend on the session.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::Server;
use super::event::Event;
use super::request::{Publish, Request, Sender};
use crate::auth::{Decision, Rule};
use crate::bayeux::reply::{self, Outcome};
use crate::bayeux::{BayeuxError, ClientId, Field, Message, Publication, channel, json};
use crate::broker::{PublishOptions, Receipt};
use crate::peer::Transport;
use crate::router::PendingFlush;

/// A publication that passed the checks, apart from the decision.
pub(super) struct CheckedPublication<'r> {
    pub(super) name: Cow<'r, str>,
    pub(super) decision: Decision,
    rule: &'r Rule,
}

impl Server {
    /// Checks a publication against the limits, the rates and the policy.
    ///
    /// # Errors
    /// The message is malformed or refused, or the publisher exceeds a rate limit.
    pub(super) fn check_publish<'r>(
        &self,
        request: &'r Request<'_>,
    ) -> Result<CheckedPublication<'r>, Outcome> {
        let Request { message, policy, .. } = request;
        if message.get(Field::Data).is_none() {
            return Err(BayeuxError::ParameterMissing("data").into());
        }
        let name = message.text(Field::Channel).unwrap_or_default();
        self.check_size(&name)?;
        if !self.grammar().is_name(&name) {
            let printed = json::printed(message.get(Field::Channel).unwrap_or_default());
            return Err(BayeuxError::ChannelInvalid(printed.into_owned()).into());
        }
        // Only a name with dots: the verb of others is `UnknownMeta`.
        if channel::is_meta(&name) {
            return Err(BayeuxError::ChannelForbidden(name.into_owned()).into());
        }
        request.check(self)?;
        let rule = policy.rule(&name);
        let is_server_only = policy.is_server_only(&name);
        // Rate limits apply to clients.
        if !is_server_only || request.peer.transport != Transport::InProcess {
            request.check_rate(self)?;
        }
        if rule.publish.anyone && !is_server_only {
            return Ok(CheckedPublication { name, decision: Decision::FREE, rule });
        }
        let session = if rule.publish.token { request.session(self) } else { None };
        let context = request.auth_context(session.map(Arc::as_ref));
        let decision = policy.authorize_publish(rule, &name, context, request.hook_decision(&name));
        Ok(CheckedPublication { name, decision, rule })
    }

    pub(super) fn publish(
        &self,
        request: &Request<'_>,
        out: &mut Vec<u8>,
        accepted: &mut Option<Publish>,
    ) -> Outcome {
        let message = &request.message;
        let checked = self.check_publish(request).and_then(|checked| {
            let CheckedPublication { name, decision, rule } = checked;
            self.authorize(decision, request, &name)?;
            Ok((name, rule))
        });
        let outcome = match checked {
            Ok((name, rule)) => {
                *accepted = Some(Publish {
                    channel: name.into_owned(),
                    overflow: rule.overflow,
                    history: rule.history,
                    ack: rule.ack,
                    is_syndicated: rule.syndicate.is_some(),
                    client: if self.is_listened_to() { self.publisher(request) } else { None },
                });
                Outcome::Done
            }
            Err(refused) => refused,
        };
        reply::plain(out, message, &outcome, true);
        self.log_refused(request, message.get(Field::Channel).unwrap_or_default(), &outcome);
        outcome
    }

    /// Returns the session that the publisher names, for event listeners. `None` if the session is live and the message
    /// does not prove that it owns it.
    fn publisher(&self, request: &Request<'_>) -> Option<ClientId> {
        let id = ClientId::parse(request.message.text(Field::ClientId)?.as_bytes())?;
        (!matches!(request.sender(self), Sender::Unproven)).then_some(id)
    }

    /// Queues an accepted publication in the mailboxes of its subscribers.
    pub(super) fn deliver(&self, accepted: Publish, message: Message, pending: &mut PendingFlush) {
        let reported = self.is_listened_to().then(|| message.clone());
        // Messages to `/service/` are for the server only.
        if !channel::is_service(&accepted.channel) {
            self.publish_to_broker(&accepted, message, pending);
        }
        match reported {
            Some(message) => self.report_publication(accepted, Some(&message)),
            None => {
                self.metrics.publications.inc();
            }
        }
    }

    /// Counts a publication and emits its event, with or without subscribers. `message` is what was published; `None` if an
    /// extension dropped it, which has no event.
    pub(super) fn report_publication(&self, accepted: Publish, message: Option<&Message>) {
        self.metrics.publications.inc();
        let Some(message) = message else { return };
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
        let Publish { channel: name, overflow, history, ack, is_syndicated, .. } = accepted;
        let publication = Publication::new(name, message);
        let appended = if *is_syndicated { self.appended.get() } else { None };
        let options = PublishOptions { history: *history, overflow: *overflow, ack: *ack, appended };
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
