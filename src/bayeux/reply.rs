//! Replies, written directly into a buffer, with keys in the order of Faye.
//!
//! Every reply starts with the same skeleton: `id`, `clientId`, `channel`, an `error` that an extension set, and
//! `successful`. `id`, `clientId` and `channel` are echoed as received, if JavaScript treats them as true.

use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memmem::Finder;

use super::parse::parse_one;
use super::{Advice, BayeuxError, CONNECTION_TYPES, ClientId, Field, Message, VERSION, json};

/// The outcome of a message.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It was executed.
    Done,
    /// An extension refused it; the text is the message's own `error`.
    Refused,
    /// The server refused it.
    Failed(BayeuxError),
}

impl Outcome {
    /// Whether the message was executed.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }
}

impl From<BayeuxError> for Outcome {
    fn from(error: BayeuxError) -> Self {
        Self::Failed(error)
    }
}

/// The position of the server's own error among the keys of a reply.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ErrorPlace {
    BeforeExtra,
    AfterExtra,
}

/// Writes the reply to a publish, a disconnect, or a refused meta channel: only the skeleton. Failures of `disconnect`
/// do not echo the `clientId`; the caller sets `echo_client`.
pub fn plain(out: &mut Vec<u8>, message: &Message, outcome: &Outcome, echo_client: bool) {
    skeleton(out, message, outcome, if echo_client { Client::Echo } else { Client::Omit });
    late_error(out, message, outcome);
    out.push(b'}');
}

/// The extensions of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extensions {
    /// Acknowledged delivery.
    pub ack: bool,
    /// Cursors in connect replies.
    pub replay: bool,
}

/// A handshake reply. `advice` is complete in both cases; `client` is there if the handshake succeeded. `extensions` are
/// those that the client has asked for.
pub fn handshake(
    out: &mut Vec<u8>,
    message: &Message,
    outcome: &Outcome,
    client: Option<&ClientId>,
    advice: Advice,
    extensions: Extensions,
) {
    // If the request has a clientId, the new one is at the usual position of a clientId.
    let early = message.truthy(Field::ClientId).is_some();
    let place = match (early, client) {
        (true, Some(client)) => Client::New(client),
        (true, None) => Client::Echo,
        (false, _) => Client::Omit,
    };
    skeleton(out, message, outcome, place);
    key(out, "version");
    json::write_string(out, VERSION);
    // Faye detects a missing version before it writes the types, and wrong types afterwards; the position stays,
    // regardless of the text.
    let place = if message.truthy(Field::Version).is_none() {
        ErrorPlace::BeforeExtra
    } else {
        ErrorPlace::AfterExtra
    };
    if place == ErrorPlace::BeforeExtra {
        late_error(out, message, outcome);
    }
    key(out, "supportedConnectionTypes");
    out.push(b'[');
    for (at, name) in CONNECTION_TYPES.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        json::write_string(out, name);
    }
    out.push(b']');
    if place == ErrorPlace::AfterExtra {
        late_error(out, message, outcome);
    }
    if let (false, Some(client)) = (early, client) {
        key(out, "clientId");
        json::write_string(out, client.as_str());
    }
    key(out, "advice");
    advice.write(out);
    if extensions != Extensions::default() && outcome.is_done() {
        key(out, "ext");
        out.push(b'{');
        for (name, is_on) in [("ack", extensions.ack), ("replay", extensions.replay)] {
            if is_on {
                key(out, name);
                out.extend_from_slice(b"true");
            }
        }
        out.push(b'}');
    }
    out.push(b'}');
}

/// Appends a connect reply with its number for acknowledged delivery. The reply may have an `ext` of an extension.
pub fn numbered(out: &mut Vec<u8>, reply: &[u8], number: u64) {
    with_ext(out, reply, "ack", number.to_string().as_bytes());
}

/// Finds what may be the name of the field `ext`.
static EXT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"ext\""));

/// Appends a message, a JSON object, with a member of its `ext`, in place of one with the same name.
pub fn with_ext(out: &mut Vec<u8>, object: &[u8], name: &str, value: &[u8]) {
    let has_ext = EXT.find(object).is_some();
    if let (false, Some(rest)) = (has_ext, object.strip_suffix(b"}")) {
        out.extend_from_slice(rest);
        key(out, "ext");
        out.push(b'{');
        key(out, name);
        out.extend_from_slice(value);
        out.extend_from_slice(b"}}");
        return;
    }
    let Some(mut message) = parse_one(&Bytes::copy_from_slice(object)) else {
        return out.extend_from_slice(object);
    };
    let mut ext = b"{".to_vec();
    if let Some(known) = message.get(Field::Ext) {
        json::each_member(known, |known, value| {
            if known.text() != name {
                if ext.len() > 1 {
                    ext.push(b',');
                }
                ext.push(b'"');
                known.write(&mut ext);
                ext.extend_from_slice(b"\":");
                ext.extend_from_slice(value);
            }
        });
    }
    key(&mut ext, name);
    ext.extend_from_slice(value);
    ext.push(b'}');
    message.set(Field::Ext, ext);
    message.write(out, |_| true);
}

