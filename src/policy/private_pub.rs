//! Signatures of the gem private_pub: `SHA1(secret + channel + timestamp)` in hexadecimal, and a timestamp in
//! milliseconds.
//!
//! Nothing stands between the parts, so a digit more in the channel and one less in the timestamp sign alike; a timestamp
//! is therefore taken only with as many digits as one of today has.

use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use super::seconds_now;
use crate::config::PrivatePub;

/// Digits of a time in milliseconds, from 2001 to 2286.
const DIGITS: usize = 13;
/// By how much, in milliseconds, a signature may come from the future.
const AHEAD: u64 = 60_000;

/// Checks signatures.
pub(super) struct Signatures {
    secret: Option<String>,
    milliseconds: u64,
}

impl Signatures {
    /// By the settings.
    #[must_use]
    pub(super) fn new(settings: &PrivatePub) -> Self {
        let milliseconds = u64::try_from(settings.expiry.as_millis()).unwrap_or(u64::MAX);
        Self { secret: settings.secret.as_ref().map(|secret| secret.expose().to_owned()), milliseconds }
    }

    /// Whether any signature is taken.
    #[must_use]
    pub(super) fn are_on(&self) -> bool {
        self.secret.is_some()
    }

    /// Whether a text is the secret itself, by which back ends publish.
    #[must_use]
    pub(super) fn is_secret(&self, text: &[u8]) -> bool {
        let Some(secret) = &self.secret else { return false };
        let digest = |text: &[u8]| -> [u8; 20] { Sha1::digest(text).into() };
        digest(secret.as_bytes()).ct_eq(&digest(text)).into()
    }

    /// Whether a signature is good for a channel now.
    #[must_use]
    pub(super) fn is_good(&self, signature: &str, timestamp: &str, channel: &str) -> bool {
        let Some(secret) = &self.secret else { return false };
        if timestamp.len() != DIGITS || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
            return false;
        }
        let Ok(made) = timestamp.parse::<u64>() else { return false };
        let now = seconds_now().saturating_mul(1000);
        if made > now.saturating_add(AHEAD) || now >= made.saturating_add(self.milliseconds) {
            return false;
        }
        let digest =
            Sha1::new().chain_update(secret).chain_update(channel).chain_update(timestamp).finalize();
        let mut expected = [0; 40];
        for (pair, byte) in expected.chunks_exact_mut(2).zip(&digest[..]) {
            pair[0] = b"0123456789abcdef"[usize::from(byte >> 4)];
            pair[1] = b"0123456789abcdef"[usize::from(byte & 15)];
        }
        expected.ct_eq(signature.to_ascii_lowercase().as_bytes()).into()
    }
}
