//! A small certificate authority with a directory (RFC 8555), which looks at what a server shows it (RFC 8737) before it
//! signs. It believes whoever asks: signatures of requests are not checked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};
use rcgen::CertificateSigningRequestParams;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, ServerConfig, ServerConnection};
use serde_json::{Value, json};

use super::WATCHDOG;
use super::tls::{Authority, NAME};

/// The identifier of the extension that answers a challenge, as it stands in a certificate.
const CHALLENGE: &[u8] = &[0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x1f];

/// An authority that can be asked.
pub(crate) struct Directory {
    /// Where it is.
    pub(crate) address: SocketAddr,
    /// Who it signs as.
    pub(crate) authority: Authority,
    /// Whom it looks at.
    server: Mutex<Option<SocketAddr>>,
    known: Condvar,
    is_valid: Mutex<bool>,
    certificate: Mutex<Option<String>>,
    /// How many certificates it has signed.
    pub(crate) signed: AtomicUsize,
}

impl Directory {
    /// Begins to answer, on a thread that lasts as long as the test.
    pub(crate) fn start() -> Arc<Self> {
        let authority = Authority::new();
        let own = authority.certificate();
        let key =
            PrivateKeyDer::try_from(rcgen::KeyPair::from_pem(&own.key).unwrap().serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.der], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let directory = Arc::new(Self {
            address: listener.local_addr().unwrap(),
            authority,
            server: Mutex::default(),
            known: Condvar::new(),
            is_valid: Mutex::default(),
            certificate: Mutex::default(),
            signed: AtomicUsize::new(0),
        });
        let serving = Arc::clone(&directory);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let serving = Arc::clone(&serving);
                std::thread::spawn(move || serving.serve(rustls::StreamOwned::new(connection, stream)));
            }
        });
        directory
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("{}/directory", self.base())
    }

    fn base(&self) -> String {
        format!("https://{NAME}:{}", self.address.port())
    }

    /// Tells it where the names lead to.
    pub(crate) fn lead_to(&self, server: SocketAddr) {
        *self.server.lock() = Some(server);
        self.known.notify_all();
    }

    /// Answers one request.
    fn serve(&self, stream: rustls::StreamOwned<ServerConnection, TcpStream>) {
        let mut reader = BufReader::new(stream);
        let mut first = String::new();
        let Ok(1..) = reader.read_line(&mut first) else { return };
        let mut length = 0;
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let payload = serde_json::from_slice::<Value>(&body).ok().map(|body| decode(&body["payload"]));
        let path = first.split(' ').nth(1).unwrap();
        let (location, answer) = self.answer(path, &payload.unwrap_or_default());
        let head = format!(
            "HTTP/1.1 200 OK\r\nReplay-Nonce: x\r\nLocation: {}{location}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.base(),
            answer.len()
        );
        let stream = reader.get_mut();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        stream.conn.send_close_notify();
        let _ = stream.flush();
    }

    fn answer(&self, path: &str, payload: &[u8]) -> (&'static str, String) {
        let base = self.base();
        let answer = match path {
            // Asked by HEAD.
            "/nonce" => return ("", String::new()),
            "/directory" => json!({
                "newNonce": format!("{base}/nonce"),
                "newAccount": format!("{base}/account"),
                "newOrder": format!("{base}/order"),
            }),
            "/authorization" => json!({
                "status": if *self.is_valid.lock() { "valid" } else { "pending" },
                "identifier": {"type": "dns", "value": NAME},
                "challenges": [{"type": "tls-alpn-01", "url": format!("{base}/challenge"), "token": "token"}],
            }),
            "/challenge" => {
                *self.is_valid.lock() = self.look();
                json!({})
            }
            "/finalize" => {
                let request: Value = serde_json::from_slice(payload).unwrap();
                self.sign(&decode(&request["csr"]));
                self.order()
            }
            "/certificate" => return ("", self.certificate.lock().clone().unwrap()),
            "/order" => self.order(),
            _ => json!({}),
        };
        (if path == "/order" { "/order" } else { "/account/1" }, answer.to_string())
    }

    fn order(&self) -> Value {
        let base = self.base();
        let mut order = json!({
            "status": if *self.is_valid.lock() { "ready" } else { "pending" },
            "authorizations": [format!("{base}/authorization")],
            "finalize": format!("{base}/finalize"),
        });
        if self.certificate.lock().is_some() {
            order["status"] = json!("valid");
            order["certificate"] = json!(format!("{base}/certificate"));
        }
        order
    }

    fn sign(&self, request: &[u8]) {
        let request = CertificateSigningRequestParams::from_der(&request.to_vec().into()).unwrap();
        let signed = request.signed_by(self.authority.issuer()).unwrap();
        *self.certificate.lock() = Some(signed.pem() + &self.authority.root());
        self.signed.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether the server shows a certificate that answers the challenge.
    fn look(&self) -> bool {
        let mut server = self.server.lock();
        while server.is_none() {
            self.known.wait(&mut server);
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anything))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
        let mut stream = TcpStream::connect(server.unwrap()).unwrap();
        stream.set_read_timeout(Some(WATCHDOG)).unwrap();
        let mut connection =
            ClientConnection::new(Arc::new(config), ServerName::try_from(NAME).unwrap()).unwrap();
        while connection.is_handshaking() {
            if connection.complete_io(&mut stream).is_err() {
                return false;
            }
        }
        // It is not served: the server ends it.
        let mut sink = Vec::new();
        rustls::Stream::new(&mut connection, &mut stream).read_to_end(&mut sink).unwrap();
        let shown = connection.peer_certificates().unwrap()[0].clone();
        connection.alpn_protocol() == Some(b"acme-tls/1")
            && sink.is_empty()
            && shown.windows(CHALLENGE.len()).any(|part| part == CHALLENGE)
    }
}

/// Trusts whatever is shown.
#[derive(Debug)]
struct Anything;

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _chain: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// The bytes of a text in base64url.
fn decode(text: &Value) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (mut bits, mut count) = (0_u32, 0);
    let mut bytes = Vec::new();
    for letter in text.as_str().unwrap_or_default().bytes() {
        let digit = DIGITS.iter().position(|digit| *digit == letter).unwrap();
        bits = bits << 6 | digit as u32;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}
