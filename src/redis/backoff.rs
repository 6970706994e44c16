//! Pauses between attempts to connect.

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_millis(50);

/// A pause that doubles with each failure, up to a maximum.
#[derive(Debug)]
pub(crate) struct Backoff {
    pause: Duration,
    longest: Duration,
}

impl Backoff {
    /// Creates a backoff without failures.
    pub(crate) fn new(longest: Duration) -> Self {
        Self { pause: FIRST, longest }
    }

    /// Counts a failure. Returns the pause before the next attempt, with jitter.
    pub(crate) fn failed(&mut self) -> Duration {
        with_jitter(self.next())
    }

    /// Forgets the failures.
    pub(crate) fn succeeded(&mut self) {
        self.pause = FIRST;
    }

    fn next(&mut self) -> Duration {
        let pause = self.pause;
        self.pause = (pause * 2).min(self.longest);
        pause
    }
}

/// Multiplies a pause by a random factor between 0.5 and 1.5, so that instances do not reconnect at once.
pub(crate) fn with_jitter(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_again_after_a_success() {
        let mut backoff = Backoff::new(Duration::from_secs(1));
        let mut pauses = |count| -> Vec<u128> { (0..count).map(|_| backoff.next().as_millis()).collect() };
        assert_eq!(pauses(8), [50, 100, 200, 400, 800, 1000, 1000, 1000]);
        backoff.succeeded();
        let pauses: Vec<u128> = (0..2).map(|_| backoff.next().as_millis()).collect();
        assert_eq!(pauses, [50, 100]);
    }

    #[test]
    fn jitter_is_half_of_the_pause_in_both_directions() {
        let mut backoff = Backoff::new(Duration::from_secs(2));
        for expected in [50, 100, 200, 400, 800, 1600, 2000, 2000] {
            let range = Duration::from_millis(expected / 2)..Duration::from_millis(expected * 3 / 2);
            assert!(range.contains(&backoff.failed()), "{expected}");
        }
        let pauses: std::collections::BTreeSet<Duration> = (0..100).map(|_| backoff.failed()).collect();
        assert!(pauses.len() > 90, "{} of 100 pauses differ", pauses.len());
    }
}
