//! A session that this instance owns: its epoch, and its export. Decides what may follow, and performs no I/O.

use tokio::time::{Duration, Instant};

use crate::bayeux::Positions;

/// A session that this instance owns, unless another instance has acquired it without notice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Owned {
    /// The number of owners so far, counted from 1.
    pub(super) epoch: u64,
    /// When to renew the record.
    pub(super) due: Instant,
    /// Whether the directory has a complete record.
    pub(super) is_registered: bool,
    /// The newest doubt after which the record was written: the session belongs to this instance.
    pub(super) checked: u64,
    /// The positions in the record.
    pub(super) positions: Positions,
    /// The number of the next connect reply in the record; zero without acknowledged delivery.
    pub(super) next_reply: u64,
    /// The start of the export in progress.
    exporting_since: Option<Instant>,
    /// This instance raises the epoch in Redis, which may be the next one already.
    is_raising: bool,
}

/// The export of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Export {
    /// There is none.
    None,
    /// The other instance may commit, or the session is not owned.
    Pending,
    /// The other instance has not committed in time.
    Overdue,
}

/// The end of raising the epoch of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Raised {
    /// The session is owned by the next epoch.
    Kept,
    /// The same, by an attempt that had an earlier one without a reply. Another instance may know the raised epoch already: it
    /// has to be raised again.
    Again,
    /// A concurrent attempt has raised it.
    Before,
    /// Another instance owns the session.
    Lost,
    /// Redis did not reply.
    Unknown,
}

/// An attempt to raise the epoch of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attempt {
    /// The epoch that is to be raised.
    pub(super) epoch: u64,
    is_repeated: bool,
}

impl Owned {
    pub(super) fn new(epoch: u64) -> Self {
        Self {
            epoch,
            due: Instant::now(),
            is_registered: false,
            checked: 0,
            positions: Positions::default(),
            next_reply: 0,
            exporting_since: None,
            is_raising: false,
        }
    }

    /// Begins an export, or extends it. Returns `false` while the epoch is being raised.
    pub(super) fn begin_export(&mut self, now: Instant) -> bool {
        if !self.is_raising {
            self.exporting_since = Some(now);
        }
        !self.is_raising
    }

    /// Returns the export. It is overdue when it has taken `limit`.
    pub(super) fn export(&self, now: Instant, limit: Duration) -> Export {
        match self.exporting_since {
            None => Export::None,
            Some(since) if now.duration_since(since) >= limit => Export::Overdue,
            Some(_) => Export::Pending,
        }
    }

    /// Whether the epoch is being raised, or Redis did not reply to the last attempt.
    pub(super) fn is_raising(&self) -> bool {
        self.is_raising
    }

    /// Begins to keep the session by the next epoch, so that a claim of another instance by this one has no effect.
    pub(super) fn begin_raise(&mut self) -> Attempt {
        Attempt { epoch: self.epoch, is_repeated: std::mem::replace(&mut self.is_raising, true) }
    }

    /// Ends an attempt. `is_raised`: whether Redis has the next epoch for this instance, or no record; `None` without a reply.
    /// An export is aborted if the session is kept.
    pub(super) fn end_raise(&mut self, attempt: Attempt, is_raised: Option<bool>, now: Instant) -> Raised {
        match is_raised {
            Some(true) if self.epoch > attempt.epoch => Raised::Before,
            Some(true) => {
                self.epoch = attempt.epoch + 1;
                self.exporting_since = None;
                self.is_raising = false;
                // The complete record again, by the new epoch.
                self.is_registered = false;
                self.due = now;
                if attempt.is_repeated { Raised::Again } else { Raised::Kept }
            }
            Some(false) => {
                self.is_raising = false;
                Raised::Lost
            }
            None => Raised::Unknown,
        }
    }

    /// Whether the session ends here because another instance has followed this epoch. It does not if the session has returned
    /// since, or if the fence may be its own next epoch.
    pub(super) fn ends_after(&self, epoch: u64) -> bool {
        self.epoch <= epoch && !self.is_raising
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_that_was_raised_without_a_reply_is_raised_again() {
        let now = Instant::now();
        let mut owned = Owned::new(1);
        assert!(owned.begin_export(now));
        let attempt = owned.begin_raise();
        assert_eq!(owned.end_raise(attempt, None, now), Raised::Unknown);
        assert!(!owned.begin_export(now), "the epoch in Redis is not known");
        assert!(owned.is_raising());
        assert!(!owned.ends_after(1), "the fence may be its own next epoch");
        let attempt = owned.begin_raise();
        assert_eq!(owned.end_raise(attempt, Some(true), now), Raised::Again);
        let attempt = owned.begin_raise();
        assert_eq!((attempt.epoch, owned.end_raise(attempt, Some(true), now)), (2, Raised::Kept));
        assert_eq!((owned.epoch, owned.export(now, Duration::ZERO)), (3, Export::None));
        assert!(!owned.is_raising());
    }

    #[test]
    fn concurrent_attempts_raise_the_epoch_once() {
        let now = Instant::now();
        let mut owned = Owned::new(1);
        let (one, other) = (owned.begin_raise(), owned.begin_raise());
        assert_eq!(owned.end_raise(one, Some(true), now), Raised::Kept);
        assert_eq!(owned.end_raise(other, Some(true), now), Raised::Before);
        assert_eq!(owned.epoch, 2);
    }

    #[test]
    fn a_session_ends_after_its_epoch_and_not_after_an_earlier_one() {
        let mut owned = Owned::new(2);
        assert!(!owned.ends_after(1) && owned.ends_after(2));
        let attempt = owned.begin_raise();
        assert_eq!(owned.end_raise(attempt, Some(false), Instant::now()), Raised::Lost);
        assert!(owned.ends_after(2));
    }
}
