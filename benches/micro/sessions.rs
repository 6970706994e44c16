//! Sessions whose messages are taken at once and go nowhere.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use faye_server::bayeux::parse::parse_one;
use faye_server::bayeux::{ClientId, Publication};
use faye_server::budget::Budget;
use faye_server::metrics::Metrics;
use faye_server::peer::Peer;
use faye_server::router::{Attachment, Bounds, Detached, Session, Sessions, Terms, Trie};

/// A transport that takes everything as soon as it comes.
struct Sink(Arc<Peer>);

impl Attachment for Sink {
    fn flush(self: Arc<Self>, session: &Arc<Session>) -> usize {
        let this: Arc<dyn Attachment> = self;
        // Without that the mailbox would fill, and the benchmark measure something else.
        session.lease_all(&this).expect("messages that wait").written(usize::MAX);
        0
    }

    fn detach(&self, _session: &Arc<Session>, _why: Detached) {}

    fn peer(&self) -> &Arc<Peer> {
        &self.0
    }
}

/// A trie with sessions that are subscribed to these patterns, each to one in turn.
pub(crate) fn subscribed(count: usize, patterns: &[&str]) -> (Trie, Vec<Arc<Session>>) {
    let metrics = Metrics::default();
    let trie = Trie::new(&Budget::unlimited(), metrics.clone());
    let bounds = Bounds { messages: 1000, bytes: 1 << 20 };
    let table = Sessions::new(count, Terms::new(bounds, Duration::from_secs(3600), metrics));
    let sessions: Vec<_> = (0..count)
        .map(|number| {
            let mut bits = [0; 20];
            bits[..8].copy_from_slice(&number.to_be_bytes());
            let session = table.create(ClientId::from_random(bits)).expect("room");
            let sink: Arc<dyn Attachment> = Arc::new(Sink(Arc::new(Peer::in_process())));
            assert!(session.attach(&sink));
            // The session holds its transport.
            trie.subscribe(&session, patterns[number % patterns.len()], 1000);
            session
        })
        .collect();
    (trie, sessions)
}

/// A publication with 100 bytes of data.
pub(crate) fn publication(channel: &str) -> Arc<Publication> {
    let data = "x".repeat(100);
    let text = format!(r#"{{"channel":"{channel}","data":"{data}"}}"#);
    Arc::new(Publication::new(channel, parse_one(&Bytes::from(text)).expect("a message")))
}
