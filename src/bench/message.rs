//! The Bayeux messages of a load, and the replies to them.

use bytes::Bytes;

use super::Failure;
use super::connection::Wire;
use crate::bayeux::parse::parse;
use crate::bayeux::{Field, Message, json};

/// Messages per frame or response.
const BATCH: usize = 100_000;

fn kind(wire: Wire) -> &'static str {
    match wire {
        Wire::WebSocket => "websocket",
        Wire::Polling => "long-polling",
    }
}

/// Returns a text as JSON.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = Vec::new();
    json::write_string(&mut quoted, text);
    String::from_utf8_lossy(&quoted).into_owned()
}

/// Returns a handshake.
pub(super) fn handshake(wire: Wire, ext: &str) -> String {
    let kind = kind(wire);
    format!(
        r#"[{{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["{kind}"],"id":"1"{ext}}}]"#
    )
}

/// Returns a connect of a session, given as JSON.
pub(super) fn connect(wire: Wire, client: &str, ext: &str) -> String {
    let kind = kind(wire);
    format!(r#"[{{"channel":"/meta/connect","clientId":{client},"connectionType":"{kind}","id":"2"{ext}}}]"#)
}

/// Returns a subscription of a session, given as JSON.
pub(super) fn subscribe(client: &str, channel: &str, ext: &str) -> String {
    let channel = quoted(channel);
    format!(r#"[{{"channel":"/meta/subscribe","clientId":{client},"subscription":{channel},"id":"3"{ext}}}]"#)
}

/// Disconnects of sessions, given as JSON.
pub(super) fn disconnects(clients: &[Box<str>], ext: &str) -> String {
    let disconnect =
        |client: &str| format!(r#"{{"channel":"/meta/disconnect","clientId":{client},"id":"4"{ext}}}"#);
    format!("[{}]", clients.iter().map(|client| disconnect(client)).collect::<Vec<_>>().join(","))
}

/// Checks the replies to disconnects. A session may have ended before; any other refusal is an error.
pub(super) fn check_disconnects(payload: &[u8]) -> Result<(), Failure> {
    for reply in parsed(payload)? {
        let error = reply.text(Field::Error).unwrap_or_default();
        let has_ended = error.starts_with("401:") || error == "403::Unknown client";
        if reply.get(Field::Successful) == Some(b"false") && !has_ended {
            return Err(Failure::Refused(error.into_owned()));
        }
    }
    Ok(())
}

fn parsed(payload: &[u8]) -> Result<Vec<Message>, Failure> {
    let parsed = parse(&Bytes::copy_from_slice(payload), BATCH);
    Ok(parsed.map_err(|error| Failure::NotBayeux(error.to_string()))?.messages)
}

/// Returns the messages of a frame or response. A refusal is an error.
pub(super) fn replies(payload: &[u8]) -> Result<Vec<Message>, Failure> {
    let messages = parsed(payload)?;
    for message in &messages {
        if message.get(Field::Successful).is_some_and(|successful| successful != b"true") {
            let error = message.text(Field::Error).unwrap_or_default();
            let channel = message.text(Field::Channel).unwrap_or_default();
            return Err(Failure::Refused(format!("{channel}: {error}")));
        }
    }
    Ok(messages)
}

/// Returns the session of the reply to a handshake, as JSON.
pub(super) fn client(replies: &[Message]) -> Option<Box<str>> {
    let reply = reply_on(replies, "/meta/handshake")?;
    Some(quoted(&reply.text(Field::ClientId)?).into_boxed_str())
}

/// Returns the reply on a channel.
pub(super) fn reply_on<'a>(replies: &'a [Message], channel: &str) -> Option<&'a Message> {
    replies.iter().find(|reply| {
        reply.get(Field::Successful).is_some() && reply.text(Field::Channel).as_deref() == Some(channel)
    })
}
