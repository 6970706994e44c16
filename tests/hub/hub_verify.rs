//! Verification of intent, denials and renewals: what a callback is asked, which answers confirm, and what follows from
//! the others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::support::hub::{self, PUBLIC_URL, post};
use crate::support::{Faye, Response, Web, WebRequest, WebResponse};

const TOPIC: &str = "https://blog.example/feed";
const VERIFIED: &str = "faye_hub_verifications_total{result=\"verified\"}";
const REFUSED: &str = "faye_hub_verifications_total{result=\"refused\"}";
const RETRIED: &str = "faye_hub_verifications_total{result=\"retried\"}";
const DENIED: &str = "faye_hub_verifications_total{result=\"denied\"}";
const SUBSCRIPTIONS: &str = "faye_hub_subscriptions";

/// Asks for a subscription or its end, with more parameters.
#[track_caller]
fn ask(faye: &Faye, mode: &str, topic: &str, callback: &str, more: &[(&str, &str)]) -> Response {
    let mut all = vec![("hub.mode", mode), ("hub.topic", topic), ("hub.callback", callback)];
    all.extend_from_slice(more);
    post(faye, &all)
}

/// Asks for a subscription that is verified later; the path of its status page.
#[track_caller]
fn subscribe(faye: &Faye, callback: &str, more: &[(&str, &str)]) -> String {
    let response = ask(faye, "subscribe", TOPIC, callback, more);
    assert_eq!(response.status, 202, "{}", response.text());
    let text = response.text();
    let (_, path) = text.split_once(PUBLIC_URL).unwrap_or_else(|| panic!("no status page: {text}"));
    path.split_whitespace().next().unwrap().to_owned()
}

