//! The distribution of content: what a callback gets, which responses count, and what follows from the others; slow and
//! failing hosts, newer versions, ends of leases, and ends of the server.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::{Condvar, Mutex};
use tokio::time::Instant;

use crate::support::hub::{self, PUBLIC_URL, post};
use crate::support::{Faye, Web, WebRequest, WebResponse};

const VERIFIED: &str = "faye_hub_verifications_total{result=\"verified\"}";
const CHANGED: &str = "faye_hub_fetches_total{result=\"changed\"}";
const DELIVERED: &str = "faye_hub_deliveries_total{result=\"delivered\"}";
const RETRIED: &str = "faye_hub_deliveries_total{result=\"retried\"}";
const GONE: &str = "faye_hub_deliveries_total{result=\"gone\"}";
const GIVEN_UP: &str = "faye_hub_deliveries_total{result=\"given_up\"}";
const WAITING: &str = "faye_hub_deliveries_waiting";
const SUBSCRIPTIONS: &str = "faye_hub_subscriptions";

/// A server with a topic.
struct Topic {
    web: Web,
    content: Arc<Mutex<WebResponse>>,
}

impl Topic {
    fn start(content: WebResponse) -> Self {
        let content = Arc::new(Mutex::new(content));
        let answer = Arc::clone(&content);
        Self { web: Web::start(move |_| Some(answer.lock().clone())), content }
    }

    fn text(body: &str) -> Self {
        Self::start(text(body))
    }

    fn url(&self) -> String {
        self.web.url("/topic?a=b")
    }

    /// Changes the topic and pings the hub.
    #[track_caller]
    fn change(&self, faye: &Faye, content: WebResponse) {
        *self.content.lock() = content;
        self.ping(faye);
    }

    #[track_caller]
    fn ping(&self, faye: &Faye) {
        assert_eq!(post(faye, &[("hub.mode", "publish"), ("hub.url", &self.url())]).status, 204);
    }
}

fn text(body: &str) -> WebResponse {
    WebResponse::new(200, body).with("Content-Type", "text/plain")
}

/// Subscribes callbacks, and waits until they are verified.
#[track_caller]
fn subscribe(faye: &Faye, topic: &Topic, callbacks: &[String], more: &[(&str, &str)]) {
    let before = faye.metric(VERIFIED);
    for callback in callbacks {
        let topic = topic.url();
        let mut all = vec![("hub.mode", "subscribe"), ("hub.topic", &*topic), ("hub.callback", callback)];
        all.extend_from_slice(more);
        assert_eq!(post(faye, &all).status, 202);
    }
    faye.wait_for_metric(VERIFIED, |now| now == before + callbacks.len() as u64);
}

fn is_delivery(request: &WebRequest) -> bool {
    request.method == "POST"
}

/// Starts callbacks that confirm verifications and answer deliveries as `answer` says.
fn callbacks(host: &str, answer: impl Fn(&WebRequest) -> Option<WebResponse> + Send + Sync + 'static) -> Web {
    Web::start_at(host, move |request| match request.query("hub.challenge") {
        Some(challenge) => Some(WebResponse::new(200, challenge)),
        None => answer(request),
    })
}

/// Callbacks that answer deliveries with a status that can change.
fn callbacks_with(host: &str, status: u16) -> (Web, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(status));
    let current = Arc::clone(&status);
    let web = callbacks(host, move |_| Some(WebResponse::new(current.load(Ordering::SeqCst), "")));
    (web, status)
}

/// A gate that holds requests until it opens.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn pass(&self) {
        let mut is_open = self.0.0.lock();
        while !*is_open {
            self.0.1.wait(&mut is_open);
        }
    }

    fn open(&self) {
        *self.0.0.lock() = true;
        self.0.1.notify_all();
    }
}

