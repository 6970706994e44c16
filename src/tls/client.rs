//! Whom we trust when we are the client: the authorities of the system, or of `SSL_CERT_FILE` and `SSL_CERT_DIR`.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use super::TlsError;
use super::pair::certificates;

/// What connections to others are made with. It is made once, so that a change of the authorities needs a new start.
#[must_use]
pub fn client_config() -> Arc<ClientConfig> {
    static CONFIG: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| Arc::new(trusting(roots())));
    Arc::clone(&CONFIG)
}

/// The configuration for connections to a URL. Without TLS the authorities of the system are not read.
#[must_use]
pub fn client_config_for(url: &str) -> Arc<ClientConfig> {
    static PLAIN: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| Arc::new(trusting(RootCertStore::empty())));
    let is_plain = url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:"));
    if is_plain { Arc::clone(&PLAIN) } else { client_config() }
}

/// The configuration of connections that trust the authorities in a PEM file in addition to those of the system.
/// `setting` names the file in errors.
///
/// # Errors
/// [`TlsError`] if the file cannot be read or holds no certificate of an authority.
pub fn client_config_with(setting: &'static str, file: &Path) -> Result<Arc<ClientConfig>, TlsError> {
    let mut trusted = roots();
    for authority in certificates(setting, file)? {
        trusted.add(authority)?;
    }
    Ok(Arc::new(trusting(trusted)))
}

/// The same for somebody who trusts these authorities, and no others.
///
/// # Errors
/// [`TlsError`] if one of them is none.
pub(super) fn client_config_of(
    authorities: Vec<CertificateDer<'static>>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority)?;
    }
    Ok(Arc::new(trusting(roots)))
}

/// A system without authorities, such as an empty container, has those of Mozilla that we bring along.
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
    // Somebody who embeds us may have installed another one, which is as good.
    let _ = aws_lc_rs::default_provider().install_default();
    ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
}
