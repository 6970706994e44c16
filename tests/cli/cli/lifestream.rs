//! `faye lifestream`: a page of feeds with one command, and what it may fetch.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::run;
use crate::support::*;

/// A running lifestream.
struct Lifestream {
    child: Child,
    stdout: BufReader<ChildStdout>,
    /// The lines of standard error.
    errors: Receiver<String>,
    page: String,
}

impl Drop for Lifestream {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lifestream {
    fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut command = binary();
        command.arg("lifestream").args(arguments).current_dir(folder.path());
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let (sender, errors) = channel();
        std::thread::spawn(move || {
            stderr.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        let mut lifestream = Self { child, stdout, errors, page: String::new() };
        let first = lifestream.line();
        assert!(first.ends_with(" in a browser. Ctrl-C stops it."), "{first}");
        first.split(' ').nth(1).expect("a page").clone_into(&mut lifestream.page);
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "it writes no files");
        lifestream
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    fn get(&self, target: &str) -> String {
        let (address, path) = self.page["http://".len()..].split_once('/').expect("a path");
        let address: SocketAddr = address.parse().expect("an address");
        let response = Http::open(address).request("GET", &format!("/{path}{target}"), &[], b"");
        assert_eq!(response.status, 200, "{target}: {}", response.text());
        response.text()
    }

    /// The titles of the entries, oldest event first, as soon as there are so many.
    fn titles(&self, count: usize) -> Vec<String> {
        let begin = Instant::now();
        loop {
            let list: Value = serde_json::from_str(&self.get("/entries?after=0&limit=200")).expect("a list");
            let entries = list["entries"].as_array().expect("entries");
            if entries.len() >= count {
                let title = |message: &Value| message["entry"]["title"].as_str().expect("a title").to_owned();
                return entries.iter().map(title).collect();
            }
            assert!(begin.elapsed() < WATCHDOG, "{list}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The next line of standard error.
    #[track_caller]
    fn error(&self) -> String {
        self.errors.recv_timeout(WATCHDOG).expect("a line of standard error")
    }

    /// Stops it, and returns what it wrote to standard error.
    fn stop(mut self) -> String {
        let sent = std::process::Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
        let errors = self.errors.iter().collect::<Vec<_>>().join("\n");
        assert_eq!(self.child.wait().expect("an exit code").code(), Some(0), "{errors}");
        errors
    }
}

fn feed(titles: &[&str]) -> WebResponse {
    let entries: String = titles
        .iter()
        .map(|title| {
            format!(
                "<entry><id>tag:a.example,{title}</id><title>{title}</title><updated>2026-01-01T00:00:00Z</updated></entry>"
            )
        })
        .collect();
    let body =
        format!("<feed xmlns='http://www.w3.org/2005/Atom'><id>tag:x</id><title>T</title>{entries}</feed>");
    WebResponse::new(200, body).with("content-type", "application/atom+xml")
}

#[test]
fn without_a_url_entries_of_a_demo_arrive() {
    let mut lifestream = Lifestream::start(&[]);
    let second = lifestream.line();
    assert!(second.starts_with("Following demo: http://127.0.0.1:") && second.contains("a demo"), "{second}");
    assert_eq!(lifestream.line(), "New entries are looked for every 1s");
    let first = lifestream.titles(5);
    assert_eq!(first[0], "A short note (demo entry 1)");
    let page = lifestream.get("");
    assert!(page.contains("Lifestream demo") && page.contains("demo entry 5"), "{page}");
    // Other clients get what arrives.
    let url = lifestream.page.replace("/lifestream", "/faye");
    let mut command = binary();
    command.args(["subscribe", "/feeds/**", "--url", &url]);
    let mut subscriber =
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the binary runs");
    let mut line = String::new();
    let mut lines = BufReader::new(subscriber.stdout.take().expect("a pipe"));
    lines.read_line(&mut line).expect("a line");
    subscriber.kill().expect("an end");
    subscriber.wait().expect("an end");
    let message: Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(message["channel"], "/feeds/demo");
    assert_eq!((&message["data"]["type"], &message["data"]["via"]), (&"created".into(), &"poll".into()));
    let title = message["data"]["entry"]["title"].as_str().expect("a title").to_owned();
    assert!(lifestream.titles(6).contains(&title), "{title}");
    // Clients may not publish there, or anywhere.
    for channel in ["/feeds/demo", "/other"] {
        run(&["publish", channel, "1", "--url", &url], &[]).fails_with(&["403"]);
    }
    assert_eq!(lifestream.stop(), "");
}

#[test]
fn feeds_at_host_and_port_as_typed_are_followed() {
    let titles = std::sync::Arc::new(parking_lot::Mutex::new(vec!["one"]));
    let served = std::sync::Arc::clone(&titles);
    let web = Web::start(move |request| {
        Some(match request.path() {
            "/moved" => WebResponse::new(302, "").with("location", "/feed.xml"),
            _ => feed(&served.lock()),
        })
    });
    let port = web.address.port();
    let url = format!("http://localhost:{port}/moved");
    let mut lifestream = Lifestream::start(&[&url, &web.url("/other/feed.xml"), "--poll", "1s"]);
    assert_eq!(lifestream.line(), format!("Following localhost: {url}"));
    assert_eq!(lifestream.line(), format!("Following 127-0-0-1: {}", web.url("/other/feed.xml")));
    assert_eq!(lifestream.titles(2), ["one", "one"]);
    titles.lock().push("two");
    let all = lifestream.titles(4);
    assert_eq!(all[2..], ["two", "two"]);
    for target in [".atom", ".json"] {
        let text = lifestream.get(target);
        assert!(
            text.contains("urn:uuid:") && text.contains(&format!("{}/entry/", lifestream.page)),
            "{text}"
        );
    }
    assert_eq!(lifestream.stop(), "");
}

#[test]
fn a_redirect_leads_to_no_other_private_address() {
    let secret = Web::start(|_| Some(feed(&["secret"])));
    let elsewhere = secret.url("/feed.xml");
    let same_port = Web::start_at("127.0.0.2", |_| Some(feed(&["secret"])));
    let targets = [elsewhere, same_port.url("/feed.xml")];
    let web = Web::start(move |request| {
        let target = usize::from(request.path() == "/b.xml");
        Some(match request.path() {
            "/c.xml" => feed(&["mine"]),
            _ => WebResponse::new(302, "").with("location", &targets[target]),
        })
    });
    let urls = ["/a.xml", "/b.xml", "/c.xml"].map(|path| web.url(path));
    let arguments: Vec<_> = urls.iter().map(String::as_str).chain(["--poll", "1s"]).collect();
    let lifestream = Lifestream::start(&arguments);
    assert_eq!(lifestream.titles(1), ["mine"]);
    for path in ["/a.xml", "/b.xml", "/c.xml", "/a.xml", "/b.xml", "/c.xml"] {
        web.next_where(|request| request.path() == path);
    }
    assert!(secret.so_far().is_empty() && same_port.so_far().is_empty());
    assert_eq!(lifestream.titles(1), ["mine"]);
    let errors = lifestream.stop();
    assert!(errors.contains("not public"), "{errors}");
}

#[test]
fn entries_without_a_date_of_publication_stand_where_they_were_updated() {
    const ITEM: &str = "<item rdf:about='http://a.example/rdf'><title>rdf</title><link>http://a.example/rdf</link>\
        <dcterms:modified>2026-01-01T10:00:00Z</dcterms:modified></item>";
    let web = Web::start(|request| {
        let (kind, body) = match request.path() {
            "/json" => (
                "application/feed+json",
                r#"{"version":"https://jsonfeed.org/version/1.1","title":"t","items":[{"id":"1","title":"json",
                "content_text":"x","date_modified":"2026-01-01T10:00:00Z"}]}"#
                    .to_owned(),
            ),
            "/rdf" => (
                "application/rdf+xml",
                format!(
                    "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/' \
                     xmlns:dcterms='http://purl.org/dc/terms/'><channel/>{ITEM}</rdf:RDF>"
                ),
            ),
            _ => (
                "application/atom+xml",
                "<feed xmlns='http://www.w3.org/2005/Atom'><id>tag:x</id><title>T</title><entry><id>tag:a.example,atom</id>\
                 <title>atom</title><updated>2026-01-01T10:00:00Z</updated></entry></feed>"
                    .to_owned(),
            ),
        };
        Some(WebResponse::new(200, body).with("content-type", kind))
    });
    let urls = ["/atom", "/json", "/rdf"].map(|path| web.url(path));
    let lifestream = Lifestream::start(&urls.each_ref().map(String::as_str));
    let mut titles = lifestream.titles(3);
    titles.sort();
    assert_eq!(titles, ["atom", "json", "rdf"]);
    let list: Value = serde_json::from_str(&lifestream.get("/entries")).expect("a list");
    for message in list["entries"].as_array().expect("entries") {
        assert_eq!(message["entry"]["at"], "2026-01-01T10:00:00.000Z", "{message}");
    }
    let atom = lifestream.get(".atom");
    assert_eq!(atom.matches("<published>2026-01-01T10:00:00Z</published>").count(), 3, "{atom}");
    let json: Value = serde_json::from_str(&lifestream.get(".json")).expect("a feed");
    for item in json["items"].as_array().expect("items") {
        assert_eq!(item["date_published"], "2026-01-01T10:00:00Z", "{item}");
    }
    assert_eq!(lifestream.stop(), "");
}

#[test]
fn failures_of_a_feed_are_printed_once_and_its_recovery_too() {
    let answer = std::sync::Arc::new(parking_lot::Mutex::new(WebResponse::new(404, "")));
    let served = std::sync::Arc::clone(&answer);
    let web = Web::start(move |request| {
        Some(if request.path() == "/b.xml" { feed(&["b"]) } else { served.lock().clone() })
    });
    let url = web.url("/a.xml");
    let mut lifestream = Lifestream::start(&[&url, &web.url("/b.xml"), "--poll", "1s"]);
    assert_eq!(lifestream.line(), format!("Following 127-0-0-1-a: {url}"));
    assert_eq!(lifestream.error(), "127-0-0-1-a: the feed responds with status 404");
    // The same failure again is not printed.
    (0..3).for_each(|_| drop(web.next_where(|request| request.path() == "/a.xml")));
    *answer.lock() = WebResponse::new(200, "<?xml version='1.0'?><own/>").with("content-type", "text/xml");
    let broken = "127-0-0-1-a: the document is XML, and cannot be read as a feed";
    assert_eq!(lifestream.error(), broken);
    *answer.lock() = feed(&["a"]);
    assert_eq!(lifestream.error(), "127-0-0-1-a: the feed is read again");
    assert_eq!(lifestream.titles(2).len(), 2);
    assert_eq!(lifestream.stop(), "");
}

#[test]
fn a_feed_at_an_address_without_a_server_is_a_failure() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let lifestream = Lifestream::start(&[&format!("http://127.0.0.1:{port}/feed.xml")]);
    let error = lifestream.error();
    assert!(error.starts_with("127-0-0-1: the feed cannot be fetched: "), "{error}");
    lifestream.stop();
}

/// A page that names a feed.
fn page(feed: &str) -> WebResponse {
    let body = format!(
        "<!doctype html><title>Ana</title><link rel='alternate' type='application/atom+xml' href='{feed}'>"
    );
    WebResponse::new(200, body).with("content-type", "text/html; charset=utf-8")
}

#[test]
fn the_feed_of_a_page_is_followed_in_its_place() {
    let web = Web::start(|request| {
        Some(match request.path() {
            "/" => page("/feed.xml"),
            "/moved" => WebResponse::new(302, "").with("location", "/"),
            "/feed.xml" => feed(&["one"]),
            _ => {
                WebResponse::new(200, "<!doctype html><title>Plain</title>").with("content-type", "text/html")
            }
        })
    });
    let (home, plain, own) = (web.url("/moved"), web.url("/plain"), web.url("/feed.xml"));
    let mut lifestream = Lifestream::start(&[&home, &plain, &own, "--poll", "1s"]);
    assert_eq!(lifestream.line(), format!("Following 127-0-0-1-moved: {own}, the feed of {home}"));
    assert_eq!(lifestream.line(), format!("Following 127-0-0-1-plain: {plain}"));
    assert_eq!(lifestream.line(), "New entries are looked for every 1s", "the feed is followed once");
    let mut titles = lifestream.titles(2);
    titles.sort();
    assert_eq!(titles, ["Plain", "one"]);
    assert_eq!(lifestream.stop(), "");
}

#[test]
fn a_page_opens_no_other_private_address() {
    let secret = Web::start(|_| Some(feed(&["secret"])));
    let elsewhere = secret.url("/feed.xml");
    let target = elsewhere.clone();
    let web = Web::start(move |_| Some(page(&target)));
    let home = web.url("/");
    let mut lifestream = Lifestream::start(&[&home, "--poll", "1s"]);
    assert_eq!(lifestream.line(), format!("Following 127-0-0-1: {elsewhere}, the feed of {home}"));
    let failure = loop {
        let line = lifestream.error();
        if line.starts_with("127-0-0-1: ") {
            break line;
        }
    };
    assert!(failure.contains("has the address 127.0.0.1, which is not public"), "{failure}");
    assert!(secret.so_far().is_empty());
    lifestream.stop();
}

#[test]
fn arguments_that_are_wrong_have_an_answer() {
    run(&["lifestream", "--config", "x.toml"], &[]).fails_with(&["uses no settings but --listen"]);
    run(&["lifestream", "--listen", "nowhere"], &[]).fails_with(&["--listen", "127.0.0.1:8000"]);
    for (arguments, part) in [
        (&["lifestream", "blog.example"][..], "https://blog.example/feed.xml"),
        (&["lifestream", "https://a:b@blog.example/"], "feed.username"),
        (&["lifestream", "--poll", "10ms"], "at least 1s"),
        (&["lifestream", "--poll", "0"], "too short; write at least 1s"),
        (&["lifestream", "--poll", "0s"], "too short; write at least 1s"),
    ] {
        let ran = run(arguments, &[]);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(part), "{}", ran.stderr);
    }
    for secret in ["https://ana:hunter2@blog.example/", "ftp://ana:hunter2@blog.example/", "x?token=hunter2"]
    {
        let ran = run(&["lifestream", secret], &[]);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains("<URL>") && !ran.stderr.contains("hunter2"), "{}", ran.stderr);
    }
}
