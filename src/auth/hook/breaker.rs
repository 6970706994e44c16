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
        self.allows_at(Instant::now())
    }

    fn allows_at(&self, now: Instant) -> bool {
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
        self.failed_at(Instant::now())
    }

    fn failed_at(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        state.in_a_row += 1;
        if state.in_a_row < self.failures {
            return false;
        }
        let opens = state.until.is_none();
        state.until = Some(now + self.pause);
        opens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_failures_in_a_row_and_tries_after_the_pause() {
        let breaker = CircuitBreaker::new(3, Duration::from_secs(5));
        let now = Instant::now();
        assert!(!breaker.failed_at(now) && !breaker.failed_at(now) && breaker.allows_at(now));
        breaker.succeeded();
        assert!(!breaker.failed_at(now) && !breaker.failed_at(now) && breaker.failed_at(now));
        assert!(!breaker.allows_at(now + Duration::from_millis(4999)));
        let later = now + Duration::from_secs(5);
        assert!(breaker.allows_at(later) && !breaker.allows_at(later), "one tries");
        assert!(!breaker.failed_at(later), "that is known already");
        assert!(!breaker.allows_at(later + Duration::from_secs(4)));
        assert!(breaker.allows_at(later + Duration::from_secs(5)));
        breaker.succeeded();
        assert!(breaker.allows_at(later) && breaker.allows_at(later));
    }
}
