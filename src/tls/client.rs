//! Whom we trust when we are the client: the authorities of the system, or of `SSL_CERT_FILE` and `SSL_CERT_DIR`.

use std::sync::{Arc, LazyLock};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use super::TlsError;

/// What connections to others are made with. It is made once, so that a change of the authorities needs a new start.
#[must_use]
pub fn client_config() -> Arc<ClientConfig> {
    static CONFIG: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| Arc::new(trusting(roots())));
    Arc::clone(&CONFIG)
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
    for error in &found.errors {
        tracing::warn!(%error, "cannot read the CA certificates of the system");
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
