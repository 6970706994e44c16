//! The trie against a matcher that is too simple to be wrong: for any subscriptions and any channel, the same sessions
//! get the publication, and each of them once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use faye_server::bayeux::parse::parse_one;
use faye_server::bayeux::{ClientId, Publication};
use faye_server::budget::Budget;
use faye_server::config::Overflow;
use faye_server::metrics::Metrics;
use faye_server::peer::{Peer, Transport};
use faye_server::router::{
    Attachment, Bounds, Change, Detached, PendingFlush, Session, Sessions, Terms, Trie,
};
use proptest::prelude::*;

/// Whether a pattern matches a name, segment by segment, straight from the Bayeux specification, section 2.1.
fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').skip(1).collect();
    let name: Vec<&str> = name.split('/').skip(1).collect();
    match pattern.as_slice() {
        [parent @ .., "**"] => name.len() > parent.len() && name.starts_with(parent),
        [parent @ .., "*"] => name.len() == parent.len() + 1 && name.starts_with(parent),
        exact => exact == name.as_slice(),
    }
}

fn segment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "__proto__", "meta"])
}

fn name() -> impl Strategy<Value = String> {
    prop::collection::vec(segment(), 1..4).prop_map(|segments| format!("/{}", segments.join("/")))
}

fn pattern() -> impl Strategy<Value = String> {
    let wild = (prop::collection::vec(segment(), 0..3), prop::sample::select(vec!["*", "**"]));
    let wild = wild.prop_map(|(parent, last)| {
        parent.into_iter().chain([last]).map(|segment| format!("/{segment}")).collect::<String>()
    });
    prop_oneof![name(), wild]
}

#[derive(Debug, Clone)]
enum Step {
    Subscribe(usize, String),
    Unsubscribe(usize, String),
    Publish(String),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..5usize, pattern()).prop_map(|(session, pattern)| Step::Subscribe(session, pattern)),
        2 => (0..5usize, pattern()).prop_map(|(session, pattern)| Step::Unsubscribe(session, pattern)),
        4 => name().prop_map(Step::Publish),
    ]
}

/// A transport that only lets its messages be leased.
struct Reader(Arc<Peer>);

impl Attachment for Reader {
    fn flush(self: Arc<Self>, _session: &Arc<Session>) -> usize {
        0
    }
    fn detach(&self, _session: &Arc<Session>, _why: Detached) {}
    fn peer(&self) -> &Arc<Peer> {
        &self.0
    }
}

fn reader() -> Arc<dyn Attachment> {
    let peer = Peer { transport: Transport::InProcess, ..Peer::in_process() };
    Arc::new(Reader(Arc::new(peer)))
}

fn publication(channel: &str) -> Arc<Publication> {
    let text = format!(r#"{{"channel":"{channel}","data":1}}"#);
    Arc::new(Publication::new(channel, parse_one(&Bytes::from(text)).unwrap()))
}

fn received(session: &Arc<Session>, reader: &Arc<dyn Attachment>) -> Vec<String> {
    let Some(lease) = session.lease_all(reader) else { return Vec::new() };
    let channels = lease.items().iter().map(|publication| publication.channel().to_owned()).collect();
    let mut lease = lease;
    lease.written(usize::MAX);
    channels
}

proptest! {
    #[test]
    fn delivers_as_a_naive_matcher_does(steps in prop::collection::vec(step(), 1..60)) {
        let metrics = Metrics::default();
        let trie = Trie::new(&Budget::unlimited(), metrics.clone());
        let bounds = Bounds { messages: 1000, bytes: 1 << 20 };
        let table = Sessions::new(10, Terms::new(bounds, Duration::from_secs(60), metrics.clone()));
        let sessions: Vec<_> =
            (0..5u8).map(|number| table.create(ClientId::from_random([number; 20])).unwrap()).collect();
        let reader = reader();
        assert!(sessions.iter().all(|session| session.attach(&reader)));
        let mut model: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Subscribe(at, pattern) => {
                    let changed = trie.subscribe(&sessions[at], &pattern, 1000) == Change::Changed;
                    prop_assert_eq!(changed, model.entry(at).or_default().insert(pattern));
                }
                Step::Unsubscribe(at, pattern) => {
                    let changed = trie.unsubscribe(&sessions[at], &pattern) == Change::Changed;
                    prop_assert_eq!(changed, model.entry(at).or_default().remove(&pattern));
                }
                Step::Publish(channel) => {
                    let mut pending = PendingFlush::default();
                    trie.deliver(&publication(&channel), Overflow::Disconnect, &mut pending, None);
                    drop(pending);
                    for (at, session) in sessions.iter().enumerate() {
                        let patterns = model.get(&at);
                        let wanted = patterns.is_some_and(|all| all.iter().any(|one| matches(one, &channel)));
                        let expected = if wanted { vec![channel.clone()] } else { vec![] };
                        prop_assert_eq!(received(session, &reader), expected, "session {} of {:?}", at, patterns);
                    }
                }
            }
        }
        let alive: usize = model.values().map(BTreeSet::len).sum();
        prop_assert_eq!(metrics.subscriptions.get(), alive as i64);
    }
}

#[test]
fn the_naive_matcher_is_right() {
    for (pattern, name, expected) in [
        ("/foo", "/foo", true),
        ("/foo/*", "/foo/bar", true),
        ("/foo/*", "/foo", false),
        ("/foo/*", "/foo/bar/qux", false),
        ("/foo/**", "/foo/bar/qux", true),
        ("/foo/**", "/foo", false),
        ("/**", "/foo", true),
        ("/*", "/foo", true),
        ("/*", "/foo/bar", false),
    ] {
        assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
    }
}

#[test]
fn a_session_that_ended_gets_nothing_and_can_not_subscribe() {
    let metrics = Metrics::default();
    let trie = Trie::new(&Budget::unlimited(), metrics.clone());
    let bounds = Bounds { messages: 10, bytes: 1000 };
    let table = Sessions::new(1, Terms::new(bounds, Duration::from_secs(60), metrics.clone()));
    let session = table.create(ClientId::from_random([1; 20])).unwrap();
    assert!(table.create(ClientId::from_random([2; 20])).is_err(), "the table is full");
    assert_eq!(trie.subscribe(&session, "/a", 1), Change::Changed);
    assert_eq!(trie.subscribe(&session, "/b", 1), Change::Full);
    for pattern in session.end().unwrap() {
        trie.remove(&session, &pattern);
    }
    table.forget(&session);
    assert_eq!(trie.subscribe(&session, "/a", 1), Change::Ended);
    trie.deliver(&publication("/a"), Overflow::Disconnect, &mut PendingFlush::default(), None);
    assert_eq!((metrics.subscriptions.get(), metrics.sessions.get(), metrics.deliveries.get()), (0, 0, 0));
    assert!(session.end().is_none(), "a session ends once");
    assert!(table.create(ClientId::from_random([2; 20])).is_ok(), "its place is free");
}
