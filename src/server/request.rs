//! A message on its way through the server: its input, what is known about its sender, and the effects of its verb. This
//! module must not depend on single verbs.

use std::sync::{Arc, OnceLock};

use super::Server;
use super::prepared::{HookDecisions, Prepared};
use super::received::Accepted;
use super::replay_plan::ReplayPlan;
use crate::auth::{AuthContext, Cookie, Credentials, HookDecision, Policy};
use crate::bayeux::reply::Outcome;
use crate::bayeux::{BayeuxError, ClientId, Field, Message, Verb};
use crate::config::{Ack, History, Overflow};
use crate::peer::Peer;
use crate::router::Session;

/// A message with its sender and its policy. It is prepared once (extensions, hook, rate limits); only its verb may be
/// executed again. Exceptions are messages whose instance is lost while it executes them: see `forward` of the cluster.
pub(super) struct Request<'a> {
    pub(super) message: Message,
    pub(super) verb: Verb,
    pub(super) peer: &'a Arc<Peer>,
    pub(super) policy: &'a Policy,
    /// The credentials of the message.
    pub(super) credentials: Credentials,
    /// Whether it is the only message of its HTTP request or frame.
    pub(super) is_alone: bool,
    /// The decisions of the authorization hook.
    pub(super) hook_decisions: HookDecisions,
    /// The result of the rate limits; empty until they have counted the message.
    pub(super) rate_check: OnceLock<Result<(), BayeuxError>>,
    /// The sender; empty until a check needs it, and after each wait.
    sender: OnceLock<Sender>,
}

/// The sender of a message.
pub(super) enum Sender {
    /// The message names no session of this instance.
    Unknown,
    /// The message names a live session and does not prove that it owns it.
    Unproven,
    /// The message owns this live session.
    Session(Arc<Session>),
}

/// The source of messages.
pub(super) enum Origin {
    /// A client. Its session may be on another instance.
    Client,
    /// Another instance that forwarded one message. The message is prepared if that instance owned the session until
    /// then, or if a previous owner has prepared it.
    #[cfg_attr(not(feature = "redis"), expect(dead_code, reason = "there is no other instance"))]
    Instance(Option<Box<Prepared>>),
}

/// The verb was not executed, because the session belongs to another instance by now.
#[derive(Debug)]
pub(super) struct Moved;

/// The reason why a verb stops.
pub(super) enum Stop {
    Moved,
    Refused(BayeuxError),
}

/// The effects of a verb, apart from the reply.
#[derive(Default)]
pub(super) struct Effects {
    /// A cookie that identifies the browser in later requests.
    pub(super) cookie: Option<Cookie>,
    /// An accepted connect: the transport holds the reply and attaches itself.
    pub(super) accepted: Option<Accepted>,
    /// A publication to deliver.
    pub(super) publish: Option<Publish>,
    /// A new session.
    pub(super) begun: Option<ClientId>,
    /// The replays of new subscriptions.
    pub(super) replays: Vec<ReplayPlan>,
}

/// An accepted publication.
pub(super) struct Publish {
    /// The channel.
    pub(super) channel: String,
    /// The policy for mailboxes without room.
    pub(super) overflow: Overflow,
    /// The bounds of the history of the channel.
    pub(super) history: Option<History>,
    /// When a broker on Redis accepts it.
    pub(super) ack: Ack,
    /// Whether the channel is a feed.
    pub(super) is_syndicated: bool,
    /// The session that the publisher named; `None` without event listeners.
    pub(super) client: Option<ClientId>,
}

impl<'a> Request<'a> {
    /// Creates a request from a message without its credentials.
    pub(super) fn new(
        message: Message,
        credentials: Credentials,
        peer: &'a Arc<Peer>,
        policy: &'a Policy,
        is_alone: bool,
    ) -> Self {
        Self {
            verb: message.verb(),
            message,
            peer,
            policy,
            credentials,
            is_alone,
            hook_decisions: HookDecisions::new(),
            rate_check: OnceLock::new(),
            sender: OnceLock::new(),
        }
    }

    /// Creates a request from a message that another instance has prepared.
    pub(super) fn of(prepared: Prepared, peer: &'a Arc<Peer>, policy: &'a Policy) -> Self {
        let Prepared { message, credentials, hook_decisions, is_charged } = prepared;
        let rate_check = if is_charged { OnceLock::from(Ok(())) } else { OnceLock::new() };
        Self { hook_decisions, rate_check, ..Self::new(message, credentials, peer, policy, true) }
    }

    /// Returns the message, which was not executed, for another instance.
    pub(super) fn into_prepared(self) -> Prepared {
        let Self { message, credentials, hook_decisions, rate_check, .. } = self;
        let is_charged = rate_check.get().is_some_and(Result::is_ok);
        Prepared { message, credentials, hook_decisions, is_charged }
    }

    /// Returns the sender, which is looked up once.
    pub(super) fn sender(&self, server: &Server) -> &Sender {
        self.sender.get_or_init(|| server.find_sender(self))
    }

    /// Returns the session of the sender.
    pub(super) fn session(&self, server: &Server) -> Option<&Arc<Session>> {
        match self.sender(server) {
            Sender::Session(session) => Some(session),
            Sender::Unknown | Sender::Unproven => None,
        }
    }

    /// Whether a check has found that the message does not prove that it owns its session.
    pub(super) fn is_known_unproven(&self) -> bool {
        matches!(self.sender.get(), Some(Sender::Unproven))
    }

    /// Forgets the sender after a wait, in which the session may have ended, moved or begun.
    pub(super) fn forget_sender(&mut self) {
        self.sender.take();
    }

    /// Returns the inputs of an authorization decision.
    pub(super) fn auth_context<'r>(&'r self, session: Option<&'r Session>) -> AuthContext<'r> {
        AuthContext {
            credentials: &self.credentials,
            ownership: session.map(Session::ownership),
            peer: self.peer,
        }
    }

    /// Returns the decision of the hook about a channel.
    pub(super) fn hook_decision(&self, channel: &str) -> Option<&HookDecision> {
        self.hook_decisions.iter().find(|(known, _)| **known == *channel).map(|(_, decision)| decision)
    }

    /// Checks what all verbs have in common. Errors of the fields of a verb take precedence, as in Faye.
    ///
    /// # Errors
    /// The message is nested too deeply, or an extension has refused it.
    pub(super) fn check(&self, server: &Server) -> Result<(), Outcome> {
        if self.message.depth() > server.limits.depth {
            return Err(BayeuxError::TooDeep(server.limits.depth).into());
        }
        if self.message.truthy(Field::Error).is_some() {
            return Err(Outcome::Refused);
        }
        Ok(())
    }
}

impl From<BayeuxError> for Stop {
    fn from(error: BayeuxError) -> Self {
        Self::Refused(error)
    }
}
