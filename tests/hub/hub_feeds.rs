//! Channels as feeds: what readers get at `/feeds/`, and what subscribers of the hub get of a publication.

use std::collections::HashSet;

use crate::support::hub::FORM;
use crate::support::postgres::Postgres;
use crate::support::redis::Redis;
use crate::support::{Faye, Http, Response, Session, Via, WATCHDOG, Web, WebRequest, encode, hub};
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;
use serde_json::{Value, json};
use tokio::time::Instant;

const ATOM: &str = "http://www.w3.org/2005/Atom";
const PUBLIC_URL: (&str, &str) = ("FAYE_SERVER__PUBLIC_URL", "https://hub.example");
/// One feed, of the channel `/news`.
const NEWS: &str =
    "[[channel]]\nmatch = \"/news\"\nhistory = { messages = 5, age = \"1h\" }\nsyndicate = \"news\"\n";

fn start(file: &str) -> Faye {
    Faye::start_with_file(file, &[PUBLIC_URL])
}

/// An element of XML.
#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn parse(text: &str) -> Self {
        let mut reader = quick_xml::Reader::from_str(text);
        reader.config_mut().check_end_names = true;
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => open.push(Self::of(&start)),
                Event::Empty(start) => {
                    let element = Self::of(&start);
                    open.last_mut().unwrap().children.push(element);
                }
                Event::End(_) => {
                    let element = open.pop().unwrap();
                    open.last_mut().unwrap().children.push(element);
                }
                Event::Text(text) => open.last_mut().unwrap().text += &text.xml10_content(),
                Event::GeneralRef(reference) => {
                    let own = &mut open.last_mut().unwrap().text;
                    match reference.resolve_char_ref().unwrap() {
                        Some(character) => own.push(character),
                        None => own.push_str(resolve_xml_entity(&reference.xml10_content()).unwrap()),
                    }
                }
                Event::Decl(_) => {}
                Event::Eof => break,
                other => panic!("no such thing is in a feed: {other:?}"),
            }
        }
        assert_eq!(open.len(), 1, "elements are closed");
        open.remove(0).children.remove(0)
    }

    fn of(start: &quick_xml::events::BytesStart<'_>) -> Self {
        let attribute = |attribute: quick_xml::events::attributes::Attribute<'_>| {
            let value = attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap();
            (attribute.key.0.to_owned(), value.into_owned())
        };
        Self {
            name: start.name().0.to_owned(),
            attributes: start.attributes().map(|found| attribute(found.unwrap())).collect(),
            ..Self::default()
        }
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The only child of this name.
    #[track_caller]
    fn one<'a>(&'a self, name: &'a str) -> &'a Self {
        let found: Vec<_> = self.all(name).collect();
        assert_eq!(found.len(), 1, "{name} in {self:?}");
        found[0]
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    fn link(&self, relation: &str) -> Option<&str> {
        self.all("link").find(|link| link.attribute("rel") == Some(relation))?.attribute("href")
    }
}

/// Reads a feed and checks what RFC 4287 requires of it.
#[track_caller]
fn atom(response: &Response) -> Element {
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.header("Content-Type"), Some("application/atom+xml; charset=utf-8"));
    let text = response.text();
    let is_allowed = |c: char| matches!(c, '\n' | '\t' | ' '..='\u{fffd}' | '\u{10000}'..);
    assert!(text.chars().all(is_allowed), "{text:?}");
    let feed = Element::parse(&text);
    assert_eq!((feed.name.as_str(), feed.attribute("xmlns")), ("feed", Some(ATOM)));
    let mut ids = HashSet::new();
    for part in std::iter::once(&feed).chain(feed.all("entry")) {
        assert!(part.one("id").text.contains(':'), "{part:?}");
        assert!(!part.one("title").text.is_empty(), "{part:?}");
        assert_date(&part.one("updated").text);
        assert!(ids.insert(&part.one("id").text), "{part:?}");
    }
    for author in feed.all("author") {
        assert!(!author.one("name").text.is_empty());
    }
    assert_eq!(feed.all("author").count(), 1);
    for entry in feed.all("entry") {
        assert!(entry.all("content").count() == 1 || entry.link("alternate").is_some(), "{entry:?}");
        assert_date(&entry.one("published").text);
    }
    feed
}

