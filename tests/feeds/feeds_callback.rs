//! The callbacks of subscriptions against a hub that misbehaves on purpose: what W3C WebSub and PubSubHubbub 0.3 and 0.4 ask of a
//! subscriber, one test for each point.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::feed_hub::{FeedHub, Subscription, atom, entry, feed, hmac, listen, next, server};
use crate::support::{Faye, Http, Response, Session, WATCHDOG};
use faye_server::config;
use faye_server::metrics::Metrics;
use faye_server::store::Store;
use flate2::Compression;
use flate2::write::GzEncoder;
use hmac::Hmac;
use parking_lot::Mutex;

const ATOM: (&str, &str) = ("Content-Type", "application/atom+xml");

/// A server that follows the feed, and its active subscription.
fn active(hub: &FeedHub, feeds: &[&str]) -> (Faye, Subscription) {
    let faye = started(hub, feeds);
    let subscription = hub.activate(&faye);
    (faye, subscription)
}

/// A server that follows the feed, which has asked the hub for a subscription soon.
fn started(hub: &FeedHub, feeds: &[&str]) -> Faye {
    Faye::start_with_file(&format!("{}\n{}", server(feeds), feed("blog", &hub.url())), &[])
}

/// A verification with the right topic and these parameters.
fn asked(faye: &Faye, subscription: &Subscription, mode: &str, more: &[(&str, &str)]) -> Response {
    let mut parameters =
        vec![("hub.mode", mode), ("hub.topic", subscription.topic.as_str()), ("hub.challenge", "c")];
    parameters.extend_from_slice(more);
    subscription.ask(faye.address, &parameters)
}

/// Waits until the feed is in a state.
fn wait_for_state(faye: &Faye, state: &str) {
    faye.wait_for_metric(&format!("faye_feeds{{state=\"{state}\"}}"), |count| count == 1);
}

fn pushes(faye: &Faye, result: &str) -> u64 {
    faye.metric(&format!("faye_feed_pushes_total{{feed=\"blog\",result=\"{result}\"}}"))
}

/// The next event has to be that an entry of this id was created: nothing else came before it.
#[track_caller]
fn assert_next(session: &mut Session, id: &str) {
    assert_eq!(next(session), ("created".to_owned(), id.to_owned()));
}

/// A response but for what differs in any case.
fn fixed(response: &Response) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let headers = response.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("date"));
    (response.status, headers.cloned().collect(), response.body.clone())
}

#[test]
fn subscription_requests_are_forms_with_callback_mode_topic_lease_and_secret() {
    let hub = FeedHub::start();
    let _faye = started(&hub, &["lease = \"10d\""]);
    let asked = hub.request();
    assert_eq!((asked.mode.as_str(), asked.topic.as_str()), ("subscribe", hub.url().as_str()));
    assert_eq!(asked.lease.as_deref(), Some("864000"));
    let secret = asked.secret.expect("a secret");
    assert!((16..200).contains(&secret.len()), "{}", secret.len());
    let id = asked.path.strip_prefix("/websub/callback/").expect("the path of callbacks");
    assert_eq!(id.len(), 22, "128 bits");
}

#[test]
fn callbacks_and_secrets_differ_for_every_feed() {
    let (one, two) = (FeedHub::start(), FeedHub::start());
    let file = format!("{}{}{}", server(&[]), feed("one", &one.url()), feed("two", &two.url()));
    let _faye = Faye::start_with_file(&file, &[]);
    let (one, two) = (one.request(), two.request());
    assert_ne!(one.path, two.path);
    assert_ne!(one.secret, two.secret);
}

#[test]
fn a_wanted_subscription_is_confirmed_with_the_challenge_byte_for_byte() {
    let hub = FeedHub::start();
    let faye = started(&hub, &[]);
    let subscription = hub.request();
    for challenge in ["c", "<script>alert(1)</script>", "ä %41+ \n", &"x".repeat(1024)] {
        let parameters = [
            ("hub.mode", "subscribe"),
            ("hub.topic", subscription.topic.as_str()),
            ("hub.challenge", challenge),
            ("hub.lease_seconds", "864000"),
            ("unknown", "ignored"),
        ];
        let response = subscription.ask(faye.address, &parameters);
        assert_eq!((response.status, response.text().as_str()), (200, challenge));
        assert_eq!(response.header("Content-Type"), Some("application/octet-stream"));
        assert_eq!(response.header("X-Content-Type-Options"), Some("nosniff"));
        assert_eq!(response.header("Content-Security-Policy"), Some("default-src 'none'"));
    }
    wait_for_state(&faye, "active");
}

