//! What the application is asked, as JSON, and what its answer holds for.

use super::cache::Key;
use crate::bayeux::{Message, json};
use crate::peer::Peer;

/// A question whether an operation is allowed.
pub struct Question<'a> {
    /// `handshake`, `subscribe` or `publish`.
    pub operation: &'static str,
    /// The channel or pattern; of several in one message it is the one that is asked about.
    pub channel: &'a str,
    /// The message, without secrets of the server's own, and without a `clientId` that is not the sender's.
    pub message: &'a Message,
    /// The request or connection that it came by.
    pub peer: &'a Peer,
    /// A digest of all that the application decides by, except the operation and the channel.
    pub credential: Option<[u8; 32]>,
}

impl Question<'_> {
    /// What the answer holds for: the operation, the channel, and all that a client shows of itself.
    pub(super) fn key(&self) -> Key {
        let credential = self.credential.unwrap_or_default();
        Key { operation: self.operation, channel: self.channel.to_owned(), credential }
    }

    /// The body of the request.
    pub(super) fn body(&self, headers: &[String]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.message.size() + 256);
        out.extend_from_slice(b"{\"operation\":");
        json::write_string(&mut out, self.operation);
        out.extend_from_slice(b",\"channel\":");
        json::write_string(&mut out, self.channel);
        out.extend_from_slice(b",\"transport\":");
        json::write_string(&mut out, self.peer.transport.name());
        if let Some(address) = self.peer.address {
            out.extend_from_slice(b",\"address\":");
            json::write_string(&mut out, &address.ip().to_canonical().to_string());
        }
        out.extend_from_slice(b",\"headers\":{");
        let mut first = true;
        for name in headers {
            let Some(value) = self.peer.application_header(name) else { continue };
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            json::write_string(&mut out, &name.to_ascii_lowercase());
            out.push(b':');
            json::write_string(&mut out, &value);
        }
        out.extend_from_slice(b"},\"message\":");
        self.message.write(&mut out, |_| true);
        out.push(b'}');
        out
    }
}
