//! Accepts or refuses a request to upgrade to WebSocket, by its method, version and headers (RFC 6455, section 4.2).

use std::borrow::Cow;

use hyper::StatusCode;
use thiserror::Error;
use tungstenite::handshake::derive_accept_key;

use crate::peer::Head;

/// The value of `Sec-WebSocket-Accept` in the response `101 Switching Protocols`: 28 characters of base64.
///
/// The response also has `Upgrade: websocket` and `Connection: Upgrade`. No subprotocol is ever chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptKey(pub String);

/// The reason why a request is not upgraded. The text is the body of the response, as `text/plain`; the connection closes after
/// it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Not a `GET` of HTTP/1.1, or not a request for WebSocket.
    #[error("Not a WebSocket request")]
    NotWebSocket,
    /// A version other than 13, as the client sent it; `not a number` in place of a long version or one with characters other
    /// than letters, digits, commas and spaces.
    #[error("Unsupported WebSocket version: {0}")]
    Version(String),
    /// No version. The text is Faye's.
    #[error("Unsupported WebSocket version: undefined")]
    MissingVersion,
    /// No key.
    #[error("Missing handshake request header: Sec-WebSocket-Key")]
    MissingKey,
}

impl Refusal {
    /// Returns the status of the response. A response of 426 has to name the supported version in
    /// `Sec-WebSocket-Version` (RFC 6455, section 4.4).
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Version(_) => StatusCode::UPGRADE_REQUIRED,
            Self::NotWebSocket | Self::MissingVersion | Self::MissingKey => StatusCode::BAD_REQUEST,
        }
    }
}

/// Accepts or refuses an upgrade request. `is_get` is true for a `GET` of HTTP/1.1. The time is linear in the headers. Extensions
/// and subprotocols are ignored.
///
/// Differences between Faye and the RFC:
///
/// - The key may have any value, even an empty one, as in Faye. It need not be 16 bytes in base64 (section 4.2.1): the check
///   does not protect the server, and clients of Faye must keep working.
/// - A repeated header counts as its values joined with `, `, as in Node.
/// - HTTP/1.0 is refused, as the RFC requires; Faye accepts it.
/// - `Upgrade` may be a list that contains `websocket`, as the RFC allows; Faye refuses it.
///
/// # Errors
///
/// A [`Refusal`] with the status and the text of the response.
pub fn accept(is_get: bool, head: &Head) -> Result<AcceptKey, Refusal> {
    if !(is_get && lists(head, "connection", "upgrade") && lists(head, "upgrade", "websocket")) {
        return Err(Refusal::NotWebSocket);
    }
    match joined(head, "sec-websocket-version") {
        Some(version) if version == "13" => {}
        Some(version) => return Err(Refusal::Version(shown(&version).to_owned())),
        None => return Err(Refusal::MissingVersion),
    }
    let key = joined(head, "sec-websocket-key").ok_or(Refusal::MissingKey)?;
    Ok(AcceptKey(derive_accept_key(key.as_bytes())))
}

/// Returns the version in a form that is safe to send back.
fn shown(version: &str) -> &str {
    let is_plain = version.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b',' | b' '));
    if is_plain && version.len() <= 16 { version } else { "not a number" }
}