/// Counts requests at one time.
#[derive(Default)]
struct Meter {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Meter {
    fn during(&self, action: impl FnOnce()) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        action();
        self.now.fetch_sub(1, Ordering::SeqCst);
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

/// Waits until so many callbacks of a server got content; their targets.
#[track_caller]
fn targets(web: &Web, body: &[u8], count: usize) -> HashSet<String> {
    let mut targets = HashSet::new();
    while targets.len() < count {
        targets.insert(web.next_where(|request| is_delivery(request) && request.body == body).target);
    }
    targets
}

#[track_caller]
fn wait_until(is: impl FnMut() -> bool) {
    let mut is = is;
    let begin = Instant::now();
    while !is() {
        assert!(begin.elapsed() < crate::support::WATCHDOG, "it did not happen");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

fn urls(web: &Web, count: usize) -> Vec<String> {
    (0..count).map(|number| web.url(&format!("/{number}"))).collect()
}

#[test]
fn a_delivery_has_the_content_the_type_and_the_links_of_its_topic() {
    let type_ = "application/atom+xml;Charset=\"UTF-8\" ; x=1";
    let body = "<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>ä</title></feed>";
    let topic = Topic::start(WebResponse::new(200, body).with("Content-Type", type_));
    let web = Web::callback();
    let faye = hub::start(&[]);
    let target = "/subscriber.cfc?method=receiveFeed&x=%2f&x=%7E";
    subscribe(&faye, &topic, &[web.url(target)], &[]);
    topic.ping(&faye);
    let request = web.next_where(is_delivery);
    assert_eq!(request.target, target);
    assert_eq!(String::from_utf8(request.body.clone()).unwrap(), body);
    let all = |name: &str| {
        request.headers.iter().filter(|(own, _)| own == name).map(|(_, value)| &**value).collect::<Vec<_>>()
    };
    assert_eq!(all("content-type"), [type_]);
    let link = format!("<{PUBLIC_URL}/hub>; rel=\"hub\", <{}>; rel=\"self\"", topic.url());
    assert_eq!(all("link"), [link], "one field");
    assert_eq!(all("content-length"), [body.len().to_string()]);
    assert_eq!(all("content-encoding"), [""; 0]);
    assert_eq!(all("x-hub-signature"), [""; 0]);
    assert_eq!(all("host"), [web.address.to_string()]);
    assert!(all("user-agent")[0].contains(&format!("{PUBLIC_URL}/hub")));
    faye.wait_for_metric(DELIVERED, |now| now == 1);
    faye.wait_for_metric("faye_hub_delivery_seconds_count", |now| now == 1);
}

#[test]
fn a_topic_without_a_type_is_delivered_without_one() {
    let topic = Topic::start(WebResponse::new(200, "text"));
    let web = Web::callback();
    let faye = hub::start(&[]);
    subscribe(&faye, &topic, &[web.url("/")], &[]);
    topic.ping(&faye);
    assert_eq!(web.next_where(is_delivery).header("content-type"), None);
}

#[test]
fn links_of_a_delivery_are_those_found_at_the_topic() {
    let link = "<https://one.example/hub>; rel=\"hub\", <https://two.example/>; rel=hub, \
                <https://blog.example/feed>; rel=\"self\"";
    let topic = Topic::start(text("text").with("Link", link));
    let web = Web::callback();
    let faye = hub::start(&[]);
    subscribe(&faye, &topic, &[web.url("/")], &[]);
    topic.ping(&faye);
    let expected = "<https://one.example/hub>; rel=\"hub\", <https://two.example/>; rel=\"hub\", \
                    <https://blog.example/feed>; rel=\"self\"";
    assert_eq!(web.next_where(is_delivery).header("link"), Some(expected));
}

#[test]
fn a_delivery_is_signed_with_the_secret_by_the_method_of_the_settings() {
    fn code<M: Mac + KeyInit>(secret: &str, body: &[u8]) -> String {
        let mut code = <M as KeyInit>::new_from_slice(secret.as_bytes()).unwrap();
        code.update(body);
        HEXLOWER.encode(&code.finalize().into_bytes())
    }
    type Code = fn(&str, &[u8]) -> String;
    for (method, code) in [
        ("sha1", code::<Hmac<sha1::Sha1>> as Code),
        ("sha256", code::<Hmac<sha2::Sha256>>),
        ("sha384", code::<Hmac<sha2::Sha384>>),
        ("sha512", code::<Hmac<sha2::Sha512>>),
    ] {
        let topic = Topic::text("text to be signed");
        let web = Web::callback();
        let faye = hub::start(&[("FAYE_HUB__SIGNATURE", method)]);
        subscribe(&faye, &topic, &[web.url("/")], &[("hub.secret", "gehéim")]);
        topic.ping(&faye);
        let request = web.next_where(is_delivery);
        let expected = format!("{method}={}", code("gehéim", &request.body));
        assert_eq!(request.header("x-hub-signature"), Some(&*expected));
    }
}

#[test]
fn the_body_of_a_response_does_not_matter() {
    let topic = Topic::text("text");
    let web = callbacks("127.0.0.1", |request| {
        let size = if request.path() == "/long" { 1 << 20 } else { 10 };
        Some(WebResponse::new(201, vec![b'x'; size]))
    });
    let faye = hub::start(&[]);
    subscribe(&faye, &topic, &[web.url("/long"), web.url("/short")], &[]);
    topic.ping(&faye);
    faye.wait_for_metric(DELIVERED, |now| now == 2);
    assert_eq!(faye.metric(RETRIED), 0);
}

#[test]
fn a_redirect_is_a_failure_and_is_not_followed() {
    let topic = Topic::text("text");
    let elsewhere = Web::callback();
    let target = elsewhere.url("/elsewhere");
    let is_second = AtomicBool::new(false);
    let web = callbacks("127.0.0.1", move |_| {
        let is_second = is_second.swap(true, Ordering::SeqCst);
        Some(WebResponse::new(if is_second { 204 } else { 307 }, "").with("Location", &target))
    });
    let faye = hub::start(&[("FAYE_HUB__RETRIES", "1ms")]);
    subscribe(&faye, &topic, &[web.url("/")], &[]);
    topic.ping(&faye);
    web.next_where(is_delivery);
    web.next_where(is_delivery);
    faye.wait_for_metric(DELIVERED, |now| now == 1);
    assert_eq!((faye.metric(RETRIED), elsewhere.so_far().len()), (1, 0));
}

#[test]
fn gone_ends_the_subscription() {
    let topic = Topic::text("one");
    let (web, _) = callbacks_with("127.0.0.1", 410);
    let other = Web::callback();
    let faye = hub::start(&[]);
    subscribe(&faye, &topic, &[web.url("/"), other.url("/")], &[]);
    topic.ping(&faye);
    web.next_where(is_delivery);
    faye.wait_for_metric(GONE, |now| now == 1);
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 1);
    topic.change(&faye, text("two"));
    faye.wait_for_metric(DELIVERED, |now| now == 2);
    assert_eq!(web.so_far().len(), 0);
}

#[test]
fn after_the_last_retry_the_subscription_stays_and_gets_the_next_update() {
    let topic = Topic::text("one");
    let (web, status) = callbacks_with("127.0.0.1", 500);
    let faye = hub::start(&[("FAYE_HUB__RETRIES", "1ms,2ms")]);
    subscribe(&faye, &topic, &[web.url("/")], &[]);
    topic.ping(&faye);
    faye.wait_for_metric(GIVEN_UP, |now| now == 1);
    assert_eq!(faye.metric(RETRIED), 2);
    assert_eq!(web.so_far().into_iter().filter(is_delivery).count(), 3);
    status.store(200, Ordering::SeqCst);
    topic.change(&faye, text("two"));
    assert_eq!(web.next_where(is_delivery).body, b"two");
    faye.wait_for_metric(DELIVERED, |now| now == 1);
}

#[test]
fn retries_end_with_the_lease() {
    let topic = Topic::text("one");
    let (web, _) = callbacks_with("127.0.0.1", 500);
    let faye = hub::start(&[("FAYE_HUB__RETRIES", "9h,1ms")]);
    subscribe(&faye, &topic, &[web.url("/")], &[("hub.lease_seconds", "3600")]);
    topic.ping(&faye);
    faye.wait_for_metric(GIVEN_UP, |now| now == 1);
    assert_eq!(faye.metric(RETRIED), 0);
}

#[test]
fn a_lease_that_has_ended_gets_nothing() {
    let topic = Topic::text("one");
    let (short, long) = (Web::callback(), Web::callback());
    let faye = hub::start(&[("FAYE_HUB__LEASE_MIN", "1s")]);
    subscribe(&faye, &topic, &[long.url("/")], &[]);
    subscribe(&faye, &topic, &[short.url("/")], &[("hub.lease_seconds", "3")]);
    // The gauge follows the store, so it may still be the one from before the second subscription.
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 2);
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 1);
    topic.ping(&faye);
    faye.wait_for_metric(DELIVERED, |now| now == 1);
    long.next_where(is_delivery);
    assert_eq!(short.so_far().into_iter().filter(is_delivery).count(), 0);
}

#[test]
fn a_newer_version_replaces_a_waiting_one() {
    let topic = Topic::text("one");
    let (web, status) = callbacks_with("127.0.0.1", 500);
    let faye = hub::start(&[("FAYE_HUB__RETRIES", "1h")]);
    subscribe(&faye, &topic, &[web.url("/")], &[]);
    topic.ping(&faye);
    assert_eq!(web.next_where(is_delivery).body, b"one");
    faye.wait_for_metric(RETRIED, |now| now == 1);
    status.store(200, Ordering::SeqCst);
    topic.change(&faye, text("two"));
    assert_eq!(web.next_where(is_delivery).body, b"two");
    faye.wait_for_metric(DELIVERED, |now| now == 1);
    faye.wait_for_metric(WAITING, |now| now == 0);
    assert_eq!(web.so_far().len(), 0);
}

#[test]
fn a_subscription_gets_one_delivery_at_a_time_and_then_the_newest_version() {
    let topic = Topic::text("one");
    let (gate, meter) = (Gate::default(), Arc::new(Meter::default()));
    let (passing, counting) = (gate.clone(), Arc::clone(&meter));
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&begun);
    let web = callbacks("127.0.0.1", move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        counting.during(|| passing.pass());
        Some(WebResponse::new(204, ""))
    });
    let faye = hub::start(&[]);
    subscribe(&faye, &topic, &[web.url("/")], &[]);
    topic.ping(&faye);
    wait_until(|| begun.load(Ordering::SeqCst) == 1);
    for (body, changes) in [("two", 2), ("three", 3)] {
        topic.change(&faye, text(body));
        faye.wait_for_metric(CHANGED, |now| now == changes);
    }
    gate.open();
    assert_eq!(web.next_where(is_delivery).body, b"one");
    assert_eq!(web.next_where(is_delivery).body, b"three");
    faye.wait_for_metric(WAITING, |now| now == 0);
    assert_eq!((meter.most(), begun.load(Ordering::SeqCst)), (1, 2));
}

