//! Executes the verb of a message, appends the reply and counts the result. The steps are the same whether the message
//! waits for something before or not. This module must not know extensions, the hook or other instances.

use super::Server;
use super::request::{Effects, Moved, Request};
use crate::bayeux::reply::{self, Outcome};
use crate::bayeux::{BayeuxError, Field, Verb};
use crate::metrics::Reason;

impl Server {
    /// Executes the verb of a message, and appends the reply.
    ///
    /// # Errors
    /// The session belongs to another instance by now. There is no reply, but the cookie of `effects` stays valid.
    pub(super) fn execute(
        &self,
        request: &Request<'_>,
        out: &mut Vec<u8>,
        effects: &mut Effects,
    ) -> Result<(), Moved> {
        let needs_session =
            matches!(request.verb, Verb::Connect | Verb::Subscribe | Verb::Unsubscribe | Verb::Disconnect);
        if needs_session && request.session(self).is_some_and(|session| session.is_frozen()) {
            return Err(Moved);
        }
        let counters = &self.metrics.messages;
        let (counter, outcome) = match request.verb {
            Verb::Handshake => (&counters.handshake, self.handshake(request, out, effects)),
            Verb::Connect => (&counters.connect, self.connect(request, out, &mut effects.accepted)?),
            Verb::Subscribe => (&counters.subscribe, self.subscribe(request, out, effects)?),
            Verb::Unsubscribe => (&counters.unsubscribe, self.unsubscribe(request, out)?),
            Verb::Disconnect => (&counters.disconnect, self.disconnect(request, out)?),
            Verb::Publish => (&counters.publish, self.publish(request, out, &mut effects.publish)),
            Verb::UnknownMeta => {
                let channel = request.message.text(Field::Channel).unwrap_or_default().into_owned();
                let outcome = Outcome::Failed(BayeuxError::ChannelForbidden(channel));
                reply::plain(out, &request.message, &outcome, true);
                (&counters.unknown, outcome)
            }
        };
        counter.inc();
        if !outcome.is_done() {
            self.count_refusal(request, &outcome);
        }
        Ok(())
    }

    /// Counts a refused message. The checks do not, because they run again after the hook has decided; only the rate limits
    /// count, once for each message.
    fn count_refusal(&self, request: &Request<'_>, outcome: &Outcome) {
        self.metrics.error_replies.inc();
        let needs_session = matches!(outcome, Outcome::Failed(BayeuxError::ClientUnknown(_)))
            || request.verb == Verb::Publish && !matches!(outcome, Outcome::Failed(BayeuxError::TooOften(_)));
        if needs_session && request.is_known_unproven() {
            self.metrics.refuse(Reason::unproven);
            tracing::debug!("refusing a message that does not prove that it owns its session");
        }
        let Outcome::Failed(error) = outcome else { return };
        match error {
            BayeuxError::TooDeep(_) => self.metrics.refuse(Reason::depth),
            BayeuxError::ChannelTooLong(_) => self.metrics.refuse(Reason::channel),
            BayeuxError::TooManySegments(_) => self.metrics.refuse(Reason::segments),
            BayeuxError::TooManySubscriptions(_) => self.metrics.refuse(Reason::subscriptions),
            _ => {}
        }
    }
}
