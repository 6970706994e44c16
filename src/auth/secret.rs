//! Verification of the push secret.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::config::Push;

/// Digests of the valid secrets. Digests are compared, so the timing reveals neither the length nor a common prefix.
pub(super) struct Secrets(Vec<[u8; 32]>);

impl Secrets {
    /// Reads the settings.
    #[must_use]
    pub(super) fn new(settings: &Push) -> Self {
        let secrets = settings.secret.iter().chain(&settings.previous);
        Self(secrets.map(|secret| Sha256::digest(secret.expose()).into()).collect())
    }

    /// Returns whether no secret is configured.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether a text is a valid secret.
    #[must_use]
    pub(super) fn contains(&self, text: &[u8]) -> bool {
        let given: [u8; 32] = Sha256::digest(text).into();
        let none = Choice::from(0);
        self.0.iter().fold(none, |found, secret| found | secret.ct_eq(&given)).into()
    }
}
