//! TLS for outgoing connections. The trusted authorities are those of the system, or of `SSL_CERT_FILE` and
//! `SSL_CERT_DIR`. It must not know the users of a connection.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use super::TlsError;
use super::pair::certificates;

/// Returns the configuration that trusts the authorities of the system. They are read once; a change requires a
/// restart.
#[must_use]
pub fn client_config() -> Arc<ClientConfig> {
    static CONFIG: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| Arc::new(trusting(roots())));
    Arc::clone(&CONFIG)
}

/// Returns the configuration for connections to a URL. Without TLS the authorities of the system are not read.
#[must_use]
pub fn client_config_for(url: &str) -> Arc<ClientConfig> {
    static PLAIN: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| Arc::new(trusting(RootCertStore::empty())));
    let is_plain = url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:"));
    if is_plain { Arc::clone(&PLAIN) } else { client_config() }
}

/// Returns the configuration that trusts the authorities in a PEM file in addition to those of the system.
/// `setting` names the file in errors.
///
/// # Errors
/// [`TlsError`] if the file cannot be read or holds no certificate of an authority.
pub fn client_config_with(setting: &'static str, file: &Path) -> Result<Arc<ClientConfig>, TlsError> {
    trusting_also(roots(), certificates(setting, file)?)
}

/// Returns the configuration that trusts these authorities only.
///
/// # Errors
/// [`TlsError`] if one of them is not a certificate of an authority.
#[cfg(feature = "acme")]
pub(super) fn client_config_of(
    authorities: Vec<CertificateDer<'static>>,
) -> Result<Arc<ClientConfig>, TlsError> {
    trusting_also(RootCertStore::empty(), authorities)
}

fn trusting_also(
    mut roots: RootCertStore,
    authorities: Vec<CertificateDer<'static>>,
) -> Result<Arc<ClientConfig>, TlsError> {
    for authority in authorities {
        roots.add(authority)?;
    }
    Ok(Arc::new(trusting(roots)))
}

/// Returns the authorities of the system. If it has none, like an empty container, the built-in ones of Mozilla apply.
fn roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    if !found.errors.is_empty() {
        let errors: Vec<_> = found.errors.iter().map(ToString::to_string).collect();
        tracing::warn!(error = errors.join("; "), "cannot read the CA certificates of the system");
    }
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

fn trusting(roots: RootCertStore) -> ClientConfig {
    // A program that embeds the server may have installed another provider, which takes precedence.
    let _ = aws_lc_rs::default_provider().install_default();
    ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}
