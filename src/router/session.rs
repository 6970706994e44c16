//! One client: its subscriptions, its mailbox, and the transport that is attached to it.
//!
//! Lock order: `subscriptions`, then a shard of the trie, then `state`. No lock is held while a transport is called.

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexSet;
use tokio::time::{Duration, Instant};

use super::attachment::{Attachment, Detached, Holder, same};
use super::lease::Lease;
use super::mailbox::{Mailbox, Pushed};
use super::terms::Terms;
use crate::auth::Ownership;
use crate::bayeux::{ClientId, Publication};
use crate::budget::Budget;
use crate::config::Overflow;
use crate::lock::{self, Mutex, MutexGuard, level};
use crate::metrics::Metrics;
use crate::peer::Peer;

/// Messages and bytes that a transport takes at once where it chooses.
pub(super) const LEASE_MESSAGES: usize = 64;
pub(super) const LEASE_BYTES: usize = 256 * 1024;

/// What a session is subscribed to, in the order in which it subscribed.
pub type Patterns = IndexSet<Box<str>, RandomState>;

/// A session of the Bayeux protocol.
pub struct Session {
    /// First, beside the count of references: these lines of memory are all that a delivery touches.
    state: Mutex<State, { level::SESSION }>,
    key: u32,
    terms: Arc<Terms>,
    id: ClientId,
    /// Patterns in the order of their subscription; `None` once the session ended.
    subscriptions: Mutex<Option<Patterns>, { level::SUBSCRIPTIONS }>,
    /// The credentials of the client.
    ownership: Ownership,
}

/// Bytes of memory that a session takes without what it holds: itself, its places in the tables of sessions and of
/// deadlines, and what the allocator adds.
const OVERHEAD: usize = 448;

pub(super) struct State {
    mailbox: Mailbox,
    /// The transport that messages go to.
    pub(super) attachment: Option<Arc<dyn Attachment>>,
    /// Who has the lease.
    pub(super) holder: Holder,
    /// Whether somebody has undertaken to flush.
    pending: bool,
    connected: bool,
    pub(super) ended: bool,
    /// The session is being exported, or was exported: nothing changes here any more.
    pub(super) frozen: bool,
    /// The mailbox had no room for a publication with the policy `disconnect`: the session ends, and receives nothing more.
    overflowed: bool,
    /// Connects that are held; while there are any, the session does not expire.
    held: u32,
    pub(super) deadline: Instant,
    /// An EventSource stream that gets the messages again once its client connects as such.
    pub(super) standby: Option<Arc<dyn Attachment>>,
}

impl Session {
    pub(super) fn new(id: ClientId, key: u32, terms: Arc<Terms>, connected: bool) -> Self {
        terms.budget.charge(OVERHEAD);
        let state = State {
            mailbox: Mailbox::default(),
            attachment: None,
            holder: Holder::Nobody,
            pending: false,
            connected,
            ended: false,
            frozen: false,
            overflowed: false,
            held: 0,
            deadline: Instant::now() + if connected { terms.lifetime } else { terms.unconnected_lifetime },
            standby: None,
        };
        let subscriptions = Mutex::new(Some(Patterns::default()));
        Self { state: Mutex::new(state), key, terms, id, subscriptions, ownership: Ownership::default() }
    }

    /// The identifier.
    #[must_use]
    pub fn id(&self) -> &ClientId {
        &self.id
    }

    /// Returns the credentials that the session is bound to.
    #[must_use]
    pub fn ownership(&self) -> &Ownership {
        &self.ownership
    }

    /// A small number that no other living session has.
    #[must_use]
    pub fn key(&self) -> u32 {
        self.key
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.terms.metrics
    }

    pub(super) fn budget(&self) -> &Arc<Budget> {
        &self.terms.budget
    }

    /// What decides which sessions end first when memory is short. Looks at everything that waits.
    #[must_use]
    pub fn weight(&self) -> Weight {
        let subscriptions = self
            .subscriptions()
            .as_ref()
            .map_or(0, |patterns| patterns.iter().map(|pattern| super::of_subscription(pattern)).sum());
        let state = self.state.lock();
        Weight {
            bytes: OVERHEAD + subscriptions + state.mailbox.weight(),
            is_attached: state.attachment.is_some() || state.held > 0,
            deadline: state.deadline,
        }
    }