#[test]
fn a_slow_host_holds_up_no_other_and_has_so_many_requests_at_a_time() {
    let topic = Topic::text("one");
    let gate = Gate::default();
    let meter = Arc::new(Meter::default());
    let (passing, counting) = (gate.clone(), Arc::clone(&meter));
    let slow = callbacks("127.0.0.2", move |_| {
        counting.during(|| passing.pass());
        Some(WebResponse::new(204, ""))
    });
    let fast = Web::start_at("127.0.0.3", |request| {
        Some(WebResponse::new(200, request.query("hub.challenge").unwrap_or_default()))
    });
    let faye = hub::start(&[
        ("FAYE_HUB__PER_HOST", "2"),
        ("FAYE_HUB__CONCURRENT", "8"),
        ("FAYE_HUB__DEADLINE", "60s"),
        ("FAYE_HUB__PENDING_BY_HOST", "1000"),
    ]);
    // More for the slow host than can be under way or wait in memory.
    subscribe(&faye, &topic, &urls(&slow, 350), &[]);
    subscribe(&faye, &topic, &urls(&fast, 20), &[]);
    topic.ping(&faye);
    faye.wait_for_metric(DELIVERED, |now| now == 20);
    gate.open();
    faye.wait_for_metric(DELIVERED, |now| now == 370);
    assert_eq!(meter.most(), 2);
    let mut counts = HashMap::<String, usize>::new();
    for request in slow.so_far().into_iter().filter(is_delivery) {
        *counts.entry(request.target).or_default() += 1;
    }
    assert!(counts.len() == 350 && counts.values().all(|count| *count == 1), "{counts:?}");
}

