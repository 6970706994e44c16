//! The hub dies at every point between two statements of its store, as by SIGKILL, and a new process goes on: nothing
//! that was accepted is lost, and what had ended stays ended.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::support::{Faye, WATCHDOG, Web, WebRequest, WebResponse, binary, hub};
use faye_server::store::FAILPOINTS;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Threads that run stories.
const THREADS: usize = 4;

/// Points that the story below does not reach: operations of operators, of the syndication of channels, and of a store
/// that was away; denials; the checks of topics; requests that wait for another; busy hosts and a full store; results
/// that are a day old. SQLite gives claims back at its start, without
/// a transaction of its own.
const ELSEWHERE: &[&str] = &[
    "claim_fetch:",
    "publish:",
    "retry:",
    "probe:",
    "topics:",
    "subscriptions:",
    "status:",
    "add_request:check",
    "add_request:older",
    "add_request:unverified",
    "finish_requests:release",
    "finish_fetch:failure",
    "finish_fetch:drop",
    "finish_fetch:no_content",
    "finish_fetch:postpone",
    "finish_fetch:validators",
    "finish_fetch:end",
    "finish_fetch:end_all",
    "finish_fetch:deny",
    "finish_fetch:tell_all",
    "finish_fetch:unused",
    "finish_fetch:count",
    // Operations on feeds, which the tests of the store and of feeds kill.
    "add_feed:",
    "callback:",
    "claim_calls:",
    "claim_polls:",
    "claim_publications:",
    "entries:",
    "entry:",
    "feed_rows:",
    "finish_call:",
    "finish_poll:",
    "finish_publications:",
    "hub_said:",
    "ingest:",
    "last_seq:",
    "last_seq_of:",
    "notify_feeds:",
    "poll_feeds:",
    "purge_feed:",
    "raw_contents:",
    "remove_feed:",
    "resubscribe_feed:",
    "schedule_feeds:",
    "subscribed_topics:",
    "sweep_feeds:",
    "sync_feeds:",
    "unschedule_feeds:",
    "finish_deliveries:release",
    "finish_deliveries:failures",
    "finish_deliveries:recovered",
    "release:before_commit",
    "release:after_commit",
    "sweep:late",
    "sweep:result",
    "sweep:unused",
    "sweep:expire",
    "sweep:renew",
    "sweep:renewed",
];

/// Short leases are allowed, so that the gauges are set each few milliseconds.
fn settings(store: &str) -> Vec<(&str, &str)> {
    hub::settings(&[("FAYE_STORE__URL", store), ("FAYE_HUB__LEASE_MIN", "1s")])
}

/// A hub, the topic and its two subscribers.
struct Story<'a> {
    faye: Faye,
    store: String,
    /// Whether the process was killed, and a new one has taken its place.
    was_killed: bool,
    web: &'a Web,
    seen: Vec<WebRequest>,
}

impl<'a> Story<'a> {
    fn begin(store: String, failpoint: &str, web: &'a Web) -> Self {
        let mut was_killed = false;
        let faye = if failpoint.starts_with("release:") {
            // It is reached before the hub serves.
            let folder = tempfile::tempdir().unwrap();
            let mut command = binary();
            command.current_dir(folder.path()).envs(settings(&store));
            command.args(["--listen", "127.0.0.1:0"]).env("FAILPOINT", failpoint);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let since = Instant::now();
            let status = loop {
                if let Some(status) = child.try_wait().unwrap() {
                    break status;
                }
                if since.elapsed() > WATCHDOG {
                    child.kill().unwrap();
                    child.wait().unwrap();
                    panic!("{failpoint} is not reached at the start");
                }
                std::thread::sleep(Duration::from_millis(5));
            };
            was_killed = status.signal() == Some(9);
            Faye::start(&settings(&store))
        } else {
            let mut settings = settings(&store);
            settings.push(("FAILPOINT", failpoint));
            Faye::start(&settings)
        };
        Self { faye, store, was_killed, web, seen: Vec::new() }
    }

    /// Starts a new process if the failpoint has killed the first one.
    fn revive(&mut self) {
        if self.faye.is_running() {
            std::thread::sleep(Duration::from_millis(5));
            return;
        }
        assert!(!self.was_killed, "the second process ended: {}", self.faye.stderr());
        self.faye = Faye::start(&settings(&self.store));
        self.was_killed = true;
    }

    /// Sends a request until it has a response, as clients do whose connection breaks.
    fn request(&mut self, text: &str) -> String {
        let since = Instant::now();
        loop {
            if let Some(response) = exchange(self.faye.address, text) {
                return response;
            }
            assert!(since.elapsed() < WATCHDOG, "no response to {text}: {}", self.faye.stderr());
            self.revive();
        }
    }

    fn post(&mut self, status: u16, form: &str) {
        let request = format!(
            "POST /hub HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{form}",
            form.len()
        );
        let response = self.request(&request);
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{form}: {response}");
    }

