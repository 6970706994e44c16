//! What client commands say about servers that cannot be used, and over TLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};

use rcgen::{CertificateParams, KeyPair};

use super::{run, text};
use crate::support::*;

/// The client commands, each with the arguments to which the URL is added.
const COMMANDS: [&[&str]; 5] = [
    &["publish", "/a", "1", "--url"],
    &["subscribe", "/a", "--url"],
    &["bench", "fanout", "--url"],
    &["bench", "poll", "--url"],
    &["bridge", "http://127.0.0.1:1/faye", "/a", "--one-way", "out", "--url"],
];

/// Fails unless each command fails with one of these texts. A bridge reaches its other side first.
#[track_caller]
fn all_fail_with(url: &str, parts: &[&str], more: &[&str]) {
    for command in &COMMANDS[..4] {
        let ran = run(&[command, &[url][..], more].concat(), &[]);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{command:?} {}", ran.stderr);
        for part in parts {
            assert!(ran.stderr.contains(part), "{command:?}: {part:?} is not in {:?}", ran.stderr);
        }
        assert!(!ran.stderr.contains("os error") && !ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
    let ran = run(
        &[&["bridge", url, "/a", "--url", "http://127.0.0.1:1/faye", "--one-way", "out"], more].concat(),
        &[],
    );
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    for part in parts {
        assert!(ran.stderr.contains(part), "bridge: {part:?} is not in {:?}", ran.stderr);
    }
}

/// A server that answers every connection with the same bytes.
fn answering(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                if matches!(client.read(&mut buffer), Ok(1..)) {
                    let _ = client.write_all(answer.as_bytes());
                }
                // The rest of the request is read, so that the answer is not cut off by a reset.
                let _ = client.shutdown(std::net::Shutdown::Write);
                while matches!(client.read(&mut buffer), Ok(1..)) {}
            });
        }
    });
    address
}

#[test]
fn the_cause_is_named_for_each_kind_of_failure() {
    let nothing = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    all_fail_with(&format!("http://{nothing}/faye"), &["connection refused", "is the server running?"], &[]);
    all_fail_with(
        "http://no-such-host.invalid/faye",
        &["the host name cannot be resolved", "check the host name"],
        &[],
    );
    all_fail_with("nonsense", &["is not a URL of a server", "http://127.0.0.1:8000/faye"], &[]);
    let faye = Faye::start(&[]);
    all_fail_with(&format!("http://{}/elsewhere", faye.address), &["404", "is the path right?"], &[]);
}

#[test]
fn a_status_of_another_server_leads_to_advice() {
    let cases = [
        (
            "HTTP/1.1 301 Moved Permanently\r\nLocation: https://other.example/faye\r\nContent-Length: 0\r\n\r\n",
            ["301", "a redirect to https://other.example/faye"],
        ),
        (
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
            ["502", "the server behind the proxy is away"],
        ),
        (
            "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            ["407", "ask for credentials"],
        ),
        (
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 47\r\n\r\nThe plain HTTP request was sent to HTTPS port.\n",
            ["expects TLS", "write https://"],
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", ["HTTP", "if the server uses TLS, write https://"]),
    ];
    for (answer, parts) in cases {
        let url = format!("http://{}/faye", answering(answer));
        for command in &COMMANDS[..2] {
            run(&[command, &[url.as_str()][..]].concat(), &[]).fails_with(&parts);
        }
    }
    let page = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>";
    let url = format!("http://{}/faye", answering(page));
    run(&["publish", "/a", "1", "--url", &url], &[])
        .fails_with(&["not an array of messages", "is the path right?"]);
}

/// A server with TLS whose certificate is by an authority in a file, and its address.
fn with_tls(authority: &Authority) -> (Faye, tempfile::TempDir, String) {
    let faye = Faye::start_with_tls(authority, &[]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.root()).expect("a file");
    let name = text(&file).to_owned();
    (faye, folder, name)
}

#[test]
fn mistakes_with_tls_are_told_apart() {
    let authority = Authority::new();
    let (faye, _folder, cacert) = with_tls(&authority);
    let url = format!("https://{}/faye", faye.listens);
    all_fail_with(&url, &["authority that is not trusted", "--cacert"], &[]);
    let other = Authority::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wrong = folder.path().join("other.pem");
    std::fs::write(&wrong, other.root()).expect("a file");
    all_fail_with(&url, &["authority that is not trusted"], &["--cacert", text(&wrong)]);
    // A certificate for another name.
    let other = Faye::start_in(certificate_for("other.example", &authority), &tls::SETTINGS);
    let by_address = format!("https://{}/faye", other.listens);
    all_fail_with(&by_address, &["not valid for this host name", "other.example"], &["--cacert", &cacert]);
    // TLS to a plain port, and the other way round.
    let plain = Faye::start(&[]);
    all_fail_with(
        &format!("https://{}/faye", plain.listens),
        &["does not use TLS on this port", "http://"],
        &["--cacert", &cacert],
    );
    for command in &COMMANDS[..2] {
        let url = format!("http://{}/faye", faye.listens);
        run(&[command, &[url.as_str()][..]].concat(), &[]).fails_with(&["TLS", "https://"]);
    }
    run(&["publish", "/a", "1", "--url", &url, "--cacert", "/no/such/file"], &[]).fails_with(&[
        "--cacert",
        "/no/such/file",
        "cannot be read",
    ]);
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").expect("a file");
    run(&["subscribe", "/a", "--url", &url, "--cacert", text(&empty)], &[])
        .fails_with(&["--cacert", "no certificate"]);
}

/// A folder with a certificate for a name.
fn certificate_for(name: &str, authority: &Authority) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
    let signed = params.signed_by(&key, authority.issuer()).expect("a certificate");
    std::fs::write(folder.path().join("cert.pem"), signed.pem()).expect("a file");
    std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).expect("a file");
    folder
}

#[test]
fn every_client_command_uses_the_authority_of_cacert() {
    let authority = Authority::new();
    let (faye, _folder, cacert) = with_tls(&authority);
    let url = format!("https://localhost:{}/faye", faye.listens.port());
    let trust = ["--url", &url, "--cacert", &cacert];
    run(&[&["publish", "/a", "1"][..], &trust].concat(), &[]).succeeds();
    // The URL of the WebSocket is as good.
    let socket = url.replace("https", "wss");
    run(&["publish", "/a", "1", "--url", &socket, "--cacert", &cacert], &[]).succeeds();
    let short = ["--seconds", "0.2", "--warmup", "0.1"];
    for load in [
        &["fanout", "--subscribers", "20", "--window", "4", "--payload", "20000"][..],
        &["poll", "--subscribers", "5"],
        &["pairs", "--pairs", "3"],
        &["idle", "--sessions", "5"],
        &["storm", "--sessions", "3"],
    ] {
        run(&[&["bench"], load, &short[..], &trust].concat(), &[]).succeeds();
        assert_eq!(faye.metric("faye_sessions"), 0, "{load:?}");
    }
    let plain = Faye::start(&[]);
    let ours = plain.url();
    let bridge = bridge::Bridge::start(&[&url, "/a", "--url", &ours, "--cacert", &cacert]);
    let mut session = Session::subscribed(&plain, Via::WebSocket, "/a");
    run(&[&["publish", "/a", "2"][..], &trust].concat(), &[]).succeeds();
    assert_eq!(session.take(1), [2]);
    bridge.stop();
}