/// Waits until the status page has a text.
#[track_caller]
fn wait_for_status(faye: &Faye, page: &str, text: &str) {
    let begin = tokio::time::Instant::now();
    loop {
        let response = faye.get(page);
        assert_eq!(response.status, 200, "{response:?}");
        if response.text().contains(text) {
            return;
        }
        assert!(begin.elapsed() < crate::support::WATCHDOG, "no {text}: {}", response.text());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn challenge(request: &WebRequest) -> String {
    request.query("hub.challenge").unwrap_or_default()
}

fn is_mode(mode: &str) -> impl Fn(&WebRequest) -> bool {
    move |request| request.query("hub.mode").as_deref() == Some(mode)
}

/// What a verification has in its query, in order, behind `before`.
#[track_caller]
fn parameters(request: &WebRequest, before: &str) -> Vec<(String, String)> {
    let rest = request.target.strip_prefix(before).unwrap_or_else(|| panic!("{}", request.target));
    form_urlencoded::parse(rest.as_bytes()).into_owned().collect()
}

fn names(parameters: &[(String, String)]) -> Vec<&str> {
    parameters.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn a_callback_is_asked_by_get_and_its_query_stays_first_and_as_it_is() {
    let web = Web::callback();
    let faye = hub::start(&[]);
    let topic = "https://blog.example/feed?a=b&c=d%20e";
    for (path, before) in [
        ("/cb", "/cb?"),
        ("/cb?", "/cb?"),
        ("/subscriber.cfc?method=receiveFeed", "/subscriber.cfc?method=receiveFeed&"),
        (
            "/cb?hub.mode=x&hub.challenge=y&hub.topic=z&a=%7e&a=1&a=",
            "/cb?hub.mode=x&hub.challenge=y&hub.topic=z&a=%7e&a=1&a=&",
        ),
    ] {
        let callback = web.url(path);
        let done = faye.metric(VERIFIED);
        let response = ask(&faye, "subscribe", topic, &callback, &[("hub.lease_seconds", "7200")]);
        assert_eq!(response.status, 202, "{}", response.text());
        let request = web.next();
        assert_eq!((request.method.as_str(), &request.body[..]), ("GET", &b""[..]));
        let found = parameters(&request, before);
        assert_eq!(names(&found), ["hub.mode", "hub.topic", "hub.challenge", "hub.lease_seconds"]);
        assert_eq!(
            (found[0].1.as_str(), found[1].1.as_str(), found[3].1.as_str()),
            ("subscribe", topic, "7200")
        );
        assert_eq!(request.header("accept-encoding"), Some("identity"));
        let agent = request.header("user-agent").unwrap();
        assert!(agent.starts_with("faye/") && agent.ends_with(&format!("(+{PUBLIC_URL}/hub)")), "{agent}");
        assert_eq!(request.header("host"), Some(&*web.address.to_string()));
        // The server above answers with the first challenge, which may be that of the callback's own query.
        if !path.contains("hub.challenge") {
            faye.wait_for_metric(VERIFIED, |now| now == done + 1);
        }
    }
    let response = ask(&faye, "unsubscribe", topic, &web.url("/cb"), &[("hub.lease_seconds", "7200")]);
    assert_eq!(response.status, 202, "{}", response.text());
    let found = parameters(&web.next_where(is_mode("unsubscribe")), "/cb?");
    assert_eq!(names(&found), ["hub.mode", "hub.topic", "hub.challenge"]);
}

#[test]
fn a_challenge_is_long_random_and_used_once() {
    let web = Web::start(|_| Some(WebResponse::new(404, "")));
    let faye = hub::start(&[]);
    let mut challenges = Vec::new();
    for _ in 0..5 {
        subscribe(&faye, &web.url("/cb"), &[]);
        challenges.push(challenge(&web.next()));
    }
    // 128 bits are 22 characters of base64.
    assert!(challenges.iter().all(|challenge| challenge.len() >= 22), "{challenges:?}");
    challenges.sort();
    challenges.dedup();
    assert_eq!(challenges.len(), 5);
}

#[test]
fn the_response_to_a_subscriber_does_not_wait_for_the_callback() {
    let web = Web::start(|_| None);
    let faye = hub::start(&[]);
    let page = subscribe(&faye, &web.url("/cb"), &[]);
    assert_eq!(web.next().query("hub.mode").as_deref(), Some("subscribe"));
    assert_eq!(faye.get(&page).status, 200);
    faye.wait_for_metric("faye_hub_verifications_pending", |now| now == 1);
    assert_eq!((faye.metric(SUBSCRIPTIONS), faye.metric(VERIFIED)), (0, 0));
}

/// A response in any form that HTTP allows, as a function of the challenge.
type Form = fn(&str) -> Vec<u8>;

#[test]
fn the_challenge_is_found_in_every_form_of_a_response() {
    let forms: [(&str, Form); 6] = [
        ("/created", |challenge| with_head("201 Created", challenge, challenge)),
        ("/accepted", |challenge| with_head("202 Accepted\r\nContent-Type: text/html", challenge, challenge)),
        ("/chunked", |challenge| chunked(&[challenge])),
        ("/bytes", |challenge| {
            chunked(&challenge.split("").filter(|text| !text.is_empty()).collect::<Vec<_>>())
        }),
        ("/until-close", |challenge| format!("HTTP/1.1 200 OK\r\n\r\n{challenge}").into()),
        ("/old", |challenge| format!("HTTP/1.0 200 OK\r\nServer: old\r\n\r\n{challenge}").into()),
    ];
    let web = Web::start(move |request| {
        let (_, form) = forms.iter().find(|(path, _)| *path == request.path())?;
        Some(WebResponse::raw(form(&challenge(request))))
    });
    let faye = hub::start(&[]);
    for (number, (path, _)) in forms.iter().enumerate() {
        let sync = ask(&faye, "subscribe", TOPIC, &web.url(path), &[("hub.verify", "sync")]);
        assert_eq!(sync.status, 204, "{path}: {}", sync.text());
        subscribe(&faye, &web.url(path), &[]);
        faye.wait_for_metric(VERIFIED, |now| now == 2 * (number as u64 + 1));
    }
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == forms.len() as u64);
    assert_eq!((faye.metric(REFUSED), faye.metric(RETRIED)), (0, 0));
}

fn with_head(head: &str, of_length: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", of_length.len()).into()
}

fn chunked(parts: &[&str]) -> Vec<u8> {
    let chunks: String = parts.iter().map(|part| format!("{:x}\r\n{part}\r\n", part.len())).collect();
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n").into()
}

/// A wrong answer as a function of the challenge.
type Wrong = fn(&str) -> WebResponse;

/// Answers that do not confirm, and are not asked for again.
const WRONG: [(&str, Wrong); 20] = [
    ("/empty", |_| WebResponse::new(200, "")),
    ("/no-content", |_| WebResponse::new(204, "")),
    ("/ok", |_| WebResponse::new(200, "OK")),
    ("/newline", |challenge| WebResponse::new(200, format!("{challenge}\n"))),
    ("/crlf", |challenge| WebResponse::new(200, format!("{challenge}\r\n"))),
    ("/space-before", |challenge| WebResponse::new(200, format!(" {challenge}"))),
    ("/space-after", |challenge| WebResponse::new(200, format!("{challenge} "))),
    ("/byte-order-mark", |challenge| WebResponse::new(200, format!("\u{feff}{challenge}"))),
    ("/nul", |challenge| WebResponse::new(200, format!("{challenge}\0"))),
    ("/prefix", |challenge| WebResponse::new(200, &challenge[..challenge.len() - 1])),
    ("/more", |challenge| WebResponse::new(200, format!("{challenge}x"))),
    ("/page", |challenge| WebResponse::new(200, format!("<html>{challenge}</html>"))),
    ("/quoted", |challenge| WebResponse::new(200, format!("\"{challenge}\""))),
    ("/case", |challenge| WebResponse::new(200, swapped(challenge))),
    ("/twice", |challenge| WebResponse::new(200, challenge.repeat(2))),
    ("/huge", |challenge| WebResponse::new(200, format!("{challenge}{}", " ".repeat(1 << 20)))),
    ("/not-found", |challenge| WebResponse::new(404, challenge)),
    ("/large-not-found", |challenge| WebResponse::new(404, challenge.repeat(1000))),
    ("/gone", |challenge| WebResponse::new(410, challenge)),
    ("/trailer", |challenge| WebResponse::raw(chunked(&[challenge, "\n"]))),
];

fn swapped(text: &str) -> String {
    let swap = |letter: char| {
        if letter.is_ascii_lowercase() { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
    };
    text.chars().map(swap).collect()
}

fn wrong() -> Web {
    Web::start(|request| {
        let (_, wrong) = WRONG.iter().find(|(path, _)| *path == request.path())?;
        Some(wrong(&challenge(request)))
    })
}

#[test]
fn a_body_other_than_the_challenge_does_not_confirm() {
    let web = wrong();
    let faye = hub::start(&[]);
    for (number, (path, _)) in WRONG.iter().enumerate() {
        let page = subscribe(&faye, &web.url(path), &[]);
        assert_eq!(web.next().path(), *path);
        faye.wait_for_metric(REFUSED, |now| now == number as u64 + 1);
        wait_for_status(&faye, &page, "the callback");
    }
    assert_eq!((faye.metric(VERIFIED), faye.metric(RETRIED)), (0, 0));
    faye.wait_for_metric("faye_hub_verifications_pending", |now| now == 0);
    assert_eq!(faye.metric(SUBSCRIPTIONS), 0);
}

#[test]
fn a_body_other_than_the_challenge_does_not_confirm_inside_the_request() {
    let web = wrong();
    let faye = hub::start(&[]);
    for (path, _) in WRONG {
        let response = ask(&faye, "subscribe", TOPIC, &web.url(path), &[("hub.verify", "sync")]);
        assert_eq!(response.status, 409, "{path}: {}", response.text());
        assert_eq!(web.next().path(), path);
    }
    assert_eq!((faye.metric(VERIFIED), faye.metric(RETRIED)), (0, 0));
}

#[test]
fn a_redirect_is_not_followed() {
    let other = Web::callback();
    let target = other.url("/moved");
    let web = Web::start(move |request| {
        let status = request.path().trim_start_matches('/').parse().unwrap();
        // The new place keeps the query, as web servers do.
        let query = request.target.split_once('?').unwrap().1;
        Some(WebResponse::new(status, challenge(request)).with("Location", &format!("{target}?{query}")))
    });
    let faye = hub::start(&[]);
    for (number, path) in ["/301", "/302", "/303", "/307", "/308"].into_iter().enumerate() {
        let page = subscribe(&faye, &web.url(path), &[]);
        web.next();
        faye.wait_for_metric(REFUSED, |now| now == 2 * number as u64 + 1);
        wait_for_status(&faye, &page, "redirects are not followed");
        let sync = ask(&faye, "subscribe", TOPIC, &web.url(path), &[("hub.verify", "sync")]);
        assert_eq!(sync.status, 409, "{}", sync.text());
        web.next();
    }
    assert!(other.so_far().is_empty() && web.so_far().is_empty());
}

#[test]
fn a_response_that_is_late_or_incomplete_does_not_confirm_and_is_asked_for_again() {
    let late: [(&str, Form); 4] = [
        ("/short", |challenge| with_head("200 OK", &format!("{challenge}x"), challenge)),
        ("/cut-chunk", |challenge| {
            let whole = chunked(&[challenge]);
            whole[..whole.len() - 5].to_vec()
        }),
        ("/nothing", |_| Vec::new()),
        ("/no-http", |challenge| challenge.into()),
    ];
    let web = Web::start(move |request| {
        let (_, form) = late.iter().find(|(path, _)| *path == request.path())?;
        Some(WebResponse::raw(form(&challenge(request))))
    });
    let faye = hub::start(&[("FAYE_HUB__DEADLINE", "500ms")]);
    let paths = late.iter().map(|(path, _)| *path).chain(["/never"]);
    for (number, path) in paths.enumerate() {
        let page = subscribe(&faye, &web.url(path), &[]);
        faye.wait_for_metric(RETRIED, |now| now == number as u64 + 1);
        wait_for_status(&faye, &page, "the callback is not reachable");
        let sync =
            ask(&faye, "subscribe", "https://blog.example/other", &web.url(path), &[("hub.verify", "sync")]);
        assert_eq!(sync.status, 409, "{path}: {}", sync.text());
    }
    assert_eq!(faye.metric(VERIFIED), 0);
}

#[test]
fn a_callback_that_fails_is_asked_again_with_a_new_challenge() {
    let count = AtomicUsize::new(0);
    let web = Web::start(move |request| {
        let is_first = count.fetch_add(1, Ordering::Relaxed) == 0;
        Some(WebResponse::new(if is_first { 503 } else { 200 }, challenge(request)))
    });
    let faye = hub::start(&[]);
    let page = subscribe(&faye, &web.url("/cb"), &[]);
    let first = web.next();
    wait_for_status(&faye, &page, "503");
    assert_eq!(faye.metric(SUBSCRIPTIONS), 0);
    let second = web.next();
    assert_ne!(challenge(&first), challenge(&second));
    assert_eq!(names(&parameters(&first, "/cb?")), names(&parameters(&second, "/cb?")));
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 1);
}

#[test]
fn a_refused_address_is_named_to_the_operator_and_not_to_the_subscriber() {
    let web = Web::callback();
    let faye = hub::start(&[("FAYE_HUB__CALLBACK_NETWORKS", "10.0.0.0/8")]);
    for host in
        [web.address.to_string().as_str(), "127.0.0.1:9", "[::1]:9", "[::ffff:127.0.0.1]:9", "2130706433:9"]
    {
        // An address is refused at once, a name when it is resolved.
        let response = ask(&faye, "subscribe", TOPIC, &format!("http://{host}/secret-path"), &[]);
        assert_eq!(response.status, 403, "{host}: {}", response.text());
        assert!(!response.text().contains("127.0.0.1"), "{}", response.text());
    }
    let port = web.address.port();
    for (number, port) in [port, 9].into_iter().enumerate() {
        let page = subscribe(&faye, &format!("http://localhost:{port}/secret-path"), &[]);
        faye.wait_for_metric(REFUSED, |now| now == number as u64 + 1);
        wait_for_status(&faye, &page, "the callback is not reachable");
        let text = faye.get(&page).text();
        assert!(!text.contains("secret-path") && !text.contains("127.0.0.1"), "{text}");
    }
    let callback = format!("http://localhost:{port}/secret-path");
    let sync = ask(&faye, "subscribe", TOPIC, &callback, &[("hub.verify", "sync")]);
    assert_eq!(sync.status, 409, "{}", sync.text());
    faye.wait_for_stderr("host=\"localhost\" address=127.0.0.1 setting=\"hub.callback_networks\"");
    assert!(!faye.stderr().contains("secret-path"), "{}", faye.stderr());
    assert!(web.so_far().is_empty());
}

#[test]
fn an_own_callback_is_asked_without_a_socket_and_does_not_exist_yet() {
    let faye = hub::start(&[("FAYE_HUB__CALLBACK_NETWORKS", "10.0.0.0/8")]);
    let page = subscribe(&faye, &format!("{PUBLIC_URL}/websub/callback/abc"), &[]);
    wait_for_status(&faye, &page, "status 404");
}

#[test]
fn a_verify_token_is_echoed_and_absent_otherwise() {
    let web = Web::callback();
    let faye = hub::start(&[]);
    for verify in ["sync", "async"] {
        let more = [("hub.verify", verify), ("hub.verify_token", "t&k=1 \u{e9}")];
        for mode in ["subscribe", "unsubscribe"] {
            let response = ask(&faye, mode, TOPIC, &web.url("/cb"), &more);
            assert_eq!(response.status, if verify == "sync" { 204 } else { 202 }, "{}", response.text());
            let request = web.next_where(is_mode(mode));
            assert_eq!(request.query("hub.verify_token").as_deref(), Some("t&k=1 \u{e9}"));
            let wished = u64::from(mode == "subscribe");
            faye.wait_for_metric(SUBSCRIPTIONS, |now| now == wished);
        }
    }
    subscribe(&faye, &web.url("/cb"), &[]);
    assert_eq!(web.next().query("hub.verify_token"), None);
}

#[test]
fn requests_with_hub_verify_are_asked_again_unless_the_callback_does_not_know_them() {
    let confirms = Arc::new(AtomicBool::new(true));
    let does_confirm = Arc::clone(&confirms);
    let web = Web::start(move |request| {
        let status = request.path()[1..].parse().unwrap();
        let confirmed =
            does_confirm.load(Ordering::SeqCst).then(|| WebResponse::new(200, challenge(request)));
        Some(confirmed.unwrap_or_else(|| WebResponse::new(status, "")))
    });
    let faye = hub::start(&[]);
    let all = ["/302", "/400", "/403", "/429", "/500", "/503"];
    for path in all {
        let response = ask(&faye, "subscribe", TOPIC, &web.url(path), &[("hub.verify", "sync")]);
        assert_eq!(response.status, 204, "{}", response.text());
    }
    confirms.store(false, Ordering::SeqCst);
    let legacy = [("hub.verify", "async")];
    for (number, path) in all.into_iter().enumerate() {
        subscribe(&faye, &web.url(path), &legacy);
        faye.wait_for_metric(RETRIED, |now| now == number as u64 + 1);
    }
    subscribe(&faye, &web.url("/404"), &legacy);
    faye.wait_for_metric(REFUSED, |now| now == 1);
    // Callbacks without a subscription may have asked for nothing: only 5xx is temporary.
    for (number, path) in all[..4].iter().enumerate() {
        subscribe(&faye, &web.url(&format!("{path}?unknown")), &legacy);
        faye.wait_for_metric(REFUSED, |now| now == number as u64 + 2);
    }
    for (number, path) in all[4..].iter().enumerate() {
        subscribe(&faye, &web.url(&format!("{path}?unknown")), &legacy);
        faye.wait_for_metric(RETRIED, |now| now == number as u64 + 7);
    }
}

#[test]
fn a_failed_unsubscribe_leaves_the_subscription() {
    let web = Web::start(|request| {
        let is_subscribe = is_mode("subscribe")(request);
        Some(if is_subscribe { WebResponse::new(200, challenge(request)) } else { WebResponse::new(404, "") })
    });
    let faye = hub::start(&[]);
    subscribe(&faye, &web.url("/cb"), &[]);
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 1);
    assert_eq!(ask(&faye, "unsubscribe", TOPIC, &web.url("/cb"), &[]).status, 202);
    faye.wait_for_metric(REFUSED, |now| now == 1);
    let sync = ask(&faye, "unsubscribe", TOPIC, &web.url("/cb"), &[("hub.verify", "sync")]);
    assert_eq!(sync.status, 409, "{}", sync.text());
    // The gauge is of a later moment than the request below.
    let other = Web::callback();
    subscribe(&faye, &other.url("/cb"), &[]);
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 2);
}