#[test]
fn all_hosts_together_get_so_many_requests_at_a_time() {
    let topic = Topic::text("one");
    let gate = Gate::default();
    let meter = Arc::new(Meter::default());
    let webs: Vec<_> = (2..=5)
        .map(|number| {
            let (passing, counting) = (gate.clone(), Arc::clone(&meter));
            callbacks(&format!("127.0.0.{number}"), move |_| {
                counting.during(|| passing.pass());
                Some(WebResponse::new(204, ""))
            })
        })
        .collect();
    let faye = hub::start(&[("FAYE_HUB__CONCURRENT", "3"), ("FAYE_HUB__DEADLINE", "60s")]);
    for web in &webs {
        subscribe(&faye, &topic, &urls(web, 4), &[]);
    }
    topic.ping(&faye);
    wait_until(|| meter.most() == 3);
    gate.open();
    faye.wait_for_metric(DELIVERED, |now| now == 16);
    assert_eq!(meter.most(), 3);
}

#[test]
fn an_address_counts_under_all_of_its_names() {
    let topic = Topic::text("one");
    let meter = Arc::new(Meter::default());
    let counting = Arc::clone(&meter);
    let web = callbacks("127.0.0.1", move |_| {
        counting.during(|| std::thread::sleep(std::time::Duration::from_millis(5)));
        Some(WebResponse::new(204, ""))
    });
    let faye = hub::start(&[("FAYE_HUB__PER_HOST", "1")]);
    let port = web.address.port();
    for host in ["localhost", "127.0.0.1"] {
        let callbacks: Vec<_> = (0..8).map(|number| format!("http://{host}:{port}/{number}")).collect();
        subscribe(&faye, &topic, &callbacks, &[]);
    }
    topic.ping(&faye);
    faye.wait_for_metric(DELIVERED, |now| now == 16);
    assert_eq!(meter.most(), 1);
}

