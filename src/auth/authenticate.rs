//! Authentication: removes the credentials from the `ext` of a message and verifies them, before extensions and the
//! hook receive the message.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::cookie::Cookie;
use super::token::TokenError;
use super::{Grant, Ownership, Policy, Proof, seconds_now};
use crate::bayeux::{Field, Message, json};
use crate::peer::{Peer, Transport};

const SIGNATURE: &str = "private_pub_signature";
const TIMESTAMP: &str = "private_pub_timestamp";
const PRIVATE_PUB_SECRET: &str = "private_pub_token";

/// The verified credentials of a message.
#[derive(Default)]
pub struct Credentials {
    /// Whether the push secret is valid; `None` without a push secret.
    secret: Option<bool>,
    token: Option<Result<Arc<Grant>, TokenError>>,
    signature: Option<(String, String)>,
    digest: Option<[u8; 32]>,
}

/// The inputs of an authorization decision.
#[derive(Clone, Copy)]
pub struct AuthContext<'a> {
    /// The credentials of the message.
    pub credentials: &'a Credentials,
    /// The credentials of the session, if the message has proven that it comes from the session's client.
    pub ownership: Option<&'a Ownership>,
    /// The request or connection that delivered the message.
    pub peer: &'a Arc<Peer>,
}

impl Credentials {
    /// Returns the grant of the token in the message, if the token is valid.
    #[must_use]
    pub fn grant(&self) -> Option<&Arc<Grant>> {
        self.token.as_ref()?.as_ref().ok()
    }

    /// Returns the error of the token in the message, if the token is not valid.
    #[must_use]
    pub fn token_error(&self) -> Option<TokenError> {
        self.token.as_ref()?.as_ref().err().copied()
    }

    /// Returns whether the message has no push secret, valid or not.
    pub(super) fn shows_no_secret(&self) -> bool {
        self.secret.is_none()
    }

    /// Returns a digest of the `ext` and the headers that the hook decides by, if any rule uses the hook.
    #[must_use]
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.digest
    }
}

impl AuthContext<'_> {
    /// Returns the token of `Authorization: Bearer`. Browsers do not add this header by themselves.
    fn bearer(&self) -> Option<&str> {
        let (scheme, text) = self.peer.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| text.trim())
    }
}

impl Policy {
    /// Removes the credentials from a message and verifies them. Other members of `ext` remain.
    #[must_use]
    pub fn credentials(&self, message: &mut Message, peer: &Peer) -> Credentials {
        let mut credentials = Credentials::default();
        if self.secrets.is_empty() && self.tokens.is_empty() && !self.signatures.are_on() && !self.uses_hook {
            return credentials;
        }
        if self.uses_hook {
            credentials.digest = self.digest(message.get(Field::Ext), peer);
        }
        let Some(ext) = message.get(Field::Ext) else { return credentials };
        let (mut signature, mut timestamp) = (None, None);
        let mut found = false;
        let mut rest = Vec::new();
        let are_all = json::each_member(ext, |key, value| {
            let name = key.text();
            let text = || json::as_text(value).unwrap_or_default();
            if !self.secrets.is_empty() && name == self.push.field {
                credentials.secret = Some(self.secrets.contains(text().as_bytes()));
            } else if !self.tokens.is_empty() && name == self.token_field {
                credentials.token = Some(self.tokens.verify(&text()));
            } else if self.signatures.are_on() && name == PRIVATE_PUB_SECRET {
                credentials.secret = Some(self.signatures.is_secret(text().as_bytes()));
            } else if self.signatures.are_on() && name == SIGNATURE {
                signature = Some(text().into_owned());
            } else if self.signatures.are_on() && name == TIMESTAMP {
                // The private_pub gem sends a number.
                timestamp = Some(json::printed(value).into_owned());
            } else {
                rest.push(if rest.is_empty() { b'{' } else { b',' });
                rest.push(b'"');
                key.write(&mut rest);
                rest.extend_from_slice(b"\":");
                rest.extend_from_slice(value);
                return;
            }
            found = true;
        });
        credentials.signature = signature.zip(timestamp);
        if credentials.secret == Some(false) {
            self.note_wrong_secret(peer);
        }
        // An `ext` that is not fully parsed may contain a secret.
        let is_unclear = !are_all && ext.first() == Some(&b'{');
        if found || is_unclear {
            if rest.is_empty() || is_unclear {
                message.remove(Field::Ext);
            } else {
                rest.push(b'}');
                message.set(Field::Ext, rest);
            }
        }
        credentials
    }

    /// Returns a digest of the `ext` and the headers that the hook receives. `None` if there is neither.
    fn digest(&self, ext: Option<&[u8]>, peer: &Peer) -> Option<[u8; 32]> {
        let headers = self.hook_headers.iter().map(|name| peer.application_header(name));
        let mut digest = Sha256::new();
        let mut is_there = false;
        let mut add = |part: Option<&[u8]>| {
            is_there |= part.is_some();
            // Length prefixes delimit the parts; a missing part differs from an empty one.
            digest.update(part.map_or(u64::MAX, |part| part.len() as u64).to_le_bytes());
            digest.update(part.unwrap_or_default());
        };
        add(ext);
        headers.for_each(|value| add(value.as_deref().map(str::as_bytes)));
        is_there.then(|| digest.finalize().into())
    }

    /// Collects the proof that a message comes from the client of a session.
    #[must_use]
    pub fn proof<'a>(&self, credentials: &Credentials, peer: &'a Arc<Peer>) -> Proof<'a> {
        let context = AuthContext { credentials, ownership: None, peer };
        let of_header = || self.bearer_token(context).and_then(Result::ok);
        Proof {
            peer,
            is_connection: peer.transport == Transport::WebSocket,
            browsers: Cookie::of(peer).browsers(),
            grant: credentials.grant().cloned().or_else(of_header),
            digest: credentials.digest,
            now: seconds_now(),
        }
    }

    /// Returns whether a request has a valid push secret. Secrets from foreign pages do not count.
    #[must_use]
    pub fn has_secret(&self, context: AuthContext<'_>) -> bool {
        self.secret(context) == Some(true) && !context.peer.is_foreign
    }

    /// Returns whether the push secret of a request is valid; `None` without a push secret.
    pub(super) fn secret(&self, context: AuthContext<'_>) -> Option<bool> {
        if context.credentials.secret.is_some() || self.secrets.is_empty() {
            return context.credentials.secret;
        }
        Some(self.secrets.contains(context.bearer()?.as_bytes()))
    }

    /// Verifies the token in the `Authorization` header of a request.
    pub(super) fn bearer_token(&self, context: AuthContext<'_>) -> Option<Result<Arc<Grant>, TokenError>> {
        if self.tokens.is_empty() {
            return None;
        }
        // A token has two dots; the header may also contain a push secret.
        let bearer =
            context.bearer().filter(|text| text.bytes().filter(|byte| *byte == b'.').count() == 2)?;
        Some(self.tokens.verify(bearer))
    }

    /// Returns whether a private_pub signature allows a subscription.
    pub(super) fn is_signed(&self, context: AuthContext<'_>, channel: &str) -> bool {
        let signature = context.credentials.signature.as_ref();
        signature.is_some_and(|(signature, timestamp)| self.signatures.is_good(signature, timestamp, channel))
    }
}
