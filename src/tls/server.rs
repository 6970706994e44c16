//! How the server's own side of TLS is set up, from `[tls]` or `[acme]`.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};

use super::pair::Pair;
use super::{Acme, Certificates, TlsError, provider};
use crate::config::Config;
use crate::metrics::Metrics;

/// The only ALPN protocol besides ACME: this server has no WebSockets over HTTP/2.
const HTTP: &[u8] = b"http/1.1";

/// The TLS part of a listener, with the tasks that update its certificate.
pub struct Tls {
    /// The configuration of connections.
    pub config: Arc<ServerConfig>,
    /// The certificate, if it is read from files.
    pub certificates: Option<Arc<Certificates>>,
    /// The ACME task, if the certificate is obtained through ACME; the caller has to run it.
    pub acme: Option<Acme>,
}

/// Sets up TLS as the settings describe it, and creates the folder of `acme.cache`. `None` without TLS.
///
/// # Errors
/// [`TlsError`] if a file, a folder or a domain of the settings cannot be used.
pub fn server(config: &Config, metrics: &Metrics) -> Result<Option<Tls>, TlsError> {
    let tls = set_up(config, metrics)?;
    if tls.as_ref().is_some_and(|tls| tls.acme.is_some()) {
        Acme::create_folder(&config.acme)?;
    }
    Ok(tls)
}

/// Checks the settings for [`server`]. Writes no file.
///
/// # Errors
/// Those of [`server`].
pub fn check(config: &Config, metrics: &Metrics) -> Result<(), TlsError> {
    set_up(config, metrics).map(drop)
}

fn set_up(config: &Config, metrics: &Metrics) -> Result<Option<Tls>, TlsError> {
    if let (Some(certificate), Some(key)) = (&config.tls.certificate, &config.tls.key) {
        let pair = Pair { certificate: certificate.clone(), key: key.clone() };
        let certificates = Arc::new(Certificates::read(pair, metrics.clone())?);
        let config = Arc::new(with(Arc::<Certificates>::clone(&certificates))?);
        return Ok(Some(Tls { config, certificates: Some(certificates), acme: None }));
    }
    if config.acme.domains.is_empty() {
        return Ok(None);
    }
    let acme = Acme::new(&config.acme, metrics.clone())?;
    let mut config = with(acme.resolver())?;
    config.alpn_protocols.push(Acme::PROTOCOL.to_vec());
    Ok(Some(Tls { config: Arc::new(config), certificates: None, acme: Some(acme) }))
}

fn with(resolver: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, TlsError> {
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = vec![HTTP.to_vec()];
    // Returning clients present a ticket, which saves a signature. The server stores nothing for it.
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}
