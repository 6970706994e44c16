//! Fetches of topics: which requests are sent, which content counts as new, and which topics may be subscribed to.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use parking_lot::Mutex;

use crate::support::hub::{self, PUBLIC_URL, post};
use crate::support::{Authority, Faye, WATCHDOG, Web, WebRequest, WebResponse, tls};

const REFUSED: &str = "faye_fetch_refused_total{class=\"topics\"}";

/// A web site whose pages can be changed.
struct Site {
    web: Web,
    pages: Arc<Mutex<HashMap<String, WebResponse>>>,
}

impl Site {
    fn start(pages: &[(&str, WebResponse)]) -> Self {
        Self::start_at("127.0.0.1", pages)
    }

    fn start_at(host: &str, pages: &[(&str, WebResponse)]) -> Self {
        let pages = pages.iter().map(|(path, page)| ((*path).to_owned(), page.clone())).collect();
        let pages: Arc<Mutex<HashMap<String, WebResponse>>> = Arc::new(Mutex::new(pages));
        let served = Arc::clone(&pages);
        let web = Web::start_at(host, move |request| {
            let page = served.lock().get(&request.target).cloned();
            Some(page.unwrap_or_else(|| WebResponse::new(404, "")))
        });
        Self { web, pages }
    }

    fn set(&self, path: &str, page: WebResponse) {
        self.pages.lock().insert(path.to_owned(), page);
    }

    fn url(&self, path: &str) -> String {
        self.web.url(path)
    }

    /// The next fetch.
    #[track_caller]
    fn fetched(&self) -> WebRequest {
        let request = self.web.next();
        assert_eq!(request.method, "GET");
        request
    }
}

/// A callback that sends nothing but deliveries to the test.
struct Subscriber(Web);

impl Subscriber {
    fn url(&self) -> String {
        self.0.url("/callback")
    }

    #[track_caller]
    fn delivery(&self) -> WebRequest {
        self.0.next_where(|request| request.method == "POST")
    }

    /// The next denial: its reason.
    #[track_caller]
    fn denial(&self) -> String {
        let request = self.0.next_where(|request| request.query("hub.mode").as_deref() == Some("denied"));
        request.query("hub.reason").unwrap_or_default()
    }

    fn deliveries_so_far(&self) -> usize {
        self.0.so_far().iter().filter(|request| request.method == "POST").count()
    }
}

/// Asks for a subscription, with more parameters.
#[track_caller]
fn ask(faye: &Faye, topic: &str, more: &[(&str, &str)], status: u16) -> Subscriber {
    let subscriber = Subscriber(Web::callback());
    let callback = subscriber.url();
    let mut all = vec![("hub.mode", "subscribe"), ("hub.topic", topic), ("hub.callback", &callback)];
    all.extend_from_slice(more);
    let response = post(faye, &all);
    assert_eq!(response.status, status, "{}", response.text());
    subscriber
}

/// Subscribes; the subscription is active then.
#[track_caller]
fn subscribe(faye: &Faye, topic: &str) -> Subscriber {
    ask(faye, topic, &[("hub.verify", "sync")], 204)
}

#[track_caller]
fn publish(faye: &Faye, topic: &str) {
    let response = post(faye, &[("hub.mode", "publish"), ("hub.url", topic)]);
    assert_eq!(response.status, 204, "{}", response.text());
}

/// Subscribes one callback to many topics.
#[track_caller]
fn subscribe_all(faye: &Faye, topics: &[String], callback: &str) {
    for topic in topics {
        let all = [
            ("hub.mode", "subscribe"),
            ("hub.verify", "sync"),
            ("hub.topic", topic),
            ("hub.callback", callback),
        ];
        assert_eq!(post(faye, &all).status, 204);
    }
}

