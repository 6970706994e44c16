//! How the server's own side of TLS is set up, from `[tls]` or `[acme]`.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};

use super::pair::Pair;
use super::{Acme, Certificates, TlsError, provider};
use crate::config::Config;
use crate::metrics::Metrics;

/// The only protocol inside: HTTP/2 has no WebSockets that we speak.
const HTTP: &[u8] = b"http/1.1";

/// What a listener needs, and what keeps its certificate fresh.
pub struct Tls {
    /// What connections are made with.
    pub config: Arc<ServerConfig>,
    /// The certificate, if it comes from files.
    pub certificates: Option<Arc<Certificates>>,
    /// What fetches the certificate, if it comes by ACME; it has to be run.
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

/// Checks what [`server`] needs. Writes nothing.
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
    // Clients that come back show a ticket, and need no signature. The server keeps nothing of it.
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}
