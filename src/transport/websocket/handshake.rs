//! The answer to a request to upgrade to WebSocket (RFC 6455, section 4.2).
//!
//! Responsible for accepting or refusing by the method, the version and the headers; must not know paths,
//! origins, sockets or how the answer is written.

use std::borrow::Cow;

use hyper::header::{CONNECTION, HeaderName, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use hyper::{HeaderMap, Method, StatusCode, Version};
use thiserror::Error;
use tungstenite::handshake::derive_accept_key;

/// The value of `Sec-WebSocket-Accept` in the answer `101 Switching Protocols`: 28 characters of base64.
///
/// The answer also has `Upgrade: websocket` and `Connection: Upgrade`, and no other header: a subprotocol is
/// never chosen, and no extension is agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptKey(pub String);

/// Why a request is not upgraded. Its text is Faye's, and is the body of the answer, as `text/plain`; the
/// connection is closed after it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Not a `GET` of HTTP/1.1, or it does not ask for WebSocket.
    #[error("Not a WebSocket request")]
    NotWebSocket,
    /// A version other than 13. Holds what the client sent, `undefined` when it sent none, as Faye has it;
    /// it is as long as the header was, and may hold any character.
    #[error("Unsupported WebSocket version: {0}")]
    Version(String),
    /// No key to answer to.
    #[error("Missing handshake request header: Sec-WebSocket-Key")]
    MissingKey,
}

impl Refusal {
    /// The status of the answer: Faye gives 400 in every case, where the RFC suggests 426 for a version.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::BAD_REQUEST
    }
}

/// Whether a request asks for an upgrade to anything, so that [`accept`] is to judge it. Other requests are
/// plain HTTP even if they have some of the headers; Node draws the line at the same place.
#[must_use]
pub fn wants_upgrade(headers: &HeaderMap) -> bool {
    headers.contains_key(UPGRADE) && lists(headers, &CONNECTION, "upgrade")
}

/// Decides on an upgrade request. The time is linear in the headers; extensions and subprotocols are ignored.
///
/// Where Faye and the RFC differ:
///
/// - The key may be anything, even empty, as in Faye, and is not held to be 16 bytes in base64 (section
///   4.2.1): the check protects no one on this side, and a client that Faye serves is to be served here.
/// - A header that came more than once counts as its values joined with `, `, as in Node.
/// - HTTP/1.0 is refused, as the RFC asks, because hyper does not upgrade it; Faye serves it.
/// - `Upgrade` may be a list with `websocket` in it, as the RFC allows; Faye refuses that.
///
/// # Errors
///
/// A [`Refusal`] whose status and text are the answer.
pub fn accept(method: &Method, version: Version, headers: &HeaderMap) -> Result<AcceptKey, Refusal> {
    let websocket = *method == Method::GET
        && version >= Version::HTTP_11
        && lists(headers, &CONNECTION, "upgrade")
        && lists(headers, &UPGRADE, "websocket");
    if !websocket {
        return Err(Refusal::NotWebSocket);
    }
    match joined(headers, &SEC_WEBSOCKET_VERSION) {
        Some(version) if version == "13" => {}
        Some(version) => return Err(Refusal::Version(version.into_owned())),
        None => return Err(Refusal::Version("undefined".to_owned())),
    }
    let key = joined(headers, &SEC_WEBSOCKET_KEY).ok_or(Refusal::MissingKey)?;
    Ok(AcceptKey(derive_accept_key(key.as_bytes())))
}