#[track_caller]
fn assert_date(text: &str) {
    assert!(text.len() >= 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T', "{text}");
}

/// Reads a JSON Feed and checks what its specification requires.
#[track_caller]
fn json_feed(response: &Response) -> Value {
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.header("Content-Type"), Some("application/feed+json"));
    let feed: Value = serde_json::from_slice(&response.body).unwrap();
    assert_eq!(feed["version"], "https://jsonfeed.org/version/1.1");
    assert!(feed["title"].is_string());
    for item in feed["items"].as_array().unwrap() {
        assert!(item["id"].is_string(), "{item}");
        assert!(item["content_text"].is_string() || item["content_html"].is_string(), "{item}");
    }
    feed
}

fn titles(feed: &Element) -> Vec<String> {
    feed.all("entry").map(|entry| entry.one("title").text.clone()).collect()
}

fn entry(number: usize) -> Value {
    json!({"title": format!("title {number}"), "url": format!("https://a.example/{number}")})
}

fn get_with(faye: &Faye, target: &str, headers: &[(&str, &str)]) -> Response {
    faye.http().request("GET", target, headers, b"")
}

#[test]
fn a_channel_is_a_feed_in_two_formats() {
    let faye = start(NEWS);
    assert_eq!(titles(&atom(&faye.get("/feeds/news.atom"))), Vec::<String>::new());
    faye.publish("/news", entry(1));
    Session::begin(&faye, Via::WebSocket).publish("/news", entry(2));
    faye.publish("/other", entry(3));
    faye.publish("/news", json!({"id": "urn:x:4", "title": "title 4", "content": "a < b", "summary": "short",
        "html": "<p>a &lt; b</p>", "published": "2026-01-02T03:04:05+01:00", "updated": "2026-01-03T00:00:00Z",
        "author": "Ann", "image": "https://a.example/4.png"}));
    let response = faye.get("/feeds/news.atom");
    let feed = atom(&response);
    assert_eq!(titles(&feed), ["title 4", "title 2", "title 1"], "newest first");
    assert_eq!(feed.link("self"), Some("https://hub.example/feeds/news.atom"));
    assert_eq!(feed.link("hub"), None, "the hub is off");
    assert_eq!(response.header("Link"), Some("<https://hub.example/feeds/news.atom>; rel=\"self\""));
    assert_eq!(response.header("Access-Control-Allow-Origin"), Some("*"));
    let newest = feed.all("entry").next().unwrap();
    assert_eq!(newest.one("id").text, "urn:x:4");
    assert_eq!(newest.one("content").text, "<p>a &lt; b</p>");
    assert_eq!(newest.one("content").attribute("type"), Some("html"));
    assert_eq!(newest.one("summary").text, "short");
    assert_eq!(newest.one("published").text, "2026-01-02T02:04:05Z");
    assert_eq!(newest.one("updated").text, "2026-01-03T00:00:00Z");
    assert_eq!(newest.one("author").one("name").text, "Ann");
    assert_eq!(newest.link("enclosure"), Some("https://a.example/4.png"));
    let response = faye.get("/feeds/news.json");
    let feed = json_feed(&response);
    assert_eq!(response.header("Link"), Some("<https://hub.example/feeds/news.json>; rel=\"self\""));
    assert_eq!(feed["feed_url"], "https://hub.example/feeds/news.json");
    assert_eq!(
        feed["items"][0],
        json!({"id": "urn:x:4", "title": "title 4", "content_text": "a < b", "content_html": "<p>a &lt; b</p>",
            "summary": "short", "image": "https://a.example/4.png", "authors": [{"name": "Ann"}],
            "date_published": "2026-01-02T02:04:05Z", "date_modified": "2026-01-03T00:00:00Z"})
    );
    assert_eq!(feed["items"].as_array().map(Vec::len), Some(3));
    for path in ["/feeds/news.atom", "/feeds/news.json"] {
        let whole = faye.get(path);
        let mut http = faye.http();
        http.send("HEAD", path, &[], b"");
        let (status, headers) = http.head().unwrap();
        let header = |name: &str| {
            headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
        };
        assert_eq!(status, 200);
        for name in ["ETag", "Last-Modified", "Link", "Content-Type", "Content-Length"] {
            assert_eq!(header(name), whole.header(name), "{name}");
        }
    }
}

