//! The management API of feeds and `faye feeds`: what they list, what they change, and what they say if they cannot.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::*;
use serde_json::{Value, json};

const KEY: &str = "0123456789abcdef";

const ATOM: &str = "<feed xmlns='http://www.w3.org/2005/Atom'><title>Old</title>\
    <entry><id>tag:a.example,2015:1</id><title>One</title><updated>2015-04-01T10:00:00Z</updated></entry>\
    <entry><id>tag:a.example,2015:2</id><title>Two</title><updated>2015-04-02T10:00:00Z</updated></entry></feed>";

/// Feeds that are never fetched: nothing answers at their addresses, and none are due.
const NEVER: [(&str, &str); 2] = [("FAYE_FEEDS__POLL", "never"), ("FAYE_FEEDS__BACKUP_POLL", "never")];

fn start(file: &str) -> Faye {
    let mut settings = vec![
        ("FAYE_STORE__URL", "sqlite::memory:"),
        ("FAYE_LIFESTREAM__ENABLED", "true"),
        ("FAYE_API__KEY", KEY),
        ("FAYE_ADMIN__LISTEN", "127.0.0.1:0"),
        ("FAYE_FEEDS__KEEP_FOR", "36500d"),
    ];
    settings.extend(NEVER);
    Faye::start_with_file(file, &settings)
}

/// Asks with the key; the status and the value of the response.
fn ask(faye: &Faye, method: &str, target: &str, body: &str) -> (u16, Value) {
    let authorization = format!("Bearer {KEY}");
    let headers = [("Authorization", authorization.as_str())];
    let response = Http::open(faye.admin).request(method, target, &headers, body.as_bytes());
    assert_eq!(response.header("Cache-Control"), Some("no-store"), "{response:?}");
    (response.status, serde_json::from_slice(&response.body).unwrap_or(Value::Null))
}

#[track_caller]
fn done(faye: &Faye, target: &str, body: &str) -> Value {
    let (status, value) = ask(faye, "POST", target, body);
    assert!(status == 200 || status == 201, "{target}: {status} {value}");
    value
}

#[track_caller]
fn refused(faye: &Faye, target: &str, body: &str, status: u16, text: &str) {
    let (found, value) = ask(faye, "POST", target, body);
    assert_eq!(found, status, "{target}: {value}");
    assert!(value["error"].as_str().unwrap().contains(text), "{target}: {value}");
}

fn names(faye: &Faye, query: &str) -> Vec<String> {
    let (status, value) = ask(faye, "GET", &format!("/api/v1/feeds{query}"), "");
    assert_eq!(status, 200, "{value}");
    value["feeds"].as_array().unwrap().iter().map(|feed| feed["name"].as_str().unwrap().to_owned()).collect()
}

fn add(faye: &Faye, name: &str) {
    let added = done(
        faye,
        "/api/v1/feeds",
        &json!({"name": name, "url": format!("http://192.0.2.1/{name}")}).to_string(),
    );
    assert_eq!(added, json!({"name": name, "channel": format!("/feeds/{name}")}));
}

