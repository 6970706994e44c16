//! Obtains and renews a certificate through ACME (RFC 8555) with the TLS-ALPN-01 challenge (RFC 8737): the authority
//! connects to the TLS port, so no other port is needed. Failures are logged and retried.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf, absolute};
use std::sync::Arc;

use futures_util::StreamExt;
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustls::pki_types::DnsName;
use rustls::server::ResolvesServerCert;
use rustls_acme::caches::DirCache;
use rustls_acme::{AcmeConfig, AcmeState, EventOk};

use super::TlsError;
use super::client::{client_config, client_config_of};
use super::pair::certificates;
use crate::config;
use crate::metrics::Metrics;

/// The certificate of an authority, and the task that obtains it.
pub struct Acme {
    state: AcmeState<io::Error>,
    metrics: Metrics,
}

impl Acme {
    /// The ALPN protocol of the authority's validation connections.
    pub const PROTOCOL: &[u8] = b"acme-tls/1";

    /// Checks the settings. Writes no file and opens no connection.
    ///
    /// # Errors
    /// [`TlsError`] if the folder cannot be created or written to, the root certificate cannot be read, or a domain is
    /// invalid.
    pub(super) fn new(settings: &config::Acme, metrics: Metrics) -> Result<Self, TlsError> {
        for domain in &settings.domains {
            if domain.contains('*') || DnsName::try_from(domain.as_str()).is_err() {
                return Err(TlsError::Domain(domain.clone()));
            }
        }
        check_folder(&settings.cache).map_err(|source| folder_error(settings, source))?;
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

    /// Creates the folder for the account, the certificate and its key, for its owner only.
    ///
    /// # Errors
    /// [`TlsError::Folder`].
    pub(super) fn create_folder(settings: &config::Acme) -> Result<(), TlsError> {
        let created = DirBuilder::new().recursive(true).mode(0o700).create(&settings.cache);
        created.map_err(|source| folder_error(settings, source))
    }

    /// Returns the resolver that presents the certificate, once there is one.
    pub(super) fn resolver(&self) -> Arc<dyn ResolvesServerCert> {
        self.state.resolver()
    }

    /// Obtains the certificate and renews it in time, for as long as the future is polled.
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

fn folder_error(settings: &config::Acme, source: io::Error) -> TlsError {
    TlsError::Folder { folder: settings.cache.clone(), source }
}

/// Checks that a folder can be created, or exists, and that this process may create files in it.
fn check_folder(folder: &Path) -> io::Result<()> {
    let folder = absolute(folder)?;
    for existing in folder.ancestors() {
        match fs::metadata(existing) {
            Ok(metadata) if metadata.is_dir() => {
                let access = Access::WRITE_OK | Access::EXEC_OK;
                return Ok(accessat(CWD, existing, access, AtFlags::EACCESS)?);
            }
            Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
            // A link without a target exists and cannot be created.
            Err(error) if error.kind() != io::ErrorKind::NotFound || existing.is_symlink() => {
                return Err(error);
            }
            Err(_) => {}
        }
    }
    Err(io::ErrorKind::NotFound.into())
}
