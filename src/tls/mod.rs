//! The TLS configuration: the server's certificate and its source, and the authorities that clients trust. Must not
//! know the connections of the server: the result are configurations of rustls.

#[cfg(feature = "acme")]
mod acme;
mod certificates;
mod client;
mod connect;
mod failure;
#[cfg(not(feature = "acme"))]
mod no_acme;
mod pair;
mod server;

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use rustls::crypto::{CryptoProvider, aws_lc_rs};

#[cfg(feature = "acme")]
pub use acme::Acme;
pub use certificates::{Certificates, POLL};
pub use client::{client_config, client_config_for, client_config_with};
pub use connect::{Duplex, connect};
pub use failure::{ConnectError, name_error};
#[cfg(not(feature = "acme"))]
pub use no_acme::Acme;
pub use server::{Tls, check, server};

/// The reason why TLS cannot be set up with the configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{setting}: {} cannot be read ({source}); check its path and permissions", file.display())]
    File {
        /// The key of the setting.
        setting: &'static str,
        /// The file.
        file: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The content of a file is invalid.
    #[error("{setting}: {} holds {why}; write {wanted} in PEM", file.display())]
    Content {
        /// The key of the setting.
        setting: &'static str,
        /// The file.
        file: PathBuf,
        /// The defect.
        why: String,
        /// The expected content.
        wanted: &'static str,
    },
    /// A certificate and a key, each good by itself.
    #[error(
        "tls.key: {} is not the key of the certificate in {} ({source}); name the key that the certificate was made with",
        key.display(),
        certificate.display()
    )]
    Pair {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// The error of rustls.
        source: rustls::Error,
    },
    /// The folder for certificates cannot be created or written to.
    #[error("acme.cache: {} cannot be used ({source}); name a folder that the server may write to", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A name that cannot have a certificate through ACME.
    #[error("acme.domains: {0:?} is not a host name; write for example \"example.com\", with no \"*\"")]
    Domain(String),
    /// ACME is not built in.
    #[cfg(not(feature = "acme"))]
    #[error("acme.domains: this program was built without the feature \"acme\"")]
    NoAcme,
    /// The library has refused.
    #[error("cannot set up TLS: {0}")]
    Rustls(#[from] rustls::Error),
}

/// Returns the cryptography provider for all of TLS.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));
    Arc::clone(&PROVIDER)
}