    /// The patterns, locked; `None` inside once the session ended.
    pub(super) fn subscriptions(&self) -> MutexGuard<'_, Option<Patterns>> {
        self.subscriptions.lock()
    }

    /// Whether the mailbox had no room for a publication, so that the session has to end.
    #[must_use]
    pub fn has_overflowed(&self) -> bool {
        self.state.lock().overflowed
    }

    /// Whether the session has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.state.lock().ended
    }

    /// The request by which the client is reached now, if it is.
    #[must_use]
    pub fn peer(&self) -> Option<Arc<Peer>> {
        self.state.lock().attachment.as_ref().map(|attachment| Arc::clone(attachment.peer()))
    }

    /// Queues a publication, unless the session has ended or overflowed. True if the caller has to flush the session.
    pub(super) fn push(&self, publication: &Arc<Publication>, overflow: Overflow) -> Option<(Pushed, bool)> {
        let mut state = self.state.lock();
        if state.ended || state.overflowed {
            return None;
        }
        let bounds = self.terms.bounds(state.connected);
        let pushed = state.change(&self.terms.budget, |mailbox| mailbox.push(publication, bounds, overflow));
        state.overflowed = pushed == Pushed::Overflow;
        let waits = matches!(pushed, Pushed::Queued | Pushed::Displaced(_));
        let first = waits && !state.pending;
        if first {
            state.pending = true;
        }
        Some((pushed, first))
    }

    /// Puts something that the server itself says into the mailbox, if there is room and the session lives. The caller
    /// flushes the session afterwards.
    pub fn tell(&self, notice: &Arc<Publication>) {
        let mut state = self.state.lock();
        if !state.ended {
            let bounds = self.terms.bounds(state.connected);
            notice.charge_to(&self.terms.budget);
            state.change(&self.terms.budget, |mailbox| mailbox.push(notice, bounds, Overflow::DropNewest));
        }
    }

    /// Has the attached transport write what waits. How many messages it wrote now, which the caller counts.
    pub(super) fn write(self: &Arc<Self>) -> usize {
        lock::assert_free(level::SUBSCRIPTIONS);
        let attachment = {
            let mut state = self.state.lock();
            state.pending = false;
            if state.mailbox.is_empty() {
                return 0;
            }
            state.attachment.clone()
        };
        attachment.map_or(0, |attachment| attachment.flush(self))
    }

    /// Has the attached transport write what waits.
    pub fn flush(self: &Arc<Self>) {
        let written = self.write();
        self.terms.metrics.deliveries_written.inc_by(written as u64);
    }

    /// Accepts a connect. True if it is the session's first; `None` if the session has ended or is frozen.
    pub fn connect(&self) -> Option<bool> {
        let mut state = self.state.lock();
        if state.ended || state.frozen {
            return None;
        }
        state.deadline = Instant::now() + self.terms.lifetime;
        Some(!std::mem::replace(&mut state.connected, true))
    }

    /// How long the session lives after the last sign of its client.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.terms.lifetime
    }

    /// Extends the life of a session that has connected, because the client takes what the attached transport writes.
    /// Does nothing for any other transport.
    pub fn keep_alive(&self, attachment: &Arc<dyn Attachment>) {
        let mut state = self.state.lock();
        if state.connected && state.attachment.as_ref().is_some_and(|attached| same(attached, attachment)) {
            state.deadline = Instant::now() + self.terms.lifetime;
        }
    }

    /// Marks a connect as held: until the returned value is dropped, the session does not expire.
    #[must_use]
    pub fn hold(self: &Arc<Self>) -> Held {
        self.state.lock().held += 1;
        self.terms.metrics.held_connects.inc();
        Held(Arc::clone(self))
    }

    /// When the session expires, unless a connect comes or is held.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.state.lock().deadline(self.terms.lifetime)
    }

    /// Whether [`Session::lease_all`] would lease something to this transport.
    pub fn can_lease(&self, holder: &Arc<dyn Attachment>) -> bool {
        let state = self.state.lock();
        let is_attached = state.attachment.as_ref().is_some_and(|attached| same(attached, holder));
        is_attached && !state.mailbox.is_leased() && !state.mailbox.is_empty()
    }

    /// Leases what waits, for a transport that writes all of it. `None` if nothing waits, if an earlier lease is out (it
    /// flushes when it is settled), or if the transport is not the attached one.
    pub fn lease_all(self: &Arc<Self>, holder: &Arc<dyn Attachment>) -> Option<Lease> {
        self.lease_up_to(holder, usize::MAX, usize::MAX)
    }

    /// Leases some of what waits, for one write. `None` as with [`Session::lease_all`].
    pub fn lease(self: &Arc<Self>, holder: &Arc<dyn Attachment>) -> Option<Lease> {
        self.lease_up_to(holder, LEASE_MESSAGES, LEASE_BYTES)
    }

    fn lease_up_to(
        self: &Arc<Self>,
        holder: &Arc<dyn Attachment>,
        messages: usize,
        bytes: usize,
    ) -> Option<Lease> {
        let mut state = self.state.lock();
        if !state.attachment.as_ref().is_some_and(|attached| same(attached, holder)) {
            return None;
        }
        let items = state.mailbox.lease(messages, bytes)?;
        state.holder = Holder::Attached;
        Some(Lease { session: Arc::clone(self), items, written: 0, over: false })
    }

    /// Ends the session: no message gets in any more, and the transports are told. The patterns that it had, or `None`
    /// if it had ended before. The caller takes them out of the trie and the session out of its table.
    /// Not a frozen one: it is not this instance's to end.
    pub fn end(self: &Arc<Self>) -> Option<Patterns> {
        self.end_if(|state| !state.frozen)
    }

    /// Ends a session here that is another instance's.
    pub fn end_here(self: &Arc<Self>) -> Option<Patterns> {
        self.end_if(|_| true)
    }

    /// Ends the session if its time is over; a connect that has just come saves it.
    pub fn end_if_expired(self: &Arc<Self>) -> Option<Patterns> {
        self.end_if(|state| !state.frozen && state.deadline(self.terms.lifetime) <= Instant::now())
    }

    /// Ends the session if its client has never connected.
    pub fn end_if_unconnected(self: &Arc<Self>) -> Option<Patterns> {
        self.end_if(|state| !state.frozen && !state.connected)
    }

    fn end_if(self: &Arc<Self>, may_end: impl FnOnce(&State) -> bool) -> Option<Patterns> {
        let mut subscriptions = self.subscriptions.lock();
        let transports = {
            let mut state = self.state.lock();
            if state.ended || !may_end(&state) {
                return None;
            }
            state.ended = true;
            state.change(&self.terms.budget, |mailbox| *mailbox = Mailbox::default());
            let holder = state.holder.former().cloned();
            [state.attachment.take(), state.standby.take(), holder]
        };
        let patterns = subscriptions.take();
        drop(subscriptions);
        // One that is there twice is told twice, which does no harm.
        for transport in transports.into_iter().flatten() {
            transport.detach(self, Detached::Ended);
        }
        patterns
    }
}

