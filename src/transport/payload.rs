//! Where the messages are in a request: the body, a form, or the query.

use bytes::Bytes;

use super::jsonp;
use crate::bayeux::Message;
use crate::bayeux::parse::{ParseError, parse};
use crate::metrics::Reason;
use crate::peer::{Head, Transport};

/// Why a request's payload was refused.
#[derive(Debug)]
pub(super) enum Refusal {
    /// `400 Bad request`
    Bad(Reason, &'static str),
    /// `400`, and where the next request begins is not known.
    Broken(&'static str),
    /// `413`
    TooLarge(Reason),
    /// `408`
    TooSlow,
    /// `503`: the budget of memory has no room for the body. It is counted already.
    Exhausted,
}

impl From<ParseError> for Refusal {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::TooMany(_) => Self::TooLarge(Reason::batch),
            ParseError::Encoding => Self::Bad(Reason::syntax, "the payload is not UTF-8"),
            ParseError::Syntax => Self::Bad(Reason::syntax, "the payload is not a JSON object or array"),
        }
    }
}

/// The messages of a request.
pub(super) struct Payload {
    pub(super) messages: Vec<Message>,
    pub(super) transport: Transport,
    /// The callback of a JSON-P request.
    pub(super) callback: String,
}

/// The messages of a POST. A body that begins with `[` or `{` is JSON, whatever its type says; JSON by its type need
/// not begin so; the rest is a form, whose `message` fields are joined.
pub(super) fn from_body(
    head: &Head,
    body: &Bytes,
    batch: usize,
    callback: usize,
) -> Result<Payload, Refusal> {
    let kind = head.get("content-type").unwrap_or_default();
    let is_json = kind.split(|byte| *byte == b';').next() == Some(b"application/json");
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    if is_json || matches!(first, Some(b'[' | b'{')) {
        let messages = parse(body, batch)?.messages;
        return Ok(Payload { messages, transport: Transport::LongPolling, callback: String::new() });
    }
    from_form(body, batch, callback, Transport::CrossOriginLongPolling)
}

/// The messages of a GET, whose answer is a script.
pub(super) fn from_query(query: &str, batch: usize, callback: usize) -> Result<Payload, Refusal> {
    from_form(query.as_bytes(), batch, callback, Transport::CallbackPolling)
}

fn from_form(form: &[u8], batch: usize, limit: usize, transport: Transport) -> Result<Payload, Refusal> {
    let mut messages = Vec::new();
    let mut found = false;
    let mut callback = None;
    for (name, value) in form_urlencoded::parse(form) {
        match name.as_ref() {
            "message" => {
                found = true;
                let parsed = parse(&Bytes::from(value.into_owned()), batch)?;
                messages.extend(parsed.messages);
                if messages.len() > batch {
                    return Err(Refusal::TooLarge(Reason::batch));
                }
            }
            "jsonp" if callback.is_none() => callback = Some(value.into_owned()),
            _ => {}
        }
    }
    if !found {
        return Err(Refusal::Bad(Reason::syntax, "there is no message"));
    }
    let callback =
        callback.filter(|name| !name.is_empty()).unwrap_or_else(|| jsonp::DEFAULT_CALLBACK.to_owned());
    if callback.len() > limit {
        return Err(Refusal::Bad(Reason::callback, "the callback is too long"));
    }
    if !jsonp::is_callback(&callback) {
        return Err(Refusal::Bad(Reason::syntax, "the callback is no name"));
    }
    Ok(Payload { messages, transport, callback })
}
