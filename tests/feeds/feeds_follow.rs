//! How feeds are followed: which requests feeds and hubs get, when they get the next one, and which addresses are asked.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use crate::support::feed_hub::{Subscription, atom, feed, listen, next, server};
use crate::support::postgres::Postgres;
use crate::support::{Faye, Http, WATCHDOG, Web, WebRequest, WebResponse};
use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;
use tokio::time::Instant;

const REFUSED: &str = "faye_fetch_refused_total{class=\"feeds\"}";

type Page = Arc<dyn Fn(&WebRequest) -> Option<WebResponse> + Send + Sync>;

/// A web site with feeds and hubs, whose pages can be changed.
struct Site {
    web: Web,
    pages: Arc<Mutex<HashMap<String, Page>>>,
}

impl Site {
    fn start() -> Self {
        Self::start_at("127.0.0.1")
    }

    fn start_at(host: &str) -> Self {
        let pages: Arc<Mutex<HashMap<String, Page>>> = Arc::default();
        let served = Arc::clone(&pages);
        let web = Web::start_at(host, move |request| {
            let page = served.lock().get(request.path()).cloned();
            page.map_or_else(|| Some(WebResponse::new(404, "")), |page| page(request))
        });
        Self { web, pages }
    }

    fn serve(&self, path: &str, page: impl Fn(&WebRequest) -> Option<WebResponse> + Send + Sync + 'static) {
        self.pages.lock().insert(path.to_owned(), Arc::new(page));
    }

    fn set(&self, path: &str, response: WebResponse) {
        self.serve(path, move |_| Some(response.clone()));
    }

    fn url(&self, path: &str) -> String {
        self.web.url(path)
    }

    /// The next request for a path.
    #[track_caller]
    fn next(&self, path: &str) -> WebRequest {
        self.web.next_where(|request| request.path() == path)
    }

    /// The requests so far, by path.
    fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for request in self.web.so_far() {
            *counts.entry(request.path().to_owned()).or_default() += 1;
        }
        counts
    }

    /// Waits until a path was requested so often.
    #[track_caller]
    fn wait_for(&self, path: &str, count: usize) {
        (0..count).for_each(|_| drop(self.next(path)));
    }
}

/// An Atom feed with entries of these ids that names hubs in its headers, and itself.
fn naming(hubs: &[String], own: &str, ids: &[&str]) -> WebResponse {
    let mut link: Vec<_> = hubs.iter().map(|hub| format!("<{hub}>; rel=\"hub\"")).collect();
    link.push(format!("<{own}>; rel=\"self\""));
    plain(ids).with("Link", &link.join(", "))
}

/// An Atom feed without a hub.
fn plain(ids: &[&str]) -> WebResponse {
    WebResponse::new(200, atom(ids)).with("Content-Type", "application/atom+xml")
}

/// The settings of a server, a feed for each name and path, and lines for all of these feeds.
fn following(site: &Site, feeds: &[&str], paths: &[(&str, &str)], more: &str) -> String {
    let feeds_of = paths.iter().map(|(name, path)| feed(name, &site.url(path)) + more + "\n");
    server(feeds) + &feeds_of.collect::<String>()
}

fn polls(feed: &str, result: &str) -> String {
    format!("faye_feed_polls_total{{feed=\"{feed}\",result=\"{result}\"}}")
}

fn calls(result: &str) -> String {
    format!("faye_feed_calls_total{{result=\"{result}\"}}")
}

#[track_caller]
fn wait_for_state(faye: &Faye, state: &str, count: u64) {
    faye.wait_for_metric(&format!("faye_feeds{{state=\"{state}\"}}"), |now| now == count);
}

/// A request to a hub, read.
#[track_caller]
fn asked(site: &Site, path: &str) -> Subscription {
    Subscription::read(&site.next(path))
}

const EXACT: &str = "poll = \"1s\"";

/// A server that polls the feed of a site each second, and has an active subscription to its topic.
fn subscribed(site: &Site, hub: &[String; 1], topic: &str) -> (Faye, Subscription) {
    site.set("/feed", naming(hub, topic, &["0"]));
    site.set("/hub", WebResponse::new(202, ""));
    let faye = Faye::start_with_file(&following(site, &[], &[("blog", "/feed")], EXACT), &[]);
    let subscription = asked(site, "/hub");
    subscription.verify(faye.address);
    wait_for_state(&faye, "active", 1);
    (faye, subscription)
}