impl State {
    pub(super) fn has_overflowed(&self) -> bool {
        self.overflowed
    }

    pub(super) fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// Changes the mailbox, and charges the memory of its queue.
    pub(super) fn change<T>(&mut self, budget: &Budget, change: impl FnOnce(&mut Mailbox) -> T) -> T {
        let before = self.mailbox.memory();
        let result = change(&mut self.mailbox);
        budget.change(before, self.mailbox.memory());
        result
    }

    fn deadline(&self, lifetime: Duration) -> Instant {
        if self.held > 0 { Instant::now() + lifetime } else { self.deadline }
    }
}

/// How much memory a session keeps in use, and whether its client is there.
#[derive(Debug, Clone, Copy)]
pub struct Weight {
    /// Bytes, about. Of what waits for several sessions each has its share.
    pub bytes: usize,
    /// Whether a transport is attached, or a connect is held.
    pub is_attached: bool,
    /// When the session expires unless its client is attached.
    pub deadline: Instant,
}

impl Drop for Session {
    fn drop(&mut self) {
        let queue = self.state.get_mut().mailbox.memory();
        self.terms.budget.release(OVERHEAD + queue);
    }
}

/// A connect that is held. Dropping it starts the time after which the session expires.
pub struct Held(Arc<Session>);

impl Drop for Held {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.held -= 1;
        state.deadline = Instant::now() + self.0.terms.lifetime;
        self.0.terms.metrics.held_connects.dec();
    }
}
