//! What the hub answers to subscribers, publishers and browsers: parameters, policy, limits, the page and status pages.

use crate::support::hub::{FORM, PUBLIC_URL, post, start};
use crate::support::*;
use tokio::time::Instant;

const BROWSER: (&str, &str) = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8");
const TOPIC: &str = "http://blog.example/feed";

/// A form of these fields.
fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// Posts a body to the hub as a program does.
#[track_caller]
fn post_text(faye: &Faye, body: &str) -> Response {
    faye.http().request("POST", "/hub", &[FORM], body.as_bytes())
}

/// Posts a request to subscribe.
#[track_caller]
fn subscribe(faye: &Faye, topic: &str, callback: &str, more: &[(&str, &str)]) -> Response {
    let fields = [("hub.mode", "subscribe"), ("hub.topic", topic), ("hub.callback", callback)];
    post(faye, &[&fields, more].concat())
}

#[track_caller]
fn unsubscribe(faye: &Faye, topic: &str, callback: &str, more: &[(&str, &str)]) -> Response {
    let fields = [("hub.mode", "unsubscribe"), ("hub.topic", topic), ("hub.callback", callback)];
    post(faye, &[&fields, more].concat())
}

/// Fails unless a response is a refusal in plain text with these words.
#[track_caller]
fn assert_refused(response: &Response, status: u16, words: &str) {
    assert_eq!(response.status, status, "{response:?}");
    assert!(response.text().contains(words), "{words:?} is not in {:?}", response.text());
    assert_eq!(response.header("Content-Type"), Some("text/plain; charset=utf-8"));
    assert_eq!(response.header("X-Content-Type-Options"), Some("nosniff"));
}

#[track_caller]
fn assert_no_content(response: &Response) {
    assert_eq!((response.status, response.text().as_str()), (204, ""), "{response:?}");
}

/// The path of the status page that a response names.
#[track_caller]
fn status_page(response: &Response) -> String {
    assert_eq!(response.status, 202, "{response:?}");
    let text = response.text();
    let at = text.find(PUBLIC_URL).unwrap_or_else(|| panic!("no status page: {text}"));
    text[at + PUBLIC_URL.len()..].trim().to_owned()
}

