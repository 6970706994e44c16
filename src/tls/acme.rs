//! A certificate that is fetched, and renewed, by ACME (RFC 8555): the authority connects to us and is shown a certificate
//! made for it (TLS-ALPN-01, RFC 8737), so that no other port is needed. What went wrong is said, and tried again later.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt;
use rustls::pki_types::DnsName;
use rustls::server::ResolvesServerCert;
use rustls_acme::caches::DirCache;
use rustls_acme::{AcmeConfig, AcmeState, EventOk};

use super::TlsError;
use super::client::{client_config, client_config_of};
use super::pair::certificates;
use crate::config;
use crate::metrics::Metrics;

/// The certificate of an authority, and who fetches it.
pub struct Acme {
    state: AcmeState<io::Error>,
    metrics: Metrics,
}

impl Acme {
    /// The protocol by which an authority connects to look at a certificate.
    pub const PROTOCOL: &[u8] = b"acme-tls/1";

    /// Makes the folder of the settings, and asks nobody yet.
    ///
    /// # Errors
    /// [`TlsError`] if the folder or the file of the authority's root cannot be had, or a name is none.
    pub(super) fn new(settings: &config::Acme, metrics: Metrics) -> Result<Self, TlsError> {
        for domain in &settings.domains {
            if domain.contains('*') || DnsName::try_from(domain.as_str()).is_err() {
                return Err(TlsError::Domain(domain.clone()));
            }
        }
        // There will be keys in it.
        let folder = DirBuilder::new().recursive(true).mode(0o700).create(&settings.cache);
        folder.map_err(|source| TlsError::Folder { folder: settings.cache.clone(), source })?;
        let trusted = match &settings.directory_ca {
            Some(file) => client_config_of(certificates("acme.directory_ca", file)?)?,
            None => client_config(),
        };
        let contact = settings.email.iter().map(|email| format!("mailto:{email}"));
        let config = AcmeConfig::new_with_client_config(&settings.domains, trusted)
            .contact(contact)
            .directory(&settings.directory)
            .cache(DirCache::<PathBuf>::new(settings.cache.clone()));
        Ok(Self { state: config.state(), metrics })
    }

    /// What shows the certificate, once there is one.
    pub(super) fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        self.state.resolver()
    }

    /// Fetches the certificate and renews it in time, for as long as it is polled.
    pub async fn run(mut self) {
        while let Some(event) = self.state.next().await {
            match event {
                Ok(EventOk::DeployedNewCert) => {
                    self.metrics.certificate_reloads.inc();
                    tracing::info!("new certificate from the ACME CA");
                }
                Ok(EventOk::DeployedCachedCert) => tracing::info!("using the certificate in acme.cache"),
                Ok(event) => tracing::debug!(?event, "ACME event"),
                Err(error) => {
                    self.metrics.certificate_failures.inc();
                    tracing::error!(%error, "cannot get a certificate from the ACME CA; retrying");
                }
            }
        }
    }
}
