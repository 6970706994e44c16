//! The management API and `faye hub`: who gets an answer, what it shows, and what the command says if there is none.

use crate::support::*;
use serde_json::Value;

const KEY: &str = "0123456789abcdef";
const WITH_KEY: (&str, &str) = ("FAYE_API__KEY", KEY);
const WITH_ADMIN: (&str, &str) = ("FAYE_ADMIN__LISTEN", "127.0.0.1:0");

fn bearer(key: &str) -> String {
    format!("Bearer {key}")
}

/// Asks with the key.
fn ask(http: &mut Http, method: &str, target: &str) -> Response {
    http.request(method, target, &[("Authorization", &bearer(KEY))], b"")
}

/// Asks with the key; the value of the response.
#[track_caller]
fn value(http: &mut Http, target: &str) -> Value {
    let response = ask(http, "GET", target);
    assert_eq!(response.status, 200, "{target}: {response:?}");
    assert_eq!(response.header("Cache-Control"), Some("no-store"));
    serde_json::from_slice(&response.body).unwrap()
}

#[test]
fn only_the_key_gets_an_answer() {
    let without = Faye::start(&[]);
    assert_eq!(ask(&mut Http::open(without.address), "GET", "/api/v1/hub").status, 404);
    let faye = Faye::start(&[WITH_KEY]);
    let mut http = Http::open(faye.address);
    for key in ["", "Bearer", "Bearer x", &format!("Basic {KEY}"), &bearer("0123456789abcdee")] {
        let response = http.request("GET", "/api/v1/hub", &[("Authorization", key)], b"");
        assert_eq!(response.status, 401, "{key}");
        assert_eq!(response.header("WWW-Authenticate"), Some("Bearer realm=\"faye\""));
        assert!(response.text().contains("api.key"), "{}", response.text());
    }
    // The key is right, and the hub is off.
    let response = ask(&mut http, "GET", "/api/v1/hub");
    assert_eq!(
        (response.status, response.text()),
        (404, "{\"error\":\"the hub is off; set hub.enabled\"}\n".into())
    );
    assert_eq!(faye.metric("faye_refused_total{reason=\"forbidden\"}"), 5);
}

#[test]
fn other_machines_get_no_answer_on_the_listener_of_clients() {
    let faye = Faye::start(&[WITH_KEY]);
    let authorization = bearer(KEY);
    for header in [("X-Forwarded-For", "192.0.2.1"), ("Forwarded", "for=192.0.2.1"), ("Via", "1.1 x")] {
        let mut http = Http::open(faye.address);
        for method in ["GET", "POST"] {
            let headers = [("Authorization", authorization.as_str()), header];
            let response = http.request(method, "/api/v1/hub/retry", &headers, b"");
            assert_eq!(response.status, 404, "{header:?}");
            assert!(!response.text().contains("hub.enabled"), "{header:?}: {}", response.text());
        }
    }
    // A proxy that keeps the host of the client.
    let mut http = Http::open(faye.address);
    http.send_raw(
        format!("GET /api/v1/hub HTTP/1.1\r\nHost: push.example\r\nAuthorization: {authorization}\r\n\r\n")
            .as_bytes(),
    );
    assert!(!http.response().text().contains("hub.enabled"));
    let faye = Faye::start(&[WITH_KEY, WITH_ADMIN]);
    let mut http = Http::open(faye.admin);
    let headers = [("Authorization", authorization.as_str()), ("X-Forwarded-For", "192.0.2.1")];
    let response = http.request("GET", "/api/v1/hub", &headers, b"");
    assert!(response.text().contains("hub.enabled"), "{response:?}");
    // It is on that listener only.
    assert_eq!(ask(&mut Http::open(faye.address), "GET", "/api/v1/hub").status, 404);
    assert!(!ask(&mut Http::open(faye.address), "GET", "/api/v1/hub").text().contains("hub.enabled"));
}

