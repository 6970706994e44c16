//! Authorization of one operation, by the rules and by the credentials.

use std::sync::Arc;

use super::{Policy, Rule, Shown, seconds_now};
use crate::bayeux::{BayeuxError, Pattern};
use crate::config::Access;
use crate::peer::Transport;
use crate::router::Grant;

/// What the application says to an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It may be carried out.
    Allowed,
    /// It may not; the text is the `error` of the reply.
    Refused(String),
}

/// What is decided of an operation.
#[derive(Debug)]
pub enum Judgement {
    /// It may be carried out.
    Allowed {
        /// Whether a credential of a client was needed for it, so that its session is bound from now on.
        by_credential: bool,
        /// The token that it rests on.
        grant: Option<Arc<Grant>>,
    },
    /// The application has to be asked.
    Ask,
    /// It may not be carried out.
    Refused(BayeuxError),
}

impl Judgement {
    const FREE: Self = Self::Allowed { by_credential: false, grant: None };

    /// What holds of two operations in one.
    fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Refused(error) => Self::Refused(error),
            Self::Allowed { by_credential: false, .. } => other(),
            Self::Ask => match other() {
                Self::Refused(error) => Self::Refused(error),
                _ => Self::Ask,
            },
            Self::Allowed { by_credential: true, grant } => match other() {
                // Whichever expires first.
                Self::Allowed { grant: also, .. } => {
                    let grants = [grant, also].into_iter().flatten();
                    Self::Allowed { by_credential: true, grant: grants.min_by_key(|grant| grant.expires) }
                }
                other => other,
            },
        }
    }
}

/// An error, when the channel is known that it is about.
type OnChannel = fn(&str) -> BayeuxError;