#[test]
fn what_is_not_wanted_is_not_confirmed() {
    let (hub, other) = (FeedHub::start(), FeedHub::start());
    let file = format!("{}{}{}", server(&[]), feed("blog", &hub.url()), feed("other", &other.url()));
    let faye = Faye::start_with_file(&file, &[]);
    let (subscription, other) = (hub.request(), other.request());
    let topic = subscription.topic.as_str();
    let upper = topic.replace("http:", "HTTP:");
    let long = "x".repeat(1025);
    for parameters in [
        vec![("hub.mode", "subscribe"), ("hub.topic", other.topic.as_str()), ("hub.challenge", "c")],
        vec![("hub.mode", "subscribe"), ("hub.topic", "http://foreign.example/"), ("hub.challenge", "c")],
        vec![("hub.mode", "subscribe"), ("hub.topic", &format!("{topic}/")), ("hub.challenge", "c")],
        vec![("hub.mode", "subscribe"), ("hub.topic", &upper), ("hub.challenge", "c")],
        vec![("hub.mode", "subscribe"), ("hub.topic", ""), ("hub.challenge", "c")],
        vec![("hub.mode", "subscribe"), ("hub.challenge", "c")],
        vec![("hub.mode", "unsubscribe"), ("hub.topic", topic), ("hub.challenge", "c")],
        vec![("hub.mode", "publish"), ("hub.topic", topic), ("hub.challenge", "c")],
        vec![("hub.mode", "denied"), ("hub.topic", &other.topic)],
        vec![("hub.topic", topic), ("hub.challenge", "c")],
        vec![("hub.mode", "subscribe"), ("hub.topic", topic)],
        vec![("hub.mode", "subscribe"), ("hub.topic", topic), ("hub.challenge", "")],
        vec![("hub.mode", "subscribe"), ("hub.topic", topic), ("hub.challenge", &long)],
        vec![],
    ] {
        let response = subscription.ask(faye.address, &parameters);
        assert_eq!(response.status, 404, "{parameters:?}");
        assert!(!response.text().contains(topic), "{}", response.text());
    }
    faye.wait_for_metric("faye_feeds{state=\"requested\"}", |count| count == 2);
    subscription.verify(faye.address);
}

#[test]
fn a_hub_may_verify_before_it_answers() {
    let hub = FeedHub::start();
    let address: Arc<OnceLock<SocketAddr>> = Arc::default();
    let own = Arc::clone(&address);
    hub.before_answers(move |request| Subscription::read(request).verify(*own.wait()));
    let faye = started(&hub, &[]);
    address.set(faye.address).unwrap();
    let subscription = hub.request();
    wait_for_state(&faye, "active");
    let mut session = listen(&faye);
    subscription.push(faye.address, &atom(&["a"]));
    assert_next(&mut session, "a");
}

#[test]
fn unknown_and_malformed_callbacks_are_answered_alike() {
    let hub = FeedHub::start();
    let (faye, subscription) = active(&hub, &[]);
    let known = subscription.path.strip_prefix("/websub/callback/").unwrap();
    let flipped: String = known.chars().rev().collect();
    let paths =
        [&flipped, "", "x", &known[1..], &format!("{known}A"), &format!("{known}/"), "%00", "../healthz"];
    let query = format!("hub.mode=subscribe&hub.topic={}&hub.challenge=c", subscription.topic);
    let unknown = "0".repeat(22);
    let ask = |method: &str, id: &str| {
        faye.http().request(
            method,
            &format!("/websub/callback/{id}?{query}"),
            &[ATOM],
            atom(&["a"]).as_bytes(),
        )
    };
    for (method, status) in [("GET", 404), ("HEAD", 404), ("POST", 410)] {
        let expected = ask(method, &unknown);
        assert_eq!(expected.status, status);
        for path in paths {
            assert_eq!(fixed(&ask(method, path)), fixed(&expected), "{method} {path}");
        }
    }
    // The subscription goes on.
    subscription.push(faye.address, &atom(&["b"]));
}

#[test]
fn other_methods_are_refused() {
    let hub = FeedHub::start();
    let (faye, subscription) = active(&hub, &[]);
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS"] {
        for path in [&subscription.path, "/websub/callback/x"] {
            let response = faye.http().request(method, path, &[], b"");
            assert_eq!(response.status, 405, "{method} {path}");
            assert_eq!(response.header("Allow"), Some("GET, HEAD, POST"));
        }
    }
    let query = format!("hub.mode=subscribe&hub.topic={}&hub.challenge=c", subscription.topic);
    let head = faye.http().request("HEAD", &format!("{}?{query}", subscription.path), &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
}

/// The signature of a body by a method.
fn signed(method: &str, secret: &str, body: &[u8]) -> String {
    let digits = match method {
        "sha1" => hmac::<Hmac<sha1::Sha1>>(secret, body),
        "sha256" => hmac::<Hmac<sha2::Sha256>>(secret, body),
        "sha384" => hmac::<Hmac<sha2::Sha384>>(secret, body),
        _ => hmac::<Hmac<sha2::Sha512>>(secret, body),
    };
    format!("{method}={digits}")
}

