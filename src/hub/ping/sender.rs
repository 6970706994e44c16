//! The senders of pings: how each of them proves its secret, names the event, and encodes the payload.
//!
//! Pure; it must not know topics or the store.

use std::borrow::Cow;

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::PingKind;
use crate::peer::Head;

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum SenderError {
    /// The signature is missing or wrong; the error does not distinguish the two.
    #[error("the signature of the sender is missing or wrong")]
    Signature,
    /// The payload cannot be read.
    #[error("the payload is not the JSON object of an event")]
    Payload,
}

/// An event of a code host.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Commits were pushed to this reference, such as `refs/heads/main`.
    Push(Option<String>),
    /// Any other event.
    Other,
}

/// The fields of a payload that count.
#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow, default, rename = "ref")]
    reference: Option<Cow<'a, str>>,
    /// Gogs before 0.11.42.
    #[serde(borrow, default)]
    secret: Option<Cow<'a, str>>,
}

/// Reads the event of a request.
///
/// # Errors
/// [`SenderError`] if the sender does not prove the secret, or if the payload is malformed.
pub(super) fn read(kind: PingKind, secret: &str, head: &Head, body: &[u8]) -> Result<Event, SenderError> {
    let form = is_form(head).then(|| payload_of_form(body));
    let is_signed = match kind {
        // In the payload.
        PingKind::GogsBody => true,
        PingKind::Gitlab => is_same(head.get("x-gitlab-token").unwrap_or_default(), secret),
        PingKind::Github => {
            let value = head.get("x-hub-signature-256").unwrap_or_default();
            is_code_of(value.strip_prefix(b"sha256=").unwrap_or_default(), secret, body)
        }
        PingKind::Gogs | PingKind::Gitea | PingKind::Forgejo => {
            let code = head.get(signature(kind)).unwrap_or_default();
            // They sign the payload, also within a form.
            let payload = form.as_ref().and_then(Option::as_deref);
            is_code_of(code, secret, payload.unwrap_or(body))
        }
    };
    if !is_signed {
        return Err(SenderError::Signature);
    }
    let payload = match &form {
        Some(payload) => payload.as_deref().ok_or(SenderError::Payload)?,
        None => body,
    };
    // A struct is read from an array too.
    if !payload.trim_ascii_start().starts_with(b"{") {
        return Err(SenderError::Payload);
    }
    let payload: Payload<'_> = serde_json::from_slice(payload).map_err(|_| SenderError::Payload)?;
    if kind == PingKind::GogsBody && !is_same(payload.secret.unwrap_or_default().as_bytes(), secret) {
        return Err(SenderError::Signature);
    }
    let event = events(kind).iter().find_map(|name| head.get(name));
    let is_push = match (event, kind) {
        (Some(event), PingKind::Gitlab) => event == b"Push Hook",
        (Some(event), _) => event == b"push",
        (None, _) => payload.reference.is_some(),
    };
    Ok(if is_push { Event::Push(payload.reference.map(Cow::into_owned)) } else { Event::Other })
}

/// Returns the header with a code in hexadecimal.
fn signature(kind: PingKind) -> &'static str {
    match kind {
        PingKind::Gitea => "x-gitea-signature",
        PingKind::Forgejo => "x-forgejo-signature",
        _ => "x-gogs-signature",
    }
}

/// Returns the headers with the name of the event; the first one of a request counts.
fn events(kind: PingKind) -> &'static [&'static str] {
    match kind {
        PingKind::Gogs | PingKind::GogsBody => &["x-gogs-event"],
        PingKind::Gitea => &["x-gitea-event"],
        PingKind::Forgejo => &["x-forgejo-event", "x-gitea-event"],
        PingKind::Github => &["x-github-event"],
        PingKind::Gitlab => &["x-gitlab-event"],
    }
}

fn is_form(head: &Head) -> bool {
    let kind = head.get("content-type").unwrap_or_default();
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    kind.eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

fn payload_of_form(body: &[u8]) -> Option<Vec<u8>> {
    let (_, payload) = form_urlencoded::parse(body).find(|(name, _)| name == "payload")?;
    Some(payload.into_owned().into_bytes())
}

/// Whether a hexadecimal text is the HMAC-SHA256 of some bytes.
fn is_code_of(hexadecimal: &[u8], secret: &str, bytes: &[u8]) -> bool {
    let Ok(given) = data_encoding::HEXLOWER_PERMISSIVE.decode(hexadecimal) else { return false };
    // HMAC accepts keys of any length.
    let Ok(mut code) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    code.update(bytes);
    // In constant time.
    code.verify_slice(&given).is_ok()
}

/// Whether a text equals the secret. Digests are compared, so that the timing reveals neither its length nor a prefix.
fn is_same(given: &[u8], secret: &str) -> bool {
    Sha256::digest(given).ct_eq(&Sha256::digest(secret)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(headers: &[(&str, &str)]) -> Head {
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        Head::new(format!("POST /hub/ping/x HTTP/1.1\r\n{headers}\r\n").as_bytes(), 5..16)
    }

    #[test]
    fn a_code_is_that_of_other_programs() {
        // printf '{"ref":"refs/heads/main"}' | openssl dgst -sha256 -hmac key
        let code = "309fa87e4a76255d1e7c568a2519fac0944f2acffaaa3056ea6f8b634a020a99";
        let body = b"{\"ref\":\"refs/heads/main\"}";
        assert!(is_code_of(code.as_bytes(), "key", body));
        assert!(is_code_of(code.to_ascii_uppercase().as_bytes(), "key", body));
        for wrong in ["", "3", &code[..62], &format!("{code}00"), &format!("x{}", &code[1..])] {
            assert!(!is_code_of(wrong.as_bytes(), "key", body), "{wrong}");
        }
        assert!(!is_code_of(code.as_bytes(), "kez", body));
        assert!(!is_code_of(code.as_bytes(), "key", b"{}"));
    }

    #[test]
    fn a_missing_event_is_a_push_if_there_is_a_reference() {
        let read =
            |body: &str| read(PingKind::Gitlab, "s", &head(&[("X-Gitlab-Token", "s")]), body.as_bytes());
        assert_eq!(read(r#"{"ref":"refs/heads/main"}"#), Ok(Event::Push(Some("refs/heads/main".into()))));
        assert_eq!(read("{}"), Ok(Event::Other));
        for unreadable in ["", "[]", "null", "{\"ref\":1}", "{", "\u{ff}"] {
            assert_eq!(read(unreadable), Err(SenderError::Payload), "{unreadable}");
        }
    }
}