#[test]
fn one_subscription_for_each_topic_and_callback() {
    let web = Web::callback();
    let faye = hub::start(&[]);
    let spellings = [
        "https://blog.example/~a/feed",
        "https://blog.example/%7Ea/feed",
        "HTTPS://BLOG.example:443/%7ea/%66eed",
    ];
    for (number, topic) in spellings.into_iter().enumerate() {
        let response = ask(&faye, "subscribe", topic, &web.url("/cb"), &[]);
        assert_eq!(response.status, 202, "{}", response.text());
        assert_eq!(web.next().query("hub.topic").as_deref(), Some(topic), "as the subscriber spells it");
        faye.wait_for_metric(VERIFIED, |now| now == number as u64 + 1);
    }
    let response = ask(&faye, "subscribe", "https://blog.example/other", &web.url("/cb"), &[]);
    assert_eq!(response.status, 202, "{}", response.text());
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 2);
}

#[test]
fn verifications_share_the_places_of_their_host() {
    let web =
        Web::start(|request| (request.path() != "/never").then(|| WebResponse::new(200, challenge(request))));
    let faye = hub::start(&[("FAYE_HUB__PER_HOST", "1"), ("FAYE_HUB__DEADLINE", "60s")]);
    subscribe(&faye, &web.url("/never"), &[]);
    assert_eq!(web.next().path(), "/never");
    let sync = ask(&faye, "subscribe", TOPIC, &web.url("/cb"), &[("hub.verify", "sync")]);
    assert_eq!(sync.status, 429, "{}", sync.text());
    assert!(sync.header("Retry-After").is_some(), "{sync:?}");
    // Another host is not concerned.
    let other = Web::start_at("127.0.0.2", |request| Some(WebResponse::new(200, challenge(request))));
    let sync = ask(&faye, "subscribe", TOPIC, &other.url("/cb"), &[("hub.verify", "sync")]);
    assert_eq!(sync.status, 204, "{}", sync.text());
    assert!(web.so_far().is_empty());
}

