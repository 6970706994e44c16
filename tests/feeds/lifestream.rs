//! The lifestream over HTTP: pages without scripts, the list for programs, streams for readers, and who may see what.

use std::sync::Arc;

use crate::support::{Faye, Response, Session, Via, WATCHDOG, Web, WebResponse, binary};
use jsonwebtoken::{EncodingKey, Header};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::time::Instant;

/// The policy of the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src https: http: data:; \
                      media-src https: http:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// A site with feeds, and a server that follows them.
struct Lifestream {
    faye: Faye,
    site: Site,
}

/// A site whose feeds grow.
struct Site {
    web: Web,
    entries: Entries,
    /// Entries that have tombstones instead.
    deleted: Entries,
}

type Entries = Arc<Mutex<Vec<(String, u32)>>>;

impl Site {
    fn start() -> Self {
        let (entries, deleted) = (Entries::default(), Entries::default());
        let (served, gone) = (Arc::clone(&entries), Arc::clone(&deleted));
        let web = Web::start(move |request| {
            let name = request.path().trim_start_matches('/').trim_end_matches(".xml").to_owned();
            let newest_first = served.lock().iter().rev().cloned().collect::<Vec<_>>();
            let entries: String = newest_first
                .iter()
                .filter(|(feed, _)| *feed == name)
                .map(|(feed, number)| {
                    let is_gone = gone.lock().contains(&(feed.clone(), *number));
                    if is_gone { tombstone(feed, *number) } else { entry(feed, *number) }
                })
                .collect();
            let body = format!(
                "<feed xmlns=\"http://www.w3.org/2005/Atom\"><id>tag:{name}</id><title>The {name}</title>\
                 <updated>2026-01-01T00:00:00Z</updated>{entries}</feed>"
            );
            Some(WebResponse::new(200, body).with("content-type", "application/atom+xml"))
        });
        Self { web, entries, deleted }
    }

    /// Adds an entry, newer than all others.
    fn add(&self, feed: &str, number: u32) {
        self.entries.lock().push((feed.to_owned(), number));
    }

