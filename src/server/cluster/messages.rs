//! The wire format of requests and responses between instances, in JSON. Instances of several versions exchange them, so
//! the names on the wire do not change after a release.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::auth::CredentialSnapshot;
use crate::auth::{self, Cookie, Credentials, Policy};
use crate::bayeux::{Message, Partition, Positions, Publication, StreamPosition, channel, parse};
use crate::peer::{Head, Peer, Transport};
use crate::router::{Ack, ReplayState};
use crate::server::prepared::{HookDecisions, Prepared};
use crate::server::request as server;

/// A request of another instance.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// Export a session. The sender has received its partitions up to these positions.
    Export {
        id: String,
        received: Positions,
        request: Option<ForwardedRequest>,
        /// Whether the sender continues replays. Older instances do not.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        replays: bool,
    },
    /// The sender has imported a session and owns it with this epoch.
    Commit { id: String, epoch: u64 },
    /// Execute a message of a session that the receiver owns.
    Forward { request: ForwardedRequest },
    /// Acquire a session of the sender.
    Acquire { id: String },
}

/// A client request as another instance received it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ForwardedRequest {
    address: Option<SocketAddr>,
    transport: String,
    secure: bool,
    is_foreign: bool,
    /// The request head in base64, since it may be invalid UTF-8.
    head: String,
    pub(super) target: (usize, usize),
    /// The message, a JSON object; `None` for a stream.
    pub(super) message: Option<String>,
    /// The message after extensions and the hook, if they processed it before the session left the forwarding instance.
    /// Older instances ignore this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) prepared: Option<PreparedMessage>,
}

/// A message that another instance has prepared.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PreparedMessage {
    /// The message, a JSON object without credentials.
    message: String,
    /// The decisions of the hook: the channel, and the error of a refusal.
    decisions: Vec<(String, Option<String>)>,
    /// Whether the rate limits have counted the message.
    is_charged: bool,
}

impl PreparedMessage {
    /// Returns `None` if the message has no JSON text.
    pub(super) fn of(request: &server::Request<'_>) -> Option<Self> {
        let is_charged = request.rate_check.get().is_some_and(Result::is_ok);
        Self::new(&request.message, &request.hook_decisions, is_charged)
    }

    /// The message that an instance has prepared and not executed; `None` if it has no JSON text.
    pub(super) fn departed(prepared: &Prepared) -> Option<Self> {
        Self::new(&prepared.message, &prepared.hook_decisions, prepared.is_charged)
    }

    fn new(message: &Message, decisions: &HookDecisions, is_charged: bool) -> Option<Self> {
        let answer = |(channel, answer): &(Box<str>, auth::HookDecision)| {
            let refused = match answer {
                auth::HookDecision::Allow => None,
                auth::HookDecision::Deny(error) => Some(error.clone()),
            };
            (channel.to_string(), refused)
        };
        Some(Self {
            message: text_of(message)?,
            decisions: decisions.iter().map(answer).collect(),
            is_charged,
        })
    }

    /// Returns the message with the credentials of its request. `None` if it cannot be parsed.
    pub(super) fn restore(&self, credentials: Credentials) -> Option<Prepared> {
        let message = parse::parse_one(&Bytes::copy_from_slice(self.message.as_bytes()))?;
        let answer = |(channel, refused): &(String, Option<String>)| {
            let answer = refused.clone().map_or(auth::HookDecision::Allow, auth::HookDecision::Deny);
            (channel.as_str().into(), answer)
        };
        let hook_decisions = self.decisions.iter().map(answer).collect();
        Some(Prepared { message, credentials, hook_decisions, is_charged: self.is_charged })
    }
}

/// Returns a message as JSON text.
pub(super) fn text_of(message: &Message) -> Option<String> {
    let mut out = Vec::with_capacity(message.size() + 64);
    message.write(&mut out, |_| true);
    String::from_utf8(out).ok()
}

/// A response to another instance.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Response {
    /// The exported session.
    State(Box<SessionState>),
    /// The exported session is stored in Redis.
    Stored,
    /// This instance does not have the session.
    NotOwner,
    /// This instance has prepared the message, and has not executed it, because the session leaves.
    Departed(Box<PreparedMessage>),
    /// The request does not prove that it comes from the client of the session.
    Unproven,
    /// The replies to a message, JSON objects separated by commas, and a cookie.
    Replies { replies: String, cookie: Option<Cookie> },
    /// The request was executed.
    Done,
    /// The request cannot be executed now.
    Failed,
}

/// The state of an exported session.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SessionState {
    /// The undelivered messages.
    pub(super) queued: Vec<QueuedMessage>,
    /// Publications up to these positions were delivered or are in `queued`.
    pub(super) positions: Positions,
    /// The subscriptions.
    pub(super) patterns: Vec<String>,
    /// The credential.
    pub(super) credential: Option<CredentialSnapshot>,
    /// The acknowledged delivery of `queued`, if the client has asked for it. Older instances ignore this field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ack: Option<Ack>,
    /// The replays. An instance that does not continue them gets no session with replays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) replays: Vec<ReplayState>,
    /// Whether the client wants cursors. Older instances ignore this field.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) cursors: bool,
}

/// An undelivered message.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct QueuedMessage {
    /// The channel; empty for a notice of the server.
    channel: String,
    offset: Option<u64>,
    object: String,
    /// Whether a history has it. Older instances ignore this field.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    kept: bool,
}

