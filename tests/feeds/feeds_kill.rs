//! The subscriber dies between any two statements of ingest and publication, as by SIGKILL, and a new process goes on: no entry
//! that a hub has delivered is lost, and no event has two numbers. The same on a full disk, and on two instances.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::disk::Disk;
use crate::support::feed_hub::{FeedHub, Subscription, atom, feed, listen, next, server};
use crate::support::postgres::Postgres;
use crate::support::redis::Redis;
use crate::support::{Faye, Session, WATCHDOG};
use faye_server::store::FAILPOINTS;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Threads that run stories.
const THREADS: usize = 4;

/// The points around the publication itself, which are outside the store.
const PUBLICATION: [&str; 2] = ["publish_entry:before", "publish_entry:after"];

/// The number of publications that are recorded.
const PUBLISHED: &str = "faye_feed_publications_total{result=\"published\"}";

/// Operations between a delivery and its publication.
const OPERATIONS: [&str; 5] =
    ["callback:", "ingest:", "hub_said:", "claim_publications:", "finish_publications:"];

/// Points that the story below does not reach: an update of a date only, verifications, denials and fetches.
const ELSEWHERE: &[&str] =
    &["ingest:date", "hub_said:verified", "hub_said:denied", "hub_said:delete", "hub_said:due"];

/// A server with one feed and the subscription of the hub, joined to another server that its subscribers use.
struct Story<'a> {
    faye: Faye,
    file: String,
    settings: Vec<(&'a str, String)>,
    was_killed: bool,
}

impl<'a> Story<'a> {
    fn start(file: String, settings: Vec<(&'a str, String)>, failpoint: Option<&str>) -> Self {
        let faye = Self::process(&file, &settings, failpoint);
        Self { faye, file, settings, was_killed: false }
    }

    fn process(file: &str, settings: &[(&str, String)], failpoint: Option<&str>) -> Faye {
        let mut all: Vec<_> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        all.extend(failpoint.map(|failpoint| ("FAILPOINT", failpoint)));
        Faye::start_with_file(file, &all)
    }

    /// Starts a new process if the failpoint has killed the first one.
    fn revive(&mut self) {
        if self.faye.is_running() {
            std::thread::sleep(std::time::Duration::from_millis(5));
            return;
        }
        assert!(!self.was_killed, "the second process ended: {}", self.faye.stderr());
        self.faye = Self::process(&self.file, &self.settings, None);
        self.was_killed = true;
    }

    /// Delivers content until the server has accepted it, as hubs do.
    fn push(&mut self, subscription: &Subscription, body: &str) {
        let signature = subscription.signature(body.as_bytes());
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Hub-Signature: {signature}\r\nContent-Length: {}\r\n\r\n{body}",
            subscription.path,
            body.len()
        );
        let since = Instant::now();
        loop {
            match exchange(&self.faye, &request) {
                Some(response) if response.starts_with("HTTP/1.1 2") => return,
                Some(response) => assert!(response.starts_with("HTTP/1.1 503"), "{response}"),
                None => {}
            }
            assert!(since.elapsed() < WATCHDOG, "the delivery is not accepted: {}", self.faye.stderr());
            self.revive();
        }
    }
}

/// The response to one request; `None` if the connection breaks before its end.
fn exchange(faye: &Faye, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect(faye.address).ok()?;
    stream.set_read_timeout(Some(WATCHDOG)).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut response = Vec::new();
    stream.read_to_end(&mut response).ok()?;
    (!response.is_empty()).then(|| String::from_utf8_lossy(&response).into_owned())
}

/// An event as a subscriber gets it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    seq: i64,
    change: String,
    id: String,
}

/// The events up to the one of the entry `last`.
fn events(session: &mut Session, last: &str) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    while events.last().is_none_or(|event| event.id != last) {
        let data = session.next()["data"].clone();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let id = text(&data["entry"]["guid"]).replace("urn:", "");
        events.push(Event { seq: data["seq"].as_i64().unwrap(), change: text(&data["type"]), id });
    }
    events
}