/// Whether `token` is one of the comma-separated tokens of a header, whatever the case.
fn lists(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// The value of a header as Node gives it: Latin-1, without space around it, repetitions joined.
fn joined<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, str>> {
    let mut values = headers.get_all(name).iter().map(|value| latin1(value.as_bytes().trim_ascii()));
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
    use hyper::header::{HeaderValue, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL};

    use super::*;

    const RFC_KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const RFC_ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    /// The example of RFC 6455, section 1.3, with headers replaced; no values removes the header.
    fn headers(changes: &[(HeaderName, &[&str])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static(RFC_KEY));
        for (name, values) in changes {
            headers.remove(name);
            for value in *values {
                headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
        }
        headers
    }

    fn decide(changes: &[(HeaderName, &[&str])]) -> Result<String, String> {
        let headers = headers(changes);
        match accept(&Method::GET, Version::HTTP_11, &headers) {
            Ok(AcceptKey(key)) => Ok(key),
            Err(refusal) => {
                assert_eq!(refusal.status(), StatusCode::BAD_REQUEST);
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
        assert_eq!(decide(&[(SEC_WEBSOCKET_VERSION, &[" 13 "])]), rfc);
        let offers: [(HeaderName, &[&str]); 2] =
            [(SEC_WEBSOCKET_EXTENSIONS, &["permessage-deflate"]), (SEC_WEBSOCKET_PROTOCOL, &["a, b"])];
        assert_eq!(decide(&offers), rfc);
    }

    #[test]
    fn refuses_what_is_not_a_websocket_request() {
        let refused = Err("Not a WebSocket request".to_owned());
        assert_eq!(decide(&[(UPGRADE, &["h2c"])]), refused);
        assert_eq!(decide(&[(UPGRADE, &[])]), refused);
        assert_eq!(decide(&[(CONNECTION, &["keep-alive"])]), refused);
        assert_eq!(decide(&[(CONNECTION, &["upgrades"])]), refused);
        let headers = headers(&[]);
        for (method, version) in [(Method::POST, Version::HTTP_11), (Method::GET, Version::HTTP_10)] {
            assert_eq!(accept(&method, version, &headers), Err(Refusal::NotWebSocket));
        }
    }

    // The expected texts and keys below were seen from Faye 1.4.3 on Node.
    #[test]
    fn refuses_other_versions_with_the_texts_of_faye() {
        let refused = |version: &str| Err(format!("Unsupported WebSocket version: {version}"));
        assert_eq!(decide(&[(SEC_WEBSOCKET_VERSION, &[])]), refused("undefined"));
        assert_eq!(decide(&[(SEC_WEBSOCKET_VERSION, &["8"])]), refused("8"));
        assert_eq!(decide(&[(SEC_WEBSOCKET_VERSION, &[""])]), refused(""));
        assert_eq!(decide(&[(SEC_WEBSOCKET_VERSION, &["13", "8"])]), refused("13, 8"));
        assert_eq!(decide(&[(SEC_WEBSOCKET_VERSION, &["\u{e9}"])]), refused("\u{c3}\u{a9}"));
    }

    #[test]
    fn needs_a_key_but_takes_any_like_faye() {
        let missing = Err("Missing handshake request header: Sec-WebSocket-Key".to_owned());
        assert_eq!(decide(&[(SEC_WEBSOCKET_KEY, &[])]), missing);
        let accepts = |key: &str| Ok(key.to_owned());
        assert_eq!(decide(&[(SEC_WEBSOCKET_KEY, &[""])]), accepts("Kfh9QIsMVZcl6xEPYxPHzW8SZ8w="));
        assert_eq!(decide(&[(SEC_WEBSOCKET_KEY, &["abc"])]), accepts("zwKd5BnoWxQ6GxTxxSmBSHGHX9M="));
        let twice = [RFC_KEY, RFC_KEY];
        assert_eq!(decide(&[(SEC_WEBSOCKET_KEY, &twice)]), accepts("motd92hNo/XZm4ZNfS/a+cB0Id4="));
    }

    #[test]
    fn only_the_two_headers_together_ask_for_an_upgrade() {
        assert!(wants_upgrade(&headers(&[(UPGRADE, &["h2c"])])));
        assert!(!wants_upgrade(&headers(&[(UPGRADE, &[])])));
        assert!(!wants_upgrade(&headers(&[(CONNECTION, &["close"])])));
    }
}