#[test]
fn feeds_are_added_listed_and_removed() {
    let faye = start("");
    for name in ["c", "a", "b"] {
        add(&faye, name);
    }
    assert_eq!(names(&faye, ""), ["a", "b", "c"]);
    let (_, page) = ask(&faye, "GET", "/api/v1/feeds?limit=2", "");
    assert_eq!(page["next"], "b");
    assert_eq!(names(&faye, "?limit=2&after=b"), ["c"]);
    let feed = &page["feeds"][0];
    assert_eq!(
        (&feed["source"], &feed["entries"], &feed["channel"]),
        (&json!("store"), &json!(0), &json!("/feeds/a"))
    );
    assert!(feed.get("password").is_none(), "{feed}");
    let of = |name: &str, more: &str| format!("{{\"name\":\"{name}\",\"url\":\"http://192.0.2.1/x\"{more}}}");
    refused(&faye, "/api/v1/feeds", &of("a", ""), 409, "there is a feed a; remove it first");
    for (body, text) in [
        (of("A", ""), "name: \"A\" is not a name of 1 to 64 lower-case letters"),
        (of("d", ",\"poll\":\"5\""), "poll: \"5\" is not a duration or"),
        (of("d", ",\"username\":\"u\""), "username: a username and its password go together"),
        (of("d", ",\"color\":\"u\""), "unknown key"),
        (of("d", ",\"poll\":5"), "the body is not a JSON object with the keys of a [[feed]]"),
        ("{\"name\":\"d\"}".to_owned(), "url is missing"),
        (String::new(), "the body is not a JSON object"),
    ] {
        refused(&faye, "/api/v1/feeds", &body, 400, text);
    }
    done(&faye, "/api/v1/feeds", &of("d", ",\"username\":\"u\",\"password\":\"hidden\",\"public\":true"));
    let (_, page) = ask(&faye, "GET", "/api/v1/feeds", "");
    assert!(!page.to_string().contains("hidden") && page["feeds"][3]["username"] == "u", "{page}");
    assert_eq!(done(&faye, "/api/v1/feeds/b/poll", ""), json!({"due": 1}));
    assert_eq!(done(&faye, "/api/v1/feeds/*/poll", ""), json!({"due": 4}));
    assert_eq!(done(&faye, "/api/v1/feeds/b/resubscribe", ""), json!({"due": 1}));
    assert_eq!(done(&faye, "/api/v1/feeds/b/remove", ""), json!({"removed": "b"}));
    for action in ["remove", "poll", "resubscribe", "purge", "import"] {
        refused(&faye, &format!("/api/v1/feeds/unknown/{action}"), "x", 404, "there is no feed unknown");
    }
}

#[test]
fn only_the_key_and_the_right_method_get_an_answer() {
    let faye = start("");
    for target in ["/api/v1/feeds", "/api/v1/feeds.opml", "/api/v1/feeds/a/remove", "/api/v1/feeds/a/import"]
    {
        for (method, key) in [("GET", ""), ("POST", "Bearer 0123456789abcdee")] {
            let response = Http::open(faye.admin).request(method, target, &[("Authorization", key)], b"{}");
            assert_eq!(response.status, 401, "{method} {target}");
        }
    }
    for (method, target) in
        [("GET", "/api/v1/feeds/a/remove"), ("DELETE", "/api/v1/feeds"), ("GET", "/api/v1/feeds/*/poll")]
    {
        assert_eq!(ask(&faye, method, target, "").0, 405, "{method} {target}");
    }
    for target in ["/api/v1/feeds/a", "/api/v1/feeds/A/poll", "/api/v1/feeds/"] {
        assert_eq!(ask(&faye, "POST", target, "").0, 404, "{target}");
    }
    assert_eq!(ask(&faye, "GET", "/api/v1/feeds?topic=x", "").0, 400);
    let off = Faye::start(&[("FAYE_API__KEY", KEY), ("FAYE_ADMIN__LISTEN", "127.0.0.1:0")]);
    let (status, value) = ask(&off, "GET", "/api/v1/feeds", "");
    assert!(
        status == 404 && value["error"].as_str().unwrap().contains("lifestream.enabled = true"),
        "{value}"
    );
}