/// An entry with another text and a later date.
fn changed(id: &str) -> String {
    atom(&[id]).replace("Text of", "New text of").replace("2026-01-01T00", "2026-01-02T00")
}

/// The tombstone of an entry (RFC 6721).
fn deleted(id: &str) -> String {
    let tombstone = format!(
        "<at:deleted-entry xmlns:at=\"http://purl.org/atompub/tombstones/1.0\" ref=\"urn:{id}\" when=\"2026-01-03T00:00:00Z\"/>"
    );
    atom(&[]).replace("</feed>", &format!("{tombstone}</feed>"))
}

/// Deliveries while the process dies at this point. Whether the point was reached.
fn lives_through(failpoint: &str, redis: &Redis) -> bool {
    let name = failpoint.replace(':', "-");
    let joined = [("FAYE_REDIS__URL", redis.url()), ("FAYE_REDIS__PREFIX", name)];
    let stored = Postgres::shared().database();
    let hub = FeedHub::start();
    let file = hub.settings();
    let settings: Vec<(&str, String)> = joined.iter().cloned().chain([("FAYE_STORE__URL", stored)]).collect();
    let reached: Vec<(&str, &str)> = joined.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // Its sessions outlive the other process.
    let other = Faye::start(&reached);
    let mut session = listen(&other);
    let subscription = {
        let mut first = Story::start(file.clone(), settings.clone(), None);
        let subscription = hub.activate(&first.faye);
        first.push(&subscription, &atom(&["a"]));
        assert_eq!(next(&mut session), ("created".to_owned(), "a".to_owned()));
        first.faye.wait_for_metric(PUBLISHED, |count| count == 1);
        first.faye.kill();
        subscription
    };
    let mut story = Story::start(file, settings, Some(failpoint));
    story.push(&subscription, &atom(&["b", "c"]));
    story.push(&subscription, &changed("a"));
    story.push(&subscription, &deleted("b"));
    story.push(&subscription, &atom(&["z"]));
    let begin = Instant::now();
    // The publications of the last deliveries may be what the process dies at.
    while !story.was_killed && begin.elapsed() < WATCHDOG && !is_published(&story.faye) {
        story.revive();
    }
    if !story.faye.is_running() {
        story.revive();
    }
    let events = events(&mut session, "z");

    let sequence: Vec<i64> = events.iter().map(|event| event.seq).collect();
    assert!(sequence.is_sorted(), "{failpoint}: {events:?}");
    let mut numbers: BTreeMap<(String, String), BTreeSet<i64>> = BTreeMap::new();
    for event in &events {
        numbers.entry((event.id.clone(), event.change.clone())).or_default().insert(event.seq);
    }
    assert!(numbers.values().all(|numbers| numbers.len() == 1), "{failpoint}: {events:?}");
    // What has changed before its publication is published once, as it is then.
    let last = |id: &str| events.iter().rev().find(|event| event.id == id).map(|event| event.change.as_str());
    assert_eq!(
        ["a", "b", "c", "z"].map(last),
        [Some("updated"), Some("deleted"), Some("created"), Some("created")],
        "{failpoint}: {events:?}"
    );
    let most = if story.was_killed { 2 } else { 1 };
    for event in &events {
        let count = events.iter().filter(|other| *other == event).count();
        assert!(count <= most, "{failpoint}: {count} times {event:?}");
    }
    story.was_killed
}

/// Whether the server that runs now has published an entry and nothing waits.
fn is_published(faye: &Faye) -> bool {
    let request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let text = exchange(faye, request).unwrap_or_default();
    let count = text.lines().find_map(|line| line.strip_prefix(PUBLISHED)?.strip_prefix(' '));
    count.and_then(|count| count.parse::<u64>().ok()).is_some_and(|count| count >= 5)
}

