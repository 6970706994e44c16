//! Hook requests: the JSON body, and the key of the cached decision.

use std::net::IpAddr;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::cache::Key;
use crate::bayeux::Message;
use crate::peer::Peer;

/// A request for a decision about an operation.
pub struct HookRequest<'a> {
    /// `handshake`, `subscribe` or `publish`.
    pub operation: &'static str,
    /// The channel or pattern; if the message has several, the one to decide about.
    pub channel: &'a str,
    /// The message, without server secrets and without a `clientId` that does not belong to the sender.
    pub message: &'a Message,
    /// The request or connection that delivered the message.
    pub peer: &'a Peer,
    /// A digest of the other inputs of the decision: the `ext` and the headers.
    pub credential: Option<[u8; 32]>,
}

impl HookRequest<'_> {
    /// Returns the cache key: the operation, the channel, and the digest of the client's `ext` and headers.
    pub(super) fn key(&self) -> Key {
        let credential = self.credential.unwrap_or_default();
        Key { operation: self.operation, channel: self.channel.to_owned(), credential }
    }

    /// Returns the body of the request, or an error for a message that is not JSON.
    pub(super) fn body(&self, headers: &[String]) -> Result<Vec<u8>, serde_json::Error> {
        let mut message = Vec::with_capacity(self.message.size() + 64);
        self.message.write(&mut message, |_| true);
        let body = Body {
            operation: self.operation,
            channel: self.channel,
            transport: self.peer.transport.name(),
            address: self.peer.address.map(|address| address.ip().to_canonical()),
            headers: Headers { names: headers, peer: self.peer },
            message: serde_json::from_slice(&message)?,
        };
        serde_json::to_vec(&body)
    }
}

/// The body of a hook request.
#[derive(Serialize)]
struct Body<'a> {
    operation: &'a str,
    channel: &'a str,
    transport: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<IpAddr>,
    headers: Headers<'a>,
    message: &'a RawValue,
}

/// The headers of `hook.headers` that the request has, with lower-case names.
struct Headers<'a> {
    names: &'a [String],
    peer: &'a Peer,
}

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.names
                .iter()
                .filter_map(|name| Some((name.to_ascii_lowercase(), self.peer.application_header(name)?))),
        )
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::bayeux::parse::parse_one;
    use crate::peer::{Head, Transport};

    #[test]
    fn the_body_has_its_members_in_order_and_the_message_verbatim() {
        let message = parse_one(&Bytes::from_static(br#"{"channel":"/a","data":{ "x" : 1.0 }}"#)).unwrap();
        let head = Head::new(b"POST / HTTP/1.1\r\nCookie: a=\"b\"\r\nX-Other: c\r\n", 5..6);
        let address = "[::ffff:192.0.2.1]:5".parse().ok();
        let peer = Peer { address, head, transport: Transport::WebSocket, ..Peer::in_process() };
        let request = |peer: &Peer| {
            let request = HookRequest {
                operation: "publish",
                channel: "/a",
                message: &message,
                peer,
                credential: None,
            };
            String::from_utf8(request.body(&["X-Absent".to_owned(), "Cookie".to_owned()]).unwrap()).unwrap()
        };
        assert_eq!(
            request(&peer),
            r#"{"operation":"publish","channel":"/a","transport":"websocket","address":"192.0.2.1","headers":{"cookie":"a=\"b\""},"message":{"channel":"/a","data":{ "x" : 1.0 }}}"#
        );
        assert_eq!(
            request(&Peer { address: None, is_foreign: true, ..peer }),
            r#"{"operation":"publish","channel":"/a","transport":"websocket","headers":{},"message":{"channel":"/a","data":{ "x" : 1.0 }}}"#
        );
    }
}
