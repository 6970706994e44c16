//! The lifestream over HTTP: pages without scripts, the list for programs, streams for readers, and who may see what.

#![cfg(feature = "websub")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails there")]

mod support;

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use support::{Faye, Response, WATCHDOG, Web, WebResponse};
use tokio::time::Instant;

/// The policy of the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src https: http: data:; \
                      media-src https: http:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'";

/// A site with feeds, and a server that follows them.
struct Lifestream {
    faye: Faye,
    site: Site,
}

/// A site whose feeds grow.
struct Site {
    web: Web,
    entries: Arc<Mutex<Vec<(String, u32)>>>,
}

impl Site {
    fn start() -> Self {
        let entries: Arc<Mutex<Vec<(String, u32)>>> = Arc::default();
        let served = Arc::clone(&entries);
        let web = Web::start(move |request| {
            let name = request.path().trim_start_matches('/').trim_end_matches(".xml").to_owned();
            let newest_first = served.lock().iter().rev().cloned().collect::<Vec<_>>();
            let entries: String = newest_first
                .iter()
                .filter(|(feed, _)| *feed == name)
                .map(|(feed, number)| entry(feed, *number))
                .collect();
            let body = format!(
                "<feed xmlns=\"http://www.w3.org/2005/Atom\"><id>tag:{name}</id><title>The {name}</title>\
                 <updated>2026-01-01T00:00:00Z</updated>{entries}</feed>"
            );
            Some(WebResponse::new(200, body).with("content-type", "application/atom+xml"))
        });
        Self { web, entries }
    }

    /// Adds an entry, newer than all others.
    fn add(&self, feed: &str, number: u32) {
        self.entries.lock().push((feed.to_owned(), number));
    }

    fn feed(&self, name: &str, more: &str) -> String {
        let url = self.web.url(&format!("/{name}.xml"));
        format!("[[feed]]\nname = \"{name}\"\nurl = \"{url}\"\npoll = \"1s\"\nhub = \"none\"\n{more}\n")
    }
}

fn entry(feed: &str, number: u32) -> String {
    let (hour, minute) = (number / 60, number % 60);
    format!(
        "<entry><id>tag:{feed},{number}</id><title>{feed} {number}</title><link href=\"https://a.example/{number}\"/>\
         <published>2026-01-01T{hour:02}:{minute:02}:00Z</published><updated>2026-01-01T00:00:00Z</updated>\
         <content type=\"html\">&lt;p&gt;Text&lt;script&gt;alert(1)&lt;/script&gt;</content></entry>"
    )
}

impl Lifestream {
    /// A server with these feeds, which have `count` entries each.
    fn start(feeds: &[(&str, &str)], count: u32, settings: &str) -> Self {
        let site = Site::start();
        for number in 0..count {
            feeds.iter().for_each(|(feed, _)| site.add(feed, number));
        }
        let feeds: String = feeds.iter().map(|(name, more)| site.feed(name, more)).collect();
        let file = format!(
            "[store]\nurl = \"sqlite:faye.db\"\n[feeds]\nnetworks = [\"127.0.0.0/8\"]\nbackfill = 1000\n{feeds}{settings}"
        );
        let lifestream = Self { faye: Faye::start_with_file(&file, &[]), site };
        lifestream.wait("", |list| !entries(list).is_empty() || count == 0);
        lifestream
    }

    /// The list for programs.
    fn list(&self, query: &str) -> Value {
        let response = self.faye.get(&format!("/lifestream/entries?{query}"));
        assert_eq!(response.status, 200, "{query}: {}", response.text());
        serde_json::from_slice(&response.body).expect("a list")
    }

