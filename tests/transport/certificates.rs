//! What the server shows for a certificate: from files that may change while it runs, all or nothing.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use crate::support::tls::{SETTINGS, ask, connect, shown};
use crate::support::*;
use faye_server::app::App;
use faye_server::bayeux::{Message, Verb};
use faye_server::config::Config;
use faye_server::extension::{Extension, Stages, Verdict};
use faye_server::peer::Peer;
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

/// Waits until new connections are shown this certificate.
#[track_caller]
fn wait_for(address: SocketAddr, config: &Arc<ClientConfig>, wanted: &CertificateDer<'_>) {
    let begin = Instant::now();
    while shown(&connect(address, config)) != *wanted {
        assert!(begin.elapsed() < WATCHDOG, "the certificate stays");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// A client that takes no tickets, so that each connection is shown the certificate.
fn client(authority: &Authority) -> Arc<ClientConfig> {
    let mut config = authority.client(rustls::ALL_VERSIONS);
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

#[test]
fn a_new_certificate_is_for_new_connections_and_old_ones_go_on() {
    let authority = Authority::new();
    let faye = Faye::start_with_tls(&authority, &[]);
    let config = client(&authority);
    let mut old = connect(faye.listens, &config);
    let first = shown(&old);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    let fresh = authority.certificate();
    assert_ne!(fresh.der, first);
    fresh.write(&faye.folder());
    wait_for(faye.listens, &config, &fresh.der);
    assert_eq!(ask(&mut old, "GET", "/healthz", ""), (200, "ok\n".to_owned()));
    faye.publish("/a", "still there");
    assert_eq!(session.take(1), ["still there"]);
    assert_eq!(faye.metric("faye_certificate_reloads_total"), 1);
    assert!(faye.stderr().contains("certificate reloaded"), "{}", faye.stderr());
}

#[test]
fn what_is_not_good_is_refused_whole_and_the_old_one_stays() {
    let authority = Authority::new();
    let faye = Faye::start_with_tls(&authority, &[]);
    let config = client(&authority);
    let first = shown(&connect(faye.listens, &config));
    let fresh = authority.certificate();
    let path = |name: &str| faye.folder().join(name);
    let failures = "faye_certificate_failures_total";
    let bad: [&dyn Fn(); 4] = [
        // Half of the pair.
        &|| std::fs::write(path("cert.pem"), &fresh.certificate).unwrap(),
        &|| std::fs::remove_file(path("key.pem")).unwrap(),
        // Half of a file.
        &|| std::fs::write(path("cert.pem"), &fresh.certificate[..200]).unwrap(),
        &|| std::fs::write(path("cert.pem"), "").unwrap(),
    ];
    for (number, spoil) in bad.iter().enumerate() {
        spoil();
        faye.wait_for_metric(failures, |now| now == number as u64 + 1);
        assert_eq!(shown(&connect(faye.listens, &config)), first);
    }
    for text in [
        "is not the key of the certificate in cert.pem",
        "key.pem cannot be read",
        "incomplete",
        "no certificate",
    ] {
        assert!(faye.stderr().contains(text), "{text}: {}", faye.stderr());
    }
    fresh.write(&faye.folder());
    wait_for(faye.listens, &config, &fresh.der);
}

#[test]
fn a_signal_has_it_read_at_once() {
    let authority = Authority::new();
    let faye = Faye::start_with_tls(&authority, &[]);
    faye.hang_up();
    faye.wait_for_metric("faye_certificate_reloads_total", |now| now == 1);
    std::fs::write(faye.folder().join("key.pem"), "").unwrap();
    faye.hang_up();
    faye.wait_for_metric("faye_certificate_failures_total", |now| now >= 1);
    faye.assert_serves();
}

/// What the server says when it cannot start with these files.
fn complaint(write: impl Fn(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let mut command = binary();
    command.current_dir(folder.path()).envs(SETTINGS).args(["--listen", "127.0.0.1:0"]);
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_server_that_cannot_have_its_certificate_says_why() {
    let authority = Authority::new();
    let (one, other) = (authority.certificate(), authority.certificate());
    let text = complaint(|_| {});
    assert!(text.contains("tls.certificate: cert.pem cannot be read"), "{text}");
    assert!(text.contains("check its path and permissions"), "{text}");
    let text = complaint(|folder| std::fs::write(folder.join("cert.pem"), &one.certificate).unwrap());
    assert!(text.contains("tls.key: key.pem cannot be read"), "{text}");
    let text = complaint(|folder| {
        one.write(folder);
        std::fs::write(folder.join("key.pem"), &one.certificate).unwrap();
    });
    assert!(text.contains("tls.key: key.pem holds no private key"), "{text}");
    let text = complaint(|folder| {
        one.write(folder);
        std::fs::write(folder.join("key.pem"), &other.key).unwrap();
    });
    assert!(text.contains("tls.key: key.pem is not the key of the certificate in cert.pem"), "{text}");
}

#[test]
fn our_own_clients_speak_https_to_whom_they_trust() {
    let authority = Authority::new();
    let faye = Faye::start_with_tls(&authority, &[]);
    let root = faye.folder().join("root.pem");
    std::fs::write(&root, authority.root()).unwrap();
    let url = format!("https://{}:{}{}", crate::support::tls::NAME, faye.listens.port(), faye.mount);
    let run = |trusted: &Path| {
        let mut command = binary();
        command.args(["publish", "/a", "\"by https\"", "--url", &url]).env("SSL_CERT_FILE", trusted);
        command.env_remove("SSL_CERT_DIR");
        command.output().unwrap()
    };
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    let output = run(&root);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(session.take(1), ["by https"]);
    let stranger = faye.folder().join("stranger.pem");
    std::fs::write(&stranger, Authority::new().root()).unwrap();
    let output = run(&stranger);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && text.contains("signed by an authority that is not trusted here"),
        "{text}"
    );
    let mut command = binary();
    command.args(["subscribe", "/a", "--url", &url]).env("SSL_CERT_FILE", &root).env_remove("SSL_CERT_DIR");
    command.stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    faye.wait_for_metric("faye_subscriptions", |now| now == 2);
    faye.publish("/a", "to a subscriber");
    let mut line = String::new();
    let mut output = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut output, &mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(line, "{\"channel\":\"/a\",\"data\":\"to a subscriber\"}\n");
}

/// Lets only those publish who come by TLS.
struct SecureOnly;

impl Extension for SecureOnly {
    fn name(&self) -> &str {
        "secure only"
    }

    fn stages(&self) -> Stages {
        Stages { incoming: true, ..Stages::default() }
    }

    fn incoming<'a>(&'a self, mut message: Message, peer: &'a Arc<Peer>) -> Verdict<'a> {
        if message.verb() == Verb::Publish && !peer.secure {
            message.refuse("403::Not by TLS");
        }
        message.into()
    }
}

#[test]
fn an_extension_sees_who_comes_by_tls() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    authority.certificate().write(folder.path());
    let config = client(&authority);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let start = |is_secure: bool| {
        let mut settings = Config::default();
        settings.server.listen.set_port(0);
        settings.tls.certificate = is_secure.then(|| folder.path().join("cert.pem"));
        settings.tls.key = is_secure.then(|| folder.path().join("key.pem"));
        let app = runtime.block_on(App::bind(&settings, &[Arc::new(SecureOnly)])).unwrap();
        let url = app.url().unwrap();
        assert_eq!(app.certificates().is_some(), is_secure);
        runtime.spawn(app.run(std::future::pending()));
        let (scheme, rest) = url.split_once("://").unwrap();
        assert_eq!(scheme == "https", is_secure);
        rest.split('/').next().unwrap().parse::<SocketAddr>().unwrap()
    };
    let message = publication("/a", 1);
    let mut plain = Http::open(start(false));
    assert_eq!(plain.post("/faye", &message)[0]["error"], "403::Not by TLS");
    let mut tls = connect(start(true), &config);
    let (status, body) = ask(&mut tls, "POST", "/faye", &message.to_string());
    assert_eq!(status, 200);
    assert!(body.contains("\"successful\":true"), "{body}");
}

/// X.509 version 1: openssl x509 -req -signkey. Made by old instructions, and good until 2036; nothing looks at that.
const VERSION_1: &str = "-----BEGIN CERTIFICATE-----
MIIBIjCByQIUbBFb6lu2YwCl8gAzW6ZemTNm2CswCgYIKoZIzj0EAwIwFDESMBAG
A1UEAwwJbG9jYWxob3N0MB4XDTI2MTEyOTIxMzIzM1oXDTM2MTEyNjIxMzIzM1ow
FDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
vC8Mb4RLaa27hYyLY+eAwa5Rjr60aGuZBWMzO+trFxVmBRbN8s6oxycdWB0S7Jcs
3drHh8OImfXMa6TbeBModjAKBggqhkjOPQQDAgNIADBFAiBg71VkKipGxn+7AcOn
2WXC+q7DR7lqXUFPtXUH/BjaRQIhAMD66HU78pb/fAjL0/B2cKVWs4HIHrvptTwn
TYyHVGqR
-----END CERTIFICATE-----
";

#[test]
fn a_certificate_that_tls_does_not_take_is_told_from_a_wrong_key() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (one, other) = (authority.certificate(), authority.certificate());
    let said = |certificate: &str, key: &str| {
        std::fs::write(folder.path().join("cert.pem"), certificate).unwrap();
        std::fs::write(folder.path().join("key.pem"), key).unwrap();
        let mut command = binary();
        let ended = command.current_dir(folder.path()).envs(tls::SETTINGS).output().unwrap();
        assert_eq!(ended.status.code(), Some(1));
        String::from_utf8(ended.stderr).unwrap()
    };
    let old = said(VERSION_1, &one.key);
    assert!(old.contains("tls.certificate: cert.pem holds a certificate of X.509 version 1"), "{old}");
    assert!(old.contains("write one of version 3") && !old.contains("is no key"), "{old}");
    let wrong = said(&one.certificate, &other.key);
    assert!(wrong.contains("tls.key: key.pem is not the key of the certificate in cert.pem"), "{wrong}");
}
