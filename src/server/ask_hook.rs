//! Calls the authorization hook for operations that the rules delegate to it, before the verb is executed.

use super::Server;
use super::handshake::HANDSHAKE;
use super::request::Request;
use crate::auth::hook::HookRequest;
use crate::auth::{Decision, HookDecision};
use crate::bayeux::{Field, Verb};
use crate::router::PendingFlush;

impl Server {
    /// Calls the hook for a message that needs its decision. The hook may change `data` and `ext` of the message.
    pub(super) async fn ask_hook(&self, request: &mut Request<'_>, pending: &mut PendingFlush) {
        let (operation, channels) = self.undecided(request);
        if channels.is_empty() {
            return;
        }
        let Some(hook) = self.hook.load_full() else { return };
        let mut visible = request.message.clone();
        if request.session(self).is_none() {
            // The application would take an unproven `clientId` for the sender.
            visible.remove(Field::ClientId);
        }
        for channel in channels {
            pending.flush();
            let credential = request.credentials.digest();
            let hook_request = HookRequest {
                operation,
                channel: &channel,
                message: &visible,
                peer: request.peer,
                credential,
            };
            let response = hook.decide(&hook_request).await;
            for (field, json) in [(Field::Data, response.data), (Field::Ext, response.ext)] {
                if let Some(json) = json {
                    request.message.set(field, json.get().as_bytes());
                }
            }
            let is_denied = response.decision != HookDecision::Allow;
            request.hook_decisions.push((channel, response.decision));
            if is_denied {
                // The verb stops at the first denied channel.
                break;
            }
        }
    }

    /// Returns the operation of a message that passes all other checks, and the channels that need a decision of the
    /// hook.
    fn undecided(&self, request: &Request<'_>) -> (&'static str, Vec<Box<str>>) {
        let asks_hook = |decision: &Decision| matches!(decision, Decision::AskHook);
        match request.verb {
            Verb::Handshake => {
                let asks = self.check_handshake(request).is_ok_and(|decision| asks_hook(&decision));
                ("handshake", asks.then(|| HANDSHAKE.into()).into_iter().collect())
            }
            Verb::Publish => {
                let checked = self.check_publish(request).ok();
                let undecided = checked.filter(|checked| asks_hook(&checked.decision));
                ("publish", undecided.map(|checked| checked.name.into()).into_iter().collect())
            }
            Verb::Subscribe => {
                let checked = self.check_subscribe(request).ok();
                let channels = checked.map(|checked| checked.channels).unwrap_or_default();
                let undecided = channels.into_iter().filter(|channel| asks_hook(&channel.decision));
                ("subscribe", undecided.map(|channel| channel.pattern.into()).collect())
            }
            _ => ("", Vec::new()),
        }
    }
}