/// Publishes many topics by one request.
#[track_caller]
fn publish_all(faye: &Faye, topics: &[String]) {
    let urls = topics.iter().map(|topic| ("hub.url", topic.as_str()));
    let all: Vec<_> = std::iter::once(("hub.mode", "publish")).chain(urls).collect();
    assert_eq!(post(faye, &all).status, 204);
}

fn fetches(result: &str) -> String {
    format!("faye_hub_fetches_total{{result=\"{result}\"}}")
}

/// Waits until so many fetches had a result.
#[track_caller]
fn wait_for(faye: &Faye, result: &str, count: u64) {
    faye.wait_for_metric(&fetches(result), |now| now == count);
}

/// Publishes, and waits until one more fetch had a result.
#[track_caller]
fn publish_and_wait(faye: &Faye, topic: &str, result: &str) {
    let before = faye.metric(&fetches(result));
    publish(faye, topic);
    wait_for(faye, result, before + 1);
}

fn atom(entry: &str, updated: &str) -> WebResponse {
    let text = format!(
        "<?xml version='1.0'?><feed xmlns='http://www.w3.org/2005/Atom'><title>Blog</title><updated>{updated}</updated>\
         <entry><id>1</id><title>{entry}</title></entry></feed>"
    );
    WebResponse::new(200, text).with("Content-Type", "application/atom+xml")
}

/// A page that names the hub.
fn naming(site: &Site, path: &str, text: &str) -> WebResponse {
    let link = format!("<{PUBLIC_URL}/hub>; rel=\"hub\", <{}>; rel=\"self\"", site.url(path));
    WebResponse::new(200, text).with("Link", &link)
}

#[test]
fn the_first_ping_delivers_and_later_ones_what_is_new() {
    let site = Site::start(&[("/feed", atom("one", "1"))]);
    let (faye, topic) = (hub::start(&[]), site.url("/feed"));
    let subscriber = subscribe(&faye, &topic);
    publish(&faye, &topic);
    assert_eq!(subscriber.delivery().body, atom("one", "1").body);
    // Some programs rewrite the feed for each request.
    site.set("/feed", atom("one", "2"));
    publish_and_wait(&faye, &topic, "unchanged");
    site.set("/feed", atom("two", "3"));
    publish(&faye, &topic);
    assert_eq!(subscriber.delivery().body, atom("two", "3").body, "the full content");
    wait_for(&faye, "changed", 2);
    assert_eq!(subscriber.deliveries_so_far(), 0);
}

#[test]
fn every_byte_of_a_page_counts_and_of_a_feed_if_that_is_set() {
    let site = Site::start(&[("/feed", atom("one", "1")), ("/page", WebResponse::new(200, "<html>1"))]);
    let faye = hub::start(&[("FAYE_HUB__CHANGE", "bytes")]);
    let topic = site.url("/feed");
    let subscriber = subscribe(&faye, &topic);
    publish(&faye, &topic);
    subscriber.delivery();
    publish_and_wait(&faye, &topic, "unchanged");
    site.set("/feed", atom("one", "2"));
    publish(&faye, &topic);
    assert_eq!(subscriber.delivery().body, atom("one", "2").body);

    let (faye, topic) = (hub::start(&[]), site.url("/page"));
    let subscriber = subscribe(&faye, &topic);
    for text in ["<html>1", "<html>2"] {
        site.set("/page", WebResponse::new(200, text));
        publish(&faye, &topic);
        assert_eq!(subscriber.delivery().body, text.as_bytes());
    }
    publish_and_wait(&faye, &topic, "unchanged");
}

