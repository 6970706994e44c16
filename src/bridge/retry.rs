//! Delays between attempts to reach a server: exponential, with jitter so that several bridges do not retry
//! simultaneously.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const MOST: Duration = Duration::from_secs(15);

pub(super) struct Retry {
    next: Duration,
    /// The number of failed attempts.
    pub(super) failed: u32,
}

impl Retry {
    pub(super) fn new() -> Self {
        Self { next: FIRST, failed: 0 }
    }

    /// Waits after a failed attempt.
    pub(super) async fn wait(&mut self) {
        let pause = self.next.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.next = (self.next * 2).min(MOST);
        self.failed += 1;
        tokio::time::sleep(pause).await;
    }
}