#[test]
fn polls_are_conditional_and_say_who_asks() {
    let site = Site::start();
    let old = httpdate::fmt_http_date(SystemTime::now() - Duration::from_secs(3600));
    let content = Arc::new(Mutex::new("one"));
    let (served, modified) = (Arc::clone(&content), old.clone());
    site.serve("/feed", move |request| {
        let name = *served.lock();
        let tag = format!("\"{name}\"");
        Some(if request.header("if-none-match") == Some(&tag) {
            WebResponse::new(304, "")
        } else {
            plain(&[name]).with("ETag", &tag).with("Last-Modified", &modified)
        })
    });
    let faye = Faye::start_with_file(&following(&site, &[], &[("blog", "/feed")], EXACT), &[]);
    let first = site.next("/feed");
    assert_eq!((first.header("if-none-match"), first.header("if-modified-since")), (None, None));
    let agent = first.header("user-agent").unwrap();
    assert_eq!(agent, format!("faye/{} (+http://127.0.0.1:9)", env!("CARGO_PKG_VERSION")));
    assert!(first.header("accept").unwrap().starts_with("application/atom+xml, "));
    assert_eq!(first.header("authorization"), None);
    let second = site.next("/feed");
    assert_eq!(second.header("if-none-match"), Some("\"one\""));
    assert_eq!(second.header("if-modified-since"), Some(old.as_str()));
    faye.wait_for_metric(&polls("blog", "unchanged"), |count| count > 0);
    let mut session = listen(&faye);
    *content.lock() = "two";
    assert_eq!(
        next(&mut session),
        ("created".to_owned(), "two".to_owned()),
        "the first fetch is not published"
    );
    assert_eq!(faye.metric(&polls("blog", "changed")), 2);
}

#[test]
fn a_page_in_place_of_a_feed_is_a_failed_fetch() {
    let site = Site::start();
    site.set("/feed", plain(&["one"]));
    let faye = Faye::start_with_file(
        &following(&site, &[], &[("blog", "/feed")], EXACT),
        &[("FAYE_API__KEY", "0123456789abcdef")],
    );
    faye.wait_for_metric(&polls("blog", "unchanged"), |count| count > 0);
    let mut session = listen(&faye);
    for (number, (kind, page)) in [
        ("text/html", "<!doctype html><title>Down</title><p>Back soon</p>"),
        ("text/plain; charset=utf-8", "maintenance"),
        ("application/json", "{\"error\":\"maintenance\"}"),
    ]
    .into_iter()
    .enumerate()
    {
        site.set("/feed", WebResponse::new(200, page).with("Content-Type", kind));
        let before = number as u64;
        faye.wait_for_metric(&polls("blog", "failed"), |count| count > before);
        let headers = [("Authorization", "Bearer 0123456789abcdef")];
        let begin = Instant::now();
        let kind = kind.split(';').next().unwrap();
        loop {
            let list = Http::open(faye.admin).request("GET", "/api/v1/feeds", &headers, b"").text();
            if list.contains(&format!("the feed responds with a page ({kind}) in place of entries")) {
                break;
            }
            assert!(begin.elapsed() < WATCHDOG, "{list}");
        }
        // A failed fetch has its own wait.
        let ask = Http::open(faye.admin).request("POST", "/api/v1/feeds/blog/poll", &headers, b"");
        assert_eq!(ask.status, 200, "{}", ask.text());
    }
    site.set("/feed", plain(&["one", "two"]));
    let headers = [("Authorization", "Bearer 0123456789abcdef")];
    Http::open(faye.admin).request("POST", "/api/v1/feeds/blog/poll", &headers, b"");
    assert_eq!(next(&mut session), ("created".to_owned(), "two".to_owned()));
}

#[test]
fn the_same_content_is_read_once() {
    let site = Site::start();
    site.set("/feed", plain(&["one"]));
    let faye = Faye::start_with_file(&following(&site, &[], &[("blog", "/feed")], EXACT), &[]);
    faye.wait_for_metric(&polls("blog", "unchanged"), |count| count > 1);
    assert_eq!(faye.metric(&polls("blog", "changed")), 1);
}

#[test]
fn servers_say_when_they_are_asked_again() {
    let site = Site::start();
    site.set("/busy", WebResponse::new(503, "").with("Retry-After", "3600"));
    site.set("/many", WebResponse::new(429, "").with("Retry-After", "3600"));
    site.set("/gone", WebResponse::new(410, ""));
    site.set("/other", plain(&["one"]));
    let paths = [("busy", "/busy"), ("many", "/many"), ("gone", "/gone"), ("other", "/other")];
    let faye = Faye::start_with_file(&following(&site, &[], &paths, EXACT), &[]);
    for name in ["busy", "many", "gone"] {
        faye.wait_for_metric(&polls(name, "failed"), |count| count == 1);
    }
    // Time in which they would have been asked some times.
    faye.wait_for_metric(&polls("other", "unchanged"), |count| count > 3);
    let counts = site.counts();
    assert_eq!((counts["/busy"], counts["/many"], counts["/gone"]), (1, 1, 1), "{counts:?}");
}