/// A topic that changes with each fetch.
fn feed() -> Web {
    let count = AtomicUsize::new(0);
    Web::start(move |_| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        Some(WebResponse::new(200, format!("entry {number}")).with("Content-Type", "text/plain"))
    })
}

/// The signature of a delivery (WebSub, section 8).
fn sha256(secret: &str, body: &[u8]) -> String {
    let mut hash = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    hash.update(body);
    format!("sha256={}", data_encoding::HEXLOWER.encode(&hash.finalize().into_bytes()))
}

#[track_caller]
fn publish(faye: &Faye, topic: &str) {
    assert_eq!(post(faye, &[("hub.mode", "publish"), ("hub.url", topic)]).status, 204);
}

#[test]
fn a_failed_verification_leaves_secret_and_lease_as_they_were() {
    let confirms = Arc::new(AtomicBool::new(true));
    let does_confirm = Arc::clone(&confirms);
    let web = Web::start(move |request| {
        let is_delivery = request.method == "POST";
        let status = if is_delivery || does_confirm.load(Ordering::Relaxed) { 200 } else { 404 };
        Some(WebResponse::new(status, challenge(request)))
    });
    let feed = feed();
    let (faye, topic) = (hub::start(&[]), feed.url("/feed"));
    let signed = |secret: &'static str, more: &[(&str, &str)]| {
        let all = [&[("hub.secret", secret)], more].concat();
        ask(&faye, "subscribe", &topic, &web.url("/cb"), &all).status
    };
    let next_signature = || {
        publish(&faye, &topic);
        let delivery = web.next_where(|request| request.method == "POST");
        let signature = delivery.header("x-hub-signature").expect("a signature").to_owned();
        let is_of = |secret: &str| signature == sha256(secret, &delivery.body);
        (is_of("first"), is_of("second"))
    };
    assert_eq!(signed("first", &[]), 202);
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 1);
    assert_eq!(next_signature(), (true, false));
    confirms.store(false, Ordering::Relaxed);
    assert_eq!(signed("second", &[("hub.lease_seconds", "3600")]), 202);
    faye.wait_for_metric(REFUSED, |now| now == 1);
    assert_eq!(next_signature(), (true, false));
    assert_eq!(signed("second", &[("hub.verify", "sync")]), 409);
    assert_eq!(next_signature(), (true, false));
    confirms.store(true, Ordering::Relaxed);
    assert_eq!(signed("second", &[]), 202);
    faye.wait_for_metric(VERIFIED, |now| now == 2);
    assert_eq!(next_signature(), (false, true));
}