#[test]
fn data_of_any_kind_becomes_an_entry() {
    let faye = start(NEWS);
    for data in [
        json!("plain \u{0}\u{1b} text"),
        json!(7),
        json!([1, {"a": null}]),
        json!({"text": "x".repeat(300)}),
        json!(true),
    ] {
        faye.publish("/news", data);
    }
    let feed = atom(&faye.get("/feeds/news.atom"));
    let contents: Vec<_> = feed.all("entry").map(|entry| entry.one("content").text.as_str()).collect();
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(300));
    assert_eq!(contents, ["true", &long, "[1,{\"a\":null}]", "7", "\"plain \\u0000\\u001b text\""]);
    let titles = titles(&feed);
    assert_eq!((titles[0].as_str(), titles[3].as_str()), ("true", "7"));
    assert_eq!(titles[4], "plain text");
    assert!(titles[1].chars().count() <= 80 && titles[1].ends_with('…'), "{}", titles[1]);
    let json = json_feed(&faye.get("/feeds/news.json"));
    assert_eq!(json["items"][1]["content_text"], long);
}

#[test]
fn publishers_cannot_put_anything_harmful_into_a_feed() {
    let faye = start(NEWS);
    let hostile = [
        json!({"html": "<p onclick=alert(1)>a<script>alert(1)</script><img src=x onerror=alert(1)>\
                        <a href=\"javascript:alert(1)\">b</a><iframe src=\"https://a.example\"></iframe>"}),
        json!({"title": "a", "url": "javascript:alert(1)", "image": "javascript:alert(1)", "id": "javascript:alert(1)",
               "author": {"name": "a", "url": "javascript:alert(1)"}}),
        json!({"title": "a", "url": " java\nscript:alert(1)", "image": "data:text/html,<script>alert(1)</script>"}),
        json!({"title": "</title><script xmlns=\"http://www.w3.org/1999/xhtml\">alert(1)</script>", "html": "]]></content>",
               "author": "</name>", "summary": "&lt;script>", "url": "https://a.example/\"><script>"}),
        json!({"title": "a\u{0}\u{8}\u{b}\u{fffe}\u{ffff}b", "content": "c\u{c}d", "published": "never", "updated": -1e300}),
    ];
    for data in &hostile {
        faye.publish("/news", data.clone());
    }
    let response = faye.get("/feeds/news.atom");
    let feed = atom(&response);
    assert_eq!(feed.all("entry").count(), hostile.len());
    for text in [response.text(), faye.get("/feeds/news.json").text()] {
        for word in ["javascript:", "onclick", "onerror", "iframe", "data:", "<script xmlns=\"http"] {
            assert!(!text.contains(word), "{word} in {text}");
        }
    }
    let entries: Vec<_> = feed.all("entry").collect();
    assert_eq!(entries[0].one("title").text, "a b");
    assert_eq!(entries[0].one("content").text, "cd");
    assert_eq!(entries[0].one("published").text, entries[0].one("updated").text, "when it was published");
    assert!(entries[1].one("title").text.starts_with("</title><script"), "text is text");
    assert_eq!(entries[1].link("alternate"), Some("https://a.example/%22%3E%3Cscript%3E"));
    assert_eq!(entries[4].one("content").text, "<p>a<img><a rel=\"noopener noreferrer\">b</a></p>");
    assert_eq!(response.header("X-Content-Type-Options"), Some("nosniff"));
}