#[test]
fn never_means_one_fetch() {
    let site = Site::start();
    site.set("/feed", plain(&["one"]));
    site.set("/other", plain(&["one"]));
    let other = feed("other", &site.url("/other")) + EXACT;
    let file = following(&site, &[], &[("blog", "/feed")], "") + &other;
    let faye = Faye::start_with_file(&file, &[]);
    faye.wait_for_metric(&polls("blog", "changed"), |count| count == 1);
    faye.wait_for_metric(&polls("other", "unchanged"), |count| count > 3);
    assert_eq!(site.counts()["/feed"], 1);
}

#[test]
fn a_feed_that_cannot_be_fetched_at_first_is_fetched_again() {
    let site = Site::start();
    site.set("/feed", WebResponse::new(500, ""));
    let faye = Faye::start_with_file(&following(&site, &[], &[("blog", "/feed")], ""), &[]);
    faye.wait_for_metric(&polls("blog", "failed"), |count| count == 1);
    site.set("/feed", plain(&["one"]));
    faye.wait_for_metric(&polls("blog", "changed"), |count| count == 1);
}

#[test]
fn content_is_bounded_and_may_be_compressed() {
    let gzip = |text: &str| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        WebResponse::new(200, encoder.finish().unwrap()).with("Content-Encoding", "gzip")
    };
    let long = atom(&["one"]).replace("Title of one", &"x".repeat(100_000));
    let site = Site::start();
    site.set("/long", WebResponse::new(200, long.clone()));
    site.set("/bomb", gzip(&long));
    site.set("/zipped", gzip(&atom(&["one"])));
    site.set("/empty", WebResponse::new(200, " "));
    let paths = [("long", "/long"), ("bomb", "/bomb"), ("zipped", "/zipped"), ("empty", "/empty")];
    let faye = Faye::start_with_file(&following(&site, &["size = \"50KiB\""], &paths, ""), &[]);
    for name in ["long", "bomb", "empty"] {
        faye.wait_for_metric(&polls(name, "failed"), |count| count > 0);
    }
    faye.wait_for_metric(&polls("zipped", "changed"), |count| count == 1);
    assert_eq!(site.next("/zipped").header("accept-encoding"), Some("gzip, deflate"));
}

#[test]
fn redirects_are_followed_and_never_into_the_networks_of_feeds() {
    let site = Site::start();
    let to = |target: &str| WebResponse::new(302, "").with("Location", target);
    site.set("/feed", plain(&["one"]));
    site.set("/same", to("/feed"));
    site.set("/scheme", to("ftp://127.0.0.1/feed"));
    let paths = [("same", "/same"), ("scheme", "/scheme")];
    let faye = Faye::start_with_file(&following(&site, &[], &paths, ""), &[]);
    for (name, _) in paths {
        faye.wait_for_metric(&polls(name, "failed"), |count| count > 0);
    }
    assert!(faye.metric(REFUSED) >= 1);
    faye.wait_for_stderr("the address is not public; feeds.networks allows it for the URL of a feed");
    assert!(!site.counts().contains_key("/feed"), "a redirect is not what an operator has allowed");
}

#[test]
fn only_the_networks_of_the_settings_are_asked() {
    let (site, other) = (Site::start(), Site::start_at("127.0.0.2"));
    let hub = other.url("/hub");
    site.set("/feed", naming(&[hub], &site.url("/feed"), &["one"]));
    other.set("/feed", plain(&["one"]));
    let file = following(&site, &["networks = [\"127.0.0.1/32\"]"], &[("blog", "/feed")], "")
        + &feed("other", &other.url("/feed"));
    let faye = Faye::start_with_file(&file, &[]);
    faye.wait_for_metric(&polls("other", "failed"), |count| count > 0);
    faye.wait_for_metric(&calls("refused"), |count| count == 1);
    wait_for_state(&faye, "denied", 1);
    assert!(faye.metric(REFUSED) >= 2);
    assert_eq!(other.counts(), BTreeMap::new());
}