#[test]
fn a_fetch_says_who_fetches_and_what_it_understands() {
    let site = Site::start(&[("/feed", atom("one", "1").with("Set-Cookie", "a=b; Path=/"))]);
    let proxy = Web::start(|_| Some(WebResponse::new(500, "")));
    let proxy_url = proxy.url("/");
    let faye =
        hub::start(&[("HTTP_PROXY", &proxy_url), ("http_proxy", &proxy_url), ("ALL_PROXY", &proxy_url)]);
    let topic = site.url("/feed");
    let subscribers = [subscribe(&faye, &topic), subscribe(&faye, &topic)];
    publish(&faye, &topic);
    subscribers.iter().for_each(|subscriber| drop(subscriber.delivery()));
    let request = site.fetched();
    let agent = format!("faye/{} (+{PUBLIC_URL}/hub; 2 subscribers)", env!("CARGO_PKG_VERSION"));
    assert_eq!(request.header("user-agent"), Some(&*agent));
    let types =
        "application/atom+xml, application/rss+xml, application/feed+json, text/html;q=0.8, */*;q=0.5";
    assert_eq!(request.header("accept"), Some(types));
    assert_eq!(request.header("accept-encoding"), Some("gzip, deflate"));
    assert_eq!((request.header("if-none-match"), request.header("if-modified-since")), (None, None));
    publish_and_wait(&faye, &topic, "unchanged");
    assert_eq!(site.fetched().header("cookie"), None);
    assert!(proxy.so_far().is_empty());
}

#[test]
fn validators_of_the_last_content_are_sent() {
    let modified = "Sun, 06 Nov 1994 08:49:37 GMT";
    let page = atom("one", "1").with("ETag", "W/\"a, b\"").with("Last-Modified", modified);
    let site = Site::start(&[("/feed", page)]);
    let (faye, topic) = (hub::start(&[]), site.url("/feed"));
    let subscriber = subscribe(&faye, &topic);
    publish(&faye, &topic);
    subscriber.delivery();
    site.fetched();
    site.set("/feed", WebResponse::new(304, ""));
    for _ in 0..2 {
        publish_and_wait(&faye, &topic, "not_modified");
        let request = site.fetched();
        assert_eq!(request.header("if-none-match"), Some("W/\"a, b\""));
        assert_eq!(request.header("if-modified-since"), Some(modified));
    }
    // The same content with other validators.
    site.set("/feed", atom("one", "2").with("ETag", "\"c\""));
    publish_and_wait(&faye, &topic, "unchanged");
    site.fetched();
    publish_and_wait(&faye, &topic, "unchanged");
    let request = site.fetched();
    assert_eq!((request.header("if-none-match"), request.header("if-modified-since")), (Some("\"c\""), None));
}

