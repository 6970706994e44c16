//! TLS for tests: an authority that makes certificates, clients that trust it, and a tunnel by which the other clients, who
//! speak plain, reach a server by TLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};
use tokio::net::TcpListener;

use super::WATCHDOG;

/// The name in every certificate.
pub(crate) const NAME: &str = "localhost";

/// An authority.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub(crate) struct Certificate {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) der: CertificateDer<'static>,
}

impl Certificate {
    /// Writes both where the settings of [`SETTINGS`] have them.
    pub(crate) fn write(&self, folder: &Path) {
        std::fs::write(folder.join("cert.pem"), &self.certificate).unwrap();
        std::fs::write(folder.join("key.pem"), &self.key).unwrap();
    }
}

/// Settings by which a server takes the certificate of its folder.
pub(crate) const SETTINGS: [(&str, &str); 2] =
    [("FAYE_TLS__CERTIFICATE", "cert.pem"), ("FAYE_TLS__KEY", "key.pem")];

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Who signs.
    pub(crate) fn issuer(&self) -> &CertifiedIssuer<'static, KeyPair> {
        &self.0
    }

    /// Its own certificate, in PEM.
    pub(crate) fn root(&self) -> String {
        self.0.pem()
    }

    /// A new certificate for [`NAME`] and 127.0.0.1.
    pub(crate) fn certificate(&self) -> Certificate {
        let params = CertificateParams::new(vec![NAME.to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &self.0).unwrap();
        Certificate { certificate: signed.pem(), key: key.serialize_pem(), der: signed.der().clone() }
    }

    /// A client that trusts it, and nobody else.
    pub(crate) fn client(&self, versions: &[&'static SupportedProtocolVersion]) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth()
    }
}

/// A connection by TLS, which waits for what it reads.
pub(crate) type Tls = rustls::StreamOwned<ClientConnection, TcpStream>;

/// Connects and shakes hands.
pub(crate) fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> Tls {
    let mut tls = connect_only(address, config);
    while tls.conn.is_handshaking() {
        tls.conn.complete_io(&mut tls.sock).expect("a handshake");
    }
    tls
}

/// Connects, and says nothing yet.
pub(crate) fn connect_only(address: SocketAddr, config: &Arc<ClientConfig>) -> Tls {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(WATCHDOG)).unwrap();
    stream.set_write_timeout(Some(WATCHDOG)).unwrap();
    stream.set_nodelay(true).unwrap();
    let name = ServerName::try_from(NAME).unwrap();
    Tls::new(ClientConnection::new(Arc::clone(config), name).unwrap(), stream)
}

/// What a connection is shown for a certificate.
pub(crate) fn shown(tls: &Tls) -> CertificateDer<'static> {
    tls.conn.peer_certificates().unwrap()[0].clone()
}

/// Sends a request and reads an answer with a length; its status and its body.
pub(crate) fn ask(tls: &mut Tls, method: &str, path: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: {length}\r\n\r\n{body}");
    tls.write_all(request.as_bytes()).unwrap();
    answer(tls)
}

/// Reads an answer with a length; its status and its body.
pub(crate) fn answer(tls: &mut impl Read) -> (u16, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        tls.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    tls.read_exact(&mut body).unwrap();
    (head[9..12].parse().unwrap(), String::from_utf8(body).unwrap())
}

/// Listens, and passes what comes on to a server by TLS; where it listens. It goes on for as long as the test.
pub(crate) fn tunnel(server: SocketAddr, config: Arc<ClientConfig>) -> SocketAddr {
    let (started, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            started.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let (near, _) = listener.accept().await.unwrap();
                tokio::spawn(pass(near, server, Arc::clone(&config)));
            }
        });
    });
    address.recv_timeout(WATCHDOG).unwrap()
}

async fn pass(mut near: tokio::net::TcpStream, server: SocketAddr, config: Arc<ClientConfig>) {
    near.set_nodelay(true).unwrap();
    let Ok(far) = tokio::net::TcpStream::connect(server).await else { return };
    far.set_nodelay(true).unwrap();
    let connector = tokio_rustls::TlsConnector::from(config);
    let Ok(mut far) = connector.connect(ServerName::try_from(NAME).unwrap(), far).await else { return };
    // Whoever of the two ends it, the other one sees it.
    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
}
