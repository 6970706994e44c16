//! The replays of a session: publications of histories that are left to them, and the room in the mailbox for their pages. This
//! module must not know the broker, which reads the pages.

use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::Instant;

use super::mailbox::Bounds;
use super::replay::{Applied, Begin, Job, Options, ReplayState, Replays, Seen};
use super::replaying::{BYTES, CURSORS, MESSAGES, NextPage, OVERFLOWS, PagePushed, Replaying, gap_notice};
use super::session::{Patterns, Session, State};
use crate::bayeux::{PageStart, Partition, Positions, Publication};
use crate::config::Overflow;

/// A replay that was announced. If it has not begun when this is dropped, its subscription is live: a request may end before
/// its reply.
pub struct Announced {
    session: Arc<Session>,
    serial: u64,
}

impl Drop for Announced {
    fn drop(&mut self) {
        self.session.abandon_replay(self.serial);
    }
}

impl Session {
    /// Announces a replay of a pattern: from now on, publications of histories are left to it, until it begins or the
    /// announcement is dropped.
    pub fn announce_replay(self: &Arc<Self>, pattern: &str) -> Announced {
        let mut state = self.lock();
        let serial = state.replaying_mut().replays.announce(pattern, Partition::of_pattern(pattern));
        state.charge_replays(self);
        drop(state);
        Announced { session: Arc::clone(self), serial }
    }

    fn abandon_replay(self: &Arc<Self>, serial: u64) {
        let mut state = self.lock();
        if let Some(replaying) = &mut state.replaying {
            replaying.replays.abandon(serial);
            state.charge_replays(self);
        }
        drop(state);
        self.start_replays();
    }

    /// Begins an announced replay, whose subscription is in effect. Returns `false` if the session is not here any more.
    #[must_use]
    pub fn begin_replay(self: &Arc<Self>, pattern: &str, begins: &[Begin], options: Options) -> bool {
        let mut state = self.lock();
        if state.life.is_frozen() || !state.life.is_receiving() {
            return false;
        }
        state.replaying_mut().replays.begin(pattern, begins, options);
        state.charge_replays(self);
        drop(state);
        self.start_replays();
        true
    }

    /// Ends the replays for a subscription that has ended, except for what the `others` of the session get by them.
    pub(super) fn cancel_replay(&self, pattern: &str, others: &Patterns) {
        let mut state = self.lock();
        if let Some(replaying) = &mut state.replaying {
            replaying.replays.cancel(pattern, others.iter().map(AsRef::as_ref));
            state.charge_replays(self);
        }
    }

    /// Starts the task that reads pages, if there is something to read and it does not run.
    pub fn start_replays(self: &Arc<Self>) {
        let is_needed = self.lock().replaying.as_mut().is_some_and(|replaying| {
            replaying.wake();
            !replaying.replays.is_empty() && !std::mem::replace(&mut replaying.is_paging, true)
        });
        if is_needed && let Some(pager) = self.terms().pager.get() {
            let session: Arc<Self> = Arc::clone(self);
            pager.start(session);
        }
    }

