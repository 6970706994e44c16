//! Authorization decisions from the channel rules and the credentials of a request.

use std::sync::Arc;

use super::{AuthContext, Grant, Ownership, Policy, Rule, seconds_now};
use crate::bayeux::{BayeuxError, Pattern};
use crate::config::Access;
use crate::peer::Transport;

/// The decision of the authorization hook about an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookDecision {
    /// The operation is allowed.
    Allow,
    /// The operation is denied; the text becomes the `error` of the reply.
    Deny(String),
}

/// The decision of the policy about an operation.
#[derive(Debug)]
pub enum Decision {
    /// The operation is allowed.
    Allow {
        /// Whether the operation required a client credential. Its session is bound to the client from then on.
        by_credential: bool,
        /// The token that the permission depends on.
        grant: Option<Arc<Grant>>,
    },
    /// The hook has to decide.
    AskHook,
    /// The operation is denied.
    Deny(BayeuxError),
}

impl Decision {
    /// The operation requires no credential.
    pub(crate) const FREE: Self = Self::Allow { by_credential: false, grant: None };

    /// Combines the decisions about two parts of an operation.
    fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Deny(error) => Self::Deny(error),
            Self::Allow { by_credential: false, .. } => other(),
            Self::AskHook => match other() {
                Self::Deny(error) => Self::Deny(error),
                _ => Self::AskHook,
            },
            Self::Allow { by_credential: true, grant } => match other() {
                // The grant that expires first.
                Self::Allow { grant: also, .. } => {
                    let grants = [grant, also].into_iter().flatten();
                    Self::Allow { by_credential: true, grant: grants.min_by_key(|grant| grant.expires) }
                }
                other => other,
            },
        }
    }
}

/// Creates the error for a channel.
type OnChannel = fn(&str) -> BayeuxError;

/// A right that a token can grant.
#[derive(Clone, Copy)]
enum Right<'a> {
    Handshake,
    Publish(Pattern<'a>),
    /// The requested channels, and the subscription as written in the message.
    Subscribe(Pattern<'a>, &'a str),
}

impl Right<'_> {
    fn is_given_by(self, grant: &Grant, now: u64) -> bool {
        match self {
            Self::Handshake => now < grant.expires,
            Self::Publish(channel) => grant.may_publish(channel, now),
            Self::Subscribe(pattern, _) => grant.may_subscribe(pattern, now),
        }
    }
}

impl Policy {
    /// Authorizes a handshake.
    #[must_use]
    pub fn authorize_handshake(
        &self,
        context: AuthContext<'_>,
        hook_decision: Option<&HookDecision>,
    ) -> Decision {
        self.authorize(self.handshake, Right::Handshake, "/meta/handshake", context, hook_decision)
    }

    /// Authorizes a publication to a valid channel with this rule.
    ///
    /// Server-only channels accept publications from in-process peers under any rule, and from no client with any
    /// credential; the hook is not called. On other channels an in-process peer has the rights of a client without
    /// credentials.
    #[must_use]
    pub fn authorize_publish(
        &self,
        rule: &Rule,
        channel: &str,
        context: AuthContext<'_>,
        hook_decision: Option<&HookDecision>,
    ) -> Decision {
        if self.is_server_only(channel) {
            return match context.peer.transport {
                Transport::InProcess => Decision::FREE,
                _ => Decision::Deny(BayeuxError::ServerOnly(channel.to_owned())),
            };
        }
        self.authorize(
            rule.publish,
            Right::Publish(Pattern::of_name(channel)),
            channel,
            context,
            hook_decision,
        )
    }

    /// Authorizes a subscription to a channel or pattern. Every overlapping rule must allow it.
    #[must_use]
    pub fn authorize_subscribe(
        &self,
        pattern: &str,
        context: AuthContext<'_>,
        hook_decision: Option<&HookDecision>,
    ) -> Decision {
        let Some(wanted) = Pattern::parse(pattern) else {
            return Decision::Deny(BayeuxError::ChannelInvalid(pattern.to_owned()));
        };
        self.rules.overlapping(wanted).fold(Decision::FREE, |so_far, (rule, common)| {
            so_far.and(|| {
                self.authorize(
                    rule.subscribe,
                    Right::Subscribe(common, pattern),
                    pattern,
                    context,
                    hook_decision,
                )
            })
        })
    }

    /// Returns the name of the rule that denies a subscription, or of the first overlapping rule if the error has
    /// another cause.
    #[must_use]
    pub fn denying_rule(
        &self,
        pattern: &str,
        context: AuthContext<'_>,
        hook_decision: Option<&HookDecision>,
    ) -> String {
        let Some(wanted) = Pattern::parse(pattern) else { return Rule::NONE.to_owned() };
        let refuses = |(rule, common): &(&Rule, Pattern<'_>)| {
            let right = Right::Subscribe(*common, pattern);
            matches!(
                self.authorize(rule.subscribe, right, pattern, context, hook_decision),
                Decision::Deny(_)
            )
        };
        let mut rules = self.rules.overlapping(wanted);
        let found = rules.find(refuses).or_else(|| self.rules.overlapping(wanted).next());
        found.map_or_else(|| Rule::NONE.to_owned(), |(rule, _)| rule.name())
    }

