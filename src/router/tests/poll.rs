//! A held request. As in `transport::http::long_polling`, it leases all messages when it is answered, detaches, and then
//! writes the response.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::chance;
use super::client::Client;
use crate::peer::{Peer, Transport};
use crate::router::{Attachment, Detached, Lease, Session};

pub(super) struct Poll {
    client: Arc<Client>,
    peer: Arc<Peer>,
    /// Messages may have arrived.
    is_notified: AtomicBool,
    /// The session has another transport, or has ended.
    is_over: AtomicBool,
    /// The response waits until the peer reads.
    is_slow: AtomicBool,
}

impl Poll {
    pub(super) fn new(client: &Arc<Client>) -> Arc<Self> {
        let peer = Peer { transport: Transport::LongPolling, ..Peer::in_process() };
        Arc::new(Self {
            client: Arc::clone(client),
            peer: Arc::new(peer),
            is_notified: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            is_slow: AtomicBool::new(false),
        })
    }

    pub(super) fn attachment(self: &Arc<Self>) -> Arc<dyn Attachment> {
        Arc::clone(self) as Arc<dyn Attachment>
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Whether the request has a reason not to wait any longer.
    pub(super) fn is_ready(&self) -> bool {
        self.is_over() || !self.is_slow.load(Ordering::Relaxed) && self.is_notified.load(Ordering::Relaxed)
    }

    /// Whether the request is attached, or has its messages.
    pub(super) fn is_settled(self: &Arc<Self>) -> bool {
        self.is_slow.load(Ordering::Relaxed) || self.client.session.is_attached(&self.attachment())
    }

    /// Waits for messages and writes them.
    pub(super) fn answer(self: &Arc<Self>) {
        let lease = self.lease();
        self.client.session.detach(&self.attachment());
        if let Some(lease) = lease {
            self.write(lease);
        }
    }

    /// Waits for messages and leases them.
    fn lease(self: &Arc<Self>) -> Option<Lease> {
        let (session, me) = (&self.client.session, self.attachment());
        let held = session.hold();
        while !self.is_over() && !session.can_lease(&me) {
            if !self.client.bell.wait(self, || self.is_ready()) {
                break;
            }
            self.is_notified.store(false, Ordering::Relaxed);
        }
        drop(held);
        session.lease_all(&me)
    }

    /// Writes the response: immediately, later, or not at all.
    fn write(self: &Arc<Self>, mut lease: Lease) {
        if chance(3) {
            // The system accepts it later, unless another transport waits for the messages.
            self.is_slow.store(true, Ordering::Relaxed);
            self.client.bell.wait(self, || self.is_over());
        }
        if !self.is_over() && !chance(3) {
            self.client.receive(lease.items());
            lease.written(lease.items().len());
        }
        drop(lease);
    }
}

impl Attachment for Poll {
    fn flush(self: Arc<Self>, _: &Arc<Session>) -> usize {
        self.is_notified.store(true, Ordering::Relaxed);
        self.client.bell.ring();
        0
    }

    fn detach(&self, _: &Arc<Session>, _: Detached) {
        self.is_over.store(true, Ordering::Relaxed);
        self.client.bell.ring();
    }

    fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }
}