    /// Returns the next page to read, once the mailbox has room for it.
    pub fn poll_page(&self, context: &mut Context<'_>) -> Poll<NextPage> {
        let mut state = self.lock();
        let has_ended = state.life.has_ended() || state.life.has_overflowed();
        let bounds = self.terms().bounds(!state.life.is_unconnected());
        let (messages, bytes) = page_limits(bounds);
        let has_room = state.mailbox().len() * 2 <= messages && !state.mailbox().is_leased();
        let is_live = state.life.is_live();
        let Some(replaying) = &mut state.replaying else { return Poll::Ready(NextPage::Over) };
        if has_ended || replaying.replays.is_empty() {
            replaying.is_paging = false;
            return Poll::Ready(NextPage::Over);
        }
        match replaying.replays.next_job().filter(|_| has_room && is_live) {
            Some(job) => Poll::Ready(NextPage::Read(Box::new(job), messages, bytes)),
            None => {
                replaying.room = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Applies a page that was read: its publications enter the mailbox. The caller flushes the session.
    pub fn push_page(
        self: &Arc<Self>,
        job: &Job,
        publications: &[Arc<Publication>],
        seen: Seen,
        next: Option<&PageStart>,
    ) -> PagePushed {
        let mut state = self.lock();
        let bounds = self.terms().bounds(!state.life.is_unconnected());
        let publications: Vec<_> = publications.iter().filter(|one| state.is_of_page(job, one)).collect();
        let size: usize = publications.iter().map(|publication| publication.size()).sum();
        let has_room = state.mailbox().is_empty() && !state.mailbox().is_leased()
            || state.mailbox().fits(publications.len() + 1, size, bounds);
        if !state.life.is_live() || !has_room {
            return PagePushed::Dropped;
        }
        let Some(replaying) = &mut state.replaying else { return PagePushed::Dropped };
        let Some(applied) = replaying.replays.apply(job, seen, next) else { return PagePushed::Dropped };
        state.charge_replays(self);
        let gap = (applied == Applied::Gap).then(|| gap_notice(&job.pattern, "history"));
        let room = Bounds { messages: usize::MAX, bytes: usize::MAX };
        let budget = self.budget();
        for publication in gap.iter().chain(publications.iter().copied()) {
            publication.charge_to(budget);
            state.change(budget, |mailbox| mailbox.push(publication, room, Overflow::DropNewest));
        }
        drop(state);
        if gap.is_some() {
            self.metrics().replay_gaps.inc();
        }
        self.metrics().deliveries.inc_by(publications.len() as u64);
        self.metrics().replayed.inc_by(publications.len() as u64);
        PagePushed::Pushed
    }

    /// Queues a notice that messages of a subscription may be missing. The caller flushes the session.
    pub fn tell_gap(&self, pattern: &str, reason: &str) {
        self.tell(&gap_notice(pattern, reason));
        self.metrics().replay_gaps.inc();
    }

    /// Sends cursors in connect replies from now on.
    pub fn enable_cursors(&self) {
        let mut state = self.lock();
        state.replaying_mut().cursor = Some(Instant::now());
        state.charge_replays(self);
    }

    /// Whether the client wants cursors.
    #[must_use]
    pub fn has_cursors(&self) -> bool {
        self.lock().replaying.as_ref().is_some_and(|replaying| replaying.cursor.is_some())
    }

    /// Whether a connect reply that is made now may have a cursor: the client wants cursors, got none for a while, and all
    /// queued messages leave with or before the reply.
    #[must_use]
    pub fn is_cursor_due(&self) -> bool {
        let state = self.lock();
        let is_due = |replaying: &Replaying| replaying.cursor.is_some_and(|due| due <= Instant::now());
        state.replaying.as_deref().is_some_and(is_due)
            && !state.mailbox().is_leased()
            && state.mailbox().len() <= MESSAGES
            && state.mailbox().size() <= BYTES
    }

    /// Returns the positions of a cursor: those of the partitions, and where a replay is active, what it has reached.
    pub fn cursor_positions(&self, positions: &mut Positions) {
        let mut state = self.lock();
        let Some(replaying) = &mut state.replaying else { return };
        replaying.cursor = replaying.cursor.map(|_| Instant::now() + CURSORS);
        let partitions: Vec<Partition> = positions.iter().map(|position| position.partition).collect();
        for partition in partitions {
            if let (Some(reached), Some(offset)) =
                (replaying.replays.position(partition), positions.offset_mut(partition))
            {
                *offset = reached.min(*offset);
            }
        }
    }
}

impl State {
    fn replaying_mut(&mut self) -> &mut Replaying {
        self.replaying.get_or_insert_default()
    }

    /// Whether a publication is left to a replay: one of a history, with an active replay or without room in the mailbox.
    /// `is_new` says that a task has to be started.
    pub(super) fn defer(&mut self, publication: &Publication, bounds: Bounds) -> Option<bool> {
        let position = publication.position().filter(|_| publication.is_kept())?;
        let (channel, partition) = (publication.channel(), position.partition);
        if let Some(replaying) = &mut self.replaying
            && replaying.defers(publication)
        {
            replaying.wake();
            return Some(false);
        }
        if self.mailbox().has_room(publication.size(), bounds) {
            return None;
        }
        let replaying = self.replaying_mut();
        if replaying.replays.len() >= OVERFLOWS {
            return None;
        }
        replaying.replays.overflow(channel, partition, position.offset, 0);
        Some(true)
    }

    /// Whether a publication of a page belongs to it.
    fn is_of_page(&self, job: &Job, publication: &Publication) -> bool {
        let of_page = |replays: &Replays| {
            publication
                .position()
                .is_none_or(|position| replays.is_of_page(job, publication.channel(), position.offset))
        };
        self.replaying.as_ref().is_none_or(|replaying| of_page(&replaying.replays))
    }

    /// Wakes the task that reads pages, when the mailbox has changed.
    pub(super) fn wake_replays(&mut self) {
        if let Some(replaying) = &mut self.replaying {
            replaying.wake();
        }
    }

    /// Returns the first position in each partition that a replay has not reached.
    pub(super) fn unreplayed(&self) -> Positions {
        self.replaying.as_ref().map_or_else(Positions::default, |replaying| replaying.replays.unreached())
    }

    /// Returns the replays for another instance, and whether the client wants cursors.
    pub(super) fn replays(&self) -> (Vec<ReplayState>, bool) {
        self.replaying.as_ref().map_or_else(Default::default, |replaying| {
            (replaying.replays.export(), replaying.cursor.is_some())
        })
    }

    /// Continues the replays of another instance. Queued publications of this instance that belong to them are left to them.
    pub(super) fn import_replays(
        &mut self,
        replays: Vec<ReplayState>,
        delivered: &Positions,
        has_cursors: bool,
        session: &Session,
    ) {
        if replays.is_empty() && !has_cursors && self.replaying.is_none() {
            return;
        }
        let replaying = self.replaying_mut();
        replaying.replays.import(replays, delivered);
        replaying.cursor = has_cursors.then(Instant::now);
        self.charge_replays(session);
    }

    /// Releases the replays of a session that has ended. Its task ends.
    pub(super) fn end_replays(&mut self, session: &Session) {
        if let Some(mut replaying) = self.replaying.take() {
            session.budget().release(replaying.charged);
            replaying.wake();
        }
    }

    /// Charges the memory of the replays.
    pub(super) fn charge_replays(&mut self, session: &Session) {
        if let Some(replaying) = &mut self.replaying {
            let now = replaying.memory();
            session.budget().change(replaying.charged, now);
            replaying.charged = now;
        }
    }

    /// Bytes of memory for replays.
    pub(super) fn replaying_memory(&self) -> usize {
        self.replaying.as_ref().map_or(0, |replaying| replaying.charged)
    }
}

/// Returns the largest page for a mailbox.
fn page_limits(bounds: Bounds) -> (usize, usize) {
    (MESSAGES.min(bounds.messages / 2).max(1), BYTES.min(bounds.bytes / 2))
}
