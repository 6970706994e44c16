//! A certificate with its chain and its key, read from two files and checked to match. Must not know when it is read,
//! nor its use.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::{TlsError, provider};

/// The expected content of a certificate file.
const CHAIN: &str = "the certificate, followed by its intermediate certificates,";

/// Where the two are.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

impl Pair {
    /// Reads both files.
    ///
    /// # Errors
    /// [`TlsError`] if one of them cannot be read or parsed, or if they do not match.
    pub(super) fn read(&self) -> Result<CertifiedKey, TlsError> {
        let chain = certificates("tls.certificate", &self.certificate)?;
        let wanted = "an RSA, ECDSA or Ed25519 key without a password";
        let content =
            |why: String| TlsError::Content { setting: "tls.key", file: self.key.clone(), why, wanted };
        let key = PrivateKeyDer::from_pem_slice(&read("tls.key", &self.key)?);
        let key = key.map_err(|_| content("no private key".to_owned()))?;
        CertifiedKey::from_der(chain, key, &provider()).map_err(|source| match source {
            rustls::Error::General(why) => content(format!("a key that cannot be used ({why})")),
            rustls::Error::InvalidCertificate(error) => self.unusable(&error),
            source => TlsError::Pair { certificate: self.certificate.clone(), key: self.key.clone(), source },
        })
    }

    /// Returns the error for a valid PEM certificate that cannot be presented to clients.
    fn unusable(&self, error: &rustls::CertificateError) -> TlsError {
        let why = error.to_string();
        let (why, wanted) = if why.contains("UnsupportedCertVersion") {
            (
                "a certificate of X.509 version 1, which TLS does not support".to_owned(),
                "one of version 3 with the names of the host (openssl req -x509 -addext \
                 subjectAltName=DNS:example.com -addext basicConstraints=critical,CA:FALSE)",
            )
        } else {
            (format!("a certificate that cannot be used ({why})"), CHAIN)
        };
        TlsError::Content { setting: "tls.certificate", file: self.certificate.clone(), why, wanted }
    }
}

/// Returns the certificates in a file, at least one.
///
/// # Errors
/// [`TlsError`] if it cannot be read, or has none.
pub(super) fn certificates(
    setting: &'static str,
    file: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(setting, file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let why = match found {
        Ok(found) if !found.is_empty() => return Ok(found),
        Ok(_) => "no certificate",
        Err(_) => "an incomplete certificate",
    };
    Err(TlsError::Content { setting, file: file.to_owned(), why: why.to_owned(), wanted: CHAIN })
}

fn read(setting: &'static str, file: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(file).map_err(|source| TlsError::File { setting, file: file.to_owned(), source })
}
