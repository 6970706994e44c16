//! The circuit breaker of the authorization hook: fails fast while the application does not answer.

use parking_lot::Mutex;
use tokio::time::{Duration, Instant};

/// Counts failures in a row.
pub(super) struct Breaker {
    failures: usize,
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    in_a_row: usize,
    /// Until then no request is sent; afterwards one is tried.
    until: Option<Instant>,
}

impl Breaker {
    pub(super) fn new(failures: usize, pause: Duration) -> Self {
        Self { failures, pause, state: Mutex::default() }
    }

    /// Whether a question may be asked now. After a pause one may, and the others when that was answered.
    pub(super) fn may_ask(&self) -> bool {
        self.may_ask_at(Instant::now())
    }

    fn may_ask_at(&self, now: Instant) -> bool {
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

    /// Notes an answer.
    pub(super) fn succeeded(&self) {
        *self.state.lock() = State::default();
    }

    /// Records a failure. True if it opens the breaker.
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
        let breaker = Breaker::new(3, Duration::from_secs(5));
        let now = Instant::now();
        assert!(!breaker.failed_at(now) && !breaker.failed_at(now) && breaker.may_ask_at(now));
        breaker.succeeded();
        assert!(!breaker.failed_at(now) && !breaker.failed_at(now) && breaker.failed_at(now));
        assert!(!breaker.may_ask_at(now + Duration::from_millis(4999)));
        let later = now + Duration::from_secs(5);
        assert!(breaker.may_ask_at(later) && !breaker.may_ask_at(later), "one tries");
        assert!(!breaker.failed_at(later), "that is known already");
        assert!(!breaker.may_ask_at(later + Duration::from_secs(4)));
        assert!(breaker.may_ask_at(later + Duration::from_secs(5)));
        breaker.succeeded();
        assert!(breaker.may_ask_at(later) && breaker.may_ask_at(later));
    }
}
