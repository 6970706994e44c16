//! Schedules the next fetch of a feed, and evaluates entries that a hub should have pushed. This module does no I/O.

use std::time::Duration;

use crate::store::{FeedFetch, FeedState, FetchReason, PollRates};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Bounds of an interval that adapts, unless `feeds.poll` is outside them.
const SHORTEST: Duration = Duration::from_secs(5 * 60);
const LONGEST: Duration = Duration::from_secs(6 * 60 * 60);
/// Upper limit for the delay that a server requests.
const ASKED: Duration = DAY;
/// The delay after the first failure: of a feed that was never fetched or that a hub has announced, and of others.
const SOON: Duration = Duration::from_secs(10);
const LATER: Duration = MINUTE;
/// Maximum delay after failures.
const BACKOFF: Duration = Duration::from_secs(6 * 60 * 60);
/// Consecutive failures after which a feed without polls waits for its next notification.
const ATTEMPTS: u32 = 10;

/// Older entries were no longer in transit.
pub(super) const OLD: Duration = Duration::from_secs(5 * 60);
/// Consecutive polls with missed entries after which a feed is subscribed again.
const RESUBSCRIBE: u32 = 3;
/// Polls in a row after which its hub counts as unreliable.
const UNRELIABLE: u32 = 6;

/// The result of a fetch, as far as the next one depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// The feed was read and has so many new entries.
    Read(u64),
    /// The feed has not changed.
    Unchanged,
    /// The fetch failed.
    Failed,
    /// The feed is gone permanently.
    Gone,
}

/// When a feed is fetched next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Next {
    /// `None` is never.
    pub(super) after: Option<Duration>,
    /// The interval that adapts, without jitter.
    pub(super) interval: Option<Duration>,
}

/// Whether a hub is expected to push the entries of a feed in this state.
pub(super) fn is_pushed(state: FeedState) -> bool {
    matches!(state, FeedState::Active | FeedState::Unverified)
}

/// Returns the delay of the next fetch after this result. `state` is the new state of the feed, `asked` the delay that
/// the server requested (`Retry-After`, or the freshness of its content), and `jitter` a random number from -1 to 1.
pub(super) fn next(
    rates: PollRates,
    feed: &FeedFetch,
    state: FeedState,
    seen: Seen,
    asked: Option<Duration>,
    jitter: f64,
) -> Next {
    let asked = asked.unwrap_or_default().min(ASKED);
    let jittered = |time: Duration| time.mul_f64(0.1f64.mul_add(jitter, 1.0));
    let is_backup = is_pushed(state);
    let adapted = match feed.feed.poll {
        Some(_) => feed.interval,
        // The interval stays while a hub pushes.
        None if is_backup => feed.interval,
        // The entries of the first fetch have accumulated over an unknown time.
        None if !feed.is_backfilled => rates.poll,
        None => rates.poll.map(|poll| adapt(poll, feed.interval.unwrap_or(poll), seen)),
    };
    let regular = match feed.feed.poll {
        Some(exact) => exact,
        None if is_backup => rates.backup_poll,
        None => adapted,
    };
    let after = match seen {
        Seen::Failed => failed(feed, regular).map(|time| jittered(time).max(asked)),
        Seen::Gone => regular.map(|_| jittered(DAY)),
        Seen::Read(_) | Seen::Unchanged => match feed.feed.poll {
            Some(exact) => exact,
            None => regular.map(|time| jittered(time).max(asked)),
        },
    };
    Next { after, interval: adapted }
}

/// Adapts the interval to a result: shorter after new entries at each fetch, longer without new entries.
fn adapt(poll: Duration, interval: Duration, seen: Seen) -> Duration {
    let (shortest, longest) = (SHORTEST.min(poll), LONGEST.max(poll));
    let adapted = match seen {
        Seen::Read(0) | Seen::Unchanged => interval.mul_f64(1.25),
        Seen::Read(1) => interval.mul_f64(0.75),
        Seen::Read(_) => interval / 2,
        Seen::Failed | Seen::Gone => interval,
    };
    adapted.clamp(shortest, longest)
}

/// Returns the delay after a failure. A feed without polls is retried a few times if there is something to fetch.
fn failed(feed: &FeedFetch, regular: Option<Duration>) -> Option<Duration> {
    let is_wanted = !feed.is_backfilled || feed.attempts < ATTEMPTS;
    if regular.is_none() && !is_wanted {
        return None;
    }
    let is_urgent = !feed.is_backfilled || feed.reason == FetchReason::Push;
    let first = if is_urgent { SOON } else { LATER };
    let first = regular.map_or(first, |regular| first.min(regular));
    let doubled = 2u32.checked_pow(feed.attempts).and_then(|times| first.checked_mul(times));
    // A feed with its own interval is fetched soon after the end of an outage.
    let longest = feed.feed.poll.flatten().map_or(BACKOFF, |exact| exact.max(SHORTEST));
    Some(doubled.unwrap_or(longest).min(longest))
}

/// The evaluation of entries that a hub should have pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Missed {
    /// The number of such entries in this fetch.
    pub(super) entries: u64,
    /// The number of consecutive polls with such entries.
    pub(super) polls: u32,
    /// Whether to subscribe the feed again.
    pub(super) resubscribe: bool,
    /// Whether the hub does not push all entries of the feed.
    pub(super) is_unreliable: bool,
}

/// Evaluates a fetch that found `created` new entries, `old` of them older than [`OLD`].
pub(super) fn missed(feed: &FeedFetch, created: u64, old: u64) -> Missed {
    let is_unreliable = feed.state == FeedState::Unreliable;
    let unchanged = Missed { entries: 0, polls: feed.missed, resubscribe: false, is_unreliable };
    // The first fetch and a fetch after a notification find entries that no hub has pushed yet.
    if !is_pushed(feed.state) || !feed.is_backfilled || feed.reason == FetchReason::Push {
        return unchanged;
    }
    if old == 0 {
        // A changed feed without new entries is one whose entries were pushed.
        return if created == 0 { Missed { polls: 0, ..unchanged } } else { unchanged };
    }
    let polls = feed.missed.saturating_add(1);
    let may_resubscribe = feed.resubscribed_ago.is_none_or(|ago| ago >= DAY);
    let is_unreliable = polls >= UNRELIABLE;
    Missed {
        entries: old,
        polls,
        resubscribe: polls >= RESUBSCRIBE && may_resubscribe && !is_unreliable,
        is_unreliable,
    }
}

/// Returns the delay before a request to a hub is repeated; `None` after the last attempt.
pub(super) fn again(attempts: u32, asked: Option<Duration>, jitter: f64) -> Option<Duration> {
    const WAITS: [Duration; 5] =
        [Duration::from_secs(10), MINUTE, Duration::from_secs(5 * 60), Duration::from_secs(15 * 60), HOUR];
    let wait = WAITS.get(usize::try_from(attempts).ok()?)?;
    Some(wait.mul_f64(0.1f64.mul_add(jitter, 1.0)).max(asked.unwrap_or_default().min(ASKED)))
}

/// Returns a random number from -1 to 1.
pub(super) fn jitter() -> f64 {
    fastrand::f64().mul_add(2.0, -1.0)
}

#[cfg(test)]
mod tests;