impl ForwardedRequest {
    pub(super) fn new(peer: &Peer, message: Option<String>) -> Self {
        let (text, target) = peer.head.parts_of();
        Self {
            address: peer.address,
            transport: peer.transport.name().to_owned(),
            secure: peer.secure,
            is_foreign: peer.is_foreign,
            head: data_encoding::BASE64.encode(text),
            target: (target.start, target.end),
            message,
            prepared: None,
        }
    }

    /// Adds the prepared message.
    pub(super) fn with(self, prepared: Option<PreparedMessage>) -> Self {
        Self { prepared, ..self }
    }

    /// Returns the prepared message; `None` if the message was not prepared.
    pub(super) fn prepared(&self, policy: &Policy, peer: &Arc<Peer>) -> Option<Prepared> {
        let prepared = self.prepared.as_ref()?;
        let message = parse::parse_one(&Bytes::copy_from_slice(self.message.as_ref()?.as_bytes()));
        prepared.restore(policy.credentials(&mut message?, peer))
    }

    /// Returns a copy for another request.
    pub(super) fn copied(&self) -> Self {
        let (transport, head, message) = (self.transport.clone(), self.head.clone(), self.message.clone());
        Self { transport, head, message, prepared: self.prepared.clone(), ..*self }
    }

    /// Returns the peer as if this instance had received the request.
    pub(super) fn peer(&self) -> Option<Arc<Peer>> {
        let text = data_encoding::BASE64.decode(self.head.as_bytes()).ok()?;
        Some(Arc::new(Peer {
            address: self.address,
            transport: Transport::named(&self.transport)?,
            secure: self.secure,
            is_foreign: self.is_foreign,
            head: Head::new(&text, self.target.0..self.target.1),
        }))
    }
}

impl QueuedMessage {
    pub(super) fn new(publication: &Publication) -> Self {
        Self {
            channel: publication.channel().to_owned(),
            offset: publication.position().map(|position| position.offset),
            object: String::from_utf8_lossy(publication.object()).into_owned(),
            kept: publication.is_kept(),
        }
    }

    /// Returns the publication; `None` if the message is malformed.
    pub(super) fn publication(&self) -> Option<Arc<Publication>> {
        let object = Bytes::copy_from_slice(self.object.as_bytes());
        parse::parse_one(&object)?;
        if self.channel.is_empty() {
            return Some(Arc::new(Publication::notice(&object)));
        }
        let partition = channel::is_name(&self.channel).then(|| Partition::of(&self.channel))?;
        let position = self.offset.map(|offset| StreamPosition { partition, offset });
        Some(Arc::new(Publication::moved(&self.channel, position, self.kept, &object)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORWARDED: &str = r#"{"address":"10.0.0.1:80","transport":"websocket","secure":true,"is_foreign":false,"head":"R0VU","target":[0,3],"message":"{}"}"#;
    const PREPARED: &str = r#"{"address":null,"transport":"websocket","secure":true,"is_foreign":false,"head":"","target":[0,0],"message":null,"prepared":{"message":"{}","decisions":[["/a",null],["/b","no"]],"is_charged":true}}"#;

    const ACK: &str =
        r#"{"base":2,"sent":3,"next":9,"resends":1,"shrinks":2,"marks":[{"number":8,"end":3}]}"#;

    const REPLAY: &str = r#"{"pattern":"/a","parts":[{"partition":3,"start":{"after":5,"channel":["/a",7]},"pass":9,"has_page":true,"until":9,"epoch":1,"is_told":false,"is_first_pass":true,"is_begun":true}]}"#;

    /// Instances of other versions exchange these texts.
    #[test]
    fn the_wire_format_does_not_change() {
        let requests = [
            r#"{"Export":{"id":"x","received":[[3,7],[0,1]],"request":null}}"#.to_owned(),
            format!(r#"{{"Export":{{"id":"x","received":[],"request":{FORWARDED}}}}}"#),
            r#"{"Export":{"id":"x","received":[],"request":null,"replays":true}}"#.to_owned(),
            r#"{"Commit":{"id":"x","epoch":2}}"#.to_owned(),
            format!(r#"{{"Forward":{{"request":{PREPARED}}}}}"#),
            r#"{"Acquire":{"id":"x"}}"#.to_owned(),
        ];
        for text in requests {
            let read: Request = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
        let queued =
            r#"[{"channel":"/a","offset":7,"object":"{}"},{"channel":"","offset":null,"object":"{}"}]"#;
        let responses = [
            format!(
                r#"{{"State":{{"queued":{queued},"positions":[[3,7]],"patterns":["/a"],"credential":null}}}}"#
            ),
            format!(
                r#"{{"State":{{"queued":[],"positions":[],"patterns":[],"credential":null,"ack":{ACK}}}}}"#
            ),
            format!(
                r#"{{"State":{{"queued":[{{"channel":"/a","offset":7,"object":"{{}}","kept":true}}],"positions":[],"patterns":[],"credential":null,"replays":[{REPLAY}],"cursors":true}}}}"#
            ),
            format!(
                r#"{{"State":{{"queued":[],"positions":[],"patterns":[],"credential":null,"replays":[{}]}}}}"#,
                REPLAY.replace(r#""until":9"#, r#""until":9,"first":8"#)
            ),
            r#""Stored""#.to_owned(),
            r#""NotOwner""#.to_owned(),
            r#"{"Departed":{"message":"{}","decisions":[],"is_charged":false}}"#.to_owned(),
            r#""Unproven""#.to_owned(),
            r#"{"Replies":{"replies":"{}","cookie":null}}"#.to_owned(),
            r#""Done""#.to_owned(),
            r#""Failed""#.to_owned(),
        ];
        for text in responses {
            let read: Response = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), text);
        }
    }
}