#[test]
fn a_lease_ends_and_none_lasts_forever() {
    let web = Web::callback();
    let settings =
        [("FAYE_HUB__LEASE_MIN", "1s"), ("FAYE_HUB__LEASE", "40m"), ("FAYE_HUB__LEASE_MAX", "50m")];
    let faye = hub::start(&settings);
    for (wish, granted) in [
        (None, "2400"),
        (Some(""), "2400"),
        (Some("0"), "1"),
        (Some("99999999999"), "3000"),
        (Some("600"), "600"),
    ] {
        let more: Vec<_> = wish.iter().map(|wish| ("hub.lease_seconds", *wish)).collect();
        let response = ask(&faye, "subscribe", TOPIC, &web.url("/cb"), &more);
        if response.status == 400 {
            // A hub may also refuse a wish that is no positive number.
            assert!(matches!(wish, Some("" | "0")), "{wish:?}");
            continue;
        }
        assert_eq!(web.next().query("hub.lease_seconds").as_deref(), Some(granted), "{wish:?}");
    }
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 1);
    let short = Web::callback();
    subscribe(&faye, &short.url("/cb"), &[("hub.lease_seconds", "5")]);
    short.next();
    // The lease ends by itself, and the subscriber is not asked.
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 2);
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 1);
    assert!(short.so_far().is_empty());
}

