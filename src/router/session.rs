//! A session: the state of one client, with its subscriptions, its mailbox and its attached transport, and the interface
//! that it needs of a transport. Transports depend on sessions, not the reverse.
//!
//! Lock order: `subscriptions`, then a shard of the trie, then `state`. No lock is held while a transport is called.

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexSet;
use tokio::time::{Duration, Instant};

use super::batched::{Batched, ConnectAck};
use super::holder::LeaseHolder;
use super::life::Life;
use super::mailbox::{Mailbox, Pushed};
use super::replaying::Replaying;
use super::terms::Terms;
use crate::auth::Ownership;
use crate::bayeux::{ClientId, Publication};
use crate::budget::Budget;
use crate::config::Overflow;
use crate::lock::{self, Mutex, MutexGuard, level};
use crate::metrics::Metrics;
use crate::peer::Peer;

/// The subscribed patterns in the order of subscription.
pub type Patterns = IndexSet<Box<str>, RandomState>;

/// Why a transport was detached from its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detached {
    /// A newer transport was attached.
    Superseded,
    /// The session ended: disconnect, expiry, or an overflowed mailbox.
    Ended,
    /// Another instance owns or acquires the session; the client has to reconnect.
    Moved {
        /// Whether this instance is stopping, so that the next request should reach another one.
        is_leaving: bool,
    },
}

/// A transport to the client of a session. The methods must neither block nor await.
pub trait Attachment: Send + Sync {
    /// Leases and writes the queued messages, or notifies the task that does. Returns the number of messages that were
    /// written synchronously.
    fn flush(self: Arc<Self>, session: &Arc<Session>) -> usize;

    /// Detaches the transport from the session. The transport answers a held connect and settles an active lease
    /// immediately, if necessary by closing the connection.
    fn detach(&self, session: &Arc<Session>, why: Detached);

    /// Returns the request that opened the transport.
    fn peer(&self) -> &Arc<Peer>;
}

/// Whether two references are the same transport. The vtables are not compared: they may differ for one type.
pub(super) fn same(one: &Arc<dyn Attachment>, other: &Arc<dyn Attachment>) -> bool {
    std::ptr::addr_eq(Arc::as_ptr(one), Arc::as_ptr(other))
}

/// A session of the Bayeux protocol.
pub struct Session {
    /// First, next to the reference count: a delivery touches only these cache lines.
    state: Mutex<State, { level::SESSION }>,
    key: u32,
    terms: Arc<Terms>,
    id: ClientId,
    /// The subscribed patterns in the order of subscription; `None` once the session has ended.
    subscriptions: Mutex<Option<Patterns>, { level::SUBSCRIPTIONS }>,
    /// The credentials of the client.
    ownership: Ownership,
}

/// Bytes of memory of a session without its contents: the value, its entries in the tables of sessions and deadlines,
/// and the overhead of the allocator.
const OVERHEAD: usize = 456;

pub(super) struct State {
    mailbox: Mailbox,
    /// The transport that receives the messages.
    pub(super) attachment: Option<Arc<dyn Attachment>>,
    /// The transport that has the lease.
    pub(super) holder: LeaseHolder<Arc<dyn Attachment>, Box<Batched>>,
    /// Whether a flush is pending.
    pending: bool,
    pub(super) life: Life,
    /// The number of held connects; the session does not expire while it is above zero.
    pub(super) held: u32,
    pub(super) deadline: Instant,
    /// Replays, and the wish for cursors.
    pub(super) replaying: Option<Box<Replaying>>,
    /// An EventSource stream that receives the messages again after the next connect with its connection type.
    pub(super) standby: Option<Arc<dyn Attachment>>,
}

impl Session {
    pub(super) fn new(id: ClientId, key: u32, terms: Arc<Terms>, connected: bool) -> Self {
        terms.budget.charge(OVERHEAD);
        let state = State {
            mailbox: Mailbox::default(),
            attachment: None,
            holder: LeaseHolder::Free,
            pending: false,
            life: Life::new(connected),
            held: 0,
            deadline: Instant::now() + if connected { terms.lifetime } else { terms.unconnected_lifetime },
            replaying: None,
            standby: None,
        };
        let subscriptions = Mutex::new(Some(Patterns::default()));
        Self { state: Mutex::new(state), key, terms, id, subscriptions, ownership: Ownership::default() }
    }

    /// Returns the identifier.
    #[must_use]
    pub fn id(&self) -> &ClientId {
        &self.id
    }

    /// Returns the credentials that the session is bound to.
    #[must_use]
    pub fn ownership(&self) -> &Ownership {
        &self.ownership
    }

    /// Returns a small number that is unique among the live sessions.
    #[must_use]
    pub fn key(&self) -> u32 {
        self.key
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    pub(super) fn terms(&self) -> &Terms {
        &self.terms
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.terms.metrics
    }

    pub(super) fn budget(&self) -> &Arc<Budget> {
        &self.terms.budget
    }

    /// Returns the criteria for the order of eviction. The cost is proportional to the queued messages and
    /// subscriptions.
    #[must_use]
    pub fn weight(&self) -> Weight {
        let subscriptions = self
            .subscriptions()
            .as_ref()
            .map_or(0, |patterns| patterns.iter().map(|pattern| super::of_subscription(pattern)).sum());
        let state = self.state.lock();
        Weight {
            bytes: OVERHEAD
                + subscriptions
                + state.mailbox.weight()
                + state.batched_memory()
                + state.replaying_memory(),
            is_attached: state.attachment.is_some() || state.held > 0,
            deadline: state.deadline,
        }
    }

    /// Locks the patterns; `None` inside once the session has ended.
    pub(super) fn subscriptions(&self) -> MutexGuard<'_, Option<Patterns>> {
        self.subscriptions.lock()
    }