    /// The list for programs, as soon as it is as wished.
    #[track_caller]
    fn wait(&self, query: &str, wished: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let list = self.list(query);
            if wished(&list) {
                return list;
            }
            assert!(begin.elapsed() < WATCHDOG, "{list}; stderr: {}", self.faye.stderr());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    fn page(&self, target: &str) -> String {
        let response = self.faye.get(target);
        assert_eq!(response.status, 200, "{target}: {}", response.text());
        response.text()
    }
}

fn entries(list: &Value) -> Vec<&Value> {
    list["entries"].as_array().expect("entries").iter().collect()
}

/// The titles of a list for programs.
fn titles(list: &Value) -> Vec<String> {
    entries(list).iter().map(|message| message["entry"]["title"].as_str().unwrap().to_owned()).collect()
}

/// The titles on a page.
fn headings(page: &str) -> Vec<String> {
    let headings =
        page.split("<h2 class=\"p-name\">").skip(1).map(|rest| rest.split("</h2>").next().unwrap());
    headings.map(|heading| heading.split('>').nth(1).unwrap().trim_end_matches("</a").to_owned()).collect()
}

/// The address of the link of that relation.
fn link(page: &str, rel: &str) -> Option<String> {
    let rest = page.split(&format!("<link rel=\"{rel}\" href=\"")).nth(1)?;
    Some(rest.split('"').next().unwrap().replace("&amp;", "&"))
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.header(name).unwrap_or_else(|| panic!("no {name}: {:?}", response.headers))
}

#[test]
fn pages_have_every_entry_once_while_entries_arrive() {
    let stream = Lifestream::start(&[("blog", ""), ("photos", "")], 60, "[lifestream]\npage = 25\n");
    let all = titles(&stream.wait("limit=200", |list| entries(list).len() == 120));
    let mut read = Vec::new();
    let mut target = "/lifestream".to_owned();
    let mut number = 1000;
    loop {
        let page = stream.page(&target);
        assert!(page.contains("class=\"h-feed\"") && page.contains("h-entry"), "{page}");
        assert!(!page.contains("alert(1)"), "{page}");
        read.extend(headings(&page));
        let Some(next) = link(&page, "next") else { break };
        number += 1;
        stream.site.add("blog", number);
        stream.wait("limit=1", |list| titles(list)[0] == format!("blog {number}"));
        target = next;
    }
    assert_eq!(read, all);
    let page = stream.page(&target);
    assert_eq!(link(&page, "prev").as_deref(), Some("/lifestream"));
    let filtered = headings(&stream.page("/lifestream?feed=photos&utm_source=x"));
    assert!(
        filtered.len() == 25 && filtered.iter().all(|title| title.starts_with("photos ")),
        "{filtered:?}"
    );
}

#[test]
fn lists_have_every_entry_once_backwards_and_forwards() {
    let stream = Lifestream::start(&[("blog", ""), ("photos", "")], 30, "");
    stream.wait("limit=200", |list| entries(list).len() == 60);
    for (start, expected) in [("limit=7", 60), ("limit=7&feed=blog", 30), ("limit=7&after=0", 60)] {
        let mut seqs = Vec::new();
        let mut list = stream.list(start);
        loop {
            assert!(entries(&list).len() <= 7);
            seqs.extend(entries(&list).iter().map(|message| message["seq"].as_i64().unwrap()));
            let Some(next) = list["next"].as_str() else { break };
            list = stream.list(next.split_once('?').unwrap().1);
        }
        assert_eq!(seqs.len(), expected, "{start}");
        if start.contains("after") {
            assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");
            assert_eq!(list["last"].as_i64(), seqs.last().copied());
        }
        seqs.sort_unstable();
        seqs.dedup();
        assert_eq!(seqs.len(), expected, "{start}");
    }
    let last = stream.list("limit=1")["last"].as_i64().unwrap();
    assert!(entries(&stream.list(&format!("after={last}"))).is_empty());
    stream.site.add("blog", 900);
    let news = stream.wait(&format!("after={last}"), |list| !entries(list).is_empty());
    assert_eq!((titles(&news), news["last"].as_i64()), (vec!["blog 900".to_owned()], Some(last + 1)));
}

#[test]
fn what_a_client_has_is_not_sent_again_and_all_origins_may_read_lists() {
    let stream = Lifestream::start(&[("blog", "")], 3, "");
    for target in ["/lifestream", "/lifestream/entries", "/lifestream.atom", "/lifestream.json"] {
        let response = stream.faye.get(target);
        let tag = header(&response, "etag").to_owned();
        assert_eq!(header(&response, "cache-control"), "no-cache", "{target}");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff", "{target}");
        for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
            let again = stream.faye.http().request("GET", target, &[("If-None-Match", &known)], b"");
            assert_eq!((again.status, again.body.len()), (304, 0), "{target} {known}");
            assert_eq!(header(&again, "etag"), tag);
        }
        let head = stream.faye.http().request("HEAD", target, &[], b"");
        assert_eq!((head.status, header(&head, "etag")), (200, tag.as_str()), "{target}");
        let post = stream.faye.http().request("POST", target, &[], b"");
        assert_eq!((post.status, header(&post, "allow")), (405, "GET, HEAD, OPTIONS"), "{target}");
    }
    let old = header(&stream.faye.get("/lifestream/entries"), "etag").to_owned();
    stream.site.add("blog", 10);
    stream.wait("limit=1", |list| titles(list)[0] == "blog 10");
    let list = stream.faye.http().request("GET", "/lifestream/entries", &[("If-None-Match", &old)], b"");
    assert_eq!(list.status, 200);
    for response in
        [list, stream.faye.get("/lifestream/entries?limit=x"), stream.faye.get("/lifestream.atom")]
    {
        assert_eq!(header(&response, "access-control-allow-origin"), "*");
    }
    let asked =
        stream.faye.http().request("OPTIONS", "/lifestream/entries", &[("Origin", "https://a.example")], b"");
    assert_eq!((asked.status, header(&asked, "access-control-allow-headers")), (204, "If-None-Match"));
    assert!(stream.faye.get("/lifestream").header("access-control-allow-origin").is_none());
}

