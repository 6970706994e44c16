//! Signatures of the private_pub gem: `SHA1(secret + channel + timestamp)` in hexadecimal, with a timestamp in
//! milliseconds.
//!
//! The parts have no separator, so moving a digit from the timestamp to the channel keeps the signature valid. A
//! timestamp must therefore have as many digits as the current time.

use sha1::{Digest, Sha1};
use subtle::ConstantTimeEq;

use super::seconds_now;
use crate::config::PrivatePub;

/// Digits of a time in milliseconds, valid from 2001 to 2286.
const DIGITS: usize = 13;
/// Maximum clock difference for timestamps in the future, in milliseconds.
const AHEAD: u64 = 60_000;

/// Verifies signatures.
pub(super) struct Signatures {
    secret: Option<String>,
    milliseconds: u64,
}

impl Signatures {
    /// Reads the settings.
    #[must_use]
    pub(super) fn new(settings: &PrivatePub) -> Self {
        let milliseconds = u64::try_from(settings.expiry.as_millis()).unwrap_or(u64::MAX);
        Self { secret: settings.secret.as_ref().map(|secret| secret.expose().to_owned()), milliseconds }
    }

    /// Returns whether signatures are enabled.
    #[must_use]
    pub(super) fn are_on(&self) -> bool {
        self.secret.is_some()
    }

    /// Returns whether a text is the secret itself, with which back ends publish.
    #[must_use]
    pub(super) fn is_secret(&self, text: &[u8]) -> bool {
        let Some(secret) = &self.secret else { return false };
        let digest = |text: &[u8]| -> [u8; 20] { Sha1::digest(text).into() };
        digest(secret.as_bytes()).ct_eq(&digest(text)).into()
    }

    /// Returns whether a signature is currently valid for a channel.
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