    fn authorize(
        &self,
        access: Access,
        right: Right<'_>,
        channel: &str,
        context: AuthContext<'_>,
        hook_decision: Option<&HookDecision>,
    ) -> Decision {
        if access.anyone {
            return Decision::FREE;
        }
        let refused = |error| Decision::Deny(error);
        if access.secret {
            match self.secret(context) {
                // Users of the page can read the secret.
                Some(true) if context.peer.is_foreign => return refused(BayeuxError::OriginForbidden),
                Some(true) => return Decision::FREE,
                _ => {}
            }
        }
        let mut token_error = None;
        if access.token {
            match self.token(right, context) {
                Ok(grant) if context.peer.transport != Transport::CallbackPolling => {
                    return Decision::Allow { by_credential: true, grant };
                }
                // Any page can read JSON-P replies.
                Ok(_) => return refused(BayeuxError::CallbackForbidden(channel.to_owned())),
                Err(error) => token_error = Some(error(channel)),
            }
        }
        if access.hook {
            return match hook_decision {
                None => Decision::AskHook,
                Some(HookDecision::Allow) => Decision::Allow { by_credential: true, grant: None },
                Some(HookDecision::Deny(text)) => refused(BayeuxError::Text(text.clone())),
            };
        }
        if access.secret && (token_error.is_none() || self.secret(context).is_some()) {
            // `Policy::credentials` has logged a wrong secret in the message.
            if context.credentials.shows_no_secret() && self.secret(context) == Some(false) {
                self.note_wrong_secret(context.peer);
            }
            return refused(BayeuxError::Text(self.push.refusal.clone()));
        }
        refused(token_error.unwrap_or_else(|| BayeuxError::ChannelForbidden(channel.to_owned())))
    }

    /// Returns the token that grants a right, or `None` if a private_pub signature grants it. The error states the
    /// reason for the denial.
    fn token(&self, right: Right<'_>, context: AuthContext<'_>) -> Result<Option<Arc<Grant>>, OnChannel> {
        let now = seconds_now();
        if let Right::Subscribe(_, wanted) = right
            && self.is_signed(context, wanted)
        {
            return Ok(None);
        }
        let gives = |grant: &Arc<Grant>| right.is_given_by(grant, now);
        let of_message = context.credentials.grant().cloned();
        let of_session = || context.ownership.and_then(Ownership::grant);
        if let Some(grant) = of_message.clone().filter(gives).or_else(|| of_session().filter(gives)) {
            return Ok(Some(grant));
        }
        let of_header = self.bearer_token(context);
        if let Some(grant) =
            of_header.as_ref().and_then(|token| token.as_ref().ok()).filter(|grant| gives(grant))
        {
            return Ok(Some(Arc::clone(grant)));
        }
        let wrong = of_header.as_ref().and_then(|token| token.as_ref().err().copied());
        Err(match context.credentials.token_error().or(wrong) {
            Some(super::rejection::TokenError::Expired) => |_| BayeuxError::TokenExpired,
            Some(super::rejection::TokenError::Invalid) => |_| BayeuxError::TokenInvalid,
            None if of_message.is_some() || of_header.is_some() => {
                |channel| BayeuxError::TokenLacks(channel.to_owned())
            }
            None => match of_session() {
                Some(grant) if now < grant.expires => |channel| BayeuxError::TokenLacks(channel.to_owned()),
                Some(_) => |_| BayeuxError::TokenExpired,
                None => |channel| BayeuxError::TokenRequired(channel.to_owned()),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Credentials;
    use crate::config::Config;
    use crate::peer::Peer;

    #[test]
    fn an_in_process_peer_publishes_on_the_channels_of_the_server_only() {
        let mut config = Config::default();
        config.push.secret = Some("a secret of push".into());
        config.lifestream.enabled = Some(true);
        config.channel = vec![toml::from_str("match = \"/**\"\npublish = [\"secret\"]").unwrap()];
        config.handshake.allow = config.channel[0].publish;
        let policy = Policy::new(&config).unwrap();
        let credentials = Credentials::default();
        let authorize_publish = |context: AuthContext<'_>, channel: &str| {
            let decision = policy.authorize_publish(policy.rule(channel), channel, context, None);
            matches!(decision, Decision::Allow { .. })
        };
        for (transport, is_server) in [(Transport::InProcess, true), (Transport::WebSocket, false)] {
            let peer = Arc::new(Peer { transport, ..Peer::in_process() });
            let context = AuthContext { credentials: &credentials, ownership: None, peer: &peer };
            assert_eq!(authorize_publish(context, "/feeds/blog"), is_server);
            assert!(!authorize_publish(context, "/a"), "not without the secret");
            assert!(!policy.has_secret(context));
            assert!(matches!(policy.authorize_handshake(context, None), Decision::Deny(_)));
        }
    }
}
