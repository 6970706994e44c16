//! Limits the rate of log lines of one kind.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Least time between two lines of one kind.
const PAUSE: Duration = Duration::from_secs(1);

/// Lines of one kind.
#[derive(Default)]
pub(super) struct Throttle(Mutex<Kept>);

/// Returns the number of suppressed lines as a log field; `None` for 0.
pub(super) fn more(suppressed: u64) -> Option<u64> {
    (suppressed > 0).then_some(suppressed)
}

#[derive(Default)]
struct Kept {
    last: Option<Instant>,
    out: u64,
}

impl Throttle {
    /// Returns the number of lines that were suppressed since the last one if a line may be written now.
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
