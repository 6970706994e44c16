//! TLS as settings have it: which certificate is shown, where it comes from, and whom we trust as a client. Must not know
//! the server's connections: what this gives are the configurations of rustls that they are made with.

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

/// Why TLS cannot be had as the settings say.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{setting}: {} cannot be read ({source}); check its path and permissions", file.display())]
    File {
        /// The key of the setting.
        setting: &'static str,
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("{setting}: {} holds {why}; write {wanted} in PEM", file.display())]
    Content {
        /// The key of the setting.
        setting: &'static str,
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: String,
        /// What belongs there.
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
        /// What rustls said.
        source: rustls::Error,
    },
    /// The folder for certificates cannot be created or written to.
    #[error("acme.cache: {} cannot be used ({source}); name a folder that the server may write to", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A name for which there is no certificate by ACME.
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

/// The cryptography that all of TLS is done with.
fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));
    Arc::clone(&PROVIDER)
}