#[test]
fn a_reader_that_has_the_feed_is_told_so() {
    let faye = start(NEWS);
    faye.publish("/news", entry(1));
    for path in ["/feeds/news.atom", "/feeds/news.json"] {
        let whole = faye.get(path);
        let tag = whole.header("ETag").unwrap();
        let date = whole.header("Last-Modified").unwrap();
        for known in [
            &[("If-None-Match", tag)][..],
            &[("If-None-Match", "*")],
            &[("If-None-Match", &format!("\"other\", W/{tag}"))],
            &[("If-Modified-Since", date)],
            &[("If-None-Match", tag), ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")],
        ] {
            let response = get_with(&faye, path, known);
            assert_eq!(response.status, 304, "{known:?}");
            assert_eq!(response.body, b"");
            for name in ["ETag", "Last-Modified", "Link", "Access-Control-Allow-Origin"] {
                assert_eq!(response.header(name), whole.header(name), "{name}");
            }
        }
        for unknown in [
            &[("If-None-Match", "\"other\"")][..],
            &[("If-None-Match", "\"other\""), ("If-Modified-Since", date)],
            &[("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")],
            &[("If-Modified-Since", "yesterday")],
        ] {
            assert_eq!(get_with(&faye, path, unknown).status, 200, "{unknown:?}");
        }
    }
    // Also within the second of the first.
    let before = faye.get("/feeds/news.atom");
    faye.publish("/news", entry(2));
    let conditions = [
        ("If-None-Match", before.header("ETag").unwrap()),
        ("If-Modified-Since", before.header("Last-Modified").unwrap()),
    ];
    for condition in conditions {
        let response = get_with(&faye, "/feeds/news.atom", &[condition]);
        assert_eq!(titles(&atom(&response)), ["title 2", "title 1"], "{condition:?}");
    }
}

#[test]
fn only_feeds_of_the_settings_are_there_and_only_to_read() {
    let faye = start(NEWS);
    for path in ["/feeds/other.atom", "/feeds/news", "/feeds/news.rss", "/feeds/", "/feeds/NEWS.atom"] {
        assert_eq!(faye.get(path).status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        let response = faye.http().request(method, "/feeds/news.atom", &[("Content-Length", "0")], b"");
        assert_eq!(response.status, 405, "{method}");
        assert_eq!(response.header("Allow"), Some("GET, HEAD, OPTIONS"));
    }
    let asked = [
        ("Origin", "https://page.example"),
        ("Access-Control-Request-Method", "GET"),
        ("Access-Control-Request-Headers", "if-none-match"),
    ];
    let response = faye.http().request("OPTIONS", "/feeds/news.json", &asked, b"");
    assert_eq!(response.status, 204);
    assert_eq!(response.header("Access-Control-Allow-Origin"), Some("*"));
    assert!(response.header("Access-Control-Allow-Headers").unwrap().contains("If-None-Match"));
    let foreign = get_with(&faye, "/feeds/news.json", &[("Origin", "https://page.example")]);
    assert_eq!((foreign.status, foreign.header("Access-Control-Allow-Origin")), (200, Some("*")));
}

#[test]
fn a_feed_holds_what_the_history_holds() {
    let faye = start(NEWS);
    for number in 1..=8 {
        faye.publish("/news", entry(number));
    }
    let expected: Vec<_> = (4..=8).rev().map(|number| format!("title {number}")).collect();
    assert_eq!(titles(&atom(&faye.get("/feeds/news.atom"))), expected);
    // A newer message with the same id is a new version of the entry.
    faye.publish("/news", json!({"id": "seven", "title": "old"}));
    faye.publish("/news", json!({"id": "seven", "title": "new"}));
    let feed = atom(&faye.get("/feeds/news.atom"));
    assert_eq!(titles(&feed), ["new", "title 8", "title 7", "title 6"]);
    let json = json_feed(&faye.get("/feeds/news.json"));
    assert_eq!(json["items"].as_array().map(Vec::len), Some(4));
}

#[test]
fn a_feed_is_at_most_as_large_as_a_topic() {
    let file =
        "[[channel]]\nmatch = \"/news\"\nhistory = { messages = 100, age = \"1h\" }\nsyndicate = \"news\"\n";
    let faye = Faye::start_with_file(file, &[PUBLIC_URL, ("FAYE_HUB__TOPIC_SIZE", "64KiB")]);
    for number in 0..30 {
        faye.publish("/news", json!({"title": number.to_string(), "content": "<".repeat(10_000)}));
    }
    for (path, key) in [("/feeds/news.atom", "<entry>"), ("/feeds/news.json", "\"date_published\"")] {
        let text = faye.get(path).text();
        assert!(text.len() <= 64 * 1024, "{path}: {}", text.len());
        assert!(text.matches(key).count() >= 1, "{path}");
    }
    assert_eq!(titles(&atom(&faye.get("/feeds/news.atom"))), ["29"]);
    // One message may be larger; then it is alone.
    faye.publish("/news", json!({"title": "huge", "content": "x".repeat(500_000)}));
    assert_eq!(titles(&atom(&faye.get("/feeds/news.atom"))), ["huge"]);
}

#[test]
fn the_time_of_a_feed_never_goes_back() {
    let file =
        "[[channel]]\nmatch = \"/news\"\nhistory = { messages = 9, age = \"1s\" }\nsyndicate = \"news\"\n";
    let faye = start(file);
    let updated = || {
        let feed = atom(&faye.get("/feeds/news.atom"));
        (feed.one("updated").text.clone(), feed.all("entry").count())
    };
    let mut last = updated().0;
    for round in 0..3 {
        faye.publish("/news", json!({"title": round.to_string(), "updated": "2001-01-01T00:00:00Z"}));
        let since = Instant::now();
        loop {
            let (updated, entries) = updated();
            assert!(comparable(&updated) >= comparable(&last), "{updated} after {last}");
            last = updated;
            if entries == 0 && round > 0 || round == 0 && entries == 1 {
                break;
            }
            assert!(since.elapsed() < WATCHDOG, "the message is not too old");
        }
    }
    assert!(last.as_str() > "2026", "not the date of the publisher");
}

/// Dates with and without milliseconds, so that their texts are in their order.
fn comparable(date: &str) -> String {
    if date.contains('.') { date.to_owned() } else { date.replace('Z', ".000Z") }
}

#[test]
fn a_channel_that_becomes_private_is_no_feed_any_more() {
    let faye = start(NEWS);
    faye.publish("/news", entry(1));
    assert_eq!(faye.get("/feeds/news.atom").status, 200);
    let file = "[push]\nsecret = \"0123456789abcdef0123456789abcdef\"\n[[channel]]\nmatch = \"/news\"\nsubscribe = \"secret\"\n";
    std::fs::write(faye.folder().join("faye.toml"), file).unwrap();
    faye.hang_up();
    let since = Instant::now();
    while faye.get("/feeds/news.atom").status != 404 {
        assert!(since.elapsed() < WATCHDOG, "{}", faye.stderr());
    }
    assert_eq!(faye.get("/feeds/news.json").status, 404);
}

#[test]
fn all_instances_serve_the_same_feed() {
    let redis = Redis::start();
    let url = redis.url();
    let settings = [PUBLIC_URL, ("FAYE_REDIS__URL", url.as_str())];
    let start = || Faye::start_with_file(NEWS, &settings);
    let (first, second) = (start(), start());
    let both = |path: &str| {
        let (one, other) = (first.get(path), second.get(path));
        assert_eq!(one.text(), other.text());
        assert_eq!(one.header("ETag"), other.header("ETag"));
        assert_eq!(one.header("Last-Modified"), other.header("Last-Modified"));
        one
    };
    for number in 1..=7 {
        let (at, _) = if number % 2 == 0 { (&first, 0) } else { (&second, 0) };
        at.publish("/news", entry(number));
        let feed = atom(&both("/feeds/news.atom"));
        assert_eq!(titles(&feed)[0], format!("title {number}"));
    }
    assert_eq!(titles(&atom(&both("/feeds/news.atom"))).len(), 5);
    json_feed(&both("/feeds/news.json"));
    // The history outlives the instances, with all identifiers and dates.
    let before = both("/feeds/news.atom").text();
    drop((first, second));
    assert_eq!(start().get("/feeds/news.atom").text(), before);
    // Without its history a feed is not there, and says so.
    let third = start();
    drop(redis);
    let response = Http::open(third.address).request("GET", "/feeds/news.atom", &[], b"");
    assert_eq!(response.status, 503, "{response:?}");
    assert!(response.header("Retry-After").is_some());
}

/// No second version of a feed leaves while a test runs.
const SLOW: (&str, &str) = ("FAYE_HUB__FETCH_INTERVAL", "1h");

/// A callback that is subscribed to the feeds at these paths, each at its own path there.
fn subscribed(faye: &Faye, paths: &[&str]) -> Web {
    let callback = Web::callback();
    for path in paths {
        let body = encode(&[
            ("hub.mode", "subscribe"),
            ("hub.topic", &format!("{}{path}", hub::PUBLIC_URL)),
            ("hub.callback", &callback.url(path)),
            // The answer comes when the subscription is active.
            ("hub.verify", "sync"),
        ]);
        let response = faye.http().request("POST", "/hub", &[FORM], body.as_bytes());
        assert_eq!(response.status, 204, "{}", response.text());
    }
    callback.so_far();
    callback
}

#[track_caller]
fn delivery(callback: &Web) -> WebRequest {
    callback.next_where(|request| request.method == "POST")
}

/// The titles of a delivered Atom feed.
fn delivered(request: &WebRequest) -> Vec<String> {
    titles(&Element::parse(std::str::from_utf8(&request.body).unwrap()))
}

#[test]
fn a_publication_reaches_subscribers_of_the_hub_as_the_whole_feed() {
    // The address of the feeds cannot be fetched, and no topic is listed.
    let faye = hub::start_with_file(NEWS, &[("FAYE_HUB__POLICY", "listed")]);
    let callback = subscribed(&faye, &["/feeds/news.atom", "/feeds/news.json"]);
    let mut session = Session::begin(&faye, Via::WebSocket);
    for number in 1..=4 {
        if number % 2 == 0 {
            session.publish("/news", entry(number));
        } else {
            faye.publish("/news", entry(number));
        }
        let mut deliveries = [delivery(&callback), delivery(&callback)];
        deliveries.sort_by(|one, other| one.target.cmp(&other.target));
        for (delivery, path) in deliveries.iter().zip(["/feeds/news.atom", "/feeds/news.json"]) {
            let feed = faye.get(path);
            assert_eq!(delivery.path(), path);
            assert_eq!(String::from_utf8_lossy(&delivery.body), feed.text(), "what a reader gets");
            assert_eq!(delivery.header("content-type"), feed.header("Content-Type"));
            assert_eq!(delivery.header("link"), feed.header("Link"));
            let link =
                format!("<https://hub.example/hub>; rel=\"hub\", <https://hub.example{path}>; rel=\"self\"");
            assert_eq!(feed.header("Link"), Some(link.as_str()));
        }
        assert_eq!(delivered(&deliveries[0]).len(), number);
    }
    let feed = atom(&faye.get("/feeds/news.atom"));
    assert_eq!(feed.link("hub"), Some("https://hub.example/hub"));
    let feed = json_feed(&faye.get("/feeds/news.json"));
    assert_eq!(feed["hubs"], json!([{"type": "WebSub", "url": "https://hub.example/hub"}]));
    // Neither other channels nor pings of others are versions of the feed.
    faye.publish("/other", entry(9));
    let ping = encode(&[("hub.mode", "publish"), ("hub.url", "https://hub.example/feeds/news.atom")]);
    assert_eq!(faye.http().request("POST", "/hub", &[FORM], ping.as_bytes()).status, 204);
    faye.publish("/news", entry(5));
    let mut last = [delivery(&callback), delivery(&callback)];
    last.sort_by(|one, other| one.target.cmp(&other.target));
    assert_eq!(delivered(&last[0])[0], "title 5");
    assert!(callback.so_far().is_empty());
}

#[test]
fn many_publications_are_few_deliveries_and_none_is_lost_at_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("hub.db").display());
    let settings = [SLOW, ("FAYE_STORE__URL", store.as_str())];
    let mut faye = hub::start_with_file(NEWS, &settings);
    let callback = subscribed(&faye, &["/feeds/news.atom"]);
    faye.publish("/news", entry(1));
    assert_eq!(delivered(&delivery(&callback)), ["title 1"]);
    for number in 2..=50 {
        faye.publish("/news", entry(number));
    }
    let last = faye.get("/feeds/news.atom");
    assert!(callback.so_far().is_empty(), "the interval is not over");
    faye.terminate();
    assert_eq!(faye.wait(), Some(0));
    // The last version is queued at the stop. It is delivered then, or after the next start.
    let early = callback.so_far();
    let faye = hub::start_with_file(NEWS, &settings);
    let delivery_of_stop = early.into_iter().next().unwrap_or_else(|| delivery(&callback));
    assert_eq!(String::from_utf8_lossy(&delivery_of_stop.body), last.text());
    // The history is gone; a new message is a new feed.
    faye.publish("/news", entry(51));
    assert_eq!(delivered(&delivery(&callback)), ["title 51"]);
    assert!(callback.so_far().is_empty());
}

