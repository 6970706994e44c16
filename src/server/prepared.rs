//! A message that extensions and the authorization hook have processed, and whose verb was not executed here. This module
//! must not depend on requests and their results.

use smallvec::SmallVec;

use crate::auth::{Credentials, HookDecision};
use crate::bayeux::Message;

/// Decisions of the authorization hook, by channel.
pub(super) type HookDecisions = SmallVec<[(Box<str>, HookDecision); 1]>;

/// A prepared message, on its way to the instance that executes it.
pub(super) struct Prepared {
    pub(super) message: Message,
    pub(super) credentials: Credentials,
    pub(super) hook_decisions: HookDecisions,
    /// Whether the rate limits have counted the message.
    pub(super) is_charged: bool,
}
