//! Says once in a while what happens all the time.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How long a line keeps the next of its kind out of the log.
const PAUSE: Duration = Duration::from_secs(1);

/// Lines of one kind.
#[derive(Default)]
pub(super) struct Throttle(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    last: Option<Instant>,
    out: u64,
}

impl Throttle {
    /// Whether a line may be written now, and then how many were not since the last one.
    pub(super) fn pass(&self) -> Option<u64> {
        let mut kept = self.0.lock();
        let now = Instant::now();
        if kept.last.is_some_and(|last| now.duration_since(last) < PAUSE) {
            kept.out += 1;
            return None;
        }
        kept.last = Some(now);
        Some(std::mem::take(&mut kept.out))
    }
}
