//! Events as JSON, and several of them as the body of one request.

use std::time::SystemTime;

use bytes::Bytes;

use crate::bayeux::json;
use crate::server::Event;

/// One event, a JSON object.
pub(super) type Entry = Vec<u8>;

/// The events of one request.
pub(super) struct Batch {
    pub(super) body: Bytes,
    pub(super) count: u64,
    /// The identifier, which is the same in each attempt.
    pub(super) id: String,
}

impl Batch {
    /// Moves the entries into a batch.
    pub(super) fn new(entries: &mut Vec<Entry>) -> Self {
        let count = entries.len() as u64;
        let mut body = b"{\"events\":[".to_vec();
        for (at, entry) in entries.drain(..).enumerate() {
            if at > 0 {
                body.push(b',');
            }
            body.extend_from_slice(&entry);
        }
        body.extend_from_slice(b"]}");
        let id = format!("{:032x}", fastrand::u128(..));
        Self { body: body.into(), count, id }
    }
}

/// Encodes an event; `None` if the application does not receive events of this kind.
pub(super) fn entry(event: &Event, wanted: &[String]) -> Option<Entry> {
    let (name, client, channel, data) = match event {
        Event::Handshake { client } => ("handshake", Some(client), None, None),
        Event::Subscribe { client, channel } => ("subscribe", Some(client), Some(channel), None),
        Event::Unsubscribe { client, channel } => ("unsubscribe", Some(client), Some(channel), None),
        Event::Publish { client, channel, data } => ("publish", client.as_ref(), Some(channel), Some(data)),
        Event::Disconnect { client } => ("disconnect", Some(client), None, None),
    };
    if !wanted.iter().any(|wanted| wanted == name) {
        return None;
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let mut out = format!("{{\"event\":\"{name}\",\"time\":{now}").into_bytes();
    for (key, text) in
        [("clientId", client.map(|client| client.as_str())), ("channel", channel.map(String::as_str))]
    {
        if let Some(text) = text {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b"\":");
            json::write_string(&mut out, text);
        }
    }
    if let Some(data) = data {
        out.extend_from_slice(b",\"data\":");
        out.extend_from_slice(data);
    }
    out.push(b'}');
    Some(out)
}