#[test]
fn a_denied_subscriber_is_told_by_get_with_a_reason() {
    let feed = feed();
    let web = Web::start(|_| Some(WebResponse::new(200, "")));
    // A topic of a private address that is not in hub.topics is not even fetched.
    let faye = hub::start(&[("FAYE_HUB__POLICY", "advertised")]);
    let topic = feed.url("/feed");
    for (number, more) in [&[][..], &[("hub.verify", "async")]].into_iter().enumerate() {
        let response = ask(&faye, "subscribe", &topic, &web.url("/cb?a=b"), more);
        assert_eq!(response.status, 202, "{}", response.text());
        let request = web.next();
        assert_eq!(request.method, "GET");
        let found = parameters(&request, "/cb?a=b&");
        assert_eq!(names(&found), ["hub.mode", "hub.topic", "hub.reason"]);
        assert_eq!((found[0].1.as_str(), &found[1].1), ("denied", &topic));
        assert!(!found[2].1.is_empty());
        faye.wait_for_metric(DENIED, |now| now == number as u64 + 1);
    }
    assert_eq!((faye.metric(VERIFIED), faye.metric(SUBSCRIPTIONS)), (0, 0));
}

/// Settings for subscriptions that end within seconds.
const SHORT: [(&str, &str); 2] = [("FAYE_HUB__LEASE_MIN", "1s"), ("FAYE_HUB__LEASE", "5s")];