#[test]
fn a_failing_host_gets_no_request_for_a_while_and_loses_no_delivery() {
    let topic = Topic::text("one");
    let (failing, status) = callbacks_with("127.0.0.2", 503);
    let (good, _) = callbacks_with("127.0.0.3", 200);
    let file = [("FAYE_STORE__URL", "sqlite:faye.db")];
    let faye = hub::start(&[
        file[0],
        ("FAYE_HUB__PER_HOST", "1"),
        ("FAYE_HUB__RETRIES", "1h"),
        ("FAYE_HUB__PENDING_BY_HOST", "1000"),
    ]);
    subscribe(&faye, &topic, &urls(&failing, 12), &[]);
    topic.ping(&faye);
    faye.wait_for_metric(RETRIED, |now| now == 5);
    subscribe(&faye, &topic, &urls(&good, 12), &[]);
    topic.change(&faye, text("two"));
    faye.wait_for_metric(DELIVERED, |now| now == 12);
    faye.wait_for_metric(WAITING, |now| now == 12);
    assert_eq!(failing.so_far().into_iter().filter(is_delivery).count(), 5, "the breaker is open");
    assert_eq!((faye.metric(RETRIED), faye.metric(GIVEN_UP)), (5, 0));
    faye.wait_for_metric(SUBSCRIPTIONS, |now| now == 24);
    // A new process does not know of the failures.
    status.store(200, Ordering::SeqCst);
    let faye = faye.restart();
    topic.change(&faye, text("three"));
    assert_eq!(targets(&failing, b"three", 12).len(), 12);
}

#[test]
fn a_delivery_storm_survives_a_kill() {
    let topic = Topic::text("one");
    let received = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&received);
    let webs: Vec<_> = (1..=4)
        .map(|number| {
            let counted = Arc::clone(&counted);
            callbacks(&format!("127.0.0.{number}"), move |_| {
                counted.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(std::time::Duration::from_millis(2));
                Some(WebResponse::new(204, ""))
            })
        })
        .collect();
    let mut faye =
        hub::start(&[("FAYE_STORE__URL", "sqlite:faye.db"), ("FAYE_HUB__PENDING_BY_HOST", "1000")]);
    for web in &webs {
        subscribe(&faye, &topic, &urls(web, 100), &[]);
    }
    topic.ping(&faye);
    let recorded = faye.wait_for_metric(DELIVERED, |now| now >= 100);
    faye.kill();
    let at_kill = received.load(Ordering::SeqCst) as u64;
    assert!(recorded < 400, "the kill came too late");
    let faye = faye.restart();
    // A subscription has one delivery at most, so that those of the first version end before these.
    let mut counts = HashMap::<String, usize>::new();
    let mut second = HashSet::new();
    let mut read = || {
        for web in &webs {
            for request in web.so_far().into_iter().filter(is_delivery) {
                let url = web.url(&request.target);
                match &request.body[..] {
                    b"one" => *counts.entry(url).or_default() += 1,
                    _ => _ = second.insert(url),
                }
            }
        }
        (counts.len(), second.len())
    };
    wait_until(|| read().0 == 400);
    topic.change(&faye, text("two"));
    wait_until(|| read().1 == 400);
    let twice = counts.values().map(|count| *count as u64 - 1).sum::<u64>();
    assert!(
        twice <= at_kill - recorded,
        "{twice} twice; {at_kill} received and {recorded} recorded at the kill"
    );
}