    /// Puts a tombstone in place of an entry.
    fn delete(&self, feed: &str, number: u32) {
        self.deleted.lock().push((feed.to_owned(), number));
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

fn tombstone(feed: &str, number: u32) -> String {
    format!(
        "<deleted-entry xmlns=\"http://purl.org/atompub/tombstones/1.0\" ref=\"tag:{feed},{number}\" \
         when=\"2026-02-01T00:00:00Z\"/>"
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

/// Whether each entry has the title of its feed, which is recorded after the first entries.
fn are_titled(list: &Value) -> bool {
    entries(list).iter().all(|message| message["feed"]["title"].is_string())
}

fn has(response: &Response, header: &(String, String)) -> bool {
    response.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case(&header.0) && *value == header.1)
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
    // The way back has the same pages, and then the entries that have arrived.
    let mut back = Vec::new();
    loop {
        let page = stream.page(&target);
        back.push(headings(&page));
        let previous = link(&page, "prev").expect("a page of older entries leads to newer ones");
        let response = stream.faye.get(&previous);
        if response.status == 302 {
            assert_eq!(
                (header(&response, "location"), header(&response, "cache-control")),
                ("/lifestream", "no-store")
            );
            break;
        }
        assert!(response.text().contains("data-live=\"no\"") && link(&response.text(), "next").is_some());
        target = previous;
    }
    back.push(headings(&stream.page("/lifestream")));
    back.reverse();
    let mut back = back.concat();
    let arrived = usize::try_from(number - 1000).unwrap();
    assert!(back[..arrived].iter().all(|title| title.starts_with("blog 10")), "{back:?}");
    // The newest page may have some entries of the next one again, and none is missing.
    back.drain(..arrived);
    back.dedup();
    let mut unique = Vec::new();
    back.retain(|title| {
        !unique.contains(title) && {
            unique.push(title.clone());
            true
        }
    });
    assert_eq!(back, all);
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
        let allow = if target == "/lifestream" { "GET, HEAD" } else { "GET, HEAD, OPTIONS" };
        assert_eq!((post.status, header(&post, "allow")), (405, allow), "{target}");
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
        let second = ("content-security-policy".to_owned(), "require-trusted-types-for 'script'".to_owned());
        assert!(has(&response, &second), "{target}: {:?}", response.headers);
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
    for (query, status) in [
        ("feed=%3Cscript%3E", 400),
        ("feed=../x", 400),
        ("before=x", 400),
        ("before=-1", 400),
        ("feed=none", 404),
        ("feed=blog&feed=blog", 400),
        ("x=%00&y=<b>", 200),
        ("limit=-1", 200),
        ("before=", 200),
        ("before=9223372036854775807", 200),
        ("before=9223372036854775808", 400),
    ] {
        for page in ["", "/embed", ".atom", ".json"] {
            // Only the embedded page has a limit.
            let status = if page == "/embed" && query.starts_with("limit") { 400 } else { status };
            let response = stream.faye.get(&format!("/lifestream{page}?{query}"));
            assert_eq!(response.status, status, "{page} {query}");
            assert!(!response.text().contains("%3C") && !response.text().contains("<b>"), "{query}");
        }
    }
    for (query, status) in [
        ("limit=1e9", 400),
        ("limit=1000000000", 400),
        ("limit=200", 200),
        ("limit=+5", 400),
        ("after=x", 400),
    ] {
        assert_eq!(stream.faye.get(&format!("/lifestream/embed?{query}")).status, status, "{query}");
    }
    assert_eq!(stream.faye.get("/lifestream?after=5").status, 400);
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
fn a_deleted_entry_is_gone_and_an_unknown_one_is_missing() {
    let stream = Lifestream::start(&[("blog", "")], 2, "");
    let id = |list: &Value, at: usize| list["entries"][at]["entry"]["id"].as_str().unwrap().to_owned();
    let list = stream.wait("", |list| entries(list).len() == 2);
    let (kept, deleted) = (id(&list, 0), id(&list, 1));
    stream.site.delete("blog", 0);
    stream.wait("", |list| entries(list).len() == 1);
    let gone = stream.faye.get(&format!("/lifestream/entry/{deleted}"));
    assert_eq!(gone.status, 410);
    assert!(gone.text().contains("This entry is gone") && !gone.text().contains("blog 0"), "{}", gone.text());
    assert_eq!(
        (header(&gone, "content-security-policy"), header(&gone, "cache-control")),
        (POLICY, "no-store")
    );
    assert_eq!(
        stream.faye.http().request("HEAD", &format!("/lifestream/entry/{deleted}"), &[], b"").status,
        410
    );
    assert!(stream.page(&format!("/lifestream/entry/{kept}")).contains("blog 1"));
    // A page that begins at the deleted entry has those around it.
    assert_eq!(headings(&stream.page(&format!("/lifestream?before={kept}"))), [""; 0]);
    let above = stream.faye.get(&format!("/lifestream?after={deleted}"));
    assert_eq!((above.status, header(&above, "location")), (302, "/lifestream"));
    for unknown in
        [kept.replace(|digit: char| digit.is_ascii_hexdigit(), "0"), format!("{kept}0"), "x".to_owned()]
    {
        let response = stream.faye.get(&format!("/lifestream/entry/{unknown}"));
        assert_eq!(response.status, 404, "{unknown}");
        assert!(response.text().contains("There is no such entry."), "{}", response.text());
    }
}

#[test]
fn clients_beyond_the_rate_have_to_wait() {
    let stream = Lifestream::start(&[("blog", "")], 1, "[lifestream]\nrate = \"5/h\"\n");
    // As a proxy on this machine passes them on.
    let forwarded = [("X-Forwarded-For", "192.0.2.1")];
    let get = |target: &str| stream.faye.http().request("GET", target, &forwarded, b"");
    for target in ["", "/entries", ".atom", ".json", "/embed"] {
        assert_eq!(get(&format!("/lifestream{target}")).status, 200, "{target}");
    }
    let id = stream.list("")["entries"][0]["entry"]["id"].as_str().unwrap().to_owned();
    for target in ["", "/entries", ".atom", ".json", "/embed", &format!("/entry/{id}")] {
        let refused = get(&format!("/lifestream{target}"));
        assert_eq!(refused.status, 429, "{target}");
        let wait: u64 = header(&refused, "retry-after").parse().unwrap();
        assert!(wait > 0 && wait <= 3600, "{wait}");
        assert_eq!(header(&refused, "cache-control"), "no-store");
        assert!(!refused.text().contains("blog 0"), "{target}: {}", refused.text());
    }
    assert!(header(&get("/lifestream/entries"), "access-control-expose-headers").contains("Retry-After"));
    assert_eq!(stream.faye.metric("faye_refused_total{reason=\"lifestream_rate\"}"), 7);
    // Styles and scripts read nothing from the store.
    assert_eq!(get("/lifestream/embed.js").status, 200);
    stream.page("/lifestream");
}

#[test]
fn the_title_of_the_settings_is_the_title_everywhere() {
    let stream = Lifestream::start(&[("blog", "title = \"My <blog>\""), ("photos", "")], 1, "");
    let list = stream.wait("", |list| entries(list).len() == 2 && are_titled(list));
    let title = |list: &Value, feed: &str| {
        let message = entries(list).into_iter().find(|message| message["feed"]["name"] == feed).cloned();
        message.unwrap()["feed"]["title"].as_str().unwrap().to_owned()
    };
    assert_eq!((title(&list, "blog").as_str(), title(&list, "photos").as_str()), ("My <blog>", "The photos"));
    let page = stream.page("/lifestream");
    assert!(page.contains("data-feed=\"blog\">My &lt;blog&gt;</a></li>"), "{page}");
    assert!(
        page.contains(
            "class=\"source\" href=\"/lifestream?feed=blog\" data-feed=\"blog\">My &lt;blog&gt;</a>"
        )
    );
    assert!(!page.contains("The blog") && page.contains("The photos"), "{page}");
    assert!(stream.page("/lifestream?feed=blog").contains("<title>My &lt;blog&gt; – Lifestream</title>"));
    let atom = stream.page("/lifestream.atom");
    assert!(atom.contains("<title>My &lt;blog&gt;</title>") && !atom.contains("The blog"), "{atom}");
    let json: Value = serde_json::from_str(&stream.page("/lifestream.json")).unwrap();
    assert!(
        json.to_string().contains("\"title\":\"My <blog>\"") && !json.to_string().contains("The blog"),
        "{json}"
    );
    let mut session = Session::subscribed(&stream.faye, Via::WebSocket, "/feeds/blog");
    stream.site.add("blog", 5);
    let message = session.next();
    assert_eq!(message["data"]["feed"]["title"], "My <blog>", "{message}");
}

/// The secret of tokens.
const SECRET: &str = "a secret of thirty-two bytes, at least";

fn token() -> String {
    let claims = json!({ "exp": 4_000_000_000_u64, "subscribe": ["/**"] });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap()
}

/// The reply to a subscription that shows `ext`.
fn subscribe(session: &mut Session, channel: &str, ext: &Value) -> Value {
    let client = session.id.clone();
    session
        .ask(json!({ "channel": "/meta/subscribe", "clientId": client, "subscription": channel, "ext": ext }))
}

/// Every place where entries of feeds may be seen, with the status that it has if there are some.
fn outputs(stream: &Lifestream) -> Vec<(String, Response)> {
    let id = stream.list("feed=open")["entries"][0]["entry"]["id"].as_str().unwrap().to_owned();
    let targets = [
        "",
        "?before=9999",
        "?feed=open",
        &format!("?before={id}"),
        &format!("?after={id}"),
        "/entries",
        "/entries?after=0",
        "/entries?after=3",
        "/entries?before=9999",
        "/entries?limit=1",
        "/entries?feed=open",
        "/entries?feed=open&after=0",
        "/embed",
        "/embed?feed=open",
        ".atom",
        ".json",
        ".atom?feed=open",
        &format!("/entry/{id}"),
    ];
    let targets = targets.map(|target| format!("/lifestream{target}"));
    targets.into_iter().map(|target| (target.clone(), stream.faye.get(&target))).collect()
}

#[test]
fn private_feeds_are_in_no_output() {
    let user = "username = \"ana\"\npassword = \"secret\"\n";
    let shown = format!("{user}public = true");
    let feeds = [("open", ""), ("hidden", user), ("ruled", ""), ("shown", shown.as_str())];
    let rules = ["hidden", "ruled"].map(|feed| {
        format!("[[channel]]\nmatch = \"/feeds/{feed}\"\nsubscribe = \"token\"\npublish = \"nobody\"\n")
    });
    let key = format!("[[key]]\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\n");
    let settings = format!("{key}{}", rules.concat());
    let stream = Lifestream::start(&feeds, 3, &settings);
    stream.wait("", |list| entries(list).len() == 6 && are_titled(list));
    for private in ["hidden", "ruled"] {
        let stored = format!("faye_feed_entries_total{{feed=\"{private}\",change=\"created\"}}");
        stream.faye.wait_for_metric(&stored, |count| count == 3);
    }
    let before = outputs(&stream);
    for (target, response) in &before {
        let text = response.text();
        assert!(
            response.status == 302
                || response.status == 200 && (text.contains("open") || text.contains("shown"))
        );
        assert!(
            !text.contains("hidden 2") && !text.contains("ruled") && !text.contains("feed=hidden"),
            "{target}: {text}"
        );
    }
    // Their ids, as those who may subscribe get them.
    let mut ids = Vec::new();
    for feed in ["hidden", "ruled"] {
        let message = {
            let mut session = Session::begin(&stream.faye, Via::WebSocket);
            let reply = subscribe(&mut session, &format!("/feeds/{feed}"), &json!({ "token": token() }));
            assert_eq!(reply["successful"], true, "{reply}");
            stream.site.add(feed, 50);
            session.next()
        };
        ids.push(message["data"]["entry"]["id"].as_str().unwrap().to_owned());
        let mut stranger = Session::begin(&stream.faye, Via::WebSocket);
        let reply = subscribe(&mut stranger, &format!("/feeds/{feed}"), &json!({}));
        assert_eq!(reply["successful"], false, "{reply}");
    }
    let reply = subscribe(&mut Session::begin(&stream.faye, Via::WebSocket), "/feeds/*", &json!({}));
    assert_eq!(reply["successful"], false, "a pattern with a private channel: {reply}");
    // News of theirs change nothing, not even a number or an entity tag.
    for ((target, old), (_, new)) in before.iter().zip(outputs(&stream)) {
        assert_eq!(new.header("etag"), old.header("etag"), "{target}: {}", new.text());
        assert_eq!(new.text(), old.text(), "{target}");
    }
    for id in ids {
        assert_eq!(stream.faye.get(&format!("/lifestream/entry/{id}")).status, 404);
        for list in ["/lifestream?before=", "/lifestream/entries?before="] {
            let text = stream.page(&format!("{list}{id}"));
            assert!(!text.contains("hidden 2") && !text.contains("ruled"), "{text}");
        }
    }
    for feed in ["hidden", "ruled", "none"] {
        for target in ["?feed=", "/entries?feed=", "/embed?feed=", ".atom?feed=", ".json?feed="] {
            let target = format!("/lifestream{target}{feed}");
            let response = stream.faye.get(&target);
            assert_eq!(response.status, 404, "{target}");
            assert!(response.text().contains("There is no feed of this name."), "as if there were none");
        }
        for target in [format!("/feeds/{feed}.atom"), format!("/feeds/{feed}.json"), format!("/feeds/{feed}")]
        {
            assert_eq!(stream.faye.get(&target).status, 404, "{target}");
        }
    }
}

#[test]
fn each_route_has_the_methods_for_reading() {
    let stream = Lifestream::start(&[("blog", "")], 1, "");
    let id = stream.list("")["entries"][0]["entry"]["id"].as_str().unwrap().to_owned();
    let page = stream.page("/lifestream");
    let style = page.split("<link rel=\"stylesheet\" href=\"").nth(1).unwrap().split('"').next().unwrap();
    let paths = ["", "/", "/entries", ".atom", ".json", "/embed", "/embed.js", &format!("/entry/{id}")];
    let targets = paths.map(|path| format!("/lifestream{path}"));
    for target in targets.iter().map(String::as_str).chain([style]) {
        let is_shared = target.contains("entries") || target.ends_with(".atom") || target.ends_with(".json");
        let send = |method: &str| {
            stream.faye.http().request(method, target, &[("Origin", "https://a.example")], b"")
        };
        let (get, head, options) = (send("GET"), send("HEAD"), send("OPTIONS"));
        assert_eq!((get.status, head.status, head.body.len()), (200, 200, 0), "{target}");
        for name in ["content-type", "etag", "cache-control", "content-security-policy", "content-length"] {
            assert_eq!(head.header(name), get.header(name), "{target}: {name}");
        }
        let origin = get.header("access-control-allow-origin");
        assert_eq!(origin.is_some(), is_shared || target.ends_with("embed.js"), "{target}");
        // Browsers need no preflight for the others.
        assert_eq!(options.status, if is_shared { 204 } else { 405 }, "{target}");
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let refused = send(method);
            assert_eq!(refused.status, 405, "{method} {target}");
            let allow = if is_shared { "GET, HEAD, OPTIONS" } else { "GET, HEAD" };
            assert_eq!(header(&refused, "allow"), allow, "{method} {target}");
        }
    }
    for target in
        ["/lifestreamx", "/lifestream/x", "/lifestream.rss", "/lifestream/entry", "/lifestream/entry/"]
    {
        assert_eq!(stream.faye.get(target).status, 404, "{target}");
    }
}

#[test]
fn feeds_and_their_state_are_shown_without_entries() {
    let stream = Lifestream::start(&[("blog", "")], 0, "");
    assert!(stream.page("/lifestream").contains("This feed is followed: blog."));
    let none =
        Faye::start_with_file("[store]\nurl = \"sqlite::memory:\"\n[lifestream]\nenabled = true\n", &[]);
    assert!(none.get("/lifestream").text().contains("[[feed]]"));
}

#[test]
fn the_page_of_a_server_that_has_just_started_names_its_feeds() {
    let site = Site::start();
    let file = format!(
        "[store]\nurl = \"sqlite:faye.db\"\n[feeds]\nnetworks = [\"127.0.0.0/8\"]\n{}{}",
        site.feed("blog", "title = \"My blog\""),
        site.feed("photos", "")
    );
    let faye = Faye::start_with_file(&file, &[]);
    let page = faye.get("/lifestream").text();
    assert!(page.contains("No entries yet") && page.contains("blog, photos."), "{page}");
    assert!(page.contains("My blog</a></li>") && !page.contains("No feeds yet"), "{page}");
    assert_eq!(faye.get("/lifestream?feed=blog").status, 200);
}

/// What `faye check` and a start say about settings that they refuse.
fn refusals(settings: &str) -> [String; 2] {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("faye.toml"), settings).unwrap();
    std::fs::write(folder.path().join("large.css"), vec![b' '; 1024 * 1024 + 1]).unwrap();
    std::fs::write(folder.path().join("latin1.css"), b"/* \xe9 */").unwrap();
    std::fs::create_dir(folder.path().join("folder.css")).unwrap();
    [&["check"][..], &[]].map(|command| {
        let output = binary().current_dir(folder.path()).args(command).output().expect("the binary runs");
        assert!(!output.status.success(), "{settings}");
        String::from_utf8(output.stderr).expect("UTF-8")
    })
}

#[test]
fn settings_of_the_page_that_cannot_be_used_are_named() {
    for (setting, name, text) in [
        ("css = \"none.css\"", "lifestream.css", "none.css"),
        ("css = \"folder.css\"", "lifestream.css", "folder.css"),
        ("css = \"latin1.css\"", "lifestream.css", "latin1.css"),
        ("css = \"large.css\"", "lifestream.css", "1048576"),
        ("accent = \"reddish\"", "lifestream.accent", "#b03030"),
        ("embed_origins = [\"example.com\"]", "lifestream.embed_origins", "https://example.com"),
        ("embed_origins = [\"null\"]", "lifestream.embed_origins", "https://example.com"),
    ] {
        let settings =
            format!("[store]\nurl = \"sqlite::memory:\"\n[lifestream]\nenabled = true\n{setting}\n");
        for said in refusals(&settings) {
            assert!(said.contains(name) && said.contains(text), "{setting}: {said}");
            assert!(!said.contains("panicked"), "{said}");
        }
    }
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