#[test]
fn entries_are_imported_once_and_purged() {
    let faye = start("");
    add(&faye, "old");
    let mut listener = Session::subscribed(&faye, Via::WebSocket, "/feeds/**");
    let import = |body: &str| done(&faye, "/api/v1/feeds/old/import", body);
    assert_eq!(import(ATOM), json!({"created": 2, "updated": 0, "known": 0}));
    assert_eq!(import(ATOM), json!({"created": 0, "updated": 0, "known": 2}));
    let rows = "{\"guid\":\"x\",\"title\":\"Three\",\"published\":1427882400}\n{\"guid\":\"y\",\"title\":\"Four\"}\n";
    assert_eq!(import(rows), json!({"created": 2, "updated": 0, "known": 0}));
    let (_, page) = ask(&faye, "GET", "/api/v1/feeds", "");
    assert_eq!(page["feeds"][0]["entries"], 4);
    refused(&faye, "/api/v1/feeds/old/import", "plain", 400, "import reads Atom, RSS, JSON Feed");
    refused(&faye, "/api/v1/feeds/old/import", "{\"title\":\"a\"}\n{", 400, "line 2 is not a JSON object");
    assert_eq!(done(&faye, "/api/v1/feeds/old/purge", ""), json!({"entries": 4}));
    // Old entries are not news.
    faye.publish("/feeds-end", 1);
    listener.subscribe("/end");
    listener.publish("/end", "end");
    assert_eq!(listener.take(1), ["end"]);
}

/// Sends the head of a request and no body, and reads the response.
fn head_only(faye: &Faye, method: &str, target: &str, length: usize, key: &str) -> String {
    let mut socket = TcpStream::connect(faye.admin).unwrap();
    socket.set_read_timeout(Some(WATCHDOG)).unwrap();
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).unwrap();
    let mut line = [0; 12];
    socket.read_exact(&mut line).unwrap();
    String::from_utf8(line.to_vec()).unwrap()
}

#[test]
fn a_request_without_the_key_is_refused_before_its_body() {
    let faye = start("");
    let refused = faye.metric("faye_refused_total{reason=\"forbidden\"}");
    let paths =
        ["/feeds", "/feeds.opml", "/feeds/a/import", "/feeds/a/remove", "/feeds/*/poll", "/hub/retry", "/x"];
    for path in paths {
        let target = format!("/api/v1{path}");
        assert_eq!(head_only(&faye, "POST", &target, 10_000, "wrong"), "HTTP/1.1 401", "{target}");
        // More than the path takes, which is known only after the key.
        assert_eq!(head_only(&faye, "POST", &target, 100 * 1024 * 1024, "wrong"), "HTTP/1.1 401", "{target}");
    }
    assert_eq!(faye.metric("faye_refused_total{reason=\"forbidden\"}"), refused + 2 * paths.len() as u64);
    // So are a path and a method that do not exist.
    assert_eq!(head_only(&faye, "POST", "/api/v1/x", 10_000, KEY), "HTTP/1.1 404");
    assert_eq!(head_only(&faye, "PUT", "/api/v1/feeds", 10_000, KEY), "HTTP/1.1 405");
    assert_eq!(head_only(&faye, "POST", "/api/v1/feeds", 100 * 1024 * 1024, KEY), "HTTP/1.1 413");
    assert_eq!(names(&faye, ""), [""; 0]);
}