/// Whether `token` is one of the comma-separated tokens of a header, in any case.
fn lists(head: &Head, name: &str, token: &str) -> bool {
    head.all(name)
        .flat_map(|value| value.split(|byte| *byte == b','))
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// Returns the value of a header as in Node: Latin-1, without surrounding space, with repetitions joined.
fn joined<'a>(head: &'a Head, name: &'a str) -> Option<Cow<'a, str>> {
    let mut values = head.all(name).map(latin1);
    let first = values.next()?;
    Some(values.fold(first, |so_far, value| so_far + ", " + value))
}

fn latin1(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Cow::Borrowed(text),
        _ => Cow::Owned(bytes.iter().copied().map(char::from).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const RFC_ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
    const CONNECTION: &str = "Connection";
    const UPGRADE: &str = "Upgrade";
    const VERSION: &str = "Sec-WebSocket-Version";
    const KEY: &str = "Sec-WebSocket-Key";

    /// Returns the example of RFC 6455, section 1.3, with headers replaced; no values removes the header.
    fn head(changes: &[(&str, &[&str])]) -> Head {
        let example = [(UPGRADE, "websocket"), (CONNECTION, "Upgrade"), (VERSION, "13"), (KEY, RFC_KEY)];
        let is_changed = |name: &str| changes.iter().any(|(changed, _)| *changed == name);
        let kept = example.iter().filter(|(name, _)| !is_changed(name)).copied();
        let new = changes.iter().flat_map(|(name, values)| values.iter().map(|value| (*name, *value)));
        let lines: String = kept.chain(new).map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        Head::new(format!("GET / HTTP/1.1\r\n{lines}").as_bytes(), 4..5)
    }

    fn decide(changes: &[(&str, &[&str])]) -> Result<String, String> {
        match accept(true, &head(changes)) {
            Ok(AcceptKey(key)) => Ok(key),
            Err(refusal) => {
                let is_version = matches!(refusal, Refusal::Version(_));
                assert_eq!(refusal.status().as_u16(), if is_version { 426 } else { 400 });
                Err(refusal.to_string())
            }
        }
    }

    #[test]
    fn accepts_the_example_of_the_rfc_in_any_spelling() {
        let rfc = Ok(RFC_ACCEPT.to_owned());
        assert_eq!(decide(&[]), rfc);
        assert_eq!(decide(&[(CONNECTION, &["keep-alive , UPGRADE"]), (UPGRADE, &["WebSocket"])]), rfc);
        assert_eq!(decide(&[(CONNECTION, &["keep-alive", "Upgrade"])]), rfc);
        assert_eq!(decide(&[(UPGRADE, &["h2c, websocket"])]), rfc);
        assert_eq!(decide(&[(VERSION, &[" 13 "])]), rfc);
        let offers: [(&str, &[&str]); 2] =
            [("Sec-WebSocket-Extensions", &["permessage-deflate"]), ("Sec-WebSocket-Protocol", &["a, b"])];
        assert_eq!(decide(&offers), rfc);
    }

    #[test]
    fn refuses_what_is_not_a_websocket_request() {
        let refused = Err("Not a WebSocket request".to_owned());
        assert_eq!(decide(&[(UPGRADE, &["h2c"])]), refused);
        assert_eq!(decide(&[(UPGRADE, &[])]), refused);
        assert_eq!(decide(&[(CONNECTION, &["keep-alive"])]), refused);
        assert_eq!(decide(&[(CONNECTION, &["upgrades"])]), refused);
        assert_eq!(accept(false, &head(&[])), Err(Refusal::NotWebSocket));
    }

    // The expected texts and keys below were seen from Faye 1.4.3 on Node.
    #[test]
    fn refuses_other_versions_with_the_texts_of_faye() {
        let refused = |version: &str| Err(format!("Unsupported WebSocket version: {version}"));
        assert_eq!(decide(&[(VERSION, &[])]), refused("undefined"));
        assert_eq!(decide(&[(VERSION, &["8"])]), refused("8"));
        assert_eq!(decide(&[(VERSION, &[""])]), refused(""));
        assert_eq!(decide(&[(VERSION, &["13", "8"])]), refused("13, 8"));
        for odd in ["\u{e9}", "<b>", "8;9", &"1".repeat(17)] {
            assert_eq!(decide(&[(VERSION, &[odd, "8"])]), refused("not a number"));
        }
    }

    #[test]
    fn needs_a_key_but_takes_any_like_faye() {
        let missing = Err("Missing handshake request header: Sec-WebSocket-Key".to_owned());
        assert_eq!(decide(&[(KEY, &[])]), missing);
        let accepts = |key: &str| Ok(key.to_owned());
        assert_eq!(decide(&[(KEY, &[""])]), accepts("Kfh9QIsMVZcl6xEPYxPHzW8SZ8w="));
        assert_eq!(decide(&[(KEY, &["abc"])]), accepts("zwKd5BnoWxQ6GxTxxSmBSHGHX9M="));
        let twice = [RFC_KEY, RFC_KEY];
        assert_eq!(decide(&[(KEY, &twice)]), accepts("motd92hNo/XZm4ZNfS/a+cB0Id4="));
    }
}