#[test]
fn signatures_of_every_method_are_accepted() {
    let hub = FeedHub::start();
    let (faye, subscription) = active(&hub, &[]);
    let mut session = listen(&faye);
    let secret = subscription.secret.as_deref().unwrap();
    for method in ["sha1", "sha256", "sha384", "sha512"] {
        let body = atom(&[method]);
        let signature = signed(method, secret, body.as_bytes());
        let response =
            subscription.deliver(faye.address, &[ATOM, ("X-Hub-Signature", &signature)], body.as_bytes());
        assert_eq!(response.status, 204, "{method}");
        assert_next(&mut session, method);
    }
    let body = atom(&["upper"]);
    let signature = signed("sha256", secret, body.as_bytes());
    let upper = format!("sha256={}", signature["sha256=".len()..].to_uppercase());
    let response = subscription.deliver(faye.address, &[ATOM, ("X-Hub-Signature", &upper)], body.as_bytes());
    assert_eq!(response.status, 204, "digits in upper case");
    assert_next(&mut session, "upper");
    let body = atom(&["two"]);
    let (weak, strong) =
        (signed("sha1", "other", body.as_bytes()), signed("sha256", secret, body.as_bytes()));
    let headers = [ATOM, ("X-Hub-Signature", weak.as_str()), ("X-Hub-Signature", strong.as_str())];
    assert_eq!(
        subscription.deliver(faye.address, &headers, body.as_bytes()).status,
        204,
        "the strongest counts"
    );
    assert_next(&mut session, "two");
}

#[test]
fn content_with_a_wrong_signature_is_ignored_and_the_hub_is_not_told() {
    let hub = FeedHub::start();
    let (faye, subscription) = active(&hub, &[]);
    let mut session = listen(&faye);
    let secret = subscription.secret.as_deref().unwrap();
    let body = atom(&["forged"]);
    let of = |method, secret, body: &str| signed(method, secret, body.as_bytes());
    let (good, good_sha1) = (of("sha256", secret, &body), of("sha1", secret, &body));
    let wrong = [
        vec![of("sha256", "guess", &body)],
        vec![of("sha256", "", &body)],
        vec![of("sha256", secret, &atom(&["another"]))],
        vec![good[7..].to_owned()],
        vec![format!("{good}00")],
        vec![good[..good.len() - 2].to_owned()],
        vec![format!("md5={}", "0".repeat(32))],
        vec![good.replace("sha256", "SHA256")],
        vec![good_sha1, of("sha512", "guess", &body)],
    ];
    for values in &wrong {
        let mut headers = vec![ATOM];
        headers.extend(values.iter().map(|value| ("X-Hub-Signature", value.as_str())));
        let response = subscription.deliver(faye.address, &headers, body.as_bytes());
        assert_eq!((response.status, response.body.len()), (202, 0), "{values:?}");
    }
    assert_eq!(pushes(&faye, "forged"), wrong.len() as u64);
    subscription.push(faye.address, &atom(&["good"]));
    assert_next(&mut session, "good");
    assert!(!faye.stderr().contains(secret) && !faye.stderr().contains(&subscription.path));
}

#[test]
fn content_without_a_signature_is_refused_if_there_is_a_secret() {
    let hub = FeedHub::start();
    let (faye, subscription) = active(&hub, &[]);
    let mut session = listen(&faye);
    let response = subscription.deliver(faye.address, &[ATOM], atom(&["forged"]).as_bytes());
    assert_eq!(response.status, 403);
    assert_eq!(pushes(&faye, "unsigned"), 1);
    subscription.push(faye.address, &atom(&["good"]));
    assert_next(&mut session, "good");
}

#[test]
fn every_entry_of_a_delivery_counts_once() {
    let hub = FeedHub::start();
    let (faye, subscription) = active(&hub, &[]);
    let mut session = listen(&faye);
    subscription.push(faye.address, &atom(&["a", "b", "c"]));
    for id in ["a", "b", "c"] {
        assert_next(&mut session, id);
    }
    // The same again, and with one more.
    subscription.push(faye.address, &atom(&["a", "b", "c"]));
    subscription.push(faye.address, &atom(&["a", "b", "c", "d"]));
    assert_next(&mut session, "d");
    subscription.push(faye.address, &atom(&["e"]));
    assert_next(&mut session, "e");
    let many: Vec<String> = (0..300).map(|number| format!("n{number}")).collect();
    subscription.push(faye.address, &atom(&many.iter().map(String::as_str).collect::<Vec<_>>()));
    for id in &many {
        assert_next(&mut session, id);
    }
}