#[test]
fn a_subscription_with_hub_verify_is_renewed_by_the_hub_until_the_callback_refuses() {
    let knows = Arc::new(AtomicBool::new(true));
    let does_know = Arc::clone(&knows);
    let web = Web::start(move |request| {
        let status = if does_know.load(Ordering::Relaxed) { 200 } else { 404 };
        Some(WebResponse::new(status, challenge(request)))
    });
    let faye = hub::start(&SHORT);
    let more = [("hub.verify", "sync"), ("hub.verify_token", "token")];
    let topic = "https://blog.example/%7Efeed";
    let response = ask(&faye, "subscribe", topic, &web.url("/cb"), &more);
    assert_eq!(response.status, 204, "{}", response.text());
    let mut challenges = Vec::new();
    for _ in 0..3 {
        let request = web.next();
        assert_eq!(request.query("hub.mode").as_deref(), Some("subscribe"));
        assert_eq!(request.query("hub.topic").as_deref(), Some(topic));
        assert_eq!(request.query("hub.verify_token").as_deref(), Some("token"));
        assert_eq!(request.query("hub.lease_seconds").as_deref(), Some("5"));
        challenges.push(challenge(&request));
    }
    challenges.dedup();
    assert_eq!(challenges.len(), 3);
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 1);
    knows.store(false, Ordering::Relaxed);
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 0);
    faye.wait_for_metric(REFUSED, |now| now == 1);
}

#[test]
fn a_renewal_that_fails_is_tried_until_the_lease_ends() {
    let works = Arc::new(AtomicBool::new(true));
    let does_work = Arc::clone(&works);
    let web = Web::start(move |request| {
        let status = if does_work.load(Ordering::Relaxed) { 200 } else { 500 };
        Some(WebResponse::new(status, challenge(request)))
    });
    let faye = hub::start(&[("FAYE_HUB__LEASE_MIN", "1s"), ("FAYE_HUB__LEASE", "10s")]);
    let response = ask(&faye, "subscribe", TOPIC, &web.url("/cb"), &[("hub.verify", "sync")]);
    assert_eq!(response.status, 204, "{}", response.text());
    web.next();
    works.store(false, Ordering::Relaxed);
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 1);
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 0);
    assert!(faye.metric(RETRIED) >= 2, "{}", faye.metric(RETRIED));
    faye.wait_for_metric("faye_hub_verifications_pending", |now| now == 0);
}

#[test]
fn one_wrong_answer_does_not_end_a_subscription_that_the_hub_renews() {
    let asked = AtomicUsize::new(0);
    let web = Web::start(move |request| {
        let is_renewal = asked.fetch_add(1, Ordering::SeqCst) == 1;
        let body = if is_renewal { "<h1>Back soon</h1>".to_owned() } else { challenge(request) };
        Some(WebResponse::new(200, body))
    });
    let faye = hub::start(&[("FAYE_HUB__LEASE_MIN", "1s"), ("FAYE_HUB__LEASE", "10s")]);
    let response = ask(&faye, "subscribe", TOPIC, &web.url("/cb"), &[("hub.verify", "sync")]);
    assert_eq!(response.status, 204, "{}", response.text());
    faye.wait_for_metric(RETRIED, |now| now == 1);
    faye.wait_for_metric(VERIFIED, |now| now == 2);
    assert_eq!(faye.metric(REFUSED), 0);
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 1);
}

#[test]
fn subscriptions_end_if_the_settings_no_longer_allow_the_topic() {
    let web = Web::callback();
    let topics = Web::start(|_| Some(WebResponse::new(200, "content")));
    let mut settings = hub::settings(&[("FAYE_STORE__URL", "sqlite:hub.db"), ("FAYE_HUB__LEASE_MIN", "1s")]);
    settings.retain(|(name, _)| *name != "FAYE_HUB__POLICY");
    let faye = Faye::start_with_file("[hub]\npolicy = \"open\"\n", &settings);
    for name in ["pinged", "renewed"] {
        let lease = if name == "renewed" { "20" } else { "1000" };
        let more = [("hub.verify", "sync"), ("hub.lease_seconds", lease)];
        let (topic, callback) = (topics.url(&format!("/{name}")), web.url(&format!("/{name}")));
        assert_eq!(ask(&faye, "subscribe", &topic, &callback, &more).status, 204);
    }
    std::fs::write(faye.folder().join("faye.toml"), "[hub]\npolicy = \"listed\"\n").unwrap();
    let faye = faye.restart();
    post(&faye, &[("hub.mode", "publish"), ("hub.url", &topics.url("/pinged"))]);
    let mut told: Vec<String> = (0..2)
        .map(|_| {
            let denied = web.next_where(is_mode("denied"));
            assert_eq!(denied.query("hub.reason").as_deref(), Some("this hub does not accept the topic"));
            denied.path().to_owned()
        })
        .collect();
    told.sort();
    assert_eq!(told, ["/pinged", "/renewed"]);
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 0);
    assert!(topics.so_far().is_empty(), "nothing is fetched");
}