#[test]
fn the_newest_version_arrives_last_whatever_comes_together() {
    let faye = hub::start_with_file(NEWS, &[("FAYE_HUB__FETCH_INTERVAL", "10ms")]);
    let callback = subscribed(&faye, &["/feeds/news.atom"]);
    let mut newest = 0;
    for round in 1..=5 {
        let batch: Vec<_> = (0..40)
            .map(|at| json!({"channel": "/news", "data": {"title": format!("{}", round * 100 + at)}}))
            .collect();
        faye.post(&Value::Array(batch));
        loop {
            let titles = delivered(&delivery(&callback));
            let title: usize = titles[0].parse().unwrap();
            assert!(title > newest, "{title} after {newest}");
            newest = title;
            if title == round * 100 + 39 {
                break;
            }
        }
    }
}

/// Settings of instances that share histories and the state of the hub.
fn shared<'a>(redis: &'a str, store: &'a str) -> [(&'a str, &'a str); 2] {
    [("FAYE_REDIS__URL", redis), ("FAYE_STORE__URL", store)]
}

#[test]
fn a_publication_on_any_instance_reaches_subscribers_once() {
    let redis = Redis::start();
    let (redis, store) = (redis.url(), Postgres::shared().database());
    let start = || hub::start_with_file(NEWS, &shared(&redis, &store));
    let instances = [start(), start()];
    let callback = subscribed(&instances[0], &["/feeds/news.atom"]);
    for number in 1..=6 {
        instances[number % 2].publish("/news", entry(number));
        let delivery = delivery(&callback);
        let feed = instances[(number + 1) % 2].get("/feeds/news.atom");
        assert_eq!(String::from_utf8_lossy(&delivery.body), feed.text(), "as the other instance serves it");
        assert_eq!(delivered(&delivery)[0], format!("title {number}"));
    }
    // Another instance finds nothing that is not delivered.
    let third = start();
    third.publish("/news", entry(7));
    assert_eq!(delivered(&delivery(&callback))[0], "title 7");
    assert!(callback.so_far().is_empty());
}