#[test]
fn the_topic_is_that_of_the_callback_whatever_the_delivery_is_labelled() {
    let hub = FeedHub::start();
    let (faye, subscription) = active(&hub, &[]);
    let mut session = listen(&faye);
    for (id, headers) in [
        (
            "link",
            vec![(
                "Link",
                "<http://foreign.example/>; rel=\"self\", <http://foreign.example/hub>; rel=\"hub\"",
            )],
        ),
        ("html", vec![("Content-Type", "text/html; charset=utf-8")]),
        ("none", vec![]),
        ("form", vec![("Content-Type", "application/x-www-form-urlencoded")]),
    ] {
        let body = atom(&[id]);
        let signature = subscription.signature(body.as_bytes());
        let headers = [headers, vec![("X-Hub-Signature", signature.as_str())]].concat();
        assert_eq!(subscription.deliver(faye.address, &headers, body.as_bytes()).status, 204, "{id}");
        let message = session.next();
        assert_eq!(message["channel"], "/feeds/blog", "{id}");
        assert_eq!(message["data"]["entry"]["guid"], format!("urn:{id}"));
        assert_eq!(message["data"]["via"], "push");
    }
}

#[test]
fn deliveries_without_content_that_can_be_read_lead_to_a_fetch() {
    let hub = FeedHub::start();
    let (faye, subscription) = active(&hub, &[]);
    let mut session = listen(&faye);
    for (number, body) in
        ["", " \r\n", "<feed xmlns=\"http://www.w3.org/2005/Atom\"><entry>"].iter().enumerate()
    {
        let ids: Vec<String> = (0..=number).map(|number| format!("fetched-{number}")).collect();
        hub.serve(atom(&ids.iter().map(String::as_str).collect::<Vec<_>>()));
        let signature = subscription.signature(body.as_bytes());
        let headers = [ATOM, ("X-Hub-Signature", signature.as_str())];
        let response = subscription.deliver(faye.address, &headers, body.as_bytes());
        assert_eq!(response.status, 202, "{body:?}");
        let message = session.next();
        assert_eq!(message["data"]["entry"]["guid"], format!("urn:fetched-{number}"));
        assert_eq!(message["data"]["via"], "fetch");
    }
    assert_eq!((pushes(&faye, "empty"), pushes(&faye, "broken")), (2, 1));
}

#[test]
fn with_ingest_fetch_a_delivery_is_a_notification_only() {
    let hub = FeedHub::start();
    let (faye, subscription) = active(&hub, &["ingest = \"fetch\""]);
    let mut session = listen(&faye);
    hub.serve(atom(&["served"]));
    let body = atom(&["pushed"]);
    let signature = subscription.signature(body.as_bytes());
    let headers = [ATOM, ("X-Hub-Signature", signature.as_str())];
    assert_eq!(subscription.deliver(faye.address, &headers, body.as_bytes()).status, 202);
    assert_next(&mut session, "served");
}

#[test]
fn what_a_hub_without_the_secret_pushes_is_a_notification_only() {
    let hub = FeedHub::start();
    // By its name, it may be any address, so the secret is not sent to it without TLS.
    let name = hub.hub().replace("127.0.0.1", "localhost");
    for (ingest, expected) in [("auto", "served"), ("payload", "pushed")] {
        hub.serve(atom(&[]));
        let blog = format!("{}hub = \"{name}\"\n", feed("blog", &hub.url()));
        let file = format!("{}{blog}", server(&[&format!("ingest = \"{ingest}\"")]));
        let faye = Faye::start_with_file(&file, &[]);
        let subscription = hub.activate(&faye);
        assert_eq!(subscription.secret, None);
        let mut session = listen(&faye);
        hub.serve(atom(&["served"]));
        // Some hubs sign in any case, with an empty key.
        let body = atom(&["pushed"]);
        let signature = subscription.signature(body.as_bytes());
        let headers = [ATOM, ("X-Hub-Signature", signature.as_str())];
        let response = subscription.deliver(faye.address, &headers, body.as_bytes());
        assert!((200..300).contains(&response.status), "{}", response.status);
        assert_next(&mut session, expected);
    }
}

