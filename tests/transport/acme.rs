//! A certificate by ACME: from a small authority of the tests, which looks at the server before it signs.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::support::acme::Directory;
use crate::support::tls::{NAME, ask, connect, connect_only};
use crate::support::*;

const ADMIN: &[(&str, &str)] = &[("FAYE_ADMIN__LISTEN", "127.0.0.1:0")];

/// A folder with settings that ask this authority.
fn folder(url: &str, root: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("root.pem"), root).unwrap();
    let settings = format!(
        "[acme]\ndomains = [\"{NAME}\"]\nemail = \"you@example.com\"\ndirectory = \"{url}\"\ndirectory_ca = \"root.pem\"\n"
    );
    std::fs::write(folder.path().join("faye.toml"), settings).unwrap();
    folder
}

#[test]
fn a_certificate_is_fetched_and_kept() {
    let directory = Directory::start();
    let mut faye = Faye::start_in(folder(&directory.url(), &directory.authority.root()), ADMIN);
    directory.lead_to(faye.listens);
    faye.wait_for_metric("faye_certificate_reloads_total", |now| now == 1);
    let config = Arc::new(directory.authority.client(rustls::ALL_VERSIONS));
    let mut tls = connect(faye.listens, &config);
    assert_eq!(ask(&mut tls, "POST", "/faye", "[]"), (200, "[]".to_owned()));
    let cache = faye.folder().join("acme");
    assert_eq!(std::fs::metadata(cache).unwrap().permissions().mode() & 0o777, 0o700);
    faye = faye.restart();
    let begin = tokio::time::Instant::now();
    while !faye.stderr().contains("using the certificate in acme.cache") {
        assert!(begin.elapsed() < WATCHDOG, "{}", faye.stderr());
        std::thread::yield_now();
    }
    let mut tls = connect(faye.listens, &config);
    assert_eq!(ask(&mut tls, "POST", "/faye", "[]"), (200, "[]".to_owned()));
    assert_eq!(directory.signed.load(Ordering::SeqCst), 1);
}

#[test]
fn an_authority_that_is_not_there_stops_nothing() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let authority = Authority::new();
    let url = format!("https://{NAME}:{}/directory", nobody.port());
    let faye = Faye::start_in(folder(&url, &authority.root()), ADMIN);
    faye.wait_for_metric("faye_certificate_failures_total", |now| now >= 2);
    assert!(faye.stderr().contains("cannot get a certificate from the ACME CA"), "{}", faye.stderr());
    let mut tls = connect_only(faye.listens, &Arc::new(authority.client(rustls::ALL_VERSIONS)));
    let error = tls.conn.complete_io(&mut tls.sock).unwrap_err();
    assert!(error.to_string().contains("AccessDenied"), "{error}");
    faye.wait_for_refused("tls", 1);
    assert_eq!(Http::open(faye.admin).request("GET", "/healthz", &[], b"").status, 200);
}

/// The paths below a folder, sorted.
fn contents(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        }
        found.push(path);
    }
    found.sort();
    found
}

#[test]
fn check_reports_an_impossible_folder_and_creates_none() {
    let folder = tempfile::tempdir().unwrap();
    let closed = folder.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o500)).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("dangling")).unwrap();
    let is_root = rustix::process::geteuid().is_root();
    for (cache, is_possible) in [
        ("acme", true),
        ("a/b/acme", true),
        (".", true),
        // Permissions do not stop root.
        ("closed", is_root),
        ("closed/acme", is_root),
        ("faye.toml", false),
        ("faye.toml/acme", false),
        ("dangling", false),
        ("/dev/null/acme", false),
    ] {
        let settings = format!("[acme]\ndomains = [\"{NAME}\"]\ncache = \"{cache}\"\n");
        std::fs::write(folder.path().join("faye.toml"), settings).unwrap();
        let before = contents(folder.path());
        for arguments in [&["check"][..], &["check", "--offline"]] {
            let output = binary().current_dir(folder.path()).args(arguments).output().unwrap();
            assert_eq!(output.status.success(), is_possible, "{cache}: {output:?}");
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(said.contains(&format!("acme.cache: {cache} ")), !is_possible, "{said}");
            assert_eq!(contents(folder.path()), before, "{cache}");
        }
    }
}
