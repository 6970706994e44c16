//! The replays of a session: publications of histories that are left to them, the room in the mailbox for their pages, and the
//! notices of gaps. This module must not know the broker, which reads the pages.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

use super::mailbox::Bounds;
use super::replay::{Applied, Begin, Job, Options, ReplayState, Replays, Seen};
use super::session::{Session, State};
use crate::bayeux::{Partition, Positions, Publication};
use crate::config::Overflow;

/// The largest page, in messages and bytes.
const MESSAGES: usize = 64;
const BYTES: usize = 256 * 1024;
/// How many channels of a session may have a replay because its mailbox was full.
const OVERFLOWS: usize = 64;
/// The time between two cursors in connect replies.
const CURSORS: Duration = Duration::from_secs(10);
/// Bytes of memory of a replay without its texts.
const REPLAY: usize = 256;

/// Starts the task that reads the pages of a session. It must not block.
pub trait StartReplay: Send + Sync {
    /// Starts the task. It runs until [`Session::next_page`] returns [`PageRoom::Over`].
    fn start(&self, session: &Arc<Session>);
}

/// What a session with replays keeps.
#[derive(Default)]
pub(super) struct Replaying {
    pub(super) replays: Replays,
    /// Wakes the task when the mailbox may have room.
    room: Arc<Notify>,
    /// Whether the task runs.
    is_paging: bool,
    /// When the next cursor may be sent, if the client wants cursors.
    cursor: Option<Instant>,
    /// Bytes that are charged.
    charged: usize,
}

/// What the task does next.
pub enum PageRoom {
    /// Read this page, of at most so many messages and bytes.
    Read(Box<Job>, usize, usize),
    /// Wait until the mailbox may have room.
    Wait(Arc<Notify>),
    /// There is nothing left to replay, or the session has ended.
    Over,
}

/// The result of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PagePushed {
    /// The page is in the mailbox. The caller flushes the session.
    Pushed,
    /// The page is dropped: there is no room any more, or the replay was cancelled.
    Dropped,
}

impl Session {
    /// Announces a replay of a pattern: from now on, publications of histories are left to it.
    pub fn announce_replay(&self, pattern: &str) {
        let mut state = self.lock();
        state.replaying_mut().replays.announce(pattern, Partition::of_pattern(pattern));
        state.charge_replays(self);
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

    /// Ends the replay of a pattern.
    pub fn cancel_replay(&self, pattern: &str) {
        let mut state = self.lock();
        if let Some(replaying) = &mut state.replaying {
            replaying.replays.cancel(pattern);
            state.charge_replays(self);
        }
    }

    /// Starts the task that reads pages, if there is something to read and it does not run.
    pub fn start_replays(self: &Arc<Self>) {
        let is_needed = self.lock().replaying.as_mut().is_some_and(|replaying| {
            replaying.room.notify_one();
            !replaying.replays.is_empty() && !std::mem::replace(&mut replaying.is_paging, true)
        });
        if is_needed && let Some(pager) = self.terms().pager.get() {
            pager.start(self);
        }
    }

    /// Returns the next page to read.
    #[must_use]
    pub fn next_page(&self) -> PageRoom {
        let mut state = self.lock();
        let has_ended = state.life.has_ended() || state.life.has_overflowed();
        let bounds = self.terms().bounds(!state.life.is_unconnected());
        let (messages, bytes) = page_limits(bounds);
        let has_room = state.mailbox().len() * 2 <= messages && !state.mailbox().is_leased();
        let is_live = state.life.is_live();
        let Some(replaying) = &mut state.replaying else { return PageRoom::Over };
        if has_ended || replaying.replays.is_empty() {
            replaying.is_paging = false;
            return PageRoom::Over;
        }
        match replaying.replays.next().filter(|_| has_room && is_live) {
            Some(job) => PageRoom::Read(Box::new(job), messages, bytes),
            None => PageRoom::Wait(Arc::clone(&replaying.room)),
        }
    }

    /// Applies a page that was read: its publications enter the mailbox. The caller flushes the session.
    pub fn push_page(
        self: &Arc<Self>,
        job: &Job,
        publications: &[Arc<Publication>],
        seen: Seen,
        next: Option<&crate::bayeux::PageStart>,
    ) -> PagePushed {
        let mut state = self.lock();
        let bounds = self.terms().bounds(!state.life.is_unconnected());
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
        for publication in gap.iter().chain(publications) {
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

impl Replaying {
    /// Whether a publication is left to a replay.
    pub(super) fn defers(&mut self, publication: &Publication) -> bool {
        let position = publication.position().filter(|_| publication.is_kept());
        position.is_some_and(|position| {
            self.replays.defer(publication.channel(), position.partition, position.offset)
        })
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
            && replaying.replays.defer(channel, partition, position.offset)
        {
            replaying.room.notify_one();
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

    /// Wakes the task that reads pages, when the mailbox has changed.
    pub(super) fn wake_replays(&self) {
        if let Some(replaying) = &self.replaying
            && replaying.is_paging
        {
            replaying.room.notify_one();
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
    pub(super) fn import_replays(&mut self, replays: Vec<ReplayState>, has_cursors: bool, session: &Session) {
        if replays.is_empty() && !has_cursors {
            return;
        }
        let replaying = self.replaying_mut();
        replaying.replays.import(replays);
        replaying.cursor = has_cursors.then(Instant::now);
        self.charge_replays(session);
    }

    /// Releases the replays of a session that has ended. Its task ends.
    pub(super) fn end_replays(&mut self, session: &Session) {
        if let Some(replaying) = self.replaying.take() {
            session.budget().release(replaying.charged);
            replaying.room.notify_one();
        }
    }

    /// Charges the memory of the replays.
    pub(super) fn charge_replays(&mut self, session: &Session) {
        if let Some(replaying) = &mut self.replaying {
            let now = size_of::<Replaying>() + replaying.replays.len() * REPLAY;
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

/// Returns the notice that messages of a subscription may be missing at its place. Clients without knowledge of it ignore it.
#[must_use]
pub fn gap_notice(pattern: &str, reason: &str) -> Arc<Publication> {
    let mut object = br#"{"channel":"/meta/subscribe","successful":true,"subscription":"#.to_vec();
    crate::bayeux::json::write_string(&mut object, pattern);
    object.extend_from_slice(br#","ext":{"faye:gap":{"reason":"#);
    crate::bayeux::json::write_string(&mut object, reason);
    object.extend_from_slice(b"}}}");
    Arc::new(Publication::notice(&object))
}
