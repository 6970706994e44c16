//! The input and the effects of a verb. This module must not depend on single verbs.

use std::sync::{Arc, OnceLock};

use smallvec::SmallVec;

use super::received::Accepted;
use crate::auth::{Cookie, Credentials, HookDecision, Policy};
use crate::bayeux::reply::Outcome;
use crate::bayeux::{BayeuxError, ClientId, Message};
use crate::config::{History, Overflow};
use crate::peer::Peer;

/// The input of a verb.
pub(super) struct Request<'a> {
    pub(super) message: &'a Message,
    pub(super) peer: &'a Arc<Peer>,
    /// `Done`, or the refusal by an extension or a limit. The checks of the verb override it.
    pub(super) outcome: Outcome,
    pub(super) policy: &'a Policy,
    /// The credentials of the message.
    pub(super) credentials: &'a Credentials,
    /// The decisions of the authorization hook.
    pub(super) hook_decisions: &'a HookDecisions,
    /// Stores the result of the rate limits for a verb that may be executed again.
    pub(super) rate_check: Option<&'a RateCheck>,
    /// Whether it is the only message of its request or frame.
    pub(super) alone: bool,
}

/// The result of the rate limits for a message; empty until they have counted it.
pub(super) type RateCheck = OnceLock<Result<(), BayeuxError>>;

/// Decisions of the authorization hook, by channel.
pub(super) type HookDecisions = SmallVec<[(Box<str>, HookDecision); 1]>;

/// The source of messages.
pub(super) enum Origin {
    /// A client. Its session may be on another instance.
    Client,
    /// Another instance that forwarded one message. The message is prepared if that instance owned the session until
    /// then.
    #[cfg_attr(not(feature = "redis"), expect(dead_code, reason = "there is no other instance"))]
    Instance(Option<Box<Prepared>>),
}

/// A message that extensions and the authorization hook have processed. Only its verb may be executed again.
pub(super) struct Prepared {
    pub(super) message: Message,
    pub(super) credentials: Credentials,
    pub(super) hook_decisions: HookDecisions,
    pub(super) rate_check: RateCheck,
}

/// The effects of a verb, apart from the reply.
#[derive(Default)]
pub(super) struct Done {
    /// A cookie that identifies the browser in later requests.
    pub(super) cookie: Option<Cookie>,
    /// An accepted connect: the transport holds the reply and attaches itself.
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
    /// The session that the publisher named; `None` without event listeners.
    pub(super) client: Option<ClientId>,
}

#[cfg(feature = "redis")]
impl Prepared {
    /// Creates a message that another instance has prepared. `is_charged` says that the rate limits counted it there.
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
