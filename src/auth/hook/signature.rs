//! Signatures of requests to the application: HMAC-SHA256 (RFC 2104) over timestamp and body.

use hmac::{Hmac, KeyInit, Mac};
use hyper::http::request::Builder;
use sha2::Sha256;

use crate::auth::seconds_now;
use crate::config::Secret;

/// The header with the Unix time of the request in seconds.
pub const TIMESTAMP: &str = "faye-timestamp";
/// The header with the signature.
pub const SIGNATURE: &str = "faye-signature";

/// Adds the signature headers to a request, if a secret is configured.
#[must_use]
pub fn sign(request: Builder, secret: Option<&Secret>, body: &[u8]) -> Builder {
    let Some(secret) = secret else { return request };
    let timestamp = seconds_now().to_string();
    let signature = signature(secret.expose().as_bytes(), &timestamp, body);
    request.header(TIMESTAMP, timestamp).header(SIGNATURE, signature)
}

/// Returns `sha256=` and the MAC of `timestamp.body` in hexadecimal.
fn signature(secret: &[u8], timestamp: &str, body: &[u8]) -> String {
    // HMAC accepts keys of any length.
    let Ok(mut code) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    code.update(timestamp.as_bytes());
    code.update(b".");
    code.update(body);
    let code = code.finalize().into_bytes();
    code.iter().fold("sha256=".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_other_programs() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key
        assert_eq!(
            signature(b"key", "1700000000", br#"{"a":1}"#),
            "sha256=a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03"
        );
    }
}