#[test]
fn the_policy_of_the_page_is_exact() {
    let embed = "[lifestream]\nembed_origins = [\"https://a.example\", \"https://*.b.example\"]\n";
    let stream = Lifestream::start(&[("blog", "")], 1, embed);
    let id = stream.list("")["entries"][0]["entry"]["id"].as_str().unwrap().to_owned();
    let targets =
        ["/lifestream".to_owned(), format!("/lifestream/entry/{id}"), "/lifestream?feed=x".to_owned()];
    for target in targets {
        let response = stream.faye.get(&target);
        assert_eq!(header(&response, "content-security-policy"), POLICY, "{target}");
        assert_eq!(header(&response, "referrer-policy"), "no-referrer");
        let page = response.text();
        assert!(!page.contains(" style=") && !page.contains(" on"), "no inline styles and scripts: {page}");
        for file in page.split("=\"/lifestream/files/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let file = stream.faye.get(&format!("/lifestream/files/{file}"));
            assert_eq!(file.status, 200);
            assert_eq!(header(&file, "cache-control"), "public, max-age=31536000, immutable");
        }
    }
    let policy =
        POLICY.replace("frame-ancestors 'none'", "frame-ancestors https://a.example https://*.b.example");
    assert_eq!(header(&stream.faye.get("/lifestream/embed"), "content-security-policy"), policy);
    let script = stream.faye.get("/lifestream/embed.js");
    assert_eq!(header(&script, "content-type"), "text/javascript; charset=utf-8");
    assert_eq!(header(&script, "cross-origin-resource-policy"), "cross-origin");
}

#[test]
fn hostile_queries_get_a_clear_answer() {
    let stream = Lifestream::start(&[("blog", "")], 2, "");
    let long = "a".repeat(3000);
    for (query, status) in [
        ("limit=0", 400),
        ("limit=201", 400),
        ("limit=1e2", 400),
        ("after=-1", 400),
        ("after=1&before=1", 400),
        ("before=%27%20OR%201=1", 400),
        ("before=00000000-0000-0000-0000-00000000000g", 400),
        ("feed=%3Cscript%3E", 400),
        ("feed=none", 404),
        ("limit=1&limit=1", 400),
        ("callback=x", 400),
        (&format!("feed={long}"), 400),
    ] {
        let response = stream.faye.get(&format!("/lifestream/entries?{query}"));
        assert_eq!(response.status, status, "{query}");
        let error: Value = serde_json::from_slice(&response.body).expect("JSON");
        assert!(error["error"].is_string() && !response.text().contains("<script"), "{error}");
    }
    for (query, status) in
        [("feed=%3Cscript%3E", 400), ("before=x", 400), ("feed=none", 404), ("x=%00&y=<b>", 200)]
    {
        let response = stream.faye.get(&format!("/lifestream?{query}"));
        assert_eq!(response.status, status, "{query}");
        assert!(!response.text().contains("%3C") && !response.text().contains("<b>"), "{query}");
    }
    let nothing = stream.list("before=00000000-0000-7000-8000-000000000000");
    assert!(entries(&nothing).len() <= 2 && nothing["next"].is_null());
    for path in
        ["/entry/x", "/entry/00000000-0000-7000-8000-000000000000", "/entry/..%2f", "/files/x/none.js"]
    {
        assert_eq!(stream.faye.get(&format!("/lifestream{path}")).status, 404, "{path}");
    }
    assert!(stream.faye.metric("faye_refused_total{reason=\"syntax\"}") >= 10);
    stream.faye.assert_serves();
}

