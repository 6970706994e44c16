//! Asks the application about the operations that the rules leave to it, before they are carried out.

use std::sync::Arc;

use super::Server;
use super::handshake::{HANDSHAKE, wrong};
use super::request::{Answers, Charge, Request};
use crate::bayeux::{Field, Message, Verb, channel};
use crate::hook::Question;
use crate::peer::Peer;
use crate::policy::{Answer, Credentials, Judgement, Policy};
use crate::router::PendingFlush;

impl Server {
    /// Asks the application about a message, if it has to be asked; the rates count the message before. The application may
    /// change `data` and `ext` of the message.
    pub(super) async fn ask(
        &self,
        policy: &Policy,
        message: &mut Message,
        credentials: &Credentials,
        peer: &Arc<Peer>,
        pending: &mut PendingFlush,
    ) -> (Answers, Charge) {
        let mut answers = Answers::new();
        if !policy.asks() || message.depth() > self.limits.depth {
            return (answers, Charge::new());
        }
        let none = Answers::new();
        let request = self.request(message, peer, false, policy, credentials, &none);
        let (operation, channels) = self.questions(&request);
        if channels.is_empty() {
            return (answers, Charge::new());
        }
        let charged = self.charge(message.verb(), &request);
        let mut asked = message.clone();
        if self.named_session(&request).is_none() {
            // Whoever is asked takes it for who sent the message.
            asked.remove(Field::ClientId);
        }
        let hook = self.hook.load_full().filter(|_| charged.is_ok());
        let Some(hook) = hook else { return (answers, Charge::from(charged)) };
        for channel in channels {
            pending.flush();
            let credential = credentials.digest();
            let question = Question { operation, channel: &channel, message: &asked, peer, credential };
            let reply = hook.ask(&question).await;
            for (field, json) in [(Field::Data, reply.data), (Field::Ext, reply.ext)] {
                if let Some(json) = json {
                    message.set(field, json.get().as_bytes());
                }
            }
            let is_refused = reply.answer != Answer::Allowed;
            answers.push((channel, reply.answer));
            if is_refused {
                // Nothing behind it will be carried out.
                break;
            }
        }
        (answers, Charge::from(charged))
    }

    /// The operation of a message, and the channels for which the application has to be asked.
    fn questions(&self, request: &Request<'_>) -> (&'static str, Vec<Box<str>>) {
        let Request { message, policy, credentials, .. } = *request;
        if !request.outcome.is_done() {
            return ("", Vec::new());
        }
        let session = self.named_session(request);
        let shown = request.shown(session.as_deref());
        let has_to_ask = |judgement| matches!(judgement, Judgement::Ask);
        match message.verb() {
            Verb::Handshake => {
                let is_good = wrong(message).is_none() && credentials.token_error().is_none();
                let asks = is_good && has_to_ask(policy.may_begin(shown, None));
                ("handshake", asks.then(|| HANDSHAKE.into()).into_iter().collect())
            }
            Verb::Publish => {
                let name = message.text(Field::Channel).filter(|name| channel::is_name(name));
                let name =
                    name.filter(|name| message.get(Field::Data).is_some() && self.check_size(name).is_ok());
                let asked =
                    name.filter(|name| has_to_ask(policy.may_publish(policy.rule(name), name, shown, None)));
                ("publish", asked.map(|name| name.into()).into_iter().collect())
            }
            Verb::Subscribe if session.is_some() && credentials.token_error().is_none() => {
                let wanted = message.truthy(Field::Subscription).unwrap_or_default();
                let mut asked: Vec<Box<str>> = Vec::new();
                for element in self.elements(wanted).unwrap_or_default() {
                    // What is refused ends the list; what was seen before is known.
                    let Ok(pattern) = self.subscribable(element) else { break };
                    if channel::is_service(&pattern) || asked.iter().any(|known| **known == *pattern) {
                        continue;
                    }
                    match policy.may_subscribe(&pattern, shown, None) {
                        Judgement::Ask => asked.push(pattern.into()),
                        Judgement::Refused(_) => break,
                        Judgement::Allowed { .. } => {}
                    }
                }
                ("subscribe", asked)
            }
            _ => ("", Vec::new()),
        }
    }
}
