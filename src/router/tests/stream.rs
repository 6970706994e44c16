//! A WebSocket or an EventSource stream. As `transport::push::socket`, it writes in the thread that flushes it, until the
//! peer accepts no more.

use std::sync::{Arc, Weak};

use shuttle::rand::{Rng, thread_rng};

use super::chance;
use super::client::Client;
use crate::lock::{Mutex, level};
use crate::peer::{Peer, Transport};
use crate::router::session::same;
use crate::router::{Attachment, Detached, Lease, Renewed, Session};

pub(super) struct Stream {
    client: Arc<Client>,
    peer: Arc<Peer>,
    out: Mutex<Outbox, { level::OUTBOX }>,
    me: Weak<Self>,
}

#[derive(Default)]
struct Outbox {
    is_bound: bool,
    lease: Option<Lease>,
    /// The number of messages of the lease that were written.
    written: usize,
    is_blocked: bool,
    is_dead: bool,
}

impl Outbox {
    /// Stops writing for the session. The caller drops the lease without the lock.
    fn unbind(&mut self) -> Option<Lease> {
        self.is_bound = false;
        self.withdraw()
    }

    /// Stops writing. The caller drops the lease without the lock.
    fn withdraw(&mut self) -> Option<Lease> {
        self.is_blocked = false;
        self.lease.take()
    }
}

impl Stream {
    pub(super) fn new(client: &Arc<Client>, is_event_source: bool) -> Arc<Self> {
        let transport = if is_event_source { Transport::EventSource } else { Transport::WebSocket };
        let peer = Peer { transport, ..Peer::in_process() };
        let (client, peer) = (Arc::clone(client), Arc::new(peer));
        Arc::new_cyclic(|me| Self { client, peer, out: Mutex::default(), me: me.clone() })
    }

    fn attachment(&self) -> Arc<dyn Attachment> {
        self.me.upgrade().unwrap()
    }

    fn is_event_source(&self) -> bool {
        self.peer.transport == Transport::EventSource
    }

    /// Connects the session. A call of `detach` for an earlier connect may come at any time.
    pub(super) fn connect(&self) {
        self.out.lock().is_bound = true;
        let (session, me) = (&self.client.session, self.attachment());
        if session.attach(&me) {
            let mut out = self.out.lock();
            out.is_bound |= session.is_attached(&me);
        } else {
            let lease = self.out.lock().unbind();
            drop(lease);
        }
        self.gather();
        self.write();
    }

    /// Whether the stream may lease more messages: it is attached, as far as the threads of a schedule can tell.
    fn may_lease(&self) -> bool {
        !self.client.connects_once || self.client.session.is_attached(&self.attachment())
    }

    /// Adds the queued messages to those that are being written.
    pub(super) fn gather(&self) {
        let mut out = self.out.lock();
        if let Some(lease) = &mut out.lease {
            let (before, may_lease) = (lease.items().len(), self.may_lease());
            lease.extend();
            assert!(may_lease || lease.items().len() == before, "a detached transport leased messages");
        } else if out.is_bound {
            out.lease = self.client.session.lease_all(&self.attachment());
            out.written = 0;
        }
    }

    /// The peer accepts messages again.
    pub(super) fn resume(&self) {
        self.out.lock().is_blocked = false;
        self.write();
    }

    /// Resumes, if the peer accepted no more. Otherwise the stream has to have written everything.
    pub(super) fn resume_if_blocked(&self) {
        let has_lease = {
            let out = self.out.lock();
            assert!(out.lease.is_none() || out.is_bound, "a detached transport keeps its lease");
            out.lease.is_some()
        };
        if has_lease {
            self.resume();
        }
    }

    /// The connection breaks.
    pub(super) fn fail(&self) {
        let lease = {
            let mut out = self.out.lock();
            out.is_dead = true;
            out.unbind()
        };
        self.client.session.detach(&self.attachment());
        drop(lease);
    }

    fn write(&self) {
        let lost = self.pump(&mut self.out.lock());
        drop(lost);
    }

    /// Writes until the queue is empty or the peer accepts no more. Returns a lost lease.
    fn pump(&self, out: &mut Outbox) -> Option<Lease> {
        while !out.is_dead && !out.is_blocked {
            if out.lease.is_none() && out.is_bound {
                out.lease = self.client.session.lease(&self.attachment());
                out.written = 0;
            }
            let mut lease = out.lease.take()?;
            let total = lease.items().len();
            let accepted = if self.client.is_calm() || chance(2) {
                total
            } else {
                thread_rng().gen_range(out.written..=total)
            };
            self.client.receive(&lease.items()[out.written..accepted]);
            lease.written(accepted);
            out.written = accepted;
            if accepted < total {
                out.is_blocked = true;
                out.lease = Some(lease);
                break;
            }
            let may_lease = self.may_lease();
            match lease.renew() {
                Renewed::Lost => return Some(lease),
                Renewed::Over => {}
                Renewed::More => {
                    assert!(may_lease, "a detached transport leased messages");
                    out.lease = Some(lease);
                }
            }
            out.written = 0;
        }
        None
    }

    /// Panics if the stream has messages, or misses its end or its successor.
    pub(super) fn assert_rests(&self) {
        let is_bound = {
            let out = self.out.lock();
            assert!(out.lease.is_none(), "a stream has unwritten messages");
            out.is_bound
        };
        let state = self.client.session.lock();
        let is_known = [&state.attachment, &state.standby]
            .into_iter()
            .flatten()
            .any(|transport| same(transport, &self.attachment()));
        // A stream that a stream replaced stays bound.
        assert!(is_known || !is_bound || self.is_event_source(), "not detached");
    }
}

impl Attachment for Stream {
    fn flush(self: Arc<Self>, _: &Arc<Session>) -> usize {
        self.write();
        0
    }

    fn detach(&self, session: &Arc<Session>, why: Detached) {
        let lease = {
            let mut out = self.out.lock();
            // The call may be late, after the stream was attached again.
            if !out.is_bound || why == Detached::Superseded && session.is_attached(&self.attachment()) {
                return;
            }
            if why != Detached::Superseded {
                session.detach(&self.attachment());
                out.is_bound = false;
            } else if !self.is_event_source() {
                out.is_bound = false;
            }
            out.withdraw()
        };
        drop(lease);
    }

    fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }
}
