//! How long to wait before a server is tried again: longer each time, and not all bridges at once.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const MOST: Duration = Duration::from_secs(15);

pub(super) struct Retry {
    next: Duration,
    /// Attempts that have failed.
    pub(super) failed: u32,
}

impl Retry {
    pub(super) fn new() -> Self {
        Self { next: FIRST, failed: 0 }
    }

    /// An attempt has failed: waits before the next one.
    pub(super) async fn wait(&mut self) {
        let pause = self.next.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.next = (self.next * 2).min(MOST);
        self.failed += 1;
        tokio::time::sleep(pause).await;
    }
}