#[test]
fn private_feeds_are_in_no_output() {
    let feeds = [("open", ""), ("hidden", "username = \"ana\"\npassword = \"secret\""), ("ruled", "")];
    let shown = ("shown", "username = \"ana\"\npassword = \"secret\"\npublic = true");
    let feeds: Vec<_> = feeds.into_iter().chain([shown]).collect();
    let rule = "[[channel]]\nmatch = \"/feeds/ruled\"\nsubscribe = \"nobody\"\npublish = \"nobody\"\n";
    let stream = Lifestream::start(&feeds, 3, rule);
    stream.wait("", |list| entries(list).len() == 6);
    for private in ["hidden", "ruled"] {
        let stored = format!("faye_feed_entries_total{{feed=\"{private}\",change=\"created\"}}");
        stream.faye.wait_for_metric(&stored, |count| count == 3);
    }
    for target in ["", "/entries", "/entries?after=0", "/embed", ".atom", ".json"] {
        let text = stream.page(&format!("/lifestream{target}"));
        assert!(text.contains("open") && text.contains("shown"), "{target}: {text}");
        assert!(
            !text.contains("hidden 2") && !text.contains("ruled") && !text.contains("feed=hidden"),
            "{target}: {text}"
        );
    }
    for feed in ["hidden", "ruled", "none"] {
        for target in [format!("/lifestream?feed={feed}"), format!("/lifestream/entries?feed={feed}")] {
            let response = stream.faye.get(&target);
            assert_eq!(response.status, 404, "{target}");
            assert!(response.text().contains("There is no feed of this name."), "as if there were none");
        }
    }
}

#[test]
fn feeds_and_their_state_are_shown_without_entries() {
    let stream = Lifestream::start(&[("blog", "")], 0, "");
    let begin = Instant::now();
    // The feed is in the store soon after the start.
    while !stream.page("/lifestream").contains("This feed is followed: blog.") {
        assert!(begin.elapsed() < WATCHDOG, "{}", stream.page("/lifestream"));
    }
    let none =
        Faye::start_with_file("[store]\nurl = \"sqlite::memory:\"\n[lifestream]\nenabled = true\n", &[]);
    assert!(none.get("/lifestream").text().contains("[[feed]]"));
}

#[test]
fn while_the_store_is_away_readers_are_told_when_to_come_back() {
    let settings = "[store]\nurl = \"postgres://faye@127.0.0.1:1/faye\"\n[lifestream]\nenabled = true\n";
    let faye = Faye::start_with_file(settings, &[]);
    for target in
        ["/lifestream", "/lifestream/embed", "/lifestream/entry/00000000-0000-7000-8000-000000000000"]
    {
        let response = faye.get(target);
        assert_eq!((response.status, header(&response, "retry-after")), (503, "5"), "{target}");
        assert_eq!(header(&response, "cache-control"), "no-store");
        assert!(response.text().contains("Back soon"), "{}", response.text());
    }
    for target in ["/lifestream/entries", "/lifestream.atom", "/lifestream.json"] {
        let response = faye.get(target);
        assert_eq!((response.status, header(&response, "retry-after")), (503, "5"), "{target}");
        let error: Value = serde_json::from_slice(&response.body).expect("JSON");
        assert!(error["error"].is_string() && !response.text().contains("127.0.0.1"), "{error}");
    }
    assert_eq!(faye.get("/lifestream/embed.js").status, 200);
}