    /// Waits until the gauge of active subscriptions has this value.
    fn wait_for_subscriptions(&mut self, count: u64) {
        let wanted = format!("\nfaye_hub_subscriptions {count}\n");
        let since = Instant::now();
        while !self.request("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").contains(&wanted)
        {
            assert!(since.elapsed() < WATCHDOG, "not{wanted}{}", self.faye.stderr());
            self.revive();
        }
    }

    /// Waits until a delivery of this content has arrived at this path.
    fn wait_for_delivery(&mut self, path: &str, content: u64) {
        let since = Instant::now();
        while self.deliveries(path, content) == 0 {
            assert!(since.elapsed() < WATCHDOG, "{content} not at {path}: {}", self.faye.stderr());
            self.revive();
        }
    }

    fn deliveries(&mut self, path: &str, content: u64) -> usize {
        self.seen.extend(self.web.so_far());
        let body = format!("content {content}").into_bytes();
        let is = |request: &&WebRequest| {
            request.method == "POST" && request.path() == path && request.body == body
        };
        self.seen.iter().filter(is).count()
    }
}

/// The response to one request; `None` if the connection breaks before its end.
fn exchange(address: SocketAddr, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(WATCHDOG)).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).ok()?;
    (!response.is_empty()).then(|| String::from_utf8_lossy(&response).into_owned())
}

/// A topic and two subscribers that live through a death at this point. Whether the point was reached.
fn lives_through(failpoint: &str, folder: &Path) -> bool {
    let content = Arc::new(AtomicU64::new(0));
    let served = Arc::clone(&content);
    let web = Web::start(move |request| {
        let content = served.load(Ordering::SeqCst);
        Some(match (request.query("hub.challenge"), request.method.as_str()) {
            (Some(challenge), _) => WebResponse::new(200, challenge),
            (None, "GET") => WebResponse::new(200, format!("content {content}")),
            // The second subscriber is gone in the end.
            (None, _) if request.path() == "/b" && content == 4 => WebResponse::new(410, ""),
            // A subscriber with three readers.
            (None, _) => WebResponse::new(204, "").with("X-Hub-On-Behalf-Of", "3"),
        })
    });
    let store = format!("sqlite:{}", folder.join(format!("{}.db", failpoint.replace(':', "-"))).display());
    let (topic, a, b) = (web.url("/feed"), web.url("/a"), web.url("/b"));
    let mut story = Story::begin(store, failpoint, &web);
    let publish = |story: &mut Story<'_>, number| {
        content.store(number, Ordering::SeqCst);
        story.post(204, &format!("hub.mode=publish&hub.url={topic}"));
    };

    story.post(202, &format!("hub.mode=subscribe&hub.topic={topic}&hub.callback={a}"));
    story.wait_for_subscriptions(1);
    publish(&mut story, 1);
    story.wait_for_delivery("/a", 1);
    publish(&mut story, 2);
    story.wait_for_delivery("/a", 2);
    story.post(204, &format!("hub.mode=subscribe&hub.topic={topic}&hub.callback={b}&hub.verify=sync"));
    story.wait_for_subscriptions(2);
    story.post(202, &format!("hub.mode=unsubscribe&hub.topic={topic}&hub.callback={a}"));
    story.wait_for_subscriptions(1);
    publish(&mut story, 3);
    story.wait_for_delivery("/b", 3);
    publish(&mut story, 4);
    story.wait_for_delivery("/b", 4);
    story.wait_for_subscriptions(0);

    assert_eq!(story.deliveries("/a", 3), 0, "{failpoint}: a subscription that had ended");
    // Once, unless the process died between the request and its record.
    let most = if story.was_killed { 2 } else { 1 };
    for (path, number) in [("/a", 1), ("/a", 2), ("/b", 3), ("/b", 4)] {
        let count = story.deliveries(path, number);
        assert!((1..=most).contains(&count), "{failpoint}: content {number} arrived {count} times at {path}");
    }
    story.was_killed
}

#[test]
fn the_hub_may_die_between_any_two_statements() {
    let folder = tempfile::tempdir().unwrap();
    // A name that ends with a colon is that of all points of an operation.
    let is_elsewhere = |name: &str| {
        ELSEWHERE.iter().any(|point| name == *point || (point.ends_with(':') && name.starts_with(point)))
    };
    let waiting: Mutex<Vec<&str>> =
        Mutex::new(FAILPOINTS.iter().copied().filter(|name| !is_elsewhere(name)).collect());
    assert!(waiting.lock().len() > 50, "most points are reached");
    let missed = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let Some(failpoint) = waiting.lock().pop() else { return };
                    if !lives_through(failpoint, folder.path()) {
                        missed.lock().insert(failpoint);
                    }
                }
            });
        }
    });
    assert!(missed.lock().is_empty(), "points that were not reached: {:?}", missed.lock());
}
