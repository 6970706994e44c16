//! The place of ACME in a program that was built without it.

use std::sync::Arc;

use rustls::server::ResolvesServerCert;

use super::TlsError;
use crate::config;
use crate::metrics::Metrics;

/// Never constructed: there is no certificate by ACME.
pub enum Acme {}

impl Acme {
    /// The protocol by which an authority connects to look at a certificate.
    pub const PROTOCOL: &[u8] = b"acme-tls/1";

    /// Refuses the settings.
    ///
    /// # Errors
    /// [`TlsError::NoAcme`].
    pub(super) fn new(_: &config::Acme, _: Metrics) -> Result<Self, TlsError> {
        Err(TlsError::NoAcme)
    }

    pub(super) fn create_folder(_: &config::Acme) -> Result<(), TlsError> {
        Err(TlsError::NoAcme)
    }

    pub(super) fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        match *self {}
    }

    /// Fetches nothing.
    pub async fn run(self) {
        match self {}
    }
}
