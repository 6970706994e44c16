//! The push secret: whether a text is it.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::config::Push;

/// Digests of the secrets that are valid. Digests are compared, so that neither the length nor a common beginning shows
/// in the time that it takes.
pub(super) struct Secrets(Vec<[u8; 32]>);

impl Secrets {
    /// The secrets of the settings.
    #[must_use]
    pub(super) fn new(settings: &Push) -> Self {
        let secrets = settings.secret.iter().chain(&settings.previous);
        Self(secrets.map(|secret| Sha256::digest(secret.expose()).into()).collect())
    }

    /// Whether there is any.
    #[must_use]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a text is one of them.
    #[must_use]
    pub(super) fn have(&self, text: &[u8]) -> bool {
        let given: [u8; 32] = Sha256::digest(text).into();
        let none = Choice::from(0);
        self.0.iter().fold(none, |found, secret| found | secret.ct_eq(&given)).into()
    }
}