#[test]
fn what_a_hub_without_tls_pushes_over_https_is_a_notification_only() {
    let hub = FeedHub::start();
    let name = hub.hub().replace("127.0.0.1", "localhost");
    let blog = format!("{}hub = \"{name}\"\n", feed("blog", &hub.url()));
    let proxies = [("FAYE_SERVER__TRUSTED_PROXIES", "127.0.0.1")];
    let faye = Faye::start_with_file(&format!("{}{blog}", server(&[])), &proxies);
    let subscription = hub.activate(&faye);
    assert_eq!(subscription.secret, None);
    let mut session = listen(&faye);
    hub.serve(atom(&["served"]));
    // Others on the way to the hub have read the callback in the request for the subscription.
    let headers = [ATOM, ("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Proto", "https")];
    assert_eq!(subscription.deliver(faye.address, &headers, atom(&["pushed"]).as_bytes()).status, 202);
    assert_next(&mut session, "served");
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn compressed_deliveries_are_read_within_the_size_limit() {
    let hub = FeedHub::start();
    let (faye, subscription) = active(&hub, &[]);
    let mut session = listen(&faye);
    let deliver = |coding: &str, body: &[u8]| {
        let signature = subscription.signature(body);
        let headers = [ATOM, ("X-Hub-Signature", signature.as_str()), ("Content-Encoding", coding)];
        subscription.deliver(faye.address, &headers, body)
    };
    assert_eq!(deliver("gzip", &gzip(atom(&["a"]).as_bytes())).status, 204);
    assert_next(&mut session, "a");
    let bomb = gzip(&vec![b' '; 6 << 20]);
    assert!(bomb.len() < 100_000);
    assert_eq!(deliver("gzip", &bomb).status, 413);
    assert_eq!(pushes(&faye, "failed"), 1);
    for (coding, body) in
        [("br", b"xyz".to_vec()), ("gzip", b"xyz".to_vec()), ("gzip, gzip", gzip(&gzip(b"x")))]
    {
        assert_eq!(deliver(coding, &body).status, 202, "{coding}");
        hub.wait_for_fetch();
    }
    faye.assert_serves();
}

#[test]
fn long_and_slow_deliveries_are_refused() {
    let hub = FeedHub::start();
    let (faye, subscription) = active(&hub, &[]);
    let mut slow = Http::open(faye.address);
    slow.send_raw(
        format!("POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n<feed", subscription.path)
            .as_bytes(),
    );
    let body = vec![b'x'; 6 << 20];
    let signature = subscription.signature(&body);
    let headers = [ATOM, ("X-Hub-Signature", signature.as_str())];
    assert_eq!(subscription.deliver(faye.address, &headers, &body).status, 413);
    // A little below the limit it is read.
    let long = format!("{}<!--{}-->", atom(&["long"]), "x".repeat(5_200_000));
    let mut session = listen(&faye);
    subscription.push(faye.address, &long);
    assert_next(&mut session, "long");
    assert_eq!(slow.response().status, 408);
}

#[test]
fn clients_beyond_the_rate_have_to_wait() {
    let hub = FeedHub::start();
    let (faye, subscription) = active(&hub, &["rate = \"2/h\""]);
    // As a proxy on this machine passes them on.
    let forwarded = ("X-Forwarded-For", "192.0.2.1");
    let post = |headers: &[(&str, &str)]| subscription.deliver(faye.address, headers, b"x");
    assert_eq!((post(&[forwarded]).status, post(&[forwarded]).status), (403, 403));
    let refused = post(&[forwarded]);
    assert_eq!(refused.status, 429);
    assert!(refused.header("Retry-After").unwrap().parse::<u64>().unwrap() > 0);
    let get = faye.http().request("GET", &subscription.path, &[forwarded], b"");
    assert_eq!(get.status, 429);
    assert_eq!(post(&[]).status, 403, "this machine has no limit");
}

/// The seconds from now to the end of the lease that the store has, after the server has ended.
fn lease_left(mut faye: Faye) -> i64 {
    faye.kill();
    let url = format!("sqlite:{}", faye.folder().join("feeds.db").display());
    let settings = config::Store { url: Some(url.as_str().into()), ..config::Store::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let until = runtime.block_on(async {
        let store = Store::open(&settings, Metrics::default()).await.unwrap();
        let rows = store.feed_rows().await.unwrap();
        store.close().await;
        rows[0].lease_until.unwrap()
    });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    (until - i64::try_from(now).unwrap()) / 1000
}

#[test]
fn leases_that_hubs_grant_are_bounded() {
    const DAY: i64 = 24 * 3600;
    for (granted, expected) in [
        (Some("1"), 300),
        (Some("-1"), DAY),
        (Some("x"), DAY),
        (None, DAY),
        (Some("864000"), 10 * DAY),
        (Some("315360000"), 14 * DAY),
        (Some("99999999999999999999999"), 14 * DAY),
    ] {
        let hub = FeedHub::start();
        let faye = started(&hub, &[]);
        let subscription = hub.request();
        let lease: Vec<_> = granted.map(|granted| ("hub.lease_seconds", granted)).into_iter().collect();
        assert_eq!(asked(&faye, &subscription, "subscribe", &lease).status, 200);
        let left = lease_left(faye);
        let passed = i64::try_from(WATCHDOG.as_secs()).unwrap();
        assert!((expected - passed..=expected).contains(&left), "{granted:?}: {left}");
    }
}

#[test]
fn a_verification_of_an_active_subscription_extends_the_lease() {
    let hub = FeedHub::start();
    let faye = started(&hub, &[]);
    let subscription = hub.request();
    for lease in ["300", "1000000"] {
        let response = asked(&faye, &subscription, "subscribe", &[("hub.lease_seconds", lease)]);
        assert_eq!(response.status, 200, "{lease}");
    }
    assert!(lease_left(faye) > 900_000);
}

#[test]
fn a_head_request_confirms_and_changes_nothing() {
    let hub = FeedHub::start();
    let faye = started(&hub, &[]);
    let subscription = hub.request();
    let query = format!("hub.mode=subscribe&hub.topic={}&hub.challenge=c", subscription.topic);
    let head = faye.http().request("HEAD", &format!("{}?{query}", subscription.path), &[], b"");
    assert_eq!(head.status, 200);
    wait_for_state(&faye, "requested");
    subscription.verify(faye.address);
    wait_for_state(&faye, "active");
}

#[test]
fn a_denial_leads_to_polling_and_deletes_nothing() {
    let hub = FeedHub::start();
    hub.serve(atom(&["old"]));
    let (faye, subscription) = active(&hub, &[]);
    wait_for_state(&faye, "active");
    subscription.push(faye.address, &atom(&["new"]));
    let denied =
        [("hub.mode", "denied"), ("hub.topic", subscription.topic.as_str()), ("hub.reason", "go\naway")];
    let response = subscription.ask(faye.address, &denied);
    assert!((200..300).contains(&response.status), "{}", response.status);
    wait_for_state(&faye, "denied");
    faye.wait_for_stderr("go away");
    assert_eq!(asked(&faye, &subscription, "subscribe", &[]).status, 404, "nothing is asked for any more");
    let created = "faye_feed_entries_total{feed=\"blog\",change=\"created\"}";
    assert_eq!(faye.metric(created), 2);
    assert_eq!(faye.metric("faye_feed_entries_total{feed=\"blog\",change=\"deleted\"}"), 0);
}

#[test]
fn a_removed_feed_is_unsubscribed_and_its_deliveries_are_refused() {
    let hub = FeedHub::start();
    let (faye, subscription) = active(&hub, &["ingest = \"payload\""]);
    assert_eq!(asked(&faye, &subscription, "unsubscribe", &[]).status, 404, "it is not wanted yet");
    std::fs::write(faye.folder().join("faye.toml"), server(&[]) + "[lifestream]\nenabled = true\n").unwrap();
    faye.hang_up();
    let end = hub.request_where(|request| request.mode == "unsubscribe");
    assert_eq!((&end.path, &end.topic), (&subscription.path, &subscription.topic));
    let deliver = || {
        let body = atom(&["late"]);
        let signature = subscription.signature(body.as_bytes());
        subscription.deliver(faye.address, &[ATOM, ("X-Hub-Signature", &signature)], body.as_bytes()).status
    };
    assert_eq!(deliver(), 410, "the hub was asked to end it");
    assert_eq!(asked(&faye, &subscription, "subscribe", &[]).status, 404);
    let lease = asked(&faye, &subscription, "unsubscribe", &[("hub.lease_seconds", "x")]);
    assert_eq!((lease.status, lease.text().as_str()), (200, "c"), "a lease is ignored");
    assert_eq!(deliver(), 410, "it has ended");
}

#[test]
fn a_hub_of_version_0_3_has_to_show_the_token() {
    let hub = FeedHub::start();
    hub.answer_by(|request| if Subscription::read(request).verify.is_some() { 202 } else { 400 });
    let faye = started(&hub, &[]);
    let asked_for = hub.request_where(|request| request.verify.is_some());
    let token = asked_for.token.clone().expect("a token");
    assert!(["sync", "async"].contains(&asked_for.verify.as_deref().unwrap()));
    for wrong in [vec![], vec![("hub.verify_token", "guess")], vec![("hub.verify_token", "")]] {
        assert_eq!(asked(&faye, &asked_for, "subscribe", &wrong).status, 404, "{wrong:?}");
    }
    assert_eq!(asked(&faye, &asked_for, "subscribe", &[("hub.verify_token", &token)]).status, 200);
    wait_for_state(&faye, "active");
}

/// A feed of several topics, as PubSubHubbub 0.3 has it.
fn aggregated(entries: &[(&str, &str)]) -> String {
    let entries: Vec<String> = entries
        .iter()
        .map(|(id, topic)| {
            let source = format!(
                "<source><id>urn:source</id><title>Other</title><updated>2026-01-01T00:00:00Z</updated>\
                 <link rel=\"self\" href=\"{topic}\"/></source>"
            );
            entry(id, &source)
        })
        .collect();
    atom(&[]).replace("</feed>", &format!("{}</feed>", entries.concat()))
}

#[test]
fn entries_of_other_topics_of_the_same_hub_lead_to_fetches_of_their_feeds() {
    let (hub, foreign) = (FeedHub::start(), FeedHub::start());
    let second = hub.url().replace("/feed.xml", "/feed2.xml");
    let feeds = [feed("blog", &hub.url()), feed("second", &second), feed("foreign", &foreign.url())];
    let faye = Faye::start_with_file(&format!("{}{}", server(&[]), feeds.concat()), &[]);
    let found: Arc<Mutex<Vec<Subscription>>> = Arc::default();
    for _ in 0..2 {
        found.lock().push(hub.activate(&faye));
    }
    foreign.activate(&faye);
    faye.wait_for_metric("faye_feeds{state=\"active\"}", |count| count == 3);
    let own = found.lock().iter().find(|subscription| subscription.topic == hub.url()).cloned().unwrap();
    let mut session = listen(&faye);
    hub.serve(atom(&["fetched"]));
    own.push(
        faye.address,
        &aggregated(&[
            ("other", &second),
            ("own", &own.topic),
            ("forged", &foreign.url()),
            ("far", "http://x.example/"),
        ]),
    );
    let mut channels: Vec<(String, String)> = (0..4)
        .map(|_| {
            let message = session.next();
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            (text(&message["data"]["entry"]["guid"]), text(&message["channel"]))
        })
        .collect();
    channels.sort();
    let expected =
        [("urn:far", "blog"), ("urn:fetched", "second"), ("urn:forged", "blog"), ("urn:own", "blog")];
    let expected: Vec<_> =
        expected.iter().map(|(id, name)| ((*id).to_owned(), format!("/feeds/{name}"))).collect();
    assert_eq!(channels, expected);
}

#[test]
fn a_feed_with_several_hubs_is_fetched_after_a_shared_delivery_from_each() {
    let (hub, other, second) = (FeedHub::start(), FeedHub::start(), FeedHub::start());
    // The listing has the first hub of the feed only, and feeds write the URL of a hub with a slash at the end or without.
    second.name_hubs(&[other.hub(), format!("{}/", hub.hub())]);
    let feeds = [feed("blog", &hub.url()), feed("second", &second.url())];
    let faye = Faye::start_with_file(&format!("{}{}", server(&[]), feeds.concat()), &[]);
    let subscriptions = [hub.activate(&faye), hub.activate(&faye)];
    other.activate(&faye);
    faye.wait_for_metric("faye_feeds{state=\"active\"}", |count| count == 2);
    let own = subscriptions.iter().find(|subscription| subscription.topic == hub.url()).unwrap();
    let mut session = listen(&faye);
    second.serve(atom(&["fetched"]));
    own.push(faye.address, &aggregated(&[("a", &second.url())]));
    let message = session.next();
    assert_eq!((&message["channel"], &message["data"]["via"]), (&"/feeds/second".into(), &"fetch".into()));
    assert_eq!(message["data"]["entry"]["guid"], "urn:fetched");
}

#[test]
fn the_author_of_a_feed_cannot_write_entries_of_another() {
    let hub = FeedHub::start();
    let victim = hub.url().replace("/feed.xml", "/feed2.xml");
    let feeds = [feed("blog", &hub.url()), feed("victim", &victim)];
    let faye = Faye::start_with_file(&format!("{}{}", server(&[]), feeds.concat()), &[]);
    let subscriptions = [hub.activate(&faye), hub.activate(&faye)];
    faye.wait_for_metric("faye_feeds{state=\"active\"}", |count| count == 2);
    let of = |topic: &str| subscriptions.iter().find(|subscription| subscription.topic == topic).unwrap();
    let mut session = listen(&faye);
    of(&victim).push(faye.address, &atom(&["real"]));
    assert_next(&mut session, "real");
    hub.serve(atom(&["real", "later"]));
    // The hub delivers and signs what the author writes: a new entry of the other feed, and another text of one that it has.
    let forged = aggregated(&[("forged", &victim), ("real", &victim)])
        .replace("Text of real", "Forged text")
        .replace("<updated>2026-01-01T00:00:00Z", "<updated>2026-01-02T00:00:00Z");
    of(&hub.url()).push(faye.address, &forged);
    assert_next(&mut session, "later");
    of(&hub.url()).push(faye.address, &atom(&["own"]));
    assert_next(&mut session, "own");
    let count = |feed: &str, change: &str| {
        faye.metric(&format!("faye_feed_entries_total{{feed=\"{feed}\",change=\"{change}\"}}"))
    };
    assert_eq!((count("victim", "created"), count("victim", "updated")), (2, 0));
    assert_eq!(count("blog", "created"), 1);
}

#[test]
fn what_two_hubs_push_and_a_fetch_finds_is_one_event() {
    let (hub, other) = (FeedHub::start(), FeedHub::start());
    hub.name_hubs(&[hub.hub(), other.hub()]);
    let faye = started(&hub, &[]);
    let (one, two) = (hub.activate(&faye), other.activate(&faye));
    assert_ne!((&one.path, &one.secret), (&two.path, &two.secret));
    wait_for_state(&faye, "active");
    let mut session = listen(&faye);
    let fetch = |subscription: &Subscription| {
        let signature = subscription.signature(b"");
        let response = subscription.deliver(faye.address, &[("X-Hub-Signature", &signature)], b"");
        assert_eq!(response.status, 202, "{}", response.text());
        hub.wait_for_fetch();
    };
    let first = atom(&["a"]);
    one.push(faye.address, &first);
    // The second hub does not know the secret of the first one.
    let foreign = one.signature(first.as_bytes());
    let headers = [ATOM, ("X-Hub-Signature", foreign.as_str())];
    assert_eq!(two.deliver(faye.address, &headers, first.as_bytes()).status, 202);
    assert_eq!(pushes(&faye, "forged"), 1);
    two.push(faye.address, &first);
    hub.serve(first.clone());
    fetch(&one);
    let later = first
        .replace("Text of a", "Other text of a")
        .replace("<updated>2026-01-01T00:00:00Z", "<updated>2026-01-02T00:00:00Z");
    assert_ne!(first, later);
    two.push(faye.address, &later);
    one.push(faye.address, &later);
    // A hub may be late.
    one.push(faye.address, &first);
    hub.serve(later);
    fetch(&two);
    one.push(faye.address, &atom(&["b"]));
    two.push(faye.address, &atom(&["b"]));
    two.push(faye.address, &atom(&["c"]));
    for (change, id) in [("created", "a"), ("updated", "a"), ("created", "b"), ("created", "c")] {
        assert_eq!(next(&mut session), (change.to_owned(), id.to_owned()));
    }
}

#[test]
fn a_publication_that_an_extension_refuses_is_counted_as_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("refuse.js");
    let script = "module.exports = { incoming(message, callback) { \
                  if (JSON.stringify(message.data || '').includes('urn:bad')) message.error = '403::Not here'; \
                  callback(message); } };";
    std::fs::write(&file, script).unwrap();
    let hub = FeedHub::start();
    let extensions = [("FAYE_EXTENSIONS__FILES", file.to_str().unwrap())];
    let faye = Faye::start_with_file(&hub.settings(), &extensions);
    let subscription = hub.activate(&faye);
    let mut session = listen(&faye);
    subscription.push(faye.address, &atom(&["bad1", "bad2", "bad3"]));
    subscription.push(faye.address, &atom(&["good"]));
    assert_next(&mut session, "good");
    // Those before it are recorded.
    let count = |result: &str| faye.metric(&format!("faye_feed_publications_total{{result=\"{result}\"}}"));
    assert_eq!((count("refused"), count("published") > 1), (3, false));
}

#[test]
fn a_pushed_page_in_place_of_a_feed_leads_to_a_fetch() {
    let hub = FeedHub::start();
    let (faye, subscription) = active(&hub, &[]);
    let mut session = listen(&faye);
    subscription.push(faye.address, &atom(&["a"]));
    assert_next(&mut session, "a");
    hub.serve(atom(&["a", "b"]));
    let body = "<!doctype html><title>Down</title><p>Back soon</p>";
    let signature = subscription.signature(body.as_bytes());
    let headers = [("Content-Type", "text/html"), ("X-Hub-Signature", signature.as_str())];
    assert_eq!(subscription.deliver(faye.address, &headers, body.as_bytes()).status, 202);
    assert_next(&mut session, "b");
    assert_eq!(pushes(&faye, "broken"), 1);
}

#[test]
fn pages_that_are_no_feeds_are_events_of_kind_page() {
    let hub = FeedHub::start();
    hub.serve("<!doctype html><title>News</title><p>Nothing new</p>");
    let (faye, subscription) = active(&hub, &[]);
    let mut session = listen(&faye);
    let body = "<!doctype html><title>News</title><p>Something new</p>";
    let signature = subscription.signature(body.as_bytes());
    let headers = [("Content-Type", "text/html"), ("X-Hub-Signature", signature.as_str())];
    assert_eq!(subscription.deliver(faye.address, &headers, body.as_bytes()).status, 204);
    let data = session.next()["data"].clone();
    assert_eq!(
        (&data["kind"], &data["type"], &data["via"]),
        (&"page".into(), &"created".into(), &"push".into())
    );
}

#[test]
fn a_delivery_is_accepted_before_the_subscription_is_verified() {
    let hub = FeedHub::start();
    let faye = started(&hub, &[]);
    let subscription = hub.request();
    let mut session = listen(&faye);
    subscription.push(faye.address, &atom(&["early"]));
    assert_next(&mut session, "early");
    subscription.verify(faye.address);
}

#[test]
fn connections_that_break_during_a_delivery_do_no_harm() {
    let hub = FeedHub::start();
    let (faye, subscription) = active(&hub, &[]);
    for part in ["<feed", ""] {
        let mut http = Http::open(faye.address);
        http.send_raw(
            format!("POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n{part}", subscription.path)
                .as_bytes(),
        );
        drop(http);
    }
    subscription.push(faye.address, &atom(&["a"]));
    faye.assert_serves();
}