#[test]
fn a_client_that_asks_again_and_again_leaves_subscribers_alone() {
    let web = Web::start(|request| {
        let is_real = request.path() == "/real";
        Some(WebResponse::new(if is_real { 200 } else { 403 }, challenge(request)))
    });
    let faye = hub::start(&[("FAYE_HUB__PENDING_BY_HOST", "2")]);
    let response = ask(&faye, "subscribe", TOPIC, &web.url("/real"), &[("hub.verify", "sync")]);
    assert_eq!(response.status, 204, "{}", response.text());
    for n in 0..2 {
        let callback = web.url(&format!("/none{n}"));
        assert_eq!(ask(&faye, "subscribe", TOPIC, &callback, &[("hub.verify", "async")]).status, 202);
    }
    // 403 is final for a callback that is not subscribed, so the places are free again.
    faye.wait_for_metric(REFUSED, |now| now == 2);
    assert_eq!(faye.metric(RETRIED), 0);
    let response = ask(&faye, "subscribe", TOPIC, &web.url("/real?new"), &[("hub.verify", "sync")]);
    assert_eq!(response.status, 204, "{}", response.text());
}

#[test]
fn seed_003_psgi_500_never_renews() {
    let topic = "http://friendfeed.com/cpan?format=atom";
    let web = Web::start(move |request| {
        Some(if is_mode("subscribe")(request) {
            if request.query("hub.topic").as_deref() == Some(topic) {
                WebResponse::new(200, challenge(request))
            } else {
                WebResponse::new(500, "unknown feed")
            }
        } else {
            WebResponse::new(200, "OK")
        })
    });
    let faye = hub::start(&SHORT);
    let response = ask(&faye, "subscribe", topic, &web.url("/psgi"), &[("hub.verify", "async")]);
    assert_eq!(response.status, 202, "{}", response.text());
    // It never asks again, and stays subscribed over three leases.
    let asked: Vec<_> = (0..4).map(|_| web.next()).collect();
    assert!(asked.iter().all(is_mode("subscribe")), "{asked:?}");
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 1);
    // It answers 500 for another topic: asked again later, and not subscribed.
    let other = ask(&faye, "subscribe", TOPIC, &web.url("/psgi"), &[("hub.verify", "async")]);
    assert_eq!(other.status, 202, "{}", other.text());
    faye.wait_for_metric(RETRIED, |now| now == 1);
    // Its answer to the end of the subscription is no confirmation.
    let end = ask(&faye, "unsubscribe", topic, &web.url("/psgi"), &[("hub.verify", "sync")]);
    assert_eq!(end.status, 409, "{}", end.text());
    web.next_where(is_mode("subscribe"));
    web.next_where(is_mode("subscribe"));
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 1);
}

#[test]
fn a_request_outlives_the_server() {
    for is_killed in [true, false] {
        let answers = Arc::new(AtomicBool::new(false));
        let does_answer = Arc::clone(&answers);
        let web = Web::start(move |request| {
            does_answer.load(Ordering::Relaxed).then(|| WebResponse::new(200, challenge(request)))
        });
        // A claim of a killed server ends after a time that grows with the deadline.
        let mut faye = hub::start(&[("FAYE_STORE__URL", "sqlite:hub.db"), ("FAYE_HUB__DEADLINE", "1s")]);
        let page = subscribe(&faye, &web.url("/cb"), &[]);
        let first = web.next();
        if !is_killed {
            faye.terminate();
            assert_eq!(faye.wait(), Some(0), "{}", faye.stderr());
        }
        answers.store(true, Ordering::Relaxed);
        let faye = faye.restart();
        // The first server may have asked a second time before it ended.
        faye.wait_for_metric(VERIFIED, |now| now == 1);
        let last = web.so_far().pop().expect("a second request");
        assert_ne!(challenge(&first), challenge(&last));
        faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 1);
        assert_eq!(faye.get(&page).status, 200);
    }
}