#[test]
fn long_files_are_imported_whole() {
    let faye = start("");
    let folder = tempfile::tempdir().unwrap();
    let id = |number: usize| format!("tag:a.example,2015:{number}");
    let date = |number: usize| format!("2015-{:02}-{:02}T10:00:00Z", number % 12 + 1, number % 28 + 1);
    // Longer than one request with lines may be, by a column that is not read.
    let unused = "word ".repeat(2000);
    let row = |number: usize| {
        let row = json!({ "guid": id(number), "title": number, "published": date(number), "unused": unused });
        format!("{row}\n")
    };
    let rows: String = (0..1200).map(row).collect();
    assert!(rows.len() > 9 * 1024 * 1024, "{}", rows.len());
    let entry = |number: usize| {
        let (id, date) = (id(number), date(number));
        format!(
            "<entry><id>{id}</id><title>{number}</title><updated>{date}</updated><x>{unused}</x></entry>\n"
        )
    };
    let entries: String = (0..1200).map(entry).collect();
    let feed = format!("<feed xmlns='http://www.w3.org/2005/Atom'><title>Old</title>{entries}</feed>");
    for (name, text) in [("old.ndjson", rows), ("old.atom", feed)] {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        let feed = name.split_once('.').unwrap().1;
        add(&faye, feed);
        let said = run(&faye, &["import", feed, file.to_str().unwrap()]).unwrap();
        assert_eq!(said, "1200 entries are new, 0 have changed, 0 were known\n", "{name}");
    }
    let (_, page) = ask(&faye, "GET", "/api/v1/feeds", "");
    let counts: Vec<_> =
        page["feeds"].as_array().unwrap().iter().map(|feed| feed["entries"].clone()).collect();
    assert_eq!(counts, [1200, 1200]);
    let file = folder.path().join("large.atom");
    std::fs::write(&file, vec![b' '; 64 * 1024 * 1024 + 1]).unwrap();
    let error = run(&faye, &["import", "atom", file.to_str().unwrap()]).unwrap_err();
    assert!(error.contains("large.atom has more than 64 MiB; split it"), "{error}");
}

#[test]
fn entries_that_would_not_be_kept_are_not_imported() {
    let settings = [
        ("FAYE_STORE__URL", "sqlite::memory:"),
        ("FAYE_LIFESTREAM__ENABLED", "true"),
        ("FAYE_API__KEY", KEY),
        ("FAYE_ADMIN__LISTEN", "127.0.0.1:0"),
        ("FAYE_FEEDS__KEEP", "3"),
    ];
    let faye = Faye::start_with_file("", &[&settings[..], &NEVER].concat());
    add(&faye, "old");
    refused(
        &faye,
        "/api/v1/feeds/old/import",
        ATOM,
        409,
        "2 of 2 entries are older than feeds.keep_for (1000d)",
    );
    let row = |number: u32| format!("{{\"guid\":\"{number}\",\"title\":\"a\"}}\n");
    let rows = |numbers: std::ops::Range<u32>| numbers.map(row).collect::<String>();
    refused(
        &faye,
        "/api/v1/feeds/old/import",
        &rows(0..4),
        409,
        "the file has 4 entries, and feeds.keep is 3",
    );
    let (_, page) = ask(&faye, "GET", "/api/v1/feeds", "");
    assert_eq!(page["feeds"][0]["entries"], 0);
    done(&faye, "/api/v1/feeds/old/import", &rows(0..3));
    assert_eq!(done(&faye, "/api/v1/feeds/old/import", &rows(0..3))["known"], 3);
    refused(
        &faye,
        "/api/v1/feeds/old/import",
        &rows(3..5),
        409,
        "the feed has more entries than feeds.keep (3) now",
    );
}

#[test]
fn feeds_of_the_settings_are_changed_there() {
    let rules = "[[channel]]\nmatch = \"/feeds/closed\"\nsubscribe = \"nobody\"\npublish = \"nobody\"\n\
                 [[channel]]\nmatch = \"/**\"\nsubscribe = \"anyone\"\n";
    let faye = start(&format!("[[feed]]\nname = \"blog\"\nurl = \"http://192.0.2.1/blog\"\n{rules}"));
    faye.wait_for_metric("faye_feeds{state=\"new\"}", |count| count == 1);
    assert_eq!(names(&faye, ""), ["blog"]);
    let of = |name: &str, more: &str| format!("{{\"name\":\"{name}\",\"url\":\"http://192.0.2.1/x\"{more}}}");
    refused(
        &faye,
        "/api/v1/feeds",
        &of("blog", ""),
        409,
        "blog is a [[feed]] of the settings; write another name",
    );
    refused(
        &faye,
        "/api/v1/feeds/blog/remove",
        "",
        409,
        "blog is a [[feed]] of the settings; remove it there",
    );
    assert!(
        run(&faye, &["add", "blog", "http://192.0.2.1/x"])
            .unwrap_err()
            .contains("is a [[feed]] of the settings")
    );
    assert!(
        run(&faye, &["remove", "blog"])
            .unwrap_err()
            .contains("is a [[feed]] of the settings; remove it there")
    );
    assert!(run(&faye, &["list"]).unwrap().contains("blog  config"));
    assert_eq!(names(&faye, ""), ["blog"]);
    // The content of a feed with a user is for strangers only if the settings say so.
    let user = ",\"username\":\"u\",\"password\":\"p\"";
    refused(
        &faye,
        "/api/v1/feeds",
        &of("open", user),
        400,
        "username: any client may subscribe to /feeds/open; write public",
    );
    done(&faye, "/api/v1/feeds", &of("closed", user));
    done(&faye, "/api/v1/feeds", &of("open", &format!("{user},\"public\":true")));
}