#[test]
fn no_entry_is_lost_when_the_server_dies_at_any_point_between_a_delivery_and_its_publication() {
    let redis = Redis::start();
    let is_here = |name: &&str| {
        OPERATIONS.iter().any(|operation| name.starts_with(operation)) && !ELSEWHERE.contains(name)
    };
    let points: Vec<&str> = FAILPOINTS.iter().copied().filter(is_here).chain(PUBLICATION).collect();
    assert!(points.len() > 10, "{points:?}");
    let waiting = Mutex::new(points);
    let missed = Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let Some(failpoint) = waiting.lock().pop() else { return };
                    if !lives_through(failpoint, &redis) {
                        missed.lock().insert(failpoint);
                    }
                }
            });
        }
    });
    assert!(missed.lock().is_empty(), "points that were not reached: {:?}", missed.lock());
}

/// The store is away, `/readyz` names it, and everything else works.
fn assert_away(faye: &Faye) {
    faye.wait_for_metric("faye_store_up", |up| up == 0);
    let ready = faye.get("/readyz");
    assert_eq!(ready.status, 200);
    assert!(ready.text().contains("feeds: store unavailable"), "{}", ready.text());
    faye.assert_serves();
}

#[test]
fn deliveries_are_refused_while_postgresql_is_away_and_none_is_lost() {
    let mut postgres = Postgres::start();
    let hub = FeedHub::start();
    let faye = Faye::start_with_file(&hub.settings(), &[("FAYE_STORE__URL", &postgres.database())]);
    let subscription = hub.activate(&faye);
    let mut session = listen(&faye);
    subscription.push(faye.address, &atom(&["first"]));
    assert_eq!(next(&mut session).1, "first");
    let deliver = |number: usize| {
        let body = atom(&[&format!("n{number}")]);
        let signature = subscription.signature(body.as_bytes());
        subscription.deliver(faye.address, &[("X-Hub-Signature", &signature)], body.as_bytes())
    };
    // Deliveries arrive all the time, and the hub sends each one until it is accepted.
    let (since, mut number, mut refused) = (Instant::now(), 0, 0);
    let mut send = |until: &dyn Fn() -> bool| {
        while !until() {
            assert!(since.elapsed() < WATCHDOG, "{number} sent, {refused} refused: {}", faye.stderr());
            let response = deliver(number);
            if response.status == 204 {
                number += 1;
                continue;
            }
            assert_eq!(response.status, 503, "{}", response.text());
            assert!(response.header("Retry-After").unwrap().parse::<u64>().unwrap() > 0);
            refused += 1;
        }
        (number, refused)
    };
    let up = || faye.metric("faye_store_up");
    let begun = send(&|| faye.metric(PUBLISHED) > 5);
    assert_eq!(begun.1, 0);
    postgres.stop();
    let (_, away) = send(&|| up() == 0);
    assert_eq!(deliver(999_999).status, 503);
    assert_away(&faye);
    postgres.resume();
    let (sent, _) = send(&|| up() == 1 && faye.metric(PUBLISHED) > 50);
    let _ = away;
    let mut events = events(&mut session, &format!("n{}", sent - 1));
    // Where the record of a publication has failed, it was repeated with the same number.
    events.dedup();
    let ids: Vec<String> = events.into_iter().map(|event| event.id).collect();
    assert_eq!(ids, (0..sent).map(|number| format!("n{number}")).collect::<Vec<_>>());
    assert!(!faye.get("/readyz").text().contains("unavailable"));
}