/// A connect reply.
pub fn connect(out: &mut Vec<u8>, message: &Message, outcome: &Outcome, advice: Advice) {
    skeleton(out, message, outcome, if outcome.is_done() { Client::Echo } else { Client::Omit });
    late_error(out, message, outcome);
    key(out, "advice");
    advice.write(out);
    out.push(b'}');
}

/// Writes a subscribe or unsubscribe reply. The `subscription` is echoed as received.
pub fn subscription(out: &mut Vec<u8>, message: &Message, outcome: &Outcome) {
    skeleton(out, message, outcome, Client::Echo);
    // Errors of the request precede the subscription; errors of a channel follow it.
    let before = matches!(
        outcome,
        Outcome::Failed(
            BayeuxError::ClientUnknown(_) | BayeuxError::ParameterMissing(_) | BayeuxError::TooDeep(_)
        )
    );
    if before {
        late_error(out, message, outcome);
    }
    key(out, "subscription");
    out.extend_from_slice(message.truthy(Field::Subscription).unwrap_or(b"[]"));
    if !before {
        late_error(out, message, outcome);
    }
    out.push(b'}');
}

/// Returns the notice to a session about a lost subscription: a refused subscribe without a request.
#[must_use]
pub fn lost(client: &ClientId, pattern: &str, error: &BayeuxError) -> Vec<u8> {
    let mut out = b"{\"channel\":\"/meta/subscribe\",\"successful\":false".to_vec();
    let error = error.to_string();
    for (name, value) in [("clientId", client.as_str()), ("subscription", pattern), ("error", &error)] {
        key(&mut out, name);
        json::write_string(&mut out, value);
    }
    out.push(b'}');
    out
}

#[derive(Clone, Copy)]
enum Client<'a> {
    Echo,
    New(&'a ClientId),
    Omit,
}

fn skeleton(out: &mut Vec<u8>, message: &Message, outcome: &Outcome, client: Client<'_>) {
    out.push(b'{');
    if let Some(id) = message.truthy(Field::Id) {
        key(out, "id");
        out.extend_from_slice(id);
    }
    match client {
        Client::Echo => {
            if let Some(client) = message.truthy(Field::ClientId) {
                key(out, "clientId");
                out.extend_from_slice(client);
            }
        }
        Client::New(client) => {
            key(out, "clientId");
            json::write_string(out, client.as_str());
        }
        Client::Omit => {}
    }
    if let Some(channel) = message.truthy(Field::Channel) {
        key(out, "channel");
        out.extend_from_slice(channel);
    }
    if let Some(error) = message.truthy(Field::Error) {
        key(out, "error");
        match outcome {
            // A check of the server overrides the extension's text, in its place.
            Outcome::Failed(error) => json::write_string(out, &error.to_string()),
            Outcome::Done | Outcome::Refused => out.extend_from_slice(error),
        }
    }
    key(out, "successful");
    out.extend_from_slice(if outcome.is_done() { b"true" } else { b"false" });
}

/// Writes the server's own error, unless it replaced the error of an extension.
fn late_error(out: &mut Vec<u8>, message: &Message, outcome: &Outcome) {
    if let (Outcome::Failed(error), None) = (outcome, message.truthy(Field::Error)) {
        key(out, "error");
        json::write_string(out, &error.to_string());
    }
}

fn key(out: &mut Vec<u8>, name: &str) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_keeps_what_an_extension_has_added() {
        for (reply, expected) in [
            (r#"{"successful":true}"#, r#"{"successful":true,"ext":{"ack":7}}"#),
            ("{}", r#"{"ext":{"ack":7}}"#),
            (r#"{"id":"next"}"#, r#"{"id":"next","ext":{"ack":7}}"#),
            (r#"{"ext":{},"id":"1"}"#, r#"{"ext":{"ack":7},"id":"1"}"#),
            (r#"{"ext":{"a":{"b": 1},"ack":1,"\u0063":[2]}}"#, r#"{"ext":{"a":{"b": 1},"c":[2],"ack":7}}"#),
            (r#"{"ext":"text"}"#, r#"{"ext":{"ack":7}}"#),
        ] {
            let mut out = b"[".to_vec();
            numbered(&mut out, reply.as_bytes(), 7);
            assert_eq!(String::from_utf8(out).unwrap(), format!("[{expected}"));
        }
    }
}
