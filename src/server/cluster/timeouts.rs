//! How long the steps of a hand-off may take, and the attempts and pauses of what waits for one. They are in one place because
//! each has to fit into another.
//!
//! A client waits for its message at most about `lease + REQUEST + CATCH_UP`: the owner does not respond, and is dead when its
//! lease ends. Then it gets `503::Session out of reach, try again`.
//!
//! ```text
//! acquiring instance   |- ALONE -|- REQUEST ----------------------|- CATCH_UP -|- claim -|
//! owner                            |- EXPORT (or ALONE) -|
//!                                  |- COMMIT, or redis.lease if that is less ----------------|
//! ```

use tokio::time::Duration;

/// How long an export or import waits until what its instance has delivered alone has come back from Redis.
pub(super) const ALONE: Duration = Duration::from_secs(1);
/// How long another instance may take to respond.
pub(super) const REQUEST: Duration = Duration::from_secs(5);
/// How long an export waits for the end of a write, and for publications that the acquiring instance has received. The
/// response that the session stays has to arrive within [`REQUEST`].
pub(super) const EXPORT: Duration = Duration::from_secs(2);
/// How long an import waits until its instance has received what the owner has.
pub(super) const CATCH_UP: Duration = Duration::from_secs(2);
/// The longest time that an exported session waits for the commit. It is less with a short `redis.lease`. When it ends, the
/// owner raises the epoch, and a later claim has no effect.
pub(super) const COMMIT: Duration = Duration::from_secs(10);
/// How long a claim is repeated while Redis does not reply. It may be more than [`COMMIT`]: Redis knows whether the claim was
/// in time, and the session is unknown to this instance until Redis has told.
pub(super) const CLAIM: Duration = Duration::from_secs(20);

/// The pause before a directory record is read again.
pub(super) const RETRY_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two requests to an owner that does not respond.
pub(super) const MAX_RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Attempts to acquire a session whose owner changes.
pub(super) const ACQUISITIONS: usize = 4;
/// Attempts to forward a message while its session moves. With the pauses, as long as a usual hand-off with a slow write.
pub(super) const FORWARDS: usize = 10;
/// The pauses between two checks of an export and of an import. The owner checks more often: its session is frozen.
pub(super) const EXPORT_CHECK: Duration = Duration::from_millis(2);
pub(super) const IMPORT_CHECK: Duration = Duration::from_millis(5);

const fn fits(parts: &[Duration], whole: Duration) -> bool {
    let (mut sum, mut at) = (0, 0);
    while at < parts.len() {
        sum += parts[at].as_millis();
        at += 1;
    }
    sum < whole.as_millis()
}

const _: () =
    assert!(fits(&[EXPORT], REQUEST) && fits(&[ALONE], EXPORT), "an export ends before its request");
const _: () = assert!(fits(&[REQUEST, CATCH_UP], COMMIT), "a commit is in time with a default lease or more");