/// Waits until a status page has a text.
#[track_caller]
fn wait_for_status(faye: &Faye, path: &str, text: &str) -> Response {
    let begin = Instant::now();
    loop {
        let page = faye.get(path);
        if page.text().contains(text) {
            return page;
        }
        assert!(begin.elapsed() < WATCHDOG, "no {text:?}: {page:?}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

fn is_verification(request: &WebRequest) -> bool {
    request.query("hub.challenge").is_some()
}

#[test]
fn a_publication_is_answered_204_with_and_without_subscribers() {
    let faye = start(&[]);
    for body in [
        "hub.mode=publish&hub.url=http%3A%2F%2Fblog.example%2Ffeed",
        "hub.mode=publish&hub.url=http://blog.example/feed?a=b",
        "hub.mode=publish&hub.topic=http%3A%2F%2Fblog.example%2Ffeed",
        "hub.mode=publish&hub.url=http%3A%2F%2Fa.example&hub.url=http%3A%2F%2Fb.example&hub.topic=http%3A%2F%2Fc.example",
        "hub.mode=publish&hub.url[]=http%3A%2F%2Fa.example&hub.url%5B%5D=http%3A%2F%2Fb.example",
        "hub.mode=publish&hub.url=http%3A%2F%2Fa.example&hub.unknown=%zz&x",
        "hub.mode=publish&hub.url=http%3A%2F%2F10.0.0.1%2F",
    ] {
        assert_no_content(&post_text(&faye, body));
    }
    let callback = Web::callback();
    let status = status_page(&subscribe(&faye, TOPIC, &callback.url("/cb"), &[]));
    wait_for_status(&faye, &status, "State: active");
    assert_no_content(&post(&faye, &[("hub.mode", "publish"), ("hub.url", TOPIC)]));
}

#[test]
fn parameters_may_be_in_the_query_of_a_post() {
    let faye = start(&[]);
    let query = form(&[("hub.mode", "publish"), ("hub.url", TOPIC)]);
    let mut http = faye.http();
    for kind in ["application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x"] {
        let target = format!("/hub?{query}");
        assert_no_content(&http.request("POST", &target, &[("Content-Type", kind)], b""));
    }
    assert_no_content(&http.request("POST", &format!("/hub?{query}"), &[], b""));
    // A body wins, parameter by parameter.
    assert_no_content(&http.request(
        "POST",
        &format!("/hub?{query}"),
        &[FORM],
        b"hub.url=http://other.example/",
    ));
    let answer = http.request("POST", &format!("/hub?{query}"), &[FORM], b"hub.mode=other");
    assert_refused(&answer, 400, "hub.mode");
}

#[test]
fn a_publication_needs_valid_urls() {
    let faye = start(&[]);
    assert_refused(&post(&faye, &[("hub.mode", "publish")]), 400, "hub.url is missing");
    assert_refused(&post(&faye, &[("hub.mode", "publish"), ("hub.url", "")]), 400, "hub.url is missing");
    let fields = [("hub.mode", "publish"), ("hub.url", TOPIC), ("hub.topic", "ftp://blog.example/")];
    assert_refused(&post(&faye, &fields), 400, "hub.topic is not an http or https URL");
    let mut fields = vec![("hub.mode", "publish")];
    fields.resize(101, ("hub.url", TOPIC));
    assert_no_content(&post(&faye, &fields));
    fields.push(("hub.url", TOPIC));
    assert_refused(&post(&faye, &fields), 400, "more than 100 URLs");
}

#[test]
fn the_root_is_the_hub_too_unless_it_is_off() {
    let body = form(&[("hub.mode", "publish"), ("hub.url", TOPIC)]);
    let faye = start(&[]);
    let post = |faye: &Faye, target: &str| faye.http().request("POST", target, &[FORM], body.as_bytes());
    assert_no_content(&post(&faye, "/"));
    assert_no_content(&post(&faye, "/hub"));
    let page = faye.get("/").text();
    assert!(page.contains("Pull the plug"), "a GET is for the page");
    assert!(page.contains("<a href=\"/hub\">WebSub hub</a>"), "{page}");
    assert!(
        faye.stdout()
            .iter()
            .any(|line| line.starts_with("The WebSub hub is https://hub.example/hub and accepts"))
    );
    for target in ["/hubs", "/hub/x", "/hub/page", "/hub/page/x"] {
        assert_eq!(post(&faye, target).status, 404, "{target}");
    }
    // A slash at the end is no other path.
    assert_no_content(&post(&faye, "/hub/"));
    assert_no_content(&faye.http().request("POST", &format!("/hub/?{body}"), &[], b""));
    assert_eq!(faye.get("/hub/").body, faye.get("/hub").body);
    assert_eq!(faye.get("/healthz/").status, 200);
    assert_eq!(faye.get("//").status, 404);
    let faye = start(&[("FAYE_HUB__ROOT", "false"), ("FAYE_HUB__PATH", "/push/hub")]);
    assert_eq!(post(&faye, "/").status, 405);
    assert_eq!(post(&faye, "/hub").status, 404);
    assert_no_content(&post(&faye, "/push/hub"));
    assert_eq!(faye.get("/push/hub/page/hub.css").status, 200);
}

#[test]
fn a_subscription_is_accepted_and_its_status_page_shows_no_secret() {
    let faye = start(&[("FAYE_LOG__LEVEL", "debug")]);
    let callback = Web::callback();
    let more = [("hub.secret", "s3cr3t-of-mine")];
    let answer =
        subscribe(&faye, "http://blog.example/private/feed", &callback.url("/cb-of-mine?x=y"), &more);
    assert_eq!(answer.header("Content-Type"), Some("text/plain; charset=utf-8"));
    let path = status_page(&answer);
    assert!(
        path.starts_with("/hub/subscription/") && path.len() >= "/hub/subscription/".len() + 22,
        "{path}"
    );
    let verification = callback.next_where(is_verification);
    assert_eq!(verification.query("hub.mode").as_deref(), Some("subscribe"));
    assert!(verification.target.starts_with("/cb-of-mine?x=y&hub."), "{}", verification.target);
    let page = wait_for_status(&faye, &path, "State: active");
    assert_eq!(page.status, 200);
    for (name, value) in [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("X-Robots-Tag", "noindex"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cache-Control", "no-store"),
    ] {
        assert_eq!(page.header(name), Some(value), "{name}");
    }
    let text = page.text();
    assert!(
        text.contains("Request: subscribe") && text.contains("blog.example") && text.contains("127.0.0.1"),
        "{text}"
    );
    let html = faye.http().request("GET", &path, &[BROWSER], b"");
    assert_eq!(html.header("Referrer-Policy"), Some("no-referrer"));
    assert!(html.text().contains("<dt>State</dt><dd>active</dd>"), "{}", html.text());
    for hidden in ["s3cr3t-of-mine", "cb-of-mine", "private"] {
        assert!(!text.contains(hidden) && !html.text().contains(hidden), "{hidden}");
    }
    for hidden in ["s3cr3t-of-mine", "cb-of-mine"] {
        assert!(!faye.stderr().contains(hidden), "{hidden} is in the log: {}", faye.stderr());
    }
}

#[test]
fn unknown_and_malformed_status_pages_do_not_differ() {
    let faye = start(&[]);
    let unknown = faye.get("/hub/subscription/AAAAAAAAAAAAAAAAAAAAAAAA");
    assert_refused(&unknown, 404, "no such request");
    for token in ["x", "", "../hub", "AAAAAAAAAAAAAAAAAAAAAAA%41", "AAAAAAAAAAAAAAAAAAAAAAAA/", "<b>"] {
        let malformed = faye.get(&format!("/hub/subscription/{token}"));
        assert_eq!((malformed.status, malformed.text()), (404, unknown.text()), "{token}");
        assert_eq!(malformed.header("X-Robots-Tag"), Some("noindex"));
    }
    let posted = faye.http().request("POST", "/hub/subscription/x", &[FORM], b"");
    assert_eq!((posted.status, posted.header("Allow")), (405, Some("GET, HEAD")));
}

#[test]
fn errors_name_the_parameter() {
    let faye = start(&[]);
    let long = format!("http://blog.example/{}", "x".repeat(2048));
    let secret = "s".repeat(200);
    let topic = ("hub.topic", TOPIC);
    let callback = ("hub.callback", "http://127.0.0.1:1/");
    let table: &[(&[(&str, &str)], &str)] = &[
        (&[], "hub.mode is missing"),
        (&[("hub.mode", "renew")], "hub.mode is not subscribe, unsubscribe or publish"),
        (&[("hub.mode", "Subscribe"), topic, callback], "hub.mode is not"),
        (&[("mode", "subscribe"), topic, callback], "hub.mode is missing"),
        (&[("hub.mode", "subscribe"), topic], "hub.callback is missing"),
        (&[("hub.mode", "subscribe"), callback], "hub.topic is missing"),
        (&[("hub.mode", "subscribe"), ("hub.url", TOPIC), callback], "hub.topic is missing"),
        (&[("hub.mode", "unsubscribe"), callback], "hub.topic is missing"),
        (&[("hub.mode", "subscribe"), ("hub.topic", ""), callback], "hub.topic is missing"),
        (
            &[("hub.mode", "subscribe"), ("hub.topic", "/feed"), callback],
            "hub.topic is not an http or https URL",
        ),
        (
            &[("hub.mode", "subscribe"), ("hub.topic", "http://u:p@b.example/"), callback],
            "hub.topic has a user name",
        ),
        (
            &[("hub.mode", "subscribe"), ("hub.topic", "http://b.example/#x"), callback],
            "hub.topic has a fragment",
        ),
        (
            &[("hub.mode", "subscribe"), ("hub.topic", &long), callback],
            "hub.topic is longer than 2,048 bytes",
        ),
        (
            &[("hub.mode", "subscribe"), topic, ("hub.callback", "http://b.example/\r\nX: y")],
            "hub.callback has a control",
        ),
        (
            &[("hub.mode", "subscribe"), topic, ("hub.callback", "http://b.example/\">")],
            "hub.callback has a control",
        ),
        (
            &[("hub.mode", "subscribe"), topic, callback, ("hub.secret", &secret)],
            "hub.secret has 200 bytes or more",
        ),
        (
            &[("hub.mode", "subscribe"), topic, callback, ("hub.lease_seconds", "0")],
            "hub.lease_seconds is not",
        ),
        (
            &[("hub.mode", "subscribe"), topic, callback, ("hub.lease_seconds", "-1")],
            "hub.lease_seconds is not",
        ),
        (
            &[("hub.mode", "subscribe"), topic, callback, ("hub.lease_seconds", "1d")],
            "hub.lease_seconds is not",
        ),
        (&[("hub.mode", "subscribe"), topic, callback, ("hub.verify", "later")], "sync or async"),
        (&[("hub.mode", "subscribe"), topic, callback, ("hub.verify", "")], "sync or async"),
    ];
    for (fields, words) in table {
        assert_refused(&post(&faye, fields), 400, words);
    }
    for body in ["hub.mode=publish&hub.url=%zz", "hub.mode=publish&hub.url=http://a.example/%", "hub.url=%ff"]
    {
        assert_refused(&post_text(&faye, body), 400, "hub.url is not percent-encoded UTF-8");
    }
    assert!(!post(&faye, &[("hub.mode", "<script>")]).text().contains("script"), "texts have no input");
    assert_eq!(faye.metric("faye_hub_verifications_pending"), 0);
}

#[test]
fn only_forms_of_a_moderate_size_are_read() {
    let faye = start(&[]);
    let body = form(&[("hub.mode", "publish"), ("hub.url", TOPIC)]);
    let send = |headers: &[(&str, &str)], body: &[u8]| faye.http().request("POST", "/hub", headers, body);
    for kind in ["application/json", "multipart/form-data; boundary=x", "text/plain", "application/xml"] {
        let answer = send(&[("Content-Type", kind)], body.as_bytes());
        assert_refused(&answer, 415, "application/x-www-form-urlencoded");
    }
    let utf16 = ("Content-Type", "application/x-www-form-urlencoded; charset=utf-16");
    assert_refused(&send(&[utf16], body.as_bytes()), 415, "UTF-8");
    let utf8 = ("Content-Type", "application/x-www-form-urlencoded; charset=\"UTF-8\"");
    assert_no_content(&send(&[utf8], body.as_bytes()));
    assert_no_content(&send(&[], body.as_bytes()));
    let coded = send(&[FORM, ("Content-Encoding", "gzip")], body.as_bytes());
    assert_eq!((coded.status, coded.header("Accept-Encoding")), (415, Some("identity")));
    let padding = "x".repeat(64 * 1024);
    assert_eq!(send(&[FORM], format!("{body}&x={padding}").as_bytes()).status, 413);
    faye.assert_serves();
}

#[test]
fn other_methods_are_refused_with_those_that_there_are() {
    let faye = start(&[]);
    let mut http = faye.http();
    let query =
        form(&[("hub.mode", "subscribe"), ("hub.topic", TOPIC), ("hub.callback", "http://a.example/")]);
    let got = http.request("GET", &format!("/hub?{query}"), &[], b"");
    assert_refused(&got, 405, "POST");
    assert_eq!(got.header("Allow"), Some("POST"));
    let head = http.request("HEAD", &format!("/hub?{query}"), &[], b"");
    assert_eq!((head.status, head.header("Allow")), (405, Some("POST")));
    for method in ["PUT", "DELETE", "PATCH"] {
        let answer = faye.http().request(method, "/hub", &[("Content-Length", "0")], b"");
        assert_refused(&answer, 405, "method");
        assert_eq!(answer.header("Allow"), Some("GET, HEAD, POST, OPTIONS"));
    }
    let options = http.request("OPTIONS", "/hub", &[], b"");
    assert_eq!((options.status, options.header("Allow")), (204, Some("GET, HEAD, POST, OPTIONS")));
    assert_eq!(options.header("Access-Control-Allow-Origin"), None);
    assert_eq!(http.request("HEAD", "/hub", &[], b"").status, 200);
}

#[test]
fn pages_of_another_origin_are_refused() {
    let faye = start(&[]);
    let body = form(&[("hub.mode", "publish"), ("hub.url", TOPIC)]);
    for origin in ["https://evil.example", "null", "http://hub.example"] {
        let answer = faye.http().request("POST", "/hub", &[FORM, ("Origin", origin)], body.as_bytes());
        assert_refused(&answer, 403, "origin");
        assert_eq!(answer.header("Access-Control-Allow-Origin"), None);
    }
    let own = format!("http://{}", faye.address);
    for origin in [own.as_str(), PUBLIC_URL] {
        let answer = faye.http().request("POST", "/hub", &[FORM, ("Origin", origin)], body.as_bytes());
        assert_no_content(&answer);
    }
}

#[test]
fn topics_beyond_the_policy_are_refused_and_a_warning_names_the_setting() {
    let faye = start(&[
        ("FAYE_HUB__POLICY", "listed"),
        ("FAYE_HUB__TOPICS", "http://blog.example/feeds,https://Other.example"),
    ]);
    let callback = Web::callback();
    let callback = callback.url("/");
    for topic in
        [TOPIC, "http://blog.example/feedsX", "http://blog.example:81/feeds", "http://other.example/"]
    {
        assert_refused(&subscribe(&faye, topic, &callback, &[]), 403, "does not accept the topic");
    }
    for topic in ["http://BLOG.example:80/feeds/1", "http://blog.example/feeds?x", "https://other.example/x"]
    {
        assert_eq!(subscribe(&faye, topic, &callback, &[]).status, 202, "{topic}");
    }
    assert_no_content(&post(&faye, &[("hub.mode", "publish"), ("hub.url", TOPIC)]));
    assert_eq!(unsubscribe(&faye, TOPIC, &callback, &[]).status, 202);
    faye.wait_for_stderr("other.example");
    let log = faye.stderr();
    let warnings: Vec<_> =
        log.lines().filter(|line| line.contains("the topic is not in hub.topics")).collect();
    assert_eq!(warnings.len(), 2, "one for each host: {log}");
    assert!(warnings.iter().all(|line| line.contains("WARN")), "{log}");
}

#[test]
fn callbacks_at_the_server_are_refused_but_for_its_subscribers() {
    let faye = start(&[]);
    for path in ["/", "/hub", "/websub/callback/../../hub", "/websub/callback/"] {
        let answer = subscribe(&faye, TOPIC, &format!("{PUBLIC_URL}{path}"), &[]);
        assert_refused(&answer, 403, "does not accept the callback");
    }
    faye.wait_for_stderr("not below /websub/callback/");
    assert_eq!(subscribe(&faye, TOPIC, &format!("{PUBLIC_URL}/websub/callback/x"), &[]).status, 202);
}

#[test]
fn callbacks_at_private_addresses_are_refused_at_once() {
    let faye = start(&[("FAYE_HUB__CALLBACK_NETWORKS", "")]);
    for host in ["127.0.0.1", "10.0.0.1", "[::1]", "2130706433", "[::ffff:192.168.0.1]", "0"] {
        let answer = subscribe(&faye, TOPIC, &format!("http://{host}:8080/cb"), &[]);
        assert_refused(&answer, 403, "does not accept the callback");
    }
    faye.wait_for_stderr("hub.callback_networks");
    assert!(!faye.stderr().contains("0.0.0.0"), "no setting allows it: {}", faye.stderr());
}

#[test]
fn refusals_of_many_hosts_are_few_lines_of_the_log() {
    const LINE: &str = "request refused: the address is not public";
    let faye = start(&[("FAYE_HUB__CALLBACK_NETWORKS", "")]);
    for host in 1..=100 {
        let answer = subscribe(&faye, TOPIC, &format!("http://10.0.0.{host}/cb"), &[]);
        assert_refused(&answer, 403, "does not accept the callback");
    }
    // The lines before it are written by then.
    faye.terminate();
    faye.wait_for_stderr("stopped");
    assert_eq!(faye.stderr().matches(LINE).count(), 20, "{}", faye.stderr());
}

#[test]
fn topics_at_private_addresses_are_refused_at_once() {
    let faye = start(&[("FAYE_HUB__TOPIC_NETWORKS", "10.1.0.0/16")]);
    let callback = Web::callback();
    for host in ["127.0.0.1", "10.0.0.1", "[::1]", "0x7f000001"] {
        let answer = subscribe(&faye, &format!("http://{host}/feed"), &callback.url("/"), &[]);
        assert_refused(&answer, 403, "does not accept the topic");
    }
    faye.wait_for_stderr("hub.topic_networks");
    assert_eq!(subscribe(&faye, "http://10.1.2.3/feed", &callback.url("/"), &[]).status, 202);
}

#[test]
fn the_rate_of_a_client_is_bounded() {
    let faye = start(&[("FAYE_HUB__RATE", "3/h")]);
    for _ in 0..3 {
        assert_no_content(&post(&faye, &[("hub.mode", "publish"), ("hub.url", TOPIC)]));
    }
    let answer = post(&faye, &[("hub.mode", "publish"), ("hub.url", TOPIC)]);
    assert_refused(&answer, 429, "too many requests");
    let wait: u64 = answer.header("Retry-After").and_then(|wait| wait.parse().ok()).expect("a time");
    assert!((1..=1200).contains(&wait), "{wait}");
    assert_refused(&faye.get("/hub/subscription/x"), 429, "too many requests");
    assert_eq!(faye.get("/hub").status, 200, "the page is free");
    assert_eq!(faye.metric("faye_hub_requests_total{mode=\"none\",code=\"429\"}"), 1);
}

/// A server, and a callback that never answers, so that requests wait for verification.
fn start_with_silent_callback(settings: &[(&str, &str)]) -> (Faye, Web) {
    (start(settings), Web::start(|_| None))
}

#[test]
fn full_bounds_are_told_and_logged() {
    let (faye, silent) = start_with_silent_callback(&[("FAYE_HUB__PENDING_BY_HOST", "1")]);
    assert_eq!(subscribe(&faye, TOPIC, &silent.url("/1"), &[]).status, 202);
    let answer = subscribe(&faye, TOPIC, &silent.url("/2"), &[]);
    assert_refused(&answer, 429, "wait for verification");
    assert!(answer.header("Retry-After").is_some());
    faye.wait_for_stderr("hub.pending_by_host");

    let active = |settings: &[(&str, &str)]| {
        let (faye, callback) = (start(settings), Web::callback());
        let status = status_page(&subscribe(&faye, TOPIC, &callback.url("/1"), &[]));
        wait_for_status(&faye, &status, "State: active");
        (faye, callback)
    };
    let (faye, callback) = active(&[("FAYE_HUB__SUBSCRIPTIONS_BY_HOST", "1")]);
    let answer = subscribe(&faye, TOPIC, &callback.url("/2"), &[]);
    assert_refused(&answer, 429, "too many subscriptions");
    assert!(answer.header("Retry-After").is_some());
    for (setting, topic) in
        [("FAYE_HUB__MAX_SUBSCRIPTIONS", TOPIC), ("FAYE_HUB__MAX_TOPICS", "http://b.example/")]
    {
        let (faye, callback) = active(&[(setting, "1")]);
        let answer = subscribe(&faye, topic, &callback.url("/2"), &[]);
        assert_refused(&answer, 503, "no room");
        assert!(answer.header("Retry-After").is_some());
        assert_eq!(subscribe(&faye, TOPIC, &callback.url("/1"), &[]).status, 202, "a renewal needs no room");
        faye.wait_for_stderr(&setting.to_lowercase().replace("faye_hub__", "hub."));
    }
}

#[test]
fn a_synchronous_request_is_answered_after_its_verification() {
    let faye = start(&[]);
    let callback = Web::callback();
    let sync = [("hub.verify", "sync"), ("hub.verify_token", "to ken&")];
    assert_no_content(&subscribe(&faye, TOPIC, &callback.url("/cb?method=receiveFeed"), &sync));
    let verification = callback.next();
    assert!(verification.target.starts_with("/cb?method=receiveFeed&hub."), "{}", verification.target);
    assert_eq!(verification.query("hub.topic").as_deref(), Some(TOPIC));
    assert_eq!(verification.query("hub.verify_token").as_deref(), Some("to ken&"));
    assert_eq!(faye.metric("faye_hub_requests_total{mode=\"subscribe\",code=\"204\"}"), 1);
    assert_no_content(&unsubscribe(&faye, TOPIC, &callback.url("/cb?method=receiveFeed"), &sync));
    assert_eq!(callback.next().query("hub.mode").as_deref(), Some("unsubscribe"));

    let refusing = Web::start(|_| Some(WebResponse::new(404, "no")));
    let answer = subscribe(&faye, TOPIC, &refusing.url("/"), &sync);
    assert_refused(&answer, 409, "did not confirm");
    let wrong = Web::start(|_| Some(WebResponse::new(200, "another text")));
    assert_refused(&subscribe(&faye, TOPIC, &wrong.url("/"), &sync), 409, "did not confirm");
    let failing = Web::start(|_| Some(WebResponse::new(500, "")));
    assert_refused(&subscribe(&faye, TOPIC, &failing.url("/"), &sync), 409, "did not confirm");
}

#[test]
fn a_synchronous_request_waits_for_the_check_of_the_topic() {
    // A topic on a private address that is not listed is not fetched, so the check fails.
    let faye =
        start(&[("FAYE_HUB__POLICY", "advertised"), ("FAYE_HUB__TOPICS", "http://127.0.0.1:9/listed")]);
    let callback = Web::callback();
    let sync = [("hub.verify", "sync")];
    let answer = subscribe(&faye, "http://127.0.0.1:9/feed", &callback.url("/cb"), &sync);
    assert_refused(&answer, 409, "the topic was refused: the topic cannot be fetched");
    assert!(callback.so_far().is_empty(), "the callback is not asked about a topic that is refused");
    assert_no_content(&subscribe(&faye, "http://127.0.0.1:9/listed", &callback.url("/cb"), &sync));
    faye.wait_for_stderr("hub.topics");
    // The refusal is the end of the request.
    faye.wait_for_metric("faye_hub_verifications_pending", |now| now == 0);
}

#[test]
fn the_first_known_word_of_verify_counts() {
    let faye = start(&[]);
    let callback = Web::callback();
    let status = |words: &[&str]| {
        let more: Vec<_> = words.iter().map(|word| ("hub.verify", *word)).collect();
        subscribe(&faye, TOPIC, &callback.url("/"), &more).status
    };
    assert_eq!(status(&["sync", "async"]), 204);
    assert_eq!(status(&["async", "sync"]), 202);
    assert_eq!(status(&["later", "sync"]), 204);
    assert_eq!(status(&["async,sync"]), 202);
    let faye = start(&[("FAYE_HUB__LEGACY", "false")]);
    for word in ["sync", "later"] {
        let more = [("hub.verify", word), ("hub.verify_token", "token")];
        assert_eq!(subscribe(&faye, TOPIC, &callback.url(&format!("/{word}")), &more).status, 202);
        let verification = callback.next_where(|request| request.path() == format!("/{word}"));
        assert_eq!(verification.query("hub.verify_token"), None);
    }
}

#[test]
fn leases_are_within_their_bounds() {
    let faye = start(&[]);
    let callback = Web::callback();
    let granted = |wish: &[(&str, &str)]| {
        assert_eq!(subscribe(&faye, TOPIC, &callback.url("/"), wish).status, 202);
        callback.next_where(is_verification).query("hub.lease_seconds")
    };
    assert_eq!(granted(&[]).as_deref(), Some("864000"));
    assert_eq!(granted(&[("hub.lease_seconds", "")]).as_deref(), Some("864000"));
    assert_eq!(granted(&[("hub.lease_seconds", "86400")]).as_deref(), Some("86400"));
    assert_eq!(granted(&[("hub.lease_seconds", "1")]).as_deref(), Some("3600"));
    assert_eq!(granted(&[("hub.lease_seconds", "99999999999999999999")]).as_deref(), Some("2592000"));
    let twice = [("hub.lease_seconds", "7200"), ("hub.lease_seconds", "86400")];
    assert_eq!(granted(&twice).as_deref(), Some("86400"), "the last one counts");
    let answer = unsubscribe(&faye, TOPIC, &callback.url("/"), &[("hub.lease_seconds", "x")]);
    assert_eq!(answer.status, 202, "it is ignored there");
    assert_eq!(callback.next_where(is_verification).query("hub.lease_seconds"), None);
}

#[test]
fn a_topic_is_sent_on_as_the_subscriber_spells_it() {
    let faye = start(&[]);
    let callback = Web::callback();
    let topic = "HTTP://Blog.Example:80/%7ejoe/?b=%61";
    let sync = [("hub.verify", "sync")];
    assert_no_content(&subscribe(&faye, topic, &callback.url("/%7Ecb?a=%61"), &sync));
    let verification = callback.next_where(is_verification);
    assert_eq!(verification.query("hub.topic").as_deref(), Some(topic));
    assert!(verification.target.starts_with("/~cb?a=%61&hub."), "{}", verification.target);
    // Another spelling is the same subscription.
    faye.wait_for_metric("faye_hub_subscriptions", |now| now == 1);
    assert_no_content(&unsubscribe(
        &faye,
        "http://blog.example/~joe/?b=a",
        &callback.url("/~cb?a=%61"),
        &sync,
    ));
    faye.wait_for_metric("faye_hub_subscriptions", |now| now == 0);
}

#[test]
fn an_unsubscription_does_not_tell_whether_there_is_a_subscription() {
    let faye = start(&[]);
    let callback = Web::start(|request| {
        let confirms = request.query("hub.mode").as_deref() == Some("subscribe");
        let challenge = request.query("hub.challenge").unwrap_or_default();
        Some(WebResponse::new(if confirms { 200 } else { 404 }, challenge))
    });
    assert_no_content(&subscribe(&faye, TOPIC, &callback.url("/known"), &[("hub.verify", "sync")]));
    let told = ["/known", "/unknown"].map(|path| {
        let answer = unsubscribe(&faye, TOPIC, &callback.url(path), &[]);
        assert_eq!(answer.status, 202);
        let page = wait_for_status(&faye, &status_page(&answer), "did not confirm").text();
        let sync = unsubscribe(&faye, TOPIC, &callback.url(path), &[("hub.verify", "sync")]);
        assert_eq!(sync.status, 409);
        (answer.text().split_once("/subscription/").unwrap().0.to_owned(), page, sync.text())
    });
    assert_eq!(told[0], told[1]);
}

#[test]
fn bare_names_are_read_if_they_are_on() {
    let faye = start(&[("FAYE_HUB__BARE_NAMES", "true")]);
    assert_no_content(&post(&faye, &[("mode", "publish"), ("url[]", TOPIC), ("url[]", "http://b.example/")]));
    let callback = Web::callback();
    let fields =
        [("mode", "subscribe"), ("url", TOPIC), ("callback", &callback.url("/")), ("lease_seconds", "7200")];
    assert_eq!(post(&faye, &fields).status, 202);
    let verification = callback.next_where(is_verification);
    assert_eq!(
        verification.query("hub.topic").as_deref(),
        Some(TOPIC),
        "it has the names of the specification"
    );
    assert_eq!(verification.query("hub.lease_seconds").as_deref(), Some("7200"));
    assert_eq!(faye.get("/hub?mode=subscribe").status, 405);
}

#[test]
fn the_page_has_forms_that_work_without_scripts() {
    let faye = start(&[]);
    let page = faye.http().request("GET", "/hub", &[BROWSER], b"");
    assert_eq!((page.status, page.header("Content-Type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("Content-Security-Policy").expect("a policy");
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("script") && !policy.contains("unsafe")
    );
    let html = page.text();
    assert!(!html.contains("<script") && !html.contains("style="), "{html}");
    for form in ["value=\"subscribe\"", "value=\"unsubscribe\"", "value=\"publish\"", "name=\"subscription\""]
    {
        assert_eq!(html.matches(form).count(), 1, "{form}");
    }
    assert!(html.contains(&format!("<code>{PUBLIC_URL}/hub</code>")) && !html.contains('{'), "{html}");
    for file in html.split("href=\"/").skip(1).filter_map(|rest| rest.split('"').next()) {
        let loaded = faye.get(&format!("/{file}"));
        assert_eq!(loaded.status, 200, "{file}");
        assert_eq!(loaded.header("X-Content-Type-Options"), Some("nosniff"));
    }
    assert_eq!(faye.http().request("POST", "/hub/page/hub.css", &[FORM], b"").status, 405);
}

#[test]
fn forms_of_the_page_are_answered_with_pages_and_programs_are_not() {
    let faye = start(&[]);
    let own = format!("http://{}", faye.address);
    let callback = Web::callback();
    let callback = callback.url("/");
    let send = |headers: &[(&str, &str)], fields: &[(&str, &str)]| {
        faye.http().request("POST", "/hub", &[&[FORM], headers].concat(), form(fields).as_bytes())
    };
    let browser = [BROWSER, ("Origin", own.as_str())];
    let page = ("answer", "page");
    let publish = [("hub.mode", "publish"), ("hub.url", TOPIC)];
    let shown = send(&browser, &[&publish[..], &[page]].concat());
    assert_eq!((shown.status, shown.header("Content-Type")), (200, Some("text/html; charset=utf-8")));
    assert!(shown.text().contains("Published") && shown.text().contains("href=\"/hub\""), "{}", shown.text());
    // Some programs accept HTML, as Java's do by default; others send a copy of the form.
    assert_no_content(&send(&[BROWSER], &publish));
    assert_no_content(&send(&[("Accept", "*/*")], &[&publish[..], &[page]].concat()));
    assert_no_content(&send(&[], &[&publish[..], &[page]].concat()));

    let fields = [("hub.mode", "subscribe"), ("hub.topic", TOPIC), ("hub.callback", &callback), page];
    let empty = [("hub.secret", ""), ("hub.lease_seconds", "")];
    let shown = send(&browser, &[&fields[..], &empty].concat());
    assert_eq!(shown.status, 202);
    let text = shown.text();
    let link = text.split("href=\"").find(|part| part.starts_with("/hub/subscription/")).expect("a link");
    let link = link.split('"').next().unwrap();
    wait_for_status(&faye, link, "State: active");
    let token = link.rsplit('/').next().unwrap();
    for asked in [token.to_owned(), format!(" {PUBLIC_URL}{link} ")] {
        let found = faye.get(&format!("/hub?{}", form(&[("subscription", &asked)])));
        assert_eq!((found.status, found.header("Location")), (303, Some(link)), "{asked}");
    }
    let missing = faye.get("/hub?subscription=%0d%0aX:%20y");
    assert_eq!((missing.status, missing.header("X")), (404, None));

    let refused = send(&browser, &[("hub.mode", "subscribe"), ("hub.topic", "<b>"), page]);
    assert_eq!((refused.status, refused.header("Content-Type")), (400, Some("text/html; charset=utf-8")));
    assert!(refused.text().contains("hub.callback is missing") && !refused.text().contains("<b>"));
}

#[test]
fn requests_are_counted_by_mode_and_code() {
    let faye = start(&[]);
    let callback = Web::callback();
    post(&faye, &[("hub.mode", "publish"), ("hub.url", TOPIC)]);
    post(&faye, &[("hub.mode", "publish")]);
    post(&faye, &[("hub.mode", "other")]);
    subscribe(&faye, TOPIC, &callback.url("/"), &[]);
    unsubscribe(&faye, "http://b.example/", &callback.url("/"), &[]);
    faye.get("/hub?hub.mode=subscribe");
    for (labels, count) in [
        ("mode=\"publish\",code=\"204\"", 1),
        ("mode=\"publish\",code=\"400\"", 1),
        ("mode=\"none\",code=\"400\"", 1),
        ("mode=\"subscribe\",code=\"202\"", 1),
        ("mode=\"unsubscribe\",code=\"202\"", 1),
        ("mode=\"none\",code=\"405\"", 1),
    ] {
        assert_eq!(faye.metric(&format!("faye_hub_requests_total{{{labels}}}")), count, "{labels}");
    }
}
