//! Extracts the messages of a request from its body, a form, or the query.

use bytes::Bytes;
use percent_encoding::percent_decode;

use super::jsonp;
use super::refusal::Refusal;
use crate::bayeux::Message;
use crate::bayeux::parse::parse;
use crate::metrics::Reason;
use crate::peer::{Head, Transport};

/// Texts of refusals.
const NO_JSON_AND_NO_FORM: &str =
    "no field named message; JSON has to begin with [ or {, or to have the type application/json";
const NO_MESSAGE: &str = "no message in the query; send messages by POST or WebSocket";
const NO_UPGRADE: &str = "WebSocket handshake without \"Connection: Upgrade\" and \"Upgrade: websocket\" over HTTP/1.1; configure \
                          the proxy to pass them on";
const MULTIPART: &str =
    "multipart is not supported; send JSON, or a form as application/x-www-form-urlencoded";
const EMPTY: &str = "the body is empty";
const BYTE_ORDER_MARK: &str = "the body begins with a byte order mark; remove it";

/// The messages of a request.
pub(super) struct Payload {
    pub(super) messages: Vec<Message>,
    pub(super) transport: Transport,
    /// The callback of a JSON-P request.
    pub(super) callback: String,
}

/// Extracts the messages of a POST. A body that begins with `[` or `{` is JSON, whatever its type; a body of the JSON type may
/// begin otherwise. Other bodies are forms, whose `message` fields are joined.
pub(super) fn from_body(
    head: &Head,
    body: &Bytes,
    batch: usize,
    callback: usize,
) -> Result<Payload, Refusal> {
    let kind = head.get("content-type").unwrap_or_default();
    let is_json = kind.split(|byte| *byte == b';').next() == Some(b"application/json");
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_none() {
        return Err(Refusal::bad(EMPTY));
    }
    if body.starts_with(b"\xef\xbb\xbf") {
        return Err(Refusal::bad(BYTE_ORDER_MARK));
    }
    if is_json || matches!(first, Some(b'[' | b'{')) {
        let messages = parse(body, batch)?.messages;
        return Ok(Payload { messages, transport: Transport::LongPolling, callback: String::new() });
    }
    if kind.get(..10).is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/")) {
        return Err(Refusal::bad(MULTIPART));
    }
    from_form(body, batch, callback, Transport::CrossOriginLongPolling, NO_JSON_AND_NO_FORM)
}

/// Extracts the messages of a GET, whose response is a script.
pub(super) fn from_query(head: &Head, batch: usize, callback: usize) -> Result<Payload, Refusal> {
    let query = head.query().unwrap_or("").as_bytes();
    from_form(query, batch, callback, Transport::CallbackPolling, NO_MESSAGE)
}

/// Returns the refusal of a GET that is a WebSocket handshake without a request to upgrade.
pub(super) fn without_upgrade(head: &Head) -> Option<Refusal> {
    let is_handshake = head.get("sec-websocket-key").is_some() && !has_message(head);
    is_handshake.then(|| Refusal::bad(NO_UPGRADE))
}

/// Whether the query has a `message` field.
pub(super) fn has_message(head: &Head) -> bool {
    fields(head.query().unwrap_or("").as_bytes()).any(|(name, _)| name == b"message")
}

/// Extracts the messages of a form. Invalid UTF-8 is refused as in a JSON body: subscribers would receive other text than the
/// publisher sent if it were replaced. `without` is the text of the refusal of a form without messages.
fn from_form(
    form: &[u8],
    batch: usize,
    limit: usize,
    transport: Transport,
    without: &'static str,
) -> Result<Payload, Refusal> {
    let mut messages = Vec::new();
    let mut found = false;
    let mut callback = None;
    for (name, value) in fields(form) {
        match name.as_slice() {
            b"message" => {
                found = true;
                let parsed = parse(&Bytes::from(decode(value)), batch)?;
                messages.extend(parsed.messages);
                if messages.len() > batch {
                    return Err(Refusal::TooLarge(Reason::batch));
                }
            }
            b"jsonp" if callback.is_none() => callback = Some(decode(value)),
            _ => {}
        }
    }
    if !found {
        return Err(Refusal::bad(without));
    }
    let callback = callback.filter(|name| !name.is_empty());
    if callback.as_ref().is_some_and(|name| name.len() > limit) {
        return Err(Refusal::Bad(Reason::callback, "the callback is longer than limits.callback".into()));
    }
    let callback = callback.map_or_else(|| Ok(jsonp::DEFAULT_CALLBACK.to_owned()), String::from_utf8);
    let callback = callback.ok().filter(|name| jsonp::is_callback(name));
    let callback = callback.ok_or(Refusal::bad("the callback is not the name of a JavaScript function"))?;
    Ok(Payload { messages, transport, callback })
}

/// Returns the fields of a form (URL Standard, section 5.1): decoded names, encoded values.
fn fields(form: &[u8]) -> impl Iterator<Item = (Vec<u8>, &[u8])> {
    form.split(|byte| *byte == b'&').filter(|field| !field.is_empty()).map(|field| {
        let end = memchr::memchr(b'=', field).unwrap_or(field.len());
        (decode(&field[..end]), field.get(end + 1..).unwrap_or_default())
    })
}

fn decode(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}
