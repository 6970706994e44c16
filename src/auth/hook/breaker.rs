//! Circuit breaker for the authorization hook: after consecutive failures, decisions fail fast instead of waiting for
//! the application.

use parking_lot::Mutex;
use tokio::time::{Duration, Instant};

/// Counts consecutive failures.
pub(super) struct CircuitBreaker {
    failures: usize,
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    in_a_row: usize,
    /// Open until this time; afterwards one trial request is sent.
    until: Option<Instant>,
}

impl CircuitBreaker {
    pub(super) fn new(failures: usize, pause: Duration) -> Self {
        Self { failures, pause, state: Mutex::default() }
    }

    /// Returns whether a request may be sent now. After the cooldown a single trial request may; the others wait for
    /// its success.
    pub(super) fn allows(&self) -> bool {
        let now = Instant::now();
        let mut state = self.state.lock();
        match state.until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.until = Some(now + self.pause);
                true
            }
        }
    }

    /// Records a response and closes the breaker.
    pub(super) fn succeeded(&self) {
        *self.state.lock() = State::default();
    }

    /// Records a failure. Returns true if it opens the breaker.
    pub(super) fn failed(&self) -> bool {
        let mut state = self.state.lock();
        state.in_a_row += 1;
        if state.in_a_row < self.failures {
            return false;
        }
        let opens = state.until.is_none();
        state.until = Some(Instant::now() + self.pause);
        opens
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const PAUSE: Duration = Duration::from_secs(5);
    const MILLISECOND: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn opens_after_failures_in_a_row_and_tries_once_after_each_pause() {
        let breaker = CircuitBreaker::new(3, PAUSE);
        assert!(!breaker.failed() && !breaker.failed() && breaker.allows());
        breaker.succeeded();
        assert!(!breaker.failed() && !breaker.failed() && breaker.failed(), "three in a row");
        advance(PAUSE - MILLISECOND).await;
        assert!(!breaker.allows());
        advance(MILLISECOND).await;
        assert!(breaker.allows() && !breaker.allows(), "one tries");
        advance(PAUSE - MILLISECOND).await;
        assert!(!breaker.failed(), "it is open already");
        advance(PAUSE - MILLISECOND).await;
        assert!(!breaker.allows(), "the pause begins with the failure");
        advance(MILLISECOND).await;
        assert!(breaker.allows());
        breaker.succeeded();
        assert!(breaker.allows() && breaker.allows());
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_without_a_response_is_followed_by_another_one_after_the_pause() {
        let breaker = CircuitBreaker::new(1, PAUSE);
        assert!(breaker.failed());
        for _ in 0..3 {
            advance(PAUSE - MILLISECOND).await;
            assert!(!breaker.allows());
            advance(MILLISECOND).await;
            assert!(breaker.allows() && !breaker.allows());
        }
    }
}
