//! Calls the authorization hook for operations that the rules delegate to it, before the verb is executed.

use std::sync::Arc;

use super::Server;
use super::handshake::{HANDSHAKE, handshake_error};
use super::request::{HookDecisions, RateCheck, Request};
use crate::auth::hook::HookRequest;
use crate::auth::{Credentials, Decision, HookDecision, Policy};
use crate::bayeux::{Field, Message, Verb, channel};
use crate::peer::Peer;
use crate::router::PendingFlush;

impl Server {
    /// Calls the hook for a message that needs its decision, after checking the rate limits. The hook may change `data`
    /// and `ext` of the message.
    pub(super) async fn ask_hook(
        &self,
        policy: &Policy,
        message: &mut Message,
        credentials: &Credentials,
        peer: &Arc<Peer>,
        pending: &mut PendingFlush,
    ) -> (HookDecisions, RateCheck) {
        let mut decisions = HookDecisions::new();
        if !policy.uses_hook() || message.depth() > self.limits.depth {
            return (decisions, RateCheck::new());
        }
        let none = HookDecisions::new();
        let request = self.request(message, peer, false, policy, credentials, &none);
        let (operation, channels) = self.hook_channels(&request);
        if channels.is_empty() {
            return (decisions, RateCheck::new());
        }
        let rate_check = self.check_rate(message.verb(), &request);
        let mut visible = message.clone();
        if self.named_session(&request).is_none() {
            // The application would take an unproven `clientId` for the sender.
            visible.remove(Field::ClientId);
        }
        let hook = self.hook.load_full().filter(|_| rate_check.is_ok());
        let Some(hook) = hook else { return (decisions, RateCheck::from(rate_check)) };
        for channel in channels {
            pending.flush();
            let credential = credentials.digest();
            let hook_request =
                HookRequest { operation, channel: &channel, message: &visible, peer, credential };
            let response = hook.decide(&hook_request).await;
            for (field, json) in [(Field::Data, response.data), (Field::Ext, response.ext)] {
                if let Some(json) = json {
                    message.set(field, json.get().as_bytes());
                }
            }
            let is_denied = response.decision != HookDecision::Allow;
            decisions.push((channel, response.decision));
            if is_denied {
                // The verb stops at the first denied channel.
                break;
            }
        }
        (decisions, RateCheck::from(rate_check))
    }

    /// Returns the operation of a message, and the channels that need a decision of the hook.
    fn hook_channels(&self, request: &Request<'_>) -> (&'static str, Vec<Box<str>>) {
        let Request { message, policy, credentials, .. } = *request;
        if !request.outcome.is_done() {
            return ("", Vec::new());
        }
        let session = self.named_session(request);
        let context = request.auth_context(session.as_deref());
        let asks_hook = |decision| matches!(decision, Decision::AskHook);
        match message.verb() {
            Verb::Handshake => {
                let is_good = handshake_error(message).is_none() && credentials.token_error().is_none();
                let asks = is_good && asks_hook(policy.authorize_handshake(context, None));
                ("handshake", asks.then(|| HANDSHAKE.into()).into_iter().collect())
            }
            Verb::Publish => {
                let name = message.text(Field::Channel).filter(|name| channel::is_name(name));
                let name =
                    name.filter(|name| message.get(Field::Data).is_some() && self.check_size(name).is_ok());
                let undecided = name.filter(|name| {
                    asks_hook(policy.authorize_publish(policy.rule(name), name, context, None))
                });
                ("publish", undecided.map(|name| name.into()).into_iter().collect())
            }
            Verb::Subscribe if session.is_some() && credentials.token_error().is_none() => {
                let wanted = message.truthy(Field::Subscription).unwrap_or_default();
                let mut undecided: Vec<Box<str>> = Vec::new();
                for element in self.elements(wanted).unwrap_or_default() {
                    // The first refused element ends the list; repeated elements are already handled.
                    let Ok(pattern) = self.subscribable(element) else { break };
                    if channel::is_service(&pattern) || undecided.iter().any(|known| **known == *pattern) {
                        continue;
                    }
                    match policy.authorize_subscribe(&pattern, context, None) {
                        Decision::AskHook => undecided.push(pattern.into()),
                        Decision::Deny(_) => break,
                        Decision::Allow { .. } => {}
                    }
                }
                ("subscribe", undecided)
            }
            _ => ("", Vec::new()),
        }
    }
}