#[test]
fn a_password_is_sent_to_the_feed_and_its_hub_and_nowhere_else() {
    let (site, other) = (Site::start(), Site::start());
    site.set("/feed", naming(&[site.url("/hub")], &site.url("/feed"), &["one"]));
    let elsewhere = other.url("/hub");
    site.set("/hub", WebResponse::new(307, "").with("Location", &elsewhere));
    let more = "username = \"me\"\npassword = \"secret\"\npublic = true";
    let faye = Faye::start_with_file(&following(&site, &[], &[("blog", "/feed")], more), &[]);
    let basic = Some("Basic bWU6c2VjcmV0");
    assert_eq!(site.next("/feed").header("authorization"), basic);
    assert_eq!(site.next("/hub").header("authorization"), basic);
    faye.wait_for_metric(&calls("refused"), |count| count == 1);
    assert_eq!(other.counts(), BTreeMap::new(), "a redirect of a hub may not lead into the networks either");
}

#[test]
fn hubs_and_topics_are_found_wherever_feeds_name_them() {
    let site = Site::start();
    let (hub, topic) = (site.url("/hub/"), |name: &str| site.url(&format!("/topic/{name}")));
    let header = |name: &str, value: String| {
        (name.to_owned(), WebResponse::new(200, atom(&["one"])).with("Link", &value))
    };
    let body = |name: &str, text: String| (name.to_owned(), WebResponse::new(200, text));
    let atom_links = |name: &str| {
        format!("<link rel=\"hub\" href=\"{hub}\"/><link rel=\"self\" href=\"{}\"/><title>", topic(name))
    };
    let pages = [
        header("quoted", format!("<{hub}>; rel=\"hub\", <{}>; rel=\"self\"", topic("quoted"))),
        header("bare", format!("<{hub}>;rel=hub,<{}>;rel=self", topic("bare"))),
        header("semicolon", format!("<{hub}> rel=\"hub\", <{}> rel=\"self\"", topic("semicolon"))),
        header("upper", format!("<{hub}>; REL=\"HUB\", <{}>; Rel=Self", topic("upper"))),
        header("several", format!("<{hub}>; rel=\"alternate hub\", <{}>; rel=\"self x\"", topic("several"))),
        header("relative", "</hub/>; rel=hub, </topic/relative>; rel=self".to_owned()),
        body("atom", atom(&["one"]).replace("<title>Blog", &(atom_links("atom") + "Blog"))),
        body(
            "rss",
            format!(
                "<rss version=\"2.0\"><channel><title>Blog</title><link xmlns=\"http://www.w3.org/2005/Atom\" rel=\"hub\" \
                 href=\"{hub}\"/><link xmlns=\"http://www.w3.org/2005/Atom\" rel=\"self\" href=\"{}\"/>\
                 <item><guid>1</guid><title>One</title></item></channel></rss>",
                topic("rss")
            ),
        ),
        body(
            "json",
            format!(
                "{{\"version\": \"https://jsonfeed.org/version/1.1\", \"title\": \"Blog\", \"feed_url\": \"{}\", \
                 \"hubs\": [{{\"type\": \"WebSub\", \"url\": \"{hub}\"}}], \"items\": [{{\"id\": \"1\"}}]}}",
                topic("json")
            ),
        ),
        body(
            "html",
            format!(
                "<!doctype html><html><head><link rel=hub href={hub}><link rel=self href={}></head><body>\
                 <link rel=hub href=/evil></body></html>",
                topic("html")
            ),
        ),
    ];
    let mut file = server(&[]);
    for (name, page) in &pages {
        site.set(&format!("/{name}"), page.clone());
        file += &feed(name, &site.url(&format!("/{name}")));
    }
    site.set("/hub/", WebResponse::new(202, ""));
    let faye = Faye::start_with_file(&file, &[]);
    let topics: BTreeSet<_> = pages.iter().map(|_| asked(&site, "/hub/").topic).collect();
    let expected: BTreeSet<_> = pages.iter().map(|(name, _)| topic(name)).collect();
    assert_eq!(topics, expected, "{}", faye.stderr());
}

#[test]
fn the_hub_of_the_settings_is_in_the_place_of_others() {
    let site = Site::start();
    for path in ["/one", "/two", "/three"] {
        site.set(path, naming(&[site.url("/named")], &site.url(path), &["1"]));
    }
    site.set("/own", WebResponse::new(202, ""));
    site.set("/named", WebResponse::new(202, ""));
    let file = server(&[])
        + &(feed("one", &site.url("/one")) + &format!("hub = \"{}\"\n", site.url("/own")))
        + &(feed("two", &site.url("/two")) + "hub = \"none\"\n")
        + &feed("three", &site.url("/three"));
    let faye = Faye::start_with_file(&file, &[]);
    faye.wait_for_metric(&calls("accepted"), |count| count == 2);
    wait_for_state(&faye, "polling", 1);
    let counts = site.counts();
    assert_eq!((counts["/own"], counts["/named"]), (1, 1), "{counts:?}");
}

