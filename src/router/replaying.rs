//! What a session with replays keeps, and the notices of gaps. It is a value: this module must not know sessions or the broker.

use std::any::Any;
use std::sync::Arc;
use std::task::Waker;

use tokio::time::{Duration, Instant};

use super::replay::{Job, Replays};
use crate::bayeux::{Publication, json};

/// The largest page, in messages and bytes.
pub(super) const MESSAGES: usize = 64;
pub(super) const BYTES: usize = 256 * 1024;
/// How many channels of a session may have a replay because its mailbox was full.
pub(super) const OVERFLOWS: usize = 64;
/// The time between two cursors in connect replies.
pub(super) const CURSORS: Duration = Duration::from_secs(10);

/// Starts the task that reads the pages of a session. It must not block.
pub trait StartReplay: Send + Sync {
    /// Starts the task of a `Session`. It runs until [`NextPage::Over`].
    fn start(&self, session: Arc<dyn Any + Send + Sync>);
}

/// What a session with replays keeps.
#[derive(Default)]
pub(super) struct Replaying {
    pub(super) replays: Replays,
    /// Wakes the task when the mailbox may have room.
    pub(super) room: Option<Waker>,
    /// Whether the task runs.
    pub(super) is_paging: bool,
    /// When the next cursor may be sent, if the client wants cursors.
    pub(super) cursor: Option<Instant>,
    /// Bytes that are charged.
    pub(super) charged: usize,
}

/// What the task does next.
#[derive(Debug)]
pub enum NextPage {
    /// Read this page, of at most so many messages and bytes.
    Read(Box<Job>, usize, usize),
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

impl Replaying {
    /// Whether a publication is left to a replay.
    pub(super) fn defers(&mut self, publication: &Publication) -> bool {
        let position = publication.position().filter(|_| publication.is_kept());
        position.is_some_and(|position| {
            self.replays.defer(publication.channel(), position.partition, position.offset)
        })
    }

    /// Wakes the task.
    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.room.take() {
            waker.wake();
        }
    }

    /// Returns the bytes of memory.
    pub(super) fn memory(&self) -> usize {
        size_of::<Self>() + self.replays.memory()
    }
}

/// Returns the notice that messages of a subscription may be missing at its place. Clients without knowledge of it ignore it.
#[must_use]
pub fn gap_notice(pattern: &str, reason: &str) -> Arc<Publication> {
    let mut object = br#"{"channel":"/meta/subscribe","successful":true,"subscription":"#.to_vec();
    json::write_string(&mut object, pattern);
    object.extend_from_slice(br#","ext":{"faye:gap":{"reason":"#);
    json::write_string(&mut object, reason);
    object.extend_from_slice(b"}}}");
    Arc::new(Publication::notice(&object))
}
