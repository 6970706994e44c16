//! A message on its way through a verb, and the effects of the verb. This module must not know the verbs.

use std::sync::{Arc, OnceLock};

use smallvec::SmallVec;

use super::received::Accepted;
use crate::auth::{Cookie, Credentials, HookDecision, Policy};
use crate::bayeux::reply::Outcome;
use crate::bayeux::{BayeuxError, ClientId, Message};
use crate::config::{History, Overflow};
use crate::peer::Peer;

/// A message for a verb.
pub(super) struct Request<'a> {
    pub(super) message: &'a Message,
    pub(super) peer: &'a Arc<Peer>,
    /// `Done` so far, or the refusal of an extension or a limit. The checks of the verb override it.
    pub(super) outcome: Outcome,
    pub(super) policy: &'a Policy,
    /// The credentials of the message.
    pub(super) credentials: &'a Credentials,
    /// The decisions of the application.
    pub(super) hook_decisions: &'a HookDecisions,
    /// Keeps the decision of the rates for a verb that may be executed again.
    pub(super) rate_check: Option<&'a RateCheck>,
    /// Whether it is the only message of its request or frame.
    pub(super) alone: bool,
}

/// The decision of the rates on a message, once they have counted it.
pub(super) type RateCheck = OnceLock<Result<(), BayeuxError>>;

/// Decisions of the application, by channel.
pub(super) type HookDecisions = SmallVec<[(Box<str>, HookDecision); 1]>;

/// Where messages come from.
pub(super) enum Origin {
    /// A client. Its session may be on another instance.
    Client,
    /// Another instance, which has forwarded one message. It has prepared the message if it owned the session until then.
    #[cfg_attr(not(feature = "redis"), expect(dead_code, reason = "there is no other instance"))]
    Instance(Option<Box<Prepared>>),
}

/// A message that is ready for its verb. Extensions and the application have seen it, so only the verb may be executed again.
pub(super) struct Prepared {
    pub(super) message: Message,
    pub(super) credentials: Credentials,
    pub(super) hook_decisions: HookDecisions,
    pub(super) rate_check: RateCheck,
}

/// The effects of a verb, apart from the reply.
#[derive(Default)]
pub(super) struct Done {
    /// A cookie that identifies the browser later.
    pub(super) cookie: Option<Cookie>,
    /// An accepted connect: the transport holds the reply, and attaches itself.
    pub(super) accepted: Option<Accepted>,
    /// A publication to deliver.
    pub(super) publish: Option<Publish>,
    /// A new session.
    pub(super) begun: Option<ClientId>,
    /// Whether the verb was not executed because the session belongs to another instance by now.
    pub(super) has_departed: bool,
}

/// An accepted publication.
pub(super) struct Publish {
    /// The channel.
    pub(super) channel: String,
    /// The policy for mailboxes without room.
    pub(super) overflow: Overflow,
    /// The bounds of the history of the channel.
    pub(super) history: Option<History>,
    /// Whether the channel is a feed.
    pub(super) is_syndicated: bool,
    /// The session that the publisher named, if there are listeners for events.
    pub(super) client: Option<ClientId>,
}

#[cfg(feature = "redis")]
impl Prepared {
    /// A message that another instance has prepared. `is_charged` says that the rates have counted it there.
    pub(super) fn elsewhere(
        message: Message,
        credentials: Credentials,
        hook_decisions: HookDecisions,
        is_charged: bool,
    ) -> Self {
        let rate_check = if is_charged { RateCheck::from(Ok(())) } else { RateCheck::new() };
        Self { message, credentials, hook_decisions, rate_check }
    }
}