#[test]
fn a_hub_may_verify_before_it_answers_and_choose_the_lease() {
    // As Switchboard does.
    let site = Site::start();
    site.set("/feed", naming(&[site.url("/")], &site.url("/feed"), &["one"]));
    let address = Arc::new(Mutex::new(None));
    let own = Arc::clone(&address);
    site.serve("/", move |request| {
        let subscription = Subscription::read(request);
        let address = loop {
            // The server starts before the test knows where.
            if let Some(address) = *own.lock() {
                break address;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let parameters = [
            ("hub.mode", "subscribe"),
            ("hub.topic", &subscription.topic),
            ("hub.challenge", "x"),
            ("hub.lease_seconds", "608400"),
        ];
        let response = subscription.ask(address, &parameters);
        assert_eq!((response.status, response.text().as_str()), (200, "x"));
        Some(WebResponse::new(202, "http://switchboard.example/subscription/1"))
    });
    let faye = Faye::start_with_file(&following(&site, &[], &[("blog", "/feed")], ""), &[]);
    *address.lock() = Some(faye.address);
    wait_for_state(&faye, "active", 1);
    faye.wait_for_metric(&calls("accepted"), |count| count == 1);
    wait_for_state(&faye, "active", 1);
}

#[test]
fn a_hub_that_wants_hub_verify_gets_it() {
    // As GNU social does: 400 without it.
    let site = Site::start();
    site.set("/feed", naming(&[site.url("/hub")], &site.url("/feed"), &["one"]));
    site.serve("/hub", |request| {
        let status = if Subscription::read(request).verify.is_some() { 202 } else { 400 };
        Some(WebResponse::new(status, "Invalid hub.verify"))
    });
    let faye = Faye::start_with_file(&following(&site, &[], &[("blog", "/feed")], ""), &[]);
    let (first, second) = (asked(&site, "/hub"), asked(&site, "/hub"));
    assert_eq!((first.verify.as_deref(), first.token.as_deref()), (None, None));
    assert_eq!(second.verify.as_deref(), Some("async"));
    assert!(second.token.as_ref().is_some_and(|token| token.len() >= 16), "{second:?}");
    assert_eq!((&first.topic, &first.path), (&second.topic, &second.path));
    second.verify(faye.address);
    wait_for_state(&faye, "active", 1);
}

#[test]
fn a_hub_that_accepts_and_never_verifies_counts_as_unverified() {
    // As Superfeedr does.
    let site = Site::start();
    site.set("/feed", naming(&[site.url("/hub")], &site.url("/feed"), &["one"]));
    site.set("/hub", WebResponse::new(204, ""));
    let faye = Faye::start_with_file(&following(&site, &[], &[("blog", "/feed")], ""), &[]);
    wait_for_state(&faye, "unverified", 1);
}

#[test]
fn a_refusal_is_final_and_the_feed_is_polled() {
    for status in [403, 404, 410, 422] {
        let site = Site::start();
        site.set("/feed", naming(&[site.url("/hub")], &site.url("/feed"), &["one"]));
        site.set("/hub", WebResponse::new(status, "no\r\nsuch topic"));
        let faye = Faye::start_with_file(&following(&site, &[], &[("blog", "/feed")], EXACT), &[]);
        faye.wait_for_metric(&calls("refused"), |count| count == 1);
        wait_for_state(&faye, "denied", 1);
        faye.wait_for_metric(&polls("blog", "unchanged"), |count| count > 1);
        assert_eq!(site.counts()["/hub"], 1);
    }
}

#[test]
fn a_hub_that_fails_is_asked_again() {
    let site = Site::start();
    site.set("/feed", naming(&[site.url("/hub")], &site.url("/feed"), &["one"]));
    site.set("/hub", WebResponse::new(500, ""));
    let faye = Faye::start_with_file(&following(&site, &[], &[("blog", "/feed")], ""), &[]);
    faye.wait_for_metric(&calls("retried"), |count| count == 1);
    wait_for_state(&faye, "requested", 1);
    let first = asked(&site, "/hub");
    site.set("/hub", WebResponse::new(202, ""));
    let second = asked(&site, "/hub");
    assert_eq!((first.path, first.secret), (second.path, second.secret));
}

#[test]
fn the_next_hub_is_asked_when_one_refuses() {
    let site = Site::start();
    let hubs = [site.url("/one"), site.url("/two")];
    site.set("/feed", naming(&hubs, &site.url("/feed"), &["one"]));
    site.set("/one", WebResponse::new(404, ""));
    site.set("/two", WebResponse::new(202, ""));
    let faye = Faye::start_with_file(&following(&site, &[], &[("blog", "/feed")], ""), &[]);
    asked(&site, "/two").verify(faye.address);
    wait_for_state(&faye, "active", 1);
}

#[test]
fn a_denied_subscription_leaves_the_entries_and_polls() {
    let site = Site::start();
    site.set("/feed", naming(&[site.url("/hub")], &site.url("/feed"), &["one"]));
    site.set("/hub", WebResponse::new(202, ""));
    let faye = Faye::start_with_file(&following(&site, &[], &[("blog", "/feed")], EXACT), &[]);
    let subscription = asked(&site, "/hub");
    let parameters =
        [("hub.mode", "denied"), ("hub.topic", subscription.topic.as_str()), ("hub.reason", "no")];
    assert_eq!(subscription.ask(faye.address, &parameters).status, 200);
    wait_for_state(&faye, "denied", 1);
    let mut session = listen(&faye);
    site.set("/feed", naming(&[site.url("/hub")], &site.url("/feed"), &["one", "two"]));
    assert_eq!(next(&mut session), ("created".to_owned(), "two".to_owned()));
}

#[test]
fn a_hub_that_does_not_push_is_subscribed_again_and_then_not_trusted() {
    let site = Site::start();
    let (hub, topic) = ([site.url("/hub")], site.url("/feed"));
    let (faye, _) = subscribed(&site, &hub, &topic);
    let publish = |count: u64| {
        let ids: Vec<_> = (0..=count).map(|number| number.to_string()).collect();
        let ids: Vec<_> = ids.iter().map(String::as_str).collect();
        site.set("/feed", naming(&hub, &topic, &ids));
        faye.wait_for_metric("faye_feed_missed_total{feed=\"blog\"}", |missed| missed == count);
    };
    (1..=3).for_each(publish);
    let again = asked(&site, "/hub");
    assert_eq!(again.mode, "subscribe");
    again.verify(faye.address);
    (4..=6).for_each(publish);
    wait_for_state(&faye, "unreliable", 1);
    assert_eq!(site.counts().get("/hub"), None, "once a day");
    again.push(faye.address, &atom(&["pushed"]));
    wait_for_state(&faye, "active", 1);
}

#[test]
fn a_hub_that_pushes_only_some_entries_is_not_trusted_either() {
    // As GNU social does.
    let site = Site::start();
    let (hub, topic) = ([site.url("/hub")], site.url("/feed"));
    let (faye, subscription) = subscribed(&site, &hub, &topic);
    let mut ids = vec!["0".to_owned()];
    for number in 1..=6 {
        ids.push(format!("{number}-pushed"));
        subscription.push(faye.address, &atom(&[ids.last().unwrap()]));
        ids.push(format!("{number}-missed"));
        let all: Vec<_> = ids.iter().map(String::as_str).collect();
        site.set("/feed", naming(&hub, &topic, &all));
        faye.wait_for_metric("faye_feed_missed_total{feed=\"blog\"}", |missed| missed == number);
    }
    wait_for_state(&faye, "unreliable", 1);
    assert_eq!(asked(&site, "/hub").mode, "subscribe");
}

#[test]
fn a_feed_whose_entries_are_all_pushed_is_trusted() {
    let site = Site::start();
    let (hub, topic) = ([site.url("/hub")], site.url("/feed"));
    let (faye, subscription) = subscribed(&site, &hub, &topic);
    let mut ids = vec!["0".to_owned()];
    for number in 1..=4 {
        ids.push(number.to_string());
        subscription.push(faye.address, &atom(&[ids.last().unwrap()]));
        let all: Vec<_> = ids.iter().map(String::as_str).collect();
        site.set("/feed", naming(&hub, &topic, &all));
        faye.wait_for_metric(&polls("blog", "changed"), |changed| changed > number);
    }
    assert_eq!(faye.metric("faye_feed_missed_total{feed=\"blog\"}"), 0);
    assert_eq!(site.counts().get("/hub"), None);
    wait_for_state(&faye, "active", 1);
}

#[test]
fn a_host_has_so_many_fetches_at_one_time() {
    let site = Site::start();
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let names: Vec<_> = (0..12).map(|number| (format!("feed-{number}"), format!("/feed-{number}"))).collect();
    for (_, path) in &names {
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        site.serve(path, move |_| {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            // So that others would come in the meantime.
            std::thread::sleep(Duration::from_millis(30));
            running.fetch_sub(1, Ordering::SeqCst);
            Some(plain(&["one"]))
        });
    }
    let paths: Vec<_> = names.iter().map(|(name, path)| (name.as_str(), path.as_str())).collect();
    let faye = Faye::start_with_file(&following(&site, &["per_host = 2"], &paths, ""), &[]);
    for (name, _) in &names {
        faye.wait_for_metric(&polls(name, "changed"), |count| count == 1);
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[test]
fn a_feed_or_hub_that_does_not_answer_holds_up_nothing() {
    let site = Site::start();
    site.set("/feed", naming(&[site.url("/silent")], &site.url("/feed"), &["one"]));
    site.serve("/silent", |_| None);
    site.set("/other", plain(&["one"]));
    let file = following(&site, &["concurrent = 8", "per_host = 4"], &[("slow", "/silent")], "")
        + &feed("blog", &site.url("/feed"))
        + &feed("other", &site.url("/other"))
        + EXACT;
    let mut faye = Faye::start_with_file(&file, &[]);
    site.wait_for("/silent", 2);
    faye.wait_for_metric(&polls("other", "unchanged"), |count| count > 1);
    faye.wait_for_metric(&polls("slow", "failed"), |count| count > 0);
    faye.terminate();
    assert_eq!(faye.wait(), Some(0), "{}", faye.stderr());
}

#[test]
fn a_reload_adds_feeds_and_ends_the_subscriptions_of_others() {
    let site = Site::start();
    for path in ["/one", "/two"] {
        site.set(path, naming(&[site.url("/hub")], &site.url(path), &["1"]));
    }
    site.set("/hub", WebResponse::new(202, ""));
    let faye = Faye::start_with_file(&following(&site, &[], &[("one", "/one")], ""), &[]);
    asked(&site, "/hub").verify(faye.address);
    wait_for_state(&faye, "active", 1);
    let file = following(&site, &[], &[("two", "/two")], "");
    std::fs::write(faye.folder().join("faye.toml"), file).unwrap();
    faye.hang_up();
    let mut both = [asked(&site, "/hub"), asked(&site, "/hub")];
    both.sort_by(|one, other| one.mode.cmp(&other.mode));
    let [begin, end] = &both;
    assert_eq!((begin.mode.as_str(), begin.topic.as_str()), ("subscribe", site.url("/two").as_str()));
    assert_eq!((end.mode.as_str(), end.topic.as_str()), ("unsubscribe", site.url("/one").as_str()));
    assert_eq!((end.lease.as_deref(), end.secret.as_deref()), (None, None));
    both.iter().for_each(|asked| asked.verify(faye.address));
    wait_for_state(&faye, "active", 1);
    wait_for_state(&faye, "removed", 0);
}

#[test]
fn timers_and_subscriptions_survive_a_kill() {
    let site = Site::start();
    site.set("/feed", naming(&[site.url("/hub")], &site.url("/feed"), &["one"]));
    site.set("/hub", WebResponse::new(202, ""));
    site.set("/other", plain(&["one"]));
    let file = following(&site, &["poll = \"1h\""], &[("blog", "/feed")], "")
        + &feed("other", &site.url("/other"))
        + EXACT;
    let faye = Faye::start_with_file(&file, &[]);
    let subscription = asked(&site, "/hub");
    subscription.verify(faye.address);
    wait_for_state(&faye, "active", 1);
    faye.wait_for_metric(&polls("other", "unchanged"), |count| count > 0);
    let faye = faye.restart();
    let before = site.counts();
    assert_eq!(before.get("/hub"), None, "{before:?}");
    faye.wait_for_metric(&polls("other", "unchanged"), |count| count > 2);
    let counts = site.counts();
    assert_eq!((counts.get("/feed"), counts.get("/hub")), (None, None), "{counts:?}");
    let mut session = listen(&faye);
    subscription.push(faye.address, &atom(&["two"]));
    assert_eq!(next(&mut session), ("created".to_owned(), "two".to_owned()));
}

#[test]
fn without_a_public_url_feeds_are_polled_and_hubs_left_alone() {
    let site = Site::start();
    site.set("/feed", naming(&[site.url("/hub")], &site.url("/feed"), &["one"]));
    let file = following(&site, &[], &[("blog", "/feed")], EXACT);
    let file = file.replace("public_url = \"http://127.0.0.1:9\"\n", "");
    let faye = Faye::start_with_file(&file, &[]);
    faye.wait_for_stderr("server.public_url: without it hubs cannot send notifications");
    wait_for_state(&faye, "polling", 1);
    faye.wait_for_metric(&polls("blog", "unchanged"), |count| count > 1);
    assert_eq!(site.counts().get("/hub"), None);
    assert_eq!(
        faye.stderr().matches("server.public_url: without it hubs cannot send notifications").count(),
        1
    );
}

#[test]
fn the_hub_of_this_server_is_reached_without_a_connection() {
    let site = Site::start();
    let public_url = "https://push.example";
    let topic = site.url("/feed");
    for hub in ["/hub", "/hub/"] {
        let hub = format!("{public_url}{hub}");
        site.set("/feed", naming(std::slice::from_ref(&hub), &topic, &["one"]));
        let file = following(&site, &[], &[("blog", "/feed")], "").replace("http://127.0.0.1:9", public_url)
            + "[hub]\nenabled = true\ntopics = [\"http://127.0.0.1\"]\ntopic_networks = [\"127.0.0.0/8\"]\npolicy = \"open\"\n";
        let faye = Faye::start_with_file(&file, &[]);
        wait_for_state(&faye, "active", 1);
        // The hub records a verification after the subscriber has confirmed it.
        faye.wait_for_metric("faye_hub_subscriptions", |count| count == 1);
        let mut session = listen(&faye);
        site.set("/feed", naming(&[hub], &topic, &["one", "two"]));
        let form = format!("hub.mode=publish&hub.url={topic}");
        let headers = [("Content-Type", "application/x-www-form-urlencoded")];
        let response = faye.http().request("POST", "/hub", &headers, form.as_bytes());
        assert_eq!(response.status, 204, "{}", response.text());
        assert_eq!(next(&mut session), ("created".to_owned(), "two".to_owned()));
    }
}

#[test]
fn polls_and_renewals_go_on_when_the_store_is_back() {
    let mut postgres = Postgres::start();
    let url = postgres.database();
    let site = Site::start();
    site.set("/feed", naming(&[site.url("/hub")], &site.url("/feed"), &["one"]));
    site.set("/hub", WebResponse::new(202, ""));
    site.set("/other", plain(&["one"]));
    let file = following(&site, &[], &[("blog", "/feed")], "") + &feed("other", &site.url("/other")) + EXACT;
    let faye = Faye::start_with_file(&file.replace("sqlite:feeds.db", &url), &[]);
    let subscription = asked(&site, "/hub");
    subscription.verify(faye.address);
    wait_for_state(&faye, "active", 1);
    postgres.stop();
    faye.wait_for_metric("faye_store_up", |up| up == 0);
    faye.assert_serves();
    postgres.resume();
    faye.wait_for_metric("faye_store_up", |up| up == 1);
    site.counts();
    site.wait_for("/other", 2);
    // The lease has but a fifth left.
    let database = url.split('?').next().and_then(|url| url.rsplit('/').next()).unwrap();
    postgres.sql(database, "UPDATE feed_subscriptions SET renew_at = 0");
    let renewal = asked(&site, "/hub");
    assert_eq!((renewal.mode, renewal.topic), (subscription.mode, subscription.topic));
}

#[test]
fn two_instances_share_the_polls() {
    const FEEDS: usize = 40;
    let postgres = Postgres::shared();
    let site = Site::start();
    let names: Vec<_> =
        (0..FEEDS).map(|number| (format!("feed-{number}"), format!("/feed-{number}"))).collect();
    for (_, path) in &names {
        site.set(path, plain(&["one"]));
    }
    let paths: Vec<_> = names.iter().map(|(name, path)| (name.as_str(), path.as_str())).collect();
    let file =
        following(&site, &["per_host = 32"], &paths, "").replace("sqlite:feeds.db", &postgres.database());
    let instances = [Faye::start_with_file(&file, &[]), Faye::start_with_file(&file, &[])];
    let total = |name: &str| -> u64 {
        let texts =
            instances.iter().map(|faye| Http::open(faye.admin).request("GET", "/metrics", &[], b"").text());
        let text: String = texts.collect();
        let lines =
            text.lines().filter(|line| line.starts_with("faye_feed_polls_total") && line.contains(name));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    };
    let begin = Instant::now();
    while total("changed") < FEEDS as u64 {
        assert!(begin.elapsed() < WATCHDOG, "{}", instances[0].stderr());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!((total("changed"), total("lost"), total("failed")), (FEEDS as u64, 0, 0));
    let counts = site.counts();
    assert!(counts.len() == FEEDS && counts.values().all(|count| *count == 1), "{counts:?}");
}
