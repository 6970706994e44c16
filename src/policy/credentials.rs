//! The credentials of a message: removed from its `ext` before extensions and subscribers see the message.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::cookie::Cookie;
use super::token::TokenError;
use super::{Policy, seconds_now};
use crate::bayeux::{Field, Message, json, parse};
use crate::peer::{Peer, Transport};
use crate::router::{Grant, Proof, Session};

const SIGNATURE: &str = "private_pub_signature";
const TIMESTAMP: &str = "private_pub_timestamp";
const PRIVATE_PUB_SECRET: &str = "private_pub_token";

/// What was in the `ext` of one message.
#[derive(Default)]
pub struct Credentials {
    /// Whether a push secret was shown, and whether it is one.
    secret: Option<bool>,
    token: Option<Result<Arc<Grant>, TokenError>>,
    signature: Option<(String, String)>,
    digest: Option<[u8; 32]>,
}

/// All that is known of the sender of a message.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// From the message.
    pub credentials: &'a Credentials,
    /// The session that the message belongs to, if that is proven.
    pub session: Option<&'a Session>,
    /// The request or connection that it came by.
    pub peer: &'a Arc<Peer>,
}

impl Credentials {
    /// The token in the message, if it is good.
    #[must_use]
    pub fn grant(&self) -> Option<&Arc<Grant>> {
        self.token.as_ref()?.as_ref().ok()
    }

    /// What is wrong with the token in the message, if there is one.
    #[must_use]
    pub fn token_error(&self) -> Option<TokenError> {
        self.token.as_ref()?.as_ref().err().copied()
    }

    /// Whether the message has no push secret, neither a right nor a wrong one.
    pub(super) fn shows_no_secret(&self) -> bool {
        self.secret.is_none()
    }

    /// A digest of all that the application decides by, if it is asked about anything.
    #[must_use]
    pub fn digest(&self) -> Option<[u8; 32]> {
        self.digest
    }
}

impl Shown<'_> {
    /// The text after `Authorization: Bearer`. No browser sends it by itself.
    fn bearer(&self) -> Option<&str> {
        let (scheme, text) = self.peer.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| text.trim())
    }
}

impl Policy {
    /// Takes the credentials out of a message. Whatever else its `ext` holds stays.
    #[must_use]
    pub fn credentials(&self, message: &mut Message, peer: &Peer) -> Credentials {
        let mut credentials = Credentials::default();
        if self.secrets.is_empty() && self.tokens.is_empty() && !self.signatures.are_on() && !self.asks {
            return credentials;
        }
        if self.asks {
            credentials.digest = self.digest(message.get(Field::Ext), peer);
        }
        let Some(ext) = message.get(Field::Ext) else { return credentials };
        let (mut signature, mut timestamp) = (None, None);
        let mut found = false;
        let mut rest = Vec::new();
        let are_all = parse::each_member(ext, |key, value| {
            let name = key.text();
            let text = || json::as_text(value).unwrap_or_default();
            if !self.secrets.is_empty() && name == self.push.field {
                credentials.secret = Some(self.secrets.have(text().as_bytes()));
            } else if !self.tokens.is_empty() && name == self.token_field {
                credentials.token = Some(self.tokens.verify(&text()));
            } else if self.signatures.are_on() && name == PRIVATE_PUB_SECRET {
                credentials.secret = Some(self.signatures.is_secret(text().as_bytes()));
            } else if self.signatures.are_on() && name == SIGNATURE {
                signature = Some(text().into_owned());
            } else if self.signatures.are_on() && name == TIMESTAMP {
                // The gem sends a number.
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
        // What could not be read as a whole might hold a secret.
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

    /// Returns a digest of everything that the application decides by: the `ext` and the headers that it sees. `None`
    /// if there is neither.
    fn digest(&self, ext: Option<&[u8]>, peer: &Peer) -> Option<[u8; 32]> {
        let headers = self.asked_headers.iter().map(|name| peer.application_header(name));
        let mut digest = Sha256::new();
        let mut is_there = false;
        let mut add = |part: Option<&[u8]>| {
            is_there |= part.is_some();
            // The length, so that none runs into the next; none is not the same as an empty one.
            digest.update(part.map_or(u64::MAX, |part| part.len() as u64).to_le_bytes());
            digest.update(part.unwrap_or_default());
        };
        add(ext);
        headers.for_each(|value| add(value.as_deref().map(str::as_bytes)));
        is_there.then(|| digest.finalize().into())
    }

    /// What shows that a message comes from the client of a session.
    #[must_use]
    pub fn proof<'a>(&self, credentials: &Credentials, peer: &'a Arc<Peer>) -> Proof<'a> {
        let shown = Shown { credentials, session: None, peer };
        let of_header = || self.bearer_token(shown).and_then(Result::ok);
        Proof {
            peer,
            is_connection: peer.transport == Transport::WebSocket,
            browsers: Cookie::of(peer).browsers(),
            grant: credentials.grant().cloned().or_else(of_header),
            digest: credentials.digest,
            now: seconds_now(),
        }
    }

    /// Whether the sender of a message has the push secret.
    #[must_use]
    pub fn has_secret(&self, shown: Shown<'_>) -> bool {
        self.secret(shown) == Some(true) && !shown.peer.is_foreign
    }

    /// Whether the sender of a message has shown the right push secret: `None` if none was shown.
    pub(super) fn secret(&self, shown: Shown<'_>) -> Option<bool> {
        if shown.credentials.secret.is_some() || self.secrets.is_empty() {
            return shown.credentials.secret;
        }
        Some(self.secrets.have(shown.bearer()?.as_bytes()))
    }

    /// The token in the header of a request.
    pub(super) fn bearer_token(&self, shown: Shown<'_>) -> Option<Result<Arc<Grant>, TokenError>> {
        if self.tokens.is_empty() {
            return None;
        }
        // Two dots make a token; a secret may stand there too.
        let bearer = shown.bearer().filter(|text| text.bytes().filter(|byte| *byte == b'.').count() == 2)?;
        Some(self.tokens.verify(bearer))
    }

    /// Whether a signature of private_pub allows a subscription.
    pub(super) fn is_signed(&self, shown: Shown<'_>, channel: &str) -> bool {
        let signature = shown.credentials.signature.as_ref();
        signature.is_some_and(|(signature, timestamp)| self.signatures.is_good(signature, timestamp, channel))
    }
}