#[test]
fn a_stop_finishes_what_is_under_way_and_gives_the_rest_back() {
    let topic = Topic::text("one");
    let gate = Gate::default();
    let passing = gate.clone();
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&begun);
    let web = callbacks("127.0.0.1", move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        passing.pass();
        Some(WebResponse::new(204, ""))
    });
    let mut faye = hub::start(&[
        ("FAYE_STORE__URL", "sqlite:faye.db"),
        ("FAYE_HUB__PER_HOST", "2"),
        ("FAYE_HUB__PENDING_BY_HOST", "1000"),
    ]);
    subscribe(&faye, &topic, &urls(&web, 10), &[]);
    topic.ping(&faye);
    wait_until(|| begun.load(Ordering::SeqCst) == 2);
    faye.terminate();
    // The server no longer listens: it is ending.
    wait_until(|| std::net::TcpStream::connect(faye.listens).is_err());
    gate.open();
    faye.wait();
    let log = faye.stderr();
    assert!(log.contains("deliveries wait; they continue after the restart waiting=8"), "{log}");
    let faye = faye.restart();
    let first = targets(&web, b"one", 10);
    // A subscription has one delivery at most, so that those of the first version end before these.
    topic.change(&faye, text("two"));
    targets(&web, b"two", 10);
    assert_eq!((first.len(), begun.load(Ordering::SeqCst)), (10, 20), "each once");
}

/// A server with a file as its store, and a callback that has got a delivery and takes its time to answer.
fn slow_callback(drain_timeout: &str, answer: impl Fn() + Send + Sync + 'static) -> (Faye, Web, Topic) {
    let topic = Topic::text("one");
    let begun = Arc::new(AtomicBool::new(false));
    let has_begun = Arc::clone(&begun);
    let web = callbacks("127.0.0.1", move |_| {
        has_begun.store(true, Ordering::SeqCst);
        answer();
        Some(WebResponse::new(204, ""))
    });
    let faye = hub::start(&[
        ("FAYE_STORE__URL", "sqlite:faye.db"),
        ("FAYE_SERVER__DRAIN_TIMEOUT", drain_timeout),
        ("FAYE_HUB__DEADLINE", "50s"),
        ("FAYE_API__KEY", "0123456789abcdef"),
    ]);
    subscribe(&faye, &topic, &urls(&web, 1), &[]);
    topic.ping(&faye);
    wait_until(|| begun.load(Ordering::SeqCst));
    (faye, web, topic)
}

#[test]
fn a_stop_waits_for_slow_callbacks_as_long_as_for_connections() {
    // Slower than a few seconds that do not depend on the settings.
    let pause = std::time::Duration::from_secs(5);
    let (mut faye, web, _topic) = slow_callback("50s", move || std::thread::sleep(pause));
    faye.terminate();
    faye.wait();
    let faye = faye.restart();
    let key = [("Authorization", "Bearer 0123456789abcdef")];
    let status = faye.http().request("GET", "/api/v1/hub", &key, b"").text();
    assert!(status.contains("\"deliveries_waiting\":0"), "{status}");
    let delivered = web.so_far().into_iter().filter(is_delivery).count();
    assert_eq!(delivered, 1, "once");
}

#[test]
fn a_delivery_that_is_cut_continues_after_the_restart() {
    let gate = Gate::default();
    let passing = gate.clone();
    let (mut faye, web, _topic) = slow_callback("0s", move || passing.pass());
    faye.terminate();
    faye.wait();
    let log = faye.stderr();
    let line = "deliveries that did not end within server.drain_timeout were cut; they continue after the restart cut=1 \
                waiting=1";
    assert!(log.contains(line), "{log}");
    gate.open();
    let _faye = faye.restart();
    // The one that was cut, and the one after it.
    for _ in 0..2 {
        assert_eq!(web.next_where(is_delivery).body, b"one");
    }
}

#[test]
fn the_log_has_each_fetch_and_each_delivery_and_no_secret() {
    let topic = Topic::text("one");
    let (web, status) = callbacks_with("127.0.0.1", 500);
    let faye = hub::start(&[("FAYE_LOG__LEVEL", "debug"), ("FAYE_HUB__RETRIES", "1ms")]);
    subscribe(&faye, &topic, &[web.url("/path-of-callback?x=y")], &[("hub.secret", "s3cr3t-of-mine")]);
    topic.ping(&faye);
    web.next_where(is_delivery);
    status.store(204, Ordering::SeqCst);
    faye.wait_for_metric(DELIVERED, |count| count == 1);
    let fetched = "topic fetched topic=1 host=\"127.0.0.1\" result=\"changed\" status=200 attempt=1 seconds=";
    faye.wait_for_stderr(fetched);
    for (attempt, status) in [(1, 500), (2, 204)] {
        faye.wait_for_stderr(&format!("host=\"127.0.0.1\" status={status} attempt={attempt} seconds="));
    }
    let log = faye.stderr();
    assert!(log.contains("delivery attempted delivery="), "{log}");
    for secret in ["s3cr3t-of-mine", "path-of-callback", "a=b"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}