    /// Whether the mailbox had no room for a publication, so that the session has to end.
    #[must_use]
    pub fn has_overflowed(&self) -> bool {
        self.state.lock().life.has_overflowed()
    }

    /// Whether the session receives publications: it has neither overflowed nor ended.
    #[must_use]
    pub fn is_receiving(&self) -> bool {
        self.state.lock().life.is_receiving()
    }

    /// Whether the session has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.state.lock().life.has_ended()
    }

    /// Returns the request of the attached transport; `None` without one.
    #[must_use]
    pub fn peer(&self) -> Option<Arc<Peer>> {
        self.state.lock().attachment.as_ref().map(|attachment| Arc::clone(attachment.peer()))
    }

    /// Queues a publication. Also returns `true` if the caller has to flush the session, or, for a deferred publication, to start
    /// its replays. `None` if the session has ended or overflowed.
    pub(super) fn push(&self, publication: &Arc<Publication>, overflow: Overflow) -> Option<(Pushed, bool)> {
        let mut state = self.state.lock();
        if !state.life.is_receiving() {
            return None;
        }
        let bounds = self.terms.bounds(!state.life.is_unconnected());
        if publication.is_kept()
            && let Some(is_new) = state.defer(publication, bounds)
        {
            state.charge_replays(self);
            return Some((Pushed::Deferred, is_new));
        }
        let pushed = state.change(&self.terms.budget, |mailbox| mailbox.push(publication, bounds, overflow));
        if pushed == Pushed::Overflow {
            state.life.overflow();
        }
        if let Pushed::Displaced(count) = pushed
            && let Some(batched) = state.batched_mut()
        {
            batched.ack.drop_oldest(count);
        }
        let waits = matches!(pushed, Pushed::Queued | Pushed::Displaced(_));
        let first = waits && !state.pending;
        if first {
            state.pending = true;
        }
        Some((pushed, first))
    }

    /// Queues a notice of the server, if the session is live and the mailbox has room. The caller flushes the session.
    pub fn tell(&self, notice: &Arc<Publication>) {
        let mut state = self.state.lock();
        if !state.life.has_ended() {
            let bounds = self.terms.bounds(!state.life.is_unconnected());
            notice.charge_to(&self.terms.budget);
            state.change(&self.terms.budget, |mailbox| mailbox.push(notice, bounds, Overflow::DropNewest));
        }
    }

    /// Makes the attached transport write the queued messages. Returns the number of messages that were written
    /// synchronously, which the caller counts.
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

    /// Makes the attached transport write the queued messages.
    pub fn flush(self: &Arc<Self>) {
        let written = self.write();
        self.terms.metrics.deliveries_written.inc_by(written as u64);
    }

    /// Accepts a connect. `received` is the number of the last reply that the client has received, if it tells. Returns
    /// `None` if the session has ended or is frozen.
    pub fn connect(&self, received: Option<u64>) -> Option<Connected> {
        let mut state = self.state.lock();
        let is_first = state.life.connect()?;
        state.deadline = Instant::now() + self.terms.lifetime;
        Some(Connected { is_first, ack: state.acknowledge(received, &self.terms.budget) })
    }

    /// Returns how long the session lives after the last activity of its client.
    #[must_use]
    pub fn lifetime(&self) -> Duration {
        self.terms.lifetime
    }

    /// Extends the lifetime of a connected session, because the client reads what the attached transport writes. No
    /// effect for any other transport.
    pub fn keep_alive(&self, attachment: &Arc<dyn Attachment>) {
        let mut state = self.state.lock();
        let is_attached = state.attachment.as_ref().is_some_and(|attached| same(attached, attachment));
        if is_attached && !state.life.is_unconnected() {
            state.deadline = Instant::now() + self.terms.lifetime;
        }
    }

    /// Returns when the session expires if no connect arrives. While a connect is held, it is one lifetime from now.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.state.lock().deadline(self.terms.lifetime)
    }
}

impl State {
    pub(super) fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// Changes the mailbox, and charges the memory of its queue.
    pub(super) fn change<T>(&mut self, budget: &Budget, change: impl FnOnce(&mut Mailbox) -> T) -> T {
        let before = self.mailbox.memory();
        let result = change(&mut self.mailbox);
        budget.change(before, self.mailbox.memory());
        self.wake_replays();
        result
    }

    pub(super) fn deadline(&self, lifetime: Duration) -> Instant {
        if self.held > 0 { Instant::now() + lifetime } else { self.deadline }
    }
}

/// An accepted connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connected {
    /// Whether it is the first connect of the session.
    pub is_first: bool,
    /// How the connect takes part in acknowledged delivery.
    pub ack: ConnectAck,
}

/// The criteria for the order of eviction.
#[derive(Debug, Clone, Copy)]
pub struct Weight {
    /// Approximate bytes of memory in use, with the session's share of messages that several sessions have queued.
    pub bytes: usize,
    /// Whether a transport is attached, or a connect is held.
    pub is_attached: bool,
    /// When the session expires without an attached client.
    pub deadline: Instant,
}

impl Drop for Session {
    fn drop(&mut self) {
        let state = self.state.get_mut();
        self.terms
            .budget
            .release(OVERHEAD + state.mailbox.memory() + state.batched_memory() + state.replaying_memory());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_small() {
        assert!(size_of::<State>() <= 152, "{} bytes", size_of::<State>());
    }
}