#[test]
fn paths_and_methods() {
    let faye = hub::start(&[WITH_KEY]);
    let mut http = Http::open(faye.address);
    for path in ["/api/v1", "/api/v1/", "/api/v1/hub/", "/api/v1/hub/x", "/api/v1/other"] {
        assert_eq!(ask(&mut http, "GET", path).status, 404, "{path}");
    }
    for (method, path, allowed) in [
        ("POST", "/api/v1/hub", "GET, HEAD, OPTIONS"),
        ("DELETE", "/api/v1/hub/topics", "GET, HEAD, OPTIONS"),
        ("GET", "/api/v1/hub/retry", "POST, OPTIONS"),
        ("HEAD", "/api/v1/hub/retry", "POST, OPTIONS"),
    ] {
        let response = ask(&mut http, method, path);
        assert_eq!((response.status, response.header("Allow")), (405, Some(allowed)), "{method} {path}");
    }
    let response = ask(&mut http, "OPTIONS", "/api/v1/hub/retry");
    assert_eq!((response.status, response.header("Allow")), (204, Some("POST, OPTIONS")));
    assert_eq!(ask(&mut http, "HEAD", "/api/v1/hub").status, 200);
    for (path, said) in [
        ("/api/v1/hub?x=1", "unknown parameter"),
        ("/api/v1/hub/topics?limit=1001", "limit is not a number from 1 to 1000"),
        ("/api/v1/hub/subscriptions?after=x", "after is not the next"),
        ("/api/v1/hub/topics?topic=a&topic=b", "topic stands more than once"),
    ] {
        let response = ask(&mut http, "GET", path);
        assert!(response.status == 400 && response.text().contains(said), "{path}: {response:?}");
    }
    let body = http.request("POST", "/api/v1/hub/retry", &[("Authorization", &bearer(KEY))], b"[1]");
    assert_eq!(body.status, 400, "{body:?}");
}

/// Subscribes a callback to a topic, and waits until the hub has verified it.
fn subscribe(faye: &Faye, callback: &Web, path: &str, topic: &str) {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("hub.mode", "subscribe")
        .append_pair("hub.topic", topic)
        .append_pair("hub.callback", &callback.url(path))
        .append_pair("hub.secret", "a secret of a subscriber")
        .append_pair("hub.verify", "sync")
        .finish();
    let kind = [("Content-Type", "application/x-www-form-urlencoded")];
    let response = Http::open(faye.address).request("POST", "/hub", &kind, form.as_bytes());
    assert_eq!(response.status, 204, "{response:?}");
    callback.next();
}