#[test]
fn the_lists_of_the_server_itself_are_not_followed() {
    let faye = start("[server]\npublic_url = \"http://127.0.0.1:9\"\n");
    for page in ["lifestream.atom", "lifestream.json?feed=a", "lifestream"] {
        let url = format!("http://127.0.0.1:9/{page}");
        let body = json!({"name": "own", "url": url}).to_string();
        refused(
            &faye,
            "/api/v1/feeds",
            &body,
            400,
            &format!("url: {url} is a list of entries of this server"),
        );
    }
    let opml =
        "<opml version=\"2.0\"><body><outline xmlUrl=\"http://127.0.0.1:9/lifestream.atom\"/></body></opml>";
    let result = done(&faye, "/api/v1/feeds.opml", opml);
    assert_eq!((&result["added"], names(&faye, "")), (&json!([]), vec![]));
    assert!(result["skipped"][0]["why"].as_str().unwrap().contains("is a list of entries of this server"));
}

/// A server that follows `blog` at this URL.
fn following(url: &str) -> Faye {
    start(&format!("[feeds]\nnetworks = [\"127.0.0.1/32\"]\n[[feed]]\nname = \"blog\"\nurl = \"{url}\"\n"))
}

/// What the list has of the only feed, as soon as `is` says so.
#[track_caller]
fn listed(faye: &Faye, is: impl Fn(&Value) -> bool) -> Value {
    let begin = tokio::time::Instant::now();
    loop {
        let (_, page) = ask(faye, "GET", "/api/v1/feeds", "");
        if is(&page["feeds"][0]) {
            return page["feeds"][0].clone();
        }
        assert!(begin.elapsed() < WATCHDOG, "{page}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn entries_of_a_feed_without_ids_are_known_when_they_are_imported() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let hours_ago = move |hours: u64| now - hours * 3600;
    let web = Web::start(move |_| {
        let item = |title: &str, hours: u64| {
            let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(hours_ago(hours)));
            format!(
                "<item><title>{title}</title><link>https://a.example/{title}</link><pubDate>{date}</pubDate></item>"
            )
        };
        let body = format!("<rss version='2.0'><channel>{}{}</channel></rss>", item("b", 1), item("a", 2));
        Some(WebResponse::new(200, body).with("Content-Type", "application/rss+xml"))
    });
    let faye = following(&web.url("/feed"));
    listed(&faye, |feed| feed["entries"] == 2);
    let row = |title: &str, hours: u64| {
        let url = format!("https://a.example/{title}");
        json!({ "title": title, "url": url, "published": hours_ago(hours) }).to_string()
    };
    let rows = format!("{}\n{}\n", row("a", 2), row("old", 3));
    assert_eq!(
        done(&faye, "/api/v1/feeds/blog/import", &rows),
        json!({"created": 1, "updated": 0, "known": 1})
    );
}

#[test]
fn xml_that_is_not_a_feed_is_a_failed_read() {
    let body = "<?xml version=\"1.0\"?>\n<own.xmlns=\"http://www.w3.org/2005/Atom\"><title>t</title></own>";
    let web = Web::start(move |_| Some(WebResponse::new(200, body).with("Content-Type", "application/xml")));
    let faye = following(&web.url("/feed"));
    let feed = listed(&faye, |feed| !feed["failure"].is_null());
    assert_eq!(feed["failure"], "the document is XML, and cannot be read as a feed");
    assert_eq!((&feed["state"], &feed["entries"]), (&json!("new"), &json!(0)));
}

#[test]
fn a_page_that_names_a_feed_is_followed_with_a_hint() {
    let html = "<!doctype html><title>Ana</title>\
                <link rel=alternate type=application/atom+xml href=/feed.xml>";
    let is_away = Arc::new(AtomicBool::new(false));
    let web = Web::start({
        let is_away = Arc::clone(&is_away);
        move |_| {
            let status = if is_away.load(Ordering::SeqCst) { 503 } else { 200 };
            Some(WebResponse::new(status, html).with("Content-Type", "text/html"))
        }
    });
    let faye = following(&web.url("/"));
    let hint = format!("the URL is that of a page; write the URL of its feed: {}", web.url("/feed.xml"));
    let has_hint = |feed: &Value| feed["failure"] == hint.as_str();
    let feed = listed(&faye, has_hint);
    assert_eq!((&feed["state"], &feed["entries"]), (&json!("polling"), &json!(1)));
    // It stays while the page is the same.
    drop(web.next_where(|request| request.path() == "/"));
    done(&faye, "/api/v1/feeds/blog/poll", "");
    drop(web.next_where(|request| request.path() == "/"));
    faye.wait_for_metric("faye_feed_polls_total{feed=\"blog\",result=\"unchanged\"}", |count| count == 1);
    assert!(has_hint(&listed(&faye, |_| true)));
    // It is back after a failure, although the page is still the same.
    is_away.store(true, Ordering::SeqCst);
    done(&faye, "/api/v1/feeds/blog/poll", "");
    faye.wait_for_metric("faye_feed_polls_total{feed=\"blog\",result=\"failed\"}", |count| count == 1);
    assert!(!has_hint(&listed(&faye, |_| true)));
    is_away.store(false, Ordering::SeqCst);
    done(&faye, "/api/v1/feeds/blog/poll", "");
    assert!(has_hint(&listed(&faye, has_hint)));
}

#[test]
fn lists_are_imported_and_exported() {
    let faye = start("");
    add(&faye, "code");
    let list = "<opml version='2.0'><body>\
        <outline text='A &amp; b' xmlUrl='http://192.0.2.1/ab' htmlUrl='http://192.0.2.1/'/>\
        <outline text='Code' xmlUrl='http://192.0.2.1/other'/>\
        <outline text='Known' xmlUrl='http://192.0.2.1/code'/></body></opml>";
    let result = done(&faye, "/api/v1/feeds.opml", list);
    let added: Vec<_> = result["added"].as_array().unwrap().iter().map(|feed| feed["name"].clone()).collect();
    assert_eq!(added, ["a-b", "code-2"]);
    assert_eq!(result["skipped"].as_array().unwrap().len(), 1, "{result}");
    assert_eq!(result["skipped"][0]["why"], "the feed is followed already");
    let authorization = format!("Bearer {KEY}");
    let headers = [("Authorization", authorization.as_str())];
    let exported = Http::open(faye.admin).request("GET", "/api/v1/feeds.opml", &headers, b"");
    assert_eq!(exported.header("Content-Type"), Some("text/x-opml; charset=utf-8"));
    let text = exported.text();
    assert!(text.contains("A &amp; b") && text.contains("http://192.0.2.1/code"), "{text}");
    let again = done(&faye, "/api/v1/feeds.opml", &text);
    assert_eq!(
        (again["added"].as_array().unwrap().len(), again["skipped"].as_array().unwrap().len()),
        (0, 3)
    );
    refused(&faye, "/api/v1/feeds.opml", "<html/>", 400, "not OPML");
}

/// The result of `faye feeds` for a server.
fn run(faye: &Faye, arguments: &[&str]) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let mut command = binary();
    command.current_dir(folder.path()).arg("feeds").args(arguments);
    command.env("FAYE_ADMIN__LISTEN", faye.admin.to_string()).env("FAYE_API__KEY", KEY);
    let output = command.output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(!stderr.contains("panicked") && !stderr.contains(KEY), "{stderr}");
    if output.status.success() { Ok(stdout) } else { Err(stderr) }
}