#[test]
fn a_full_disk_refuses_deliveries_and_loses_none() {
    let disk = Disk::make("4m");
    let hub = FeedHub::start();
    let store = format!("sqlite:{}/faye.db", disk.path().display());
    let faye = Faye::start_with_file(&hub.settings(), &[("FAYE_STORE__URL", &store)]);
    let subscription = hub.activate(&faye);
    let mut session = listen(&faye);
    subscription.push(faye.address, &atom(&["first"]));
    assert_eq!(next(&mut session).1, "first");
    faye.wait_for_metric(PUBLISHED, |count| count == 1);
    let filler = disk.path().join("filler");
    assert!(std::fs::write(&filler, vec![0; 4 << 20]).is_err());
    let long = "x".repeat(20_000);
    let body = |number: usize| atom(&[&format!("n{number}")]).replace("Text of", &format!("{long} Text of"));
    let deliver = |number: usize| {
        let body = body(number);
        let signature = subscription.signature(body.as_bytes());
        subscription.deliver(faye.address, &[("X-Hub-Signature", &signature)], body.as_bytes())
    };
    let since = Instant::now();
    let mut refused = 0;
    let response = loop {
        let response = deliver(refused);
        if response.status != 204 {
            break response;
        }
        refused += 1;
        assert!(since.elapsed() < WATCHDOG, "the disk is not full");
    };
    assert_eq!(response.status, 503);
    assert!(response.header("Retry-After").unwrap().parse::<u64>().unwrap() > 0);
    assert_away(&faye);
    std::fs::remove_file(&filler).unwrap();
    faye.wait_for_metric("faye_store_up", |up| up == 1);
    // The hub tries again.
    while deliver(refused).status != 204 {
        assert!(since.elapsed() < WATCHDOG, "the store does not come back");
    }
    let mut events = events(&mut session, &format!("n{refused}"));
    // Where the record of a publication has failed, it was repeated with the same number.
    events.dedup();
    let ids: Vec<String> = events.into_iter().map(|event| event.id).collect();
    assert_eq!(ids, (0..=refused).map(|number| format!("n{number}")).collect::<Vec<_>>());
}

#[test]
fn two_instances_publish_each_entry_once() {
    let (postgres, redis) = (Postgres::shared(), Redis::start());
    let (store, url) = (postgres.database(), redis.url());
    let settings = [("FAYE_STORE__URL", store.as_str()), ("FAYE_REDIS__URL", url.as_str())];
    let hub = FeedHub::start();
    let instances = [0, 1].map(|_| Faye::start_with_file(&hub.settings(), &settings));
    let subscription = hub.activate(&instances[0]);
    let mut sessions: Vec<Session> = instances.iter().map(listen).collect();
    let ids: Vec<String> = (0..30).map(|number| format!("n{number}")).collect();
    std::thread::scope(|scope| {
        for (number, faye) in instances.iter().enumerate() {
            let (subscription, ids) = (&subscription, &ids);
            scope.spawn(move || {
                // Both get every entry, in another order.
                let mut ids = ids.clone();
                if number == 1 {
                    ids.reverse();
                }
                for id in ids {
                    subscription.push(faye.address, &atom(&[&id]));
                }
            });
        }
    });
    subscription.push(instances[0].address, &atom(&["z"]));
    let found: Vec<Vec<Event>> = sessions.iter_mut().map(|session| events(session, "z")).collect();
    for events in &found {
        assert!(events.windows(2).all(|pair| pair[0].seq < pair[1].seq), "{events:?}");
        let mut own: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
        own.sort_unstable();
        let mut expected: Vec<&str> = ids.iter().map(String::as_str).chain(["z"]).collect();
        expected.sort_unstable();
        assert_eq!(own, expected);
    }
    assert_eq!(found[0], found[1]);
}

#[test]
fn an_entry_by_push_and_by_poll_is_one_event() {
    let hub = FeedHub::start();
    let faye = Faye::start_with_file(
        &format!("{}{}", server(&["ingest = \"auto\""]), feed("blog", &hub.url())),
        &[],
    );
    let subscription = hub.activate(&faye);
    let mut session = listen(&faye);
    // By push, and by the fetch that an empty notification leads to.
    subscription.push(faye.address, &atom(&["a"]));
    hub.serve(atom(&["a", "b"]));
    let signature = subscription.signature(b"");
    assert_eq!(subscription.deliver(faye.address, &[("X-Hub-Signature", &signature)], b"").status, 202);
    let first = events(&mut session, "b");
    subscription.push(faye.address, &atom(&["a", "b", "c"]));
    let second = events(&mut session, "c");
    let ids: Vec<String> = first.iter().chain(&second).map(|event| event.id.clone()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
}