#[test]
fn topics_and_subscriptions_are_shown_in_pages_without_paths_of_callbacks() {
    let faye = hub::start(&[WITH_KEY]);
    let (one, other) = (
        Web::callback(),
        Web::start_at("127.0.0.2", |request| {
            Some(WebResponse::new(200, request.query("hub.challenge").unwrap_or_default()))
        }),
    );
    let topics: Vec<_> = (1..=3).map(|number| format!("http://a.example/{number}")).collect();
    for topic in &topics {
        subscribe(&faye, &one, "/hidden-path", topic);
    }
    subscribe(&faye, &other, "/hidden-path?hidden=1", &topics[0]);
    let mut http = Http::open(faye.address);
    let status = value(&mut http, "/api/v1/hub");
    assert_eq!(status["url"], format!("{}/hub", hub::PUBLIC_URL));
    assert_eq!(
        (&status["policy"], &status["topics"], &status["subscriptions"]),
        (&"open".into(), &3.into(), &4.into())
    );
    assert_eq!((&status["verifications_pending"], &status["deliveries_waiting"]), (&0.into(), &0.into()));

    let found = value(&mut http, "/api/v1/hub/topics");
    let names: Vec<_> =
        found["topics"].as_array().unwrap().iter().map(|topic| topic["topic"].clone()).collect();
    assert_eq!(
        (names.as_slice(), &found["next"]),
        (topics.iter().map(|topic| topic.as_str().into()).collect::<Vec<Value>>().as_slice(), &Value::Null)
    );
    assert_eq!(found["topics"][0]["subscriptions"], 2);
    // Pages.
    let mut pages = Vec::new();
    let mut target = "/api/v1/hub/topics?limit=2".to_owned();
    loop {
        let page = value(&mut http, &target);
        pages.push(page["topics"].as_array().unwrap().len());
        let Some(next) = page["next"].as_str() else { break };
        let after = form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>();
        target = format!("/api/v1/hub/topics?limit=2&after={after}");
    }
    assert_eq!(pages, [2, 1]);
    let topic = form_urlencoded::byte_serialize(topics[1].as_bytes()).collect::<String>();
    let found = value(&mut http, &format!("/api/v1/hub/topics?topic={topic}"));
    assert_eq!(found["topics"].as_array().unwrap().len(), 1);
    assert_eq!(found["topics"][0]["topic"], topics[1]);
    assert_eq!(value(&mut http, "/api/v1/hub/topics?host=A.example")["topics"].as_array().unwrap().len(), 3);
    assert_eq!(value(&mut http, "/api/v1/hub/topics?host=b.example")["topics"], serde_json::json!([]));

    let found = value(&mut http, "/api/v1/hub/subscriptions");
    let subscriptions = found["subscriptions"].as_array().unwrap();
    assert_eq!((subscriptions.len(), &found["next"]), (4, &Value::Null));
    let first = &subscriptions[0];
    assert_eq!((&first["topic"], &first["host"]), (&topics[0].as_str().into(), &"127.0.0.1".into()));
    assert_eq!(
        (&first["signed"], &first["legacy"], &first["failures"]),
        (&true.into(), &true.into(), &0.into())
    );
    assert!(first["expires_in"].as_u64().unwrap() > 800_000, "{first}");
    let of = |http: &mut Http, query: &str| {
        value(http, &format!("/api/v1/hub/subscriptions?{query}"))["subscriptions"].as_array().unwrap().len()
    };
    assert_eq!(
        of(
            &mut http,
            &format!("topic={}", form_urlencoded::byte_serialize(topics[0].as_bytes()).collect::<String>())
        ),
        2
    );
    assert_eq!(
        (of(&mut http, "host=127.0.0.2"), of(&mut http, "host=127.0.0.1"), of(&mut http, "host=x")),
        (1, 3, 0)
    );
    let page = value(&mut http, "/api/v1/hub/subscriptions?limit=3");
    assert_eq!(page["subscriptions"].as_array().unwrap().len(), 3);
    let after = page["next"].as_str().unwrap();
    assert_eq!(of(&mut http, &format!("limit=3&after={after}")), 1);
    for target in ["/api/v1/hub", "/api/v1/hub/topics", "/api/v1/hub/subscriptions"] {
        let text = ask(&mut http, "GET", target).text();
        assert!(!text.contains("hidden") && !text.contains("secret of"), "{target}: {text}");
    }
}

/// A command against a server with a separate listener for operators.
struct Ran {
    is_success: bool,
    stdout: String,
    stderr: String,
}