#[test]
fn the_command_does_all_of_it() {
    let faye = start("");
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let said = run(&faye, &["add", "blog", "http://192.0.2.1/feed", "--title", "My blog", "--poll", "never"]);
    assert_eq!(said.unwrap(), "blog is followed; its entries are on /feeds/blog\n");
    let password = file("password", "hidden\n");
    let with_user = ["add", "closed", "http://192.0.2.1/c", "--username", "u", "--password-file", &password];
    let error = run(&faye, &with_user).unwrap_err();
    assert!(error.contains("any client may subscribe to /feeds/closed; write public = true"), "{error}");
    run(&faye, &[&with_user[..], &["--public"]].concat()).unwrap();
    let table = run(&faye, &["list"]).unwrap();
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("NAME    SOURCE  STATE"), "{table}");
    assert!(
        lines[0].contains("LEASE") && lines[0].contains("LAST PUSH") && lines[0].ends_with("LAST ERROR"),
        "{table}"
    );
    assert!(lines[1].starts_with("blog    store   ") && lines.len() == 3, "{table}");
    let json = run(&faye, &["list", "--json"]).unwrap();
    let first: Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!((&first["title"], &first["url"]), (&json!("My blog"), &json!("http://192.0.2.1/feed")));
    assert!(!json.contains("hidden"), "{json}");
    let atom = file("old.atom", ATOM);
    let said = run(&faye, &["import", "blog", &atom]).unwrap();
    assert_eq!(said, "2 entries are new, 0 have changed, 0 were known\n");
    assert_eq!(run(&faye, &["purge", "blog"]).unwrap(), "2 entries of blog are deleted\n");
    assert_eq!(run(&faye, &["poll"]).unwrap(), "2 feeds are due now\n");
    assert_eq!(run(&faye, &["poll", "blog"]).unwrap(), "1 feed is due now\n");
    run(&faye, &["resubscribe", "blog"]).unwrap();
    let exported = file("feeds.opml", &run(&faye, &["export"]).unwrap());
    let said = run(&faye, &["remove", "blog"]).unwrap();
    assert!(said.starts_with("blog is removed"), "{said}");
    let said = run(&faye, &["import", "--opml", &exported]).unwrap();
    assert!(
        said.contains("blog http://192.0.2.1/feed\n")
            && said.ends_with("1 feeds are added, 1 are left out\n"),
        "{said}"
    );
    for (arguments, expected) in [
        (&["add", "blog", "http://192.0.2.1/feed"][..], "there is a feed blog; remove it first"),
        (&["add", "Blog", "http://192.0.2.1/feed"], "is not a name of"),
        (&["remove", "unknown"], "there is no feed unknown"),
        (&["poll", "../hub/retry"], "has no management API"),
        (&["import", "blog", "/no/such/file"], "cannot read /no/such/file"),
        (&["import", "--opml", &atom], "not OPML"),
        (&["import", "blog"], "required"),
    ] {
        let error = run(&faye, arguments).unwrap_err();
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    let off = Faye::start(&[("FAYE_API__KEY", KEY), ("FAYE_ADMIN__LISTEN", "127.0.0.1:0")]);
    let error = run(&off, &["list"]).unwrap_err();
    assert!(error.contains("no feeds are followed; write a [[feed]]"), "{error}");
}
