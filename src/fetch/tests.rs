//! No spelling of this machine reaches a refused address, through resolver and connector.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::http::Uri;
use hyper::{Request, StatusCode};
use tokio::net::TcpListener;

use super::*;
use crate::metrics::Metrics;

/// Spellings of this machine, and whether the resolver of this system connects to them.
const SPELLINGS: &[(&str, bool)] = &[
    ("127.0.0.1", true),
    ("127.1", true),
    ("127.0.1", true),
    ("127.8.9.10", true),
    ("2130706433", true),
    ("0x7f000001", true),
    ("0x7f.1", true),
    ("0x7F.0x0.0x0.0x1", true),
    ("017700000001", true),
    ("0177.0.0.1", true),
    ("00177.1", true),
    ("[::ffff:127.0.0.1]", true),
    ("[::ffff:7f00:1]", true),
    ("[0:0:0:0:0:ffff:127.0.0.1]", true),
    ("localhost", true),
    ("LOCALHOST", true),
    ("0", true),
    ("0.0.0.0", true),
    ("0x0", true),
    ("[::ffff:0.0.0.0]", true),
    // The targets of these depend on the resolver, or on IPv6.
    ("[::1]", false),
    ("[0:0:0:0:0:0:0:1]", false),
    ("[::]", false),
    ("127.0.0.1.", false),
    ("localhost.", false),
    ("[64:ff9b::127.0.0.1]", false),
    ("[64:ff9b::7f00:1]", false),
    ("[64:ff9b:1::127.0.0.1]", false),
    ("[::127.0.0.1]", false),
    ("[2002:7f00:1::]", false),
    ("[fe80::1]", false),
    ("127.0.0.1%00", false),
    ("4294967297", false),
    ("256.256.256.256", false),
    // Full-width digits, ideographic full stops, circled digits, and a percent-encoded name.
    ("\u{ff11}\u{ff12}\u{ff17}.\u{ff10}.\u{ff10}.\u{ff11}", false),
    ("127\u{3002}0\u{3002}0\u{3002}1", false),
    ("\u{2460}\u{2461}\u{2466}.0.0.\u{2460}", false),
    ("%31%32%37.0.0.1", false),
    ("loc\u{ad}alhost", false),
];

/// Returns the URLs of this machine: each spelling unchanged, and as normalized by the parser of client URLs.
fn spelled(port: u16) -> Vec<(Uri, &'static str, bool)> {
    let mut all = Vec::new();
    for (spelling, is_sure) in SPELLINGS {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{spelling}:{port}/");
            // TLS has no server name for some spellings, which fails before a connection is made.
            let is_sure = *is_sure && scheme == "http";
            all.extend(url.parse().ok().map(|uri| (uri, *spelling, is_sure)));
            #[cfg(feature = "websub")]
            if let Ok(parsed) = url::Url::parse(&url) {
                all.extend(parsed.as_str().parse().ok().map(|uri| (uri, *spelling, is_sure)));
            }
        }
    }
    all
}

async fn attempt(fetch: &Fetch, url: &Uri) -> Result<StatusCode, FetchError> {
    let request = Request::get(url).body(Full::default()).unwrap();
    fetch.tell(request, Duration::from_secs(60)).await
}

/// Returns a listener at every address of this machine that counts connections and closes them.
async fn counting() -> (u16, Arc<std::sync::atomic::AtomicUsize>) {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    // A system without IPv6 has one listener less.
    let listeners = [Some(listener), TcpListener::bind(("::1", port)).await.ok()];
    for listener in listeners.into_iter().flatten() {
        let count = Arc::clone(&count);
        tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        });
    }
    (port, count)
}

#[tokio::test]
async fn no_spelling_of_this_machine_is_connected_to() {
    let (port, count) = counting().await;
    let connections = || count.load(std::sync::atomic::Ordering::SeqCst);
    let (metrics, mut refused) = (Metrics::default(), 0);
    let elsewhere = Reach::Networks(Arc::new(["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]));
    for reach in [Reach::Public, Reach::Networks(Arc::new([])), elsewhere] {
        let fetch = Fetch::of_class(Class::Topics, reach.clone(), Repeat::Idempotent, &metrics);
        for (url, spelling, is_sure) in spelled(port) {
            // The resolver of the system may take long to report an unknown name.
            if !is_sure && reach != Reach::Public {
                continue;
            }
            let error = attempt(&fetch, &url).await.unwrap_err();
            assert!(error.is_refused() || !is_sure, "{reach:?} {spelling} {url}: {error}");
            assert_eq!(error.is_refused(), error.to_string() == "the address is private", "{error}");
            refused += u64::from(error.is_refused());
            if is_sure {
                let unresolved = fetch.address(&url).await.unwrap_err();
                assert!(unresolved.is_refused(), "{reach:?} {spelling} {url}: {unresolved}");
                refused += 1;
            }
            assert_eq!(connections(), 0, "{reach:?} {spelling} {url}");
        }
    }
    metrics.hub.enable_store();
    let counted = format!("faye_fetch_refused_total{{class=\"topics\"}} {refused}\n");
    assert!(refused > 0 && metrics.text().contains(&counted), "{counted}{}", metrics.text());

    // The table contains real addresses of this machine.
    let fetch = Fetch::new(Reach::Everywhere, Repeat::Idempotent);
    for (url, spelling, _) in spelled(port).into_iter().filter(|(_, _, is_sure)| *is_sure) {
        let before = connections();
        let error = attempt(&fetch, &url).await.unwrap_err();
        assert!(!error.is_refused() && connections() > before, "{spelling} {url}: {error}");
    }
}

#[tokio::test]
async fn a_network_opens_its_addresses_in_every_spelling_and_no_other() {
    let (port, count) = counting().await;
    let connections = || count.load(std::sync::atomic::Ordering::SeqCst);
    let loopback = Reach::Networks(Arc::new(["127.0.0.0/8".parse().unwrap()]));
    let fetch = Fetch::new(loopback, Repeat::Idempotent);
    for (url, spelling, _) in spelled(port).into_iter().filter(|(_, _, is_sure)| *is_sure) {
        let is_this_host = matches!(spelling, "0" | "0.0.0.0" | "0x0" | "[::ffff:0.0.0.0]");
        let before = connections();
        let error = attempt(&fetch, &url).await.unwrap_err();
        assert_eq!(error.is_refused(), is_this_host, "{spelling} {url}: {error}");
        assert_eq!(connections() > before, !is_this_host, "{spelling} {url}: {error}");
    }
    for refused in ["[::1]", "[::]", "[64:ff9b::127.0.0.1]", "10.0.0.1", "[::127.0.0.1]"] {
        let url = format!("http://{refused}:{port}/").parse().unwrap();
        assert!(attempt(&fetch, &url).await.unwrap_err().is_refused(), "{refused}");
    }
}