/// A right that a token can give.
#[derive(Clone, Copy)]
enum Right<'a> {
    Handshake,
    Publish(Pattern<'a>),
    /// The channels, and the subscription as it was asked for.
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
    /// Whether the sender may begin a session.
    #[must_use]
    pub fn may_begin(&self, shown: Shown<'_>, answer: Option<&Answer>) -> Judgement {
        self.judge(self.handshake, Right::Handshake, "/meta/handshake", shown, answer)
    }

    /// Whether a publication to a valid channel with this rule is allowed. Server-only channels are for in-process peers, with any
    /// rule, and for no client, with any credential; the application is not asked. On other channels an in-process peer has the
    /// rights of a client without credentials.
    #[must_use]
    pub fn may_publish(
        &self,
        rule: &Rule,
        channel: &str,
        shown: Shown<'_>,
        answer: Option<&Answer>,
    ) -> Judgement {
        if self.is_server_only(channel) {
            return match shown.peer.transport {
                Transport::InProcess => Judgement::FREE,
                _ => Judgement::Refused(BayeuxError::ServerOnly(channel.to_owned())),
            };
        }
        self.judge(rule.publish, Right::Publish(Pattern::of_name(channel)), channel, shown, answer)
    }

    /// Whether the sender may subscribe to a channel or pattern. It needs the right on every rule that this overlaps.
    #[must_use]
    pub fn may_subscribe(&self, pattern: &str, shown: Shown<'_>, answer: Option<&Answer>) -> Judgement {
        let Some(wanted) = Pattern::parse(pattern) else {
            return Judgement::Refused(BayeuxError::ChannelInvalid(pattern.to_owned()));
        };
        self.rules.overlapping(wanted).fold(Judgement::FREE, |so_far, (rule, common)| {
            so_far
                .and(|| self.judge(rule.subscribe, Right::Subscribe(common, pattern), pattern, shown, answer))
        })
    }

    /// The name of the rule that refuses a subscription, or that of the first rule for it if another cause does.
    #[must_use]
    pub fn refusing(&self, pattern: &str, shown: Shown<'_>, answer: Option<&Answer>) -> String {
        let Some(wanted) = Pattern::parse(pattern) else { return Rule::NONE.to_owned() };
        let refuses = |(rule, common): &(&Rule, Pattern<'_>)| {
            let right = Right::Subscribe(*common, pattern);
            matches!(self.judge(rule.subscribe, right, pattern, shown, answer), Judgement::Refused(_))
        };
        let mut rules = self.rules.overlapping(wanted);
        let found = rules.find(refuses).or_else(|| self.rules.overlapping(wanted).next());
        found.map_or_else(|| Rule::NONE.to_owned(), |(rule, _)| rule.name())
    }

    fn judge(
        &self,
        access: Access,
        right: Right<'_>,
        channel: &str,
        shown: Shown<'_>,
        answer: Option<&Answer>,
    ) -> Judgement {
        if access.anyone {
            return Judgement::FREE;
        }
        let refused = |error| Judgement::Refused(error);
        if access.secret {
            match self.secret(shown) {
                // A secret in a page is visible to all readers of the page.
                Some(true) if shown.peer.is_foreign => return refused(BayeuxError::OriginForbidden),
                Some(true) => return Judgement::FREE,
                _ => {}
            }
        }
        let mut token_error = None;
        if access.token {
            match self.token(right, shown) {
                Ok(grant) if shown.peer.transport != Transport::CallbackPolling => {
                    return Judgement::Allowed { by_credential: true, grant };
                }
                // Any page may read what JSON-P brings.
                Ok(_) => return refused(BayeuxError::CallbackForbidden(channel.to_owned())),
                Err(error) => token_error = Some(error(channel)),
            }
        }
        if access.hook {
            return match answer {
                None => Judgement::Ask,
                Some(Answer::Allowed) => Judgement::Allowed { by_credential: true, grant: None },
                Some(Answer::Refused(text)) => refused(BayeuxError::Text(text.clone())),
            };
        }
        if access.secret && (token_error.is_none() || self.secret(shown).is_some()) {
            // One in the message was noted when it was read.
            if shown.credentials.shows_no_secret() && self.secret(shown) == Some(false) {
                self.note_wrong_secret(shown.peer);
            }
            return refused(BayeuxError::Text(self.push.refusal.clone()));
        }
        refused(token_error.unwrap_or_else(|| BayeuxError::ChannelForbidden(channel.to_owned())))
    }

    /// The token that gives a right; nothing inside if a signature does. If none does, the error that says why.
    fn token(&self, right: Right<'_>, shown: Shown<'_>) -> Result<Option<Arc<Grant>>, OnChannel> {
        let now = seconds_now();
        if let Right::Subscribe(_, wanted) = right
            && self.is_signed(shown, wanted)
        {
            return Ok(None);
        }
        let gives = |grant: &Arc<Grant>| right.is_given_by(grant, now);
        let of_message = shown.credentials.grant().cloned();
        let of_session = || shown.session.and_then(|session| session.grant());
        if let Some(grant) = of_message.clone().filter(gives).or_else(|| of_session().filter(gives)) {
            return Ok(Some(grant));
        }
        let of_header = self.bearer_token(shown);
        if let Some(grant) =
            of_header.as_ref().and_then(|token| token.as_ref().ok()).filter(|grant| gives(grant))
        {
            return Ok(Some(Arc::clone(grant)));
        }
        let wrong = of_header.as_ref().and_then(|token| token.as_ref().err().copied());
        Err(match shown.credentials.token_error().or(wrong) {
            Some(super::token::TokenError::Expired) => |_| BayeuxError::TokenExpired,
            Some(super::token::TokenError::Invalid) => |_| BayeuxError::TokenInvalid,
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
    use crate::config::Config;
    use crate::peer::Peer;
    use crate::policy::Credentials;

    #[test]
    fn an_in_process_peer_publishes_on_the_channels_of_the_server_only() {
        let mut config = Config::default();
        config.push.secret = Some("a secret of push".into());
        config.lifestream.enabled = Some(true);
        config.channel = vec![toml::from_str("match = \"/**\"\npublish = [\"secret\"]").unwrap()];
        config.handshake.allow = config.channel[0].publish;
        let policy = Policy::new(&config).unwrap();
        let credentials = Credentials::default();
        let may_publish = |shown: Shown<'_>, channel: &str| {
            let judgement = policy.may_publish(policy.rule(channel), channel, shown, None);
            matches!(judgement, Judgement::Allowed { .. })
        };
        for (transport, is_server) in [(Transport::InProcess, true), (Transport::WebSocket, false)] {
            let peer = Arc::new(Peer { transport, ..Peer::in_process() });
            let shown = Shown { credentials: &credentials, session: None, peer: &peer };
            assert_eq!(may_publish(shown, "/feeds/blog"), is_server);
            assert!(!may_publish(shown, "/a"), "not without the secret");
            assert!(!policy.has_secret(shown));
            assert!(matches!(policy.may_begin(shown, None), Judgement::Refused(_)));
        }
    }
}