#[test]
fn a_last_modified_of_less_than_a_minute_is_no_validator() {
    let now = SystemTime::now();
    let page = |text: &str, age: u64| {
        let modified = httpdate::fmt_http_date(now - Duration::from_secs(age));
        atom(text, "1").with("Date", &httpdate::fmt_http_date(now)).with("Last-Modified", &modified)
    };
    let site = Site::start(&[]);
    let (faye, topic) = (hub::start(&[]), site.url("/feed"));
    let subscriber = subscribe(&faye, &topic);
    for (text, age, is_sent) in [("one", 59, false), ("two", 0, false), ("three", 60, true)] {
        site.set("/feed", page(text, age));
        publish(&faye, &topic);
        subscriber.delivery();
        site.fetched();
        publish_and_wait(&faye, &topic, "unchanged");
        let request = site.fetched();
        assert_eq!(request.header("if-modified-since").is_some(), is_sent, "{age}: {request:?}");
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_content_is_delivered_as_it_was_before() {
    let mut deflate = ZlibEncoder::new(Vec::new(), Compression::fast());
    deflate.write_all(b"some text by deflate").unwrap();
    let site = Site::start(&[
        ("/gzip", WebResponse::new(200, gzip(b"some text by gzip")).with("Content-Encoding", "gzip")),
        ("/deflate", WebResponse::new(200, deflate.finish().unwrap()).with("Content-Encoding", "deflate")),
    ]);
    let faye = hub::start(&[]);
    for coding in ["gzip", "deflate"] {
        let topic = site.url(&format!("/{coding}"));
        let subscriber = subscribe(&faye, &topic);
        publish(&faye, &topic);
        let delivery = subscriber.delivery();
        assert_eq!(delivery.body, format!("some text by {coding}").as_bytes());
        assert_eq!(delivery.header("content-encoding"), None);
    }
}

#[test]
fn content_that_is_too_large_is_not_delivered() {
    let site = Site::start(&[
        ("/long", WebResponse::new(200, vec![b'x'; 1025])),
        ("/bomb", WebResponse::new(200, gzip(&vec![b'x'; 100_000])).with("Content-Encoding", "gzip")),
        ("/unknown", WebResponse::new(200, "x").with("Content-Encoding", "br")),
        ("/empty", WebResponse::new(200, "")),
        ("/other", WebResponse::new(203, "x")),
        ("/fits", WebResponse::new(200, vec![b'x'; 1024])),
    ]);
    let faye = hub::start(&[("FAYE_HUB__TOPIC_SIZE", "1KiB")]);
    for (count, path) in (1..).zip(["/long", "/bomb", "/unknown", "/empty", "/other"]) {
        let subscriber = subscribe(&faye, &site.url(path));
        publish(&faye, &site.url(path));
        wait_for(&faye, "failed", count);
        assert_eq!(subscriber.deliveries_so_far(), 0, "{path}");
    }
    let subscriber = subscribe(&faye, &site.url("/fits"));
    publish(&faye, &site.url("/fits"));
    assert_eq!(subscriber.delivery().body.len(), 1024);
}

fn redirect(status: u16, target: &str) -> WebResponse {
    WebResponse::new(status, "").with("Location", target)
}

#[test]
fn content_behind_a_redirect_is_new_although_it_is_older() {
    let page = |text: &str, modified: &str| {
        WebResponse::new(200, text).with("Last-Modified", modified).with("ETag", &format!("\"{text}\""))
    };
    let site = Site::start(&[
        ("/latest", redirect(302, "/a")),
        ("/a", page("a", "Mon, 07 Nov 1994 08:49:37 GMT")),
        ("/b", page("b", "Sun, 06 Nov 1994 08:49:37 GMT")),
    ]);
    let (faye, topic) = (hub::start(&[]), site.url("/latest"));
    let subscriber = subscribe(&faye, &topic);
    publish(&faye, &topic);
    assert_eq!(subscriber.delivery().body, b"a");
    site.set("/latest", redirect(302, "/b"));
    site.web.so_far();
    publish(&faye, &topic);
    assert_eq!(subscriber.delivery().body, b"b");
    let conditions = |request: WebRequest| request.header("if-modified-since").map(str::to_owned);
    assert_eq!([site.fetched(), site.fetched()].map(conditions), [None, None]);
}

/// The most memory that a server had, in KiB.
fn peak_memory(faye: &Faye) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", faye.process_id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn content_with_many_values_takes_a_few_times_its_size() {
    let items = "{\"\":0},".repeat(250_000);
    let text = format!("{{\"version\":\"https://jsonfeed.org/version/1\",\"items\":[{items}0]}}");
    let page = WebResponse::new(200, gzip(text.as_bytes())).with("Content-Encoding", "gzip");
    let paths = ["/1", "/2", "/3", "/4"];
    let site = Site::start(&paths.map(|path| (path, page.clone())));
    let faye = hub::start(&[("FAYE_HUB__PER_HOST", "8")]);
    let subscribers = paths.map(|path| subscribe(&faye, &site.url(path)));
    let before = peak_memory(&faye);
    for path in paths {
        publish(&faye, &site.url(path));
    }
    for subscriber in &subscribers {
        assert_eq!(subscriber.delivery().body.len(), text.len());
    }
    // Four trees would take 700 MiB.
    assert!(peak_memory(&faye) - before < 150 << 10, "{} KiB more", peak_memory(&faye) - before);
}

#[test]
fn five_redirects_are_followed_and_no_more() {
    let site = Site::start(&[
        ("/1", redirect(301, "/2")),
        ("/2", redirect(302, "3#x")),
        ("/3", redirect(303, "/4")),
        ("/4", redirect(307, "/5")),
        ("/5", redirect(308, "/6")),
        ("/6", WebResponse::new(200, "content")),
        ("/0", redirect(301, "/1")),
        ("/loop", redirect(301, "/loop")),
        ("/none", WebResponse::new(301, "")),
        ("/ftp", redirect(301, "ftp://127.0.0.1/")),
        ("/user", redirect(301, &format!("http://user@{}/6", "127.0.0.1"))),
    ]);
    site.set("/absolute", redirect(301, &site.url("/6")));
    let faye = hub::start(&[]);
    for path in ["/1", "/absolute"] {
        let subscriber = subscribe(&faye, &site.url(path));
        publish(&faye, &site.url(path));
        assert_eq!(subscriber.delivery().body, b"content", "{path}");
    }
    for (count, path) in (1..).zip(["/0", "/loop", "/none", "/ftp", "/user"]) {
        subscribe(&faye, &site.url(path));
        site.web.so_far();
        publish(&faye, &site.url(path));
        wait_for(&faye, "failed", count);
        assert!(site.web.so_far().len() <= 6, "{path}");
    }
    assert_eq!(faye.metric(REFUSED), 0);
}

#[test]
fn a_redirect_to_another_network_is_refused() {
    let hidden = Site::start_at("127.0.0.2", &[("/secret", WebResponse::new(200, "secret"))]);
    let site = Site::start(&[("/feed", redirect(302, &hidden.url("/secret")))]);
    let port = hidden.web.address.port();
    let faye = hub::start(&[("FAYE_HUB__TOPIC_NETWORKS", "127.0.0.1/32")]);
    let topic = site.url("/feed");
    subscribe(&faye, &topic);
    publish_and_wait(&faye, &topic, "refused");
    assert_eq!(faye.metric(REFUSED), 1);
    faye.wait_for_stderr("setting=\"hub.topic_networks\"");
    // The same address in other spellings, and addresses that no setting allows.
    let spellings = [
        "127.2",
        "2130706434",
        "0x7f000002",
        "0177.0.0.2",
        "[::ffff:127.0.0.2]",
        "0.0.0.0",
        "0",
        "[::]",
        "[::1]",
    ];
    for (count, host) in (2..).zip(spellings) {
        let topic = site.url(&format!("/{host}"));
        site.set(&format!("/{host}"), redirect(302, &format!("http://{host}:{port}/secret")));
        subscribe(&faye, &topic);
        publish(&faye, &topic);
        faye.wait_for_metric(REFUSED, |now| now == count);
    }
    assert!(hidden.web.so_far().is_empty());
    assert!(
        !faye.stderr().contains("host=\"0.0.0.0\"") && !faye.stderr().contains("host=0.0.0.0"),
        "{}",
        faye.stderr()
    );
}

#[test]
fn networks_are_for_listed_topics_only() {
    let site = Site::start(&[
        ("/blog/feed", redirect(302, "/private")),
        ("/private", WebResponse::new(200, "secret")),
    ]);
    let prefix = site.url("/blog");
    let faye = hub::start(&[("FAYE_HUB__POLICY", "listed"), ("FAYE_HUB__TOPICS", &prefix)]);
    let topic = site.url("/blog/feed");
    let subscriber = subscribe(&faye, &topic);
    // A listed topic cannot lead the hub to an address that is not listed.
    publish_and_wait(&faye, &topic, "refused");
    assert_eq!(site.fetched().target, "/blog/feed");
    faye.wait_for_stderr("setting=\"hub.topics\"");
    assert!(site.web.so_far().is_empty());
    site.set("/blog/feed", redirect(302, "/blog/moved"));
    site.set("/blog/moved", WebResponse::new(200, "content"));
    publish(&faye, &topic);
    assert_eq!(subscriber.delivery().body, b"content");
}

#[test]
fn a_topic_of_a_private_address_is_denied_without_details() {
    let site = Site::start(&[]);
    site.set("/feed", naming(&site, "/feed", "content"));
    let faye = hub::start(&[("FAYE_HUB__POLICY", "advertised")]);
    let subscriber = ask(&faye, &site.url("/feed"), &[], 202);
    assert_eq!(subscriber.denial(), "the topic cannot be fetched");
    assert_eq!((faye.metric(REFUSED), faye.metric(&fetches("refused"))), (1, 1));
    faye.wait_for_stderr("setting=\"hub.topics\"");
    assert!(site.web.so_far().is_empty());
}

#[test]
fn a_fetch_ends_at_its_deadline() {
    let web = Web::start(|request| (request.path() == "/redirect").then(|| redirect(302, "/silent")));
    let faye = hub::start(&[("FAYE_HUB__FETCH_DEADLINE", "300ms")]);
    for (count, path) in (1..).zip(["/silent", "/redirect"]) {
        subscribe(&faye, &web.url(path));
        publish(&faye, &web.url(path));
        wait_for(&faye, "failed", count);
    }
}

#[test]
fn a_failed_fetch_is_repeated() {
    let site = Site::start(&[("/feed", WebResponse::new(500, "secret details"))]);
    let (faye, topic) = (hub::start(&[]), site.url("/feed"));
    let subscriber = subscribe(&faye, &topic);
    publish_and_wait(&faye, &topic, "failed");
    site.set("/feed", WebResponse::new(200, "content"));
    assert_eq!(subscriber.delivery().body, b"content");
    assert_eq!(site.web.so_far().len(), 2);
}

#[test]
fn a_topic_is_fetched_once_at_a_time_with_one_more_behind_it() {
    let (arrive, arrived) = channel();
    let (respond, responses) = channel();
    let responses = Mutex::new(responses);
    let web = Web::start(move |_| {
        arrive.send(()).ok()?;
        responses.lock().recv().ok()
    });
    let next = || arrived.recv_timeout(WATCHDOG).expect("a fetch");
    let (faye, topic) = (hub::start(&[]), web.url("/feed"));
    let subscriber = subscribe(&faye, &topic);
    publish(&faye, &topic);
    next();
    for _ in 0..10 {
        publish(&faye, &topic);
    }
    assert!(arrived.try_recv().is_err(), "a second fetch at the same time");
    for text in ["one", "two"] {
        respond.send(WebResponse::new(200, text)).unwrap();
        assert_eq!(subscriber.delivery().body, text.as_bytes());
        if text == "one" {
            next();
        }
    }
    // Nothing is behind the second fetch: the next one is that of the next ping.
    wait_for(&faye, "changed", 2);
    publish(&faye, &topic);
    next();
    respond.send(WebResponse::new(200, "three")).unwrap();
    assert_eq!(subscriber.delivery().body, b"three");
    assert!(arrived.try_recv().is_err());
    assert_eq!(faye.metric(&fetches("changed")), 3);
}

#[test]
fn a_topic_by_https_needs_a_certificate_that_is_trusted() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    authority.certificate().write(folder.path());
    let root = folder.path().join("root.pem");
    std::fs::write(&root, authority.root()).unwrap();
    let root = root.to_str().unwrap().to_owned();
    // Any server with TLS and a page.
    let web = Faye::start_in(folder, &tls::SETTINGS);
    let topic = format!("https://{}/healthz", web.listens);
    let trusting = hub::start(&[("SSL_CERT_FILE", &root)]);
    let subscriber = subscribe(&trusting, &topic);
    publish(&trusting, &topic);
    assert!(!subscriber.delivery().body.is_empty());
    let other = Authority::new();
    std::fs::write(&root, other.root()).unwrap();
    let distrusting = hub::start(&[("SSL_CERT_FILE", &root)]);
    subscribe(&distrusting, &topic);
    publish_and_wait(&distrusting, &topic, "failed");
}

