//! The client of a session: it counts the publications that its transports have reported as written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use shuttle::sync::{Condvar, Mutex};
use shuttle::thread;

use super::chance;
use super::poll::Poll;
use crate::bayeux::parse::parse_one;
use crate::bayeux::{ClientId, Publication};
use crate::config::Overflow;
use crate::metrics::Metrics;
use crate::router::{Bounds, Contents, Pushed, Session, Terms};

/// The number of publications of a schedule.
pub(super) const PUBLICATIONS: usize = 5;
/// How often an export looks for the end of a write.
const CHECKS: usize = 4;

/// What all schedules of a test share.
pub(super) struct Fixture {
    publications: Arc<[Arc<Publication>]>,
    metrics: Metrics,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let publication = |number| {
            let text = format!(r#"{{"channel":"/a","data":{number}}}"#);
            Arc::new(Publication::new("/a", parse_one(&text.into()).unwrap()))
        };
        Self { publications: (0..PUBLICATIONS).map(publication).collect(), metrics: Metrics::default() }
    }

    /// Creates a client with a session that nothing uses yet. In some schedules its mailbox is small.
    pub(super) fn client(&self, connects_once: bool) -> Arc<Client> {
        let messages = if chance(4) { 2 } else { PUBLICATIONS };
        let bounds = Bounds { messages, bytes: usize::MAX };
        let terms = Terms::new(bounds, Duration::from_secs(60), self.metrics.clone());
        let session = Session::new(ClientId::from_random([0; 20]), 0, Arc::new(terms), true);
        Arc::new(Client {
            session: Arc::new(session),
            publications: Arc::clone(&self.publications),
            pushed: AtomicUsize::new(0),
            received: AtomicUsize::new(0),
            is_calm: AtomicBool::new(false),
            connects_once,
            bell: Bell::default(),
        })
    }
}

/// A client with its session.
pub(super) struct Client {
    pub(super) session: Arc<Session>,
    publications: Arc<[Arc<Publication>]>,
    /// The number of publications that entered the mailbox.
    pushed: AtomicUsize,
    /// The number of publications that were reported as written.
    received: AtomicUsize,
    /// Whether transports accept everything.
    is_calm: AtomicBool,
    /// Whether each transport is attached at most once.
    pub(super) connects_once: bool,
    pub(super) bell: Bell,
}

impl Client {
    /// Pushes a publication. Returns whether the caller has to flush the session, and `None` if the session receives no
    /// more publications.
    pub(super) fn push(&self, number: usize) -> Option<bool> {
        let (pushed, is_first) = self.session.push(&self.publications[number], Overflow::Disconnect)?;
        if pushed == Pushed::Overflow {
            assert!(!self.session.is_receiving(), "a session with a lost publication receives more");
            return None;
        }
        assert_eq!(self.pushed.fetch_add(1, Ordering::Relaxed), number);
        Some(is_first)
    }

    /// Records publications that a transport reports as written: they are the next ones.
    pub(super) fn receive(&self, items: &[Arc<Publication>]) {
        for item in items {
            let next = self.received.fetch_add(1, Ordering::Relaxed);
            assert!(Arc::ptr_eq(item, &self.publications[next]), "lost, repeated or in another order");
        }
    }

    /// Packs the queued publications for an export. Returns the number of received ones, and `None` if a transport does
    /// not stop writing, or if the session receives nothing more.
    pub(super) fn pack(&self) -> Option<usize> {
        for _ in 0..CHECKS {
            if let Some(Contents { queued, .. }) = self.session.contents() {
                return Some(self.assert_is_complete(&queued));
            }
            thread::yield_now();
        }
        None
    }

    /// Panics if the client has received publications since its session was packed.
    pub(super) fn assert_is_unchanged(&self, packed: usize) {
        assert_eq!(self.received.load(Ordering::Relaxed), packed, "a frozen session was written");
    }

    /// Returns the number of received publications. Panics unless all later ones are queued.
    fn assert_is_complete(&self, queued: &[Arc<Publication>]) -> usize {
        let received = self.received.load(Ordering::Relaxed);
        let expected = &self.publications[received..self.pushed.load(Ordering::Relaxed)];
        assert_eq!(queued.len(), expected.len(), "lost or repeated");
        assert!(queued.iter().zip(expected).all(|(one, other)| Arc::ptr_eq(one, other)), "in another order");
        received
    }

    pub(super) fn calm_down(&self) {
        self.is_calm.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_calm(&self) -> bool {
        self.is_calm.load(Ordering::Relaxed)
    }

    /// Panics if a message waits for a transport that waits too, or is lost.
    pub(super) fn assert_rests(&self) {
        let state = self.session.lock();
        assert!(!state.life.has_overflowed(), "an overflowed session has not ended");
        if state.life.has_ended() {
            assert!(state.attachment.is_none() && state.standby.is_none() && state.mailbox().is_empty());
            return;
        }
        if state.attachment.is_some() {
            assert!(!state.mailbox().is_leased(), "another transport keeps the lease");
            assert!(state.mailbox().is_empty(), "a flush was missed");
        }
        if !state.mailbox().is_leased() {
            let queued: Vec<_> = state.mailbox().items().cloned().collect();
            self.assert_is_complete(&queued);
        }
    }
}

/// Wakes the threads of held requests, and the thread that waits until all of them wait.
#[derive(Default)]
pub(super) struct Bell {
    waits: Mutex<Waits>,
    rung: Condvar,
}

#[derive(Default)]
struct Waits {
    /// The number of threads with requests.
    threads: usize,
    /// The requests that wait.
    waiting: Vec<Arc<Poll>>,
    /// Whether the time of held requests has passed.
    is_over: bool,
}

impl Bell {
    pub(super) fn enter(&self) {
        self.waits.lock().unwrap().threads += 1;
    }

    pub(super) fn leave(&self) {
        self.waits.lock().unwrap().threads -= 1;
        self.rung.notify_all();
    }

    pub(super) fn ring(&self) {
        let _waits = self.waits.lock().unwrap();
        self.rung.notify_all();
    }

    /// Waits until `is_ready` returns `true`. Returns `false` if the time of the request passes first.
    pub(super) fn wait(&self, poll: &Arc<Poll>, is_ready: impl Fn() -> bool) -> bool {
        let mut waits = self.waits.lock().unwrap();
        waits.waiting.push(Arc::clone(poll));
        self.rung.notify_all();
        while !is_ready() && !waits.is_over {
            waits = self.rung.wait(waits).unwrap();
        }
        waits.waiting.retain(|other| !Arc::ptr_eq(other, poll));
        is_ready()
    }

    /// Waits until all requests wait and none of them has a reason to go on.
    pub(super) fn wait_for_rest(&self) {
        let mut waits = self.waits.lock().unwrap();
        while waits.waiting.len() < waits.threads || waits.waiting.iter().any(|poll| poll.is_ready()) {
            waits = self.rung.wait(waits).unwrap();
        }
    }

    /// Panics if a request waits for messages that another transport receives.
    pub(super) fn assert_attached(&self) {
        let waits = self.waits.lock().unwrap();
        assert!(waits.waiting.iter().all(|poll| poll.is_settled()), "a superseded request still waits");
    }

    /// Ends the time of all held requests.
    pub(super) fn end(&self) {
        self.waits.lock().unwrap().is_over = true;
        self.rung.notify_all();
    }
}