fn hub_command(arguments: &[&str], settings: &[(&str, &str)]) -> Ran {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut command = binary();
    command.current_dir(folder.path()).arg("hub").args(arguments).envs(settings.iter().copied());
    let output = command.output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    Ran { is_success: output.status.success(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

impl Ran {
    #[track_caller]
    fn succeeds(self) -> String {
        assert!(self.is_success && self.stderr.is_empty(), "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    #[track_caller]
    fn fails_with(self, part: &str) {
        assert!(!self.is_success && self.stdout.is_empty(), "{}{}", self.stdout, self.stderr);
        assert!(self.stderr.contains(part), "{part:?} is not in {:?}", self.stderr);
        assert!(!self.stderr.contains("panicked") && !self.stderr.contains(KEY), "{}", self.stderr);
    }
}

/// The settings of a command for this server.
fn settings_for(faye: &Faye) -> [(&'static str, String); 2] {
    [("FAYE_ADMIN__LISTEN", faye.admin.to_string()), ("FAYE_API__KEY", KEY.to_owned())]
}

fn run(faye: &Faye, arguments: &[&str]) -> Ran {
    let settings = settings_for(faye);
    hub_command(arguments, &settings.each_ref().map(|(name, value)| (*name, value.as_str())))
}

#[test]
fn the_command_says_what_to_do_about_a_failure() {
    hub_command(&["status"], &[]).fails_with("the settings have no api.key; set it and restart the server");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let admin = ("FAYE_ADMIN__LISTEN", closed.as_str());
    hub_command(&["status"], &[WITH_KEY, admin]).fails_with("is the server running");
    let off = Faye::start(&[WITH_KEY, WITH_ADMIN]);
    run(&off, &["status"]).fails_with("is off; set hub.enabled and restart the server");
    let admin = off.admin.to_string();
    let wrong = [("FAYE_ADMIN__LISTEN", admin.as_str()), ("FAYE_API__KEY", "another")];
    hub_command(&["topics"], &wrong)
        .fails_with("refuses the key: it is not the api.key of the running server");
    let without = Faye::start(&[WITH_ADMIN]);
    run(&without, &["retry"]).fails_with("has no management API for this client: the server needs api.key");
    let other = Web::start(|_| Some(WebResponse::new(200, "<html>")));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, format!("{KEY}\n")).unwrap();
    let file = file.to_str().unwrap();
    hub_command(&["status", "--url", &other.url(""), "--key-file", file], &[]).fails_with("is not JSON");
    hub_command(&["status", "--url", "nonsense", "--key-file", file], &[]).fails_with("is not a URL");
    hub_command(&["status", "--key-file", "/no/such/file"], &[]).fails_with("cannot read /no/such/file");
    // The key of the settings goes to the server of the settings only.
    let ran = hub_command(&["status", "--url", &other.url("")], &[WITH_KEY]);
    assert!(!ran.is_success && ran.stderr.contains("--key-file"), "{}", ran.stderr);
    hub_command(&["status", "--url", &format!("http://{}/faye", off.admin), "--key-file", file], &[])
        .fails_with("is off; set hub.enabled");
}

#[test]
fn responses_of_another_program_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, KEY).unwrap();
    let ran = |status: u16, body: &'static str, arguments: &[&str]| {
        let other = Web::start(move |_| Some(WebResponse::new(status, body)));
        let (url, file) = (other.url(""), file.to_str().unwrap());
        hub_command(&[arguments, &["--url", &url, "--key-file", file]].concat(), &[])
    };
    for body in ["{\"topics\":[],\"next\":\"a\"}", "{\"topics\":[{\"topic\":\"x\"}],\"next\":\"a\"}"] {
        ran(200, body, &["topics"]).fails_with("a page of topics after which the same would follow");
    }
    for (body, part) in [
        ("null", "is no JSON object"),
        ("[]", "is no JSON object"),
        ("{}", "has no \"url\"; check that this is the address of faye"),
    ] {
        ran(200, body, &["status"]).fails_with(part);
        ran(200, body, &["status", "--json"]).fails_with(part);
    }
    ran(200, "{}", &["retry"]).fails_with("has no number \"due\"");
    ran(200, "{}", &["retry", "--json"]).fails_with("has no number \"due\"");
    ran(200, "{}", &["subscriptions"]).fails_with("has no list \"subscriptions\"");
    for status in [400, 503] {
        let said = ran(status, "{\"error\":\"a\\u001b[2Jb\\u009bc\\nd\"}", &["topics"]);
        let controls = said.stderr.trim_end().chars().filter(|letter| letter.is_control()).count();
        assert_eq!(controls, 0, "{:?}", said.stderr);
        said.fails_with("a\\u{1b}[2Jb\\u{9b}c\\nd");
    }
}

#[test]
fn the_command_prints_tables_and_json() {
    let faye = hub::start(&[WITH_KEY, WITH_ADMIN]);
    let callback = Web::callback();
    for number in 1..=3 {
        subscribe(&faye, &callback, "/hidden", &format!("http://a.example/{number}"));
    }
    let said = run(&faye, &["status"]).succeeds();
    for line in [
        "hub: https://hub.example/hub",
        "policy: open",
        "topics: 3",
        "subscriptions: 3",
        "deliveries waiting: 0",
    ] {
        assert!(said.lines().any(|own| own == line), "{line}: {said}");
    }
    let json: Value = serde_json::from_str(&run(&faye, &["status", "--json"]).succeeds()).unwrap();
    assert_eq!(json["subscriptions"], 3);
    let said = run(&faye, &["topics"]).succeeds();
    let lines: Vec<_> = said.lines().collect();
    assert!(lines[0].starts_with("TOPIC ") && lines[1].starts_with("http://a.example/1  1"), "{said}");
    assert_eq!(lines.len(), 4, "{said}");
    let said = run(&faye, &["subscriptions", "--host", "127.0.0.1"]).succeeds();
    assert!(said.contains("127.0.0.1  9d23h") && !said.contains("hidden"), "{said}");
    let ran = run(&faye, &["subscriptions", "--limit", "2", "--json"]);
    assert!(ran.is_success && ran.stderr.contains("write a larger --limit"), "{}", ran.stderr);
    let found: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((found.len(), &found[1]["topic"]), (2, &"http://a.example/2".into()));
    assert_eq!(run(&faye, &["retry"]).succeeds(), "0 deliveries are due now\n");
    assert_eq!(run(&faye, &["retry", "--topic", "http://a.example/1", "--json"]).succeeds(), "{\"due\":0}\n");
}

#[test]
fn waiting_deliveries_become_due() {
    // The first attempt fails, and the next is an hour later.
    let faye = hub::start(&[WITH_KEY, WITH_ADMIN, ("FAYE_HUB__RETRIES", "1h")]);
    let attempts = std::sync::atomic::AtomicUsize::new(0);
    let callback = Web::start(move |request| {
        Some(match request.query("hub.challenge") {
            Some(challenge) => WebResponse::new(200, challenge),
            None if attempts.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 => {
                WebResponse::new(500, "")
            }
            None => WebResponse::new(204, ""),
        })
    });
    let topic = Web::start(|_| Some(WebResponse::new(200, "content").with("Content-Type", "text/plain")));
    subscribe(&faye, &callback, "/hidden", &topic.url("/"));
    let ping = format!("hub.mode=publish&hub.url={}", topic.url("/"));
    let kind = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(Http::open(faye.address).request("POST", "/hub", &kind, ping.as_bytes()).status, 204);
    assert_eq!(callback.next().body, b"content");
    // The failure is in the store soon.
    let mut http = Http::open(faye.admin);
    let subscription = loop {
        let found = value(&mut http, "/api/v1/hub/subscriptions");
        if found["subscriptions"][0]["failures"] == 1 {
            break found["subscriptions"][0].clone();
        }
        std::thread::yield_now();
    };
    assert!(subscription["failure"].as_str().unwrap().contains("500"), "{subscription}");
    assert_eq!(value(&mut http, "/api/v1/hub")["deliveries_waiting"], 1);
    assert_eq!(run(&faye, &["retry", "--host", "other.example"]).succeeds(), "0 deliveries are due now\n");
    assert_eq!(run(&faye, &["retry", "--host", "127.0.0.1"]).succeeds(), "1 delivery is due now\n");
    assert_eq!(callback.next().body, b"content");
}