#[test]
fn topics_of_a_host_share_its_places() {
    const TOPICS: usize = 60;
    let (running, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let seen = Arc::clone(&most);
    let web = Web::start(move |request| {
        let now = running.fetch_add(1, Ordering::SeqCst) + 1;
        seen.fetch_max(now, Ordering::SeqCst);
        // Long enough that more would run at the same time if they could; the result does not depend on it.
        std::thread::sleep(Duration::from_millis(5));
        running.fetch_sub(1, Ordering::SeqCst);
        Some(WebResponse::new(200, request.target.clone()))
    });
    let faye = hub::start(&[("FAYE_HUB__PER_HOST", "2"), ("FAYE_HUB__PENDING_BY_HOST", "1000")]);
    let topics: Vec<_> = (0..TOPICS).map(|number| web.url(&format!("/{number}"))).collect();
    let subscriber = subscribe(&faye, &topics[0]);
    let callback = subscriber.url();
    subscribe_all(&faye, &topics[1..], &callback);
    publish_all(&faye, &topics);
    wait_for(&faye, "changed", TOPICS as u64);
    let mut delivered: Vec<_> =
        (0..TOPICS).map(|_| String::from_utf8(subscriber.delivery().body).unwrap()).collect();
    delivered.sort();
    delivered.dedup();
    assert_eq!(delivered.len(), TOPICS);
    assert!(most.load(Ordering::SeqCst) <= 2, "{most:?}");
    assert_eq!(faye.metric(&fetches("failed")), 0);
}

#[test]
fn a_host_that_does_not_answer_leaves_the_others_their_turn() {
    const TOPICS: usize = 60;
    let slow = Web::start_at("127.0.0.2", |_| None);
    let site = Site::start(&[("/feed", atom("one", "1"))]);
    let faye = hub::start(&[("FAYE_HUB__PENDING_BY_HOST", "1000"), ("FAYE_HUB__FETCH_DEADLINE", "10m")]);
    let subscriber = subscribe(&faye, &site.url("/feed"));
    let callback = subscriber.url();
    let topics: Vec<_> = (0..TOPICS).map(|number| slow.url(&format!("/{number}"))).collect();
    subscribe_all(&faye, &topics, &callback);
    publish_all(&faye, &topics);
    for _ in 0..4 {
        slow.next();
    }
    publish(&faye, &site.url("/feed"));
    assert_eq!(subscriber.delivery().body, atom("one", "1").body);
    assert!(slow.so_far().is_empty(), "hub.per_host");
    assert_eq!(faye.metric(&fetches("failed")), 0, "nothing has failed");
}

#[test]
fn link_headers_and_the_content_type_are_those_of_the_topic() {
    let kind = "Application/Atom+XML;charset=\"UTF-8\" ;x=1";
    let site = Site::start(&[]);
    let other = "https://other.example/hub?a,b";
    let page = WebResponse::new(200, "content")
        .with("Content-Type", kind)
        .with("Link", &format!("<{other}>; rel=hub"))
        .with(
            "link",
            "<https://canonical.example/feed>; rel=\"self alternate\", <https://two.example>;rel=hub",
        );
    site.set("/feed", page);
    let (faye, topic) = (hub::start(&[]), site.url("/feed"));
    let subscriber = subscribe(&faye, &topic);
    publish(&faye, &topic);
    let delivery = subscriber.delivery();
    assert_eq!(delivery.header("content-type"), Some(kind));
    let links = format!(
        "<{other}>; rel=\"hub\", <https://two.example>; rel=\"hub\", <https://canonical.example/feed>; rel=\"self\""
    );
    assert_eq!(delivery.header("link"), Some(&*links));
}