#[test]
fn the_newest_version_is_queued_when_the_store_is_back() {
    let redis = Redis::start();
    let mut postgres = Postgres::start();
    let (redis, store) = (redis.url(), postgres.database());
    let start = || hub::start_with_file(NEWS, &shared(&redis, &store));
    let faye = start();
    let callback = subscribed(&faye, &["/feeds/news.atom"]);
    faye.publish("/news", entry(1));
    assert_eq!(delivered(&delivery(&callback)), ["title 1"]);
    wait_until_recorded(&postgres);
    postgres.stop();
    faye.publish("/news", entry(2));
    faye.wait_for_metric("faye_store_up", |up| up == 0);
    faye.publish("/news", entry(3));
    assert_eq!(titles(&atom(&faye.get("/feeds/news.atom")))[0], "title 3", "readers need no store");
    postgres.resume();
    // Perhaps the message between is a version of its own.
    while delivered(&delivery(&callback))[0] != "title 3" {}
    // The same if the instance that has accepted the message is gone.
    wait_until_recorded(&postgres);
    postgres.stop();
    faye.publish("/news", entry(4));
    faye.wait_for_metric("faye_store_up", |up| up == 0);
    drop(faye);
    postgres.resume();
    let faye = start();
    assert_eq!(delivered(&delivery(&callback))[0], "title 4");
    faye.publish("/news", entry(5));
    assert_eq!(delivered(&delivery(&callback))[0], "title 5");
    assert!(callback.so_far().is_empty());
}

/// Waits until the outcomes of all deliveries are in the first database of a server. Otherwise their claims would have to
/// end first.
fn wait_until_recorded(postgres: &Postgres) {
    let since = Instant::now();
    while postgres.sql("test0", "SELECT count(*) FROM deliveries") != "0" {
        assert!(since.elapsed() < WATCHDOG, "a delivery is not recorded");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
