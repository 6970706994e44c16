//! Circuit breakers for hosts that fail. It must not know requests, or their number.
//!
//! A host without failures has no state.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

/// Consecutive failures that open the circuit breaker of a host.
pub(super) const FAILURES: u32 = 5;
/// The first pause of an open circuit breaker; it doubles with each failed trial.
pub(super) const PAUSE: Duration = Duration::from_secs(30);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// The delay of requests while a trial is running.
pub(super) const TRIAL: Duration = Duration::from_secs(1);
/// Maximum number of hosts with remembered failures. At the maximum, the half with the oldest failures is forgotten.
const REMEMBERED: usize = 10_000;
/// The circuit breakers of all hosts.
#[derive(Debug, Default)]
pub(super) struct Breakers {
    failing: HashMap<Arc<str>, Failing>,
}

/// A host whose last request has failed.
#[derive(Debug)]
struct Failing {
    in_a_row: u32,
    last: Instant,
    /// Set while the circuit breaker is open.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    until: Instant,
    pause: Duration,
    /// Requests under way that decide. The first result counts.
    trials: usize,
}

impl Breakers {
    /// Checks whether a host gets requests now, with at most so many trials at a time.
    ///
    /// # Errors
    /// The remaining time of the pause, or the delay while trials are running.
    pub(super) fn check(&self, host: &str, trials: usize, now: Instant) -> Result<(), Duration> {
        let Some(open) = self.failing.get(host).and_then(|failing| failing.open.as_ref()) else {
            return Ok(());
        };
        let rest = open.until.saturating_duration_since(now);
        if rest.is_zero() && open.trials < trials { Ok(()) } else { Err(rest.max(TRIAL)) }
    }

    /// Counts a request that starts. Returns the end of the pause if the request is a trial.
    pub(super) fn start(&mut self, host: &str) -> Option<Instant> {
        let open = self.open_mut(host)?;
        open.trials += 1;
        Some(open.until)
    }

    /// Removes a request without a result, so that a trial can be repeated.
    pub(super) fn cancel(&mut self, host: &str, trial: Option<Instant>) {
        if let Some(open) = self.open_mut(host).filter(|open| trial == Some(open.until)) {
            open.trials -= 1;
        }
    }

    /// Records a response of a host.
    pub(super) fn succeeded(&mut self, host: &str) {
        self.failing.remove(host);
    }

    /// Records a failure. Returns the pause that it starts, if it does.
    pub(super) fn failed(
        &mut self,
        host: &Arc<str>,
        trial: Option<Instant>,
        now: Instant,
    ) -> Option<Duration> {
        if !self.failing.contains_key(host) {
            self.forget();
        }
        let new = || Failing { in_a_row: 0, last: now, open: None };
        let failing = self.failing.entry(Arc::clone(host)).or_insert_with(new);
        failing.in_a_row = failing.in_a_row.saturating_add(1);
        failing.last = now;
        let pause = match &failing.open {
            None if failing.in_a_row < FAILURES => return None,
            None => PAUSE,
            Some(open) if trial == Some(open.until) => (open.pause * 2).min(LONGEST),
            // It was sent before the circuit breaker opened, or another trial failed before.
            Some(_) => return None,
        };
        failing.open = Some(Open { until: now + pause, pause, trials: 0 });
        Some(pause)
    }

    /// Returns the hosts that get no request now.
    pub(super) fn open(&self, now: Instant) -> impl Iterator<Item = &Arc<str>> {
        // Whether a host has room for another trial is determined by `check`.
        let is_open = move |failing: &Failing| failing.open.as_ref().is_some_and(|open| now < open.until);
        self.failing.iter().filter(move |(_, failing)| is_open(failing)).map(|(name, _)| name)
    }

    fn open_mut(&mut self, host: &str) -> Option<&mut Open> {
        self.failing.get_mut(host).and_then(|failing| failing.open.as_mut())
    }

    /// Forgets hosts if there are too many. Removes the older half, so that this is rare.
    fn forget(&mut self) {
        if self.failing.len() < REMEMBERED {
            return;
        }
        let mut times: Vec<_> = self.failing.values().map(|failing| failing.last).collect();
        let (_, middle, _) = times.select_nth_unstable(REMEMBERED / 2);
        let middle = *middle;
        self.failing.retain(|_, failing| failing.last > middle);
    }
}

#[cfg(test)]
impl Breakers {
    /// Whether no host has a failure.
    pub(super) fn is_empty(&self) -> bool {
        self.failing.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(breakers: &mut Breakers, host: &str, now: Instant) {
        let trial = breakers.start(host);
        breakers.failed(&host.into(), trial, now);
    }

    fn open(breakers: &Breakers, now: Instant) -> Vec<String> {
        breakers.open(now).map(|host| (**host).to_owned()).collect()
    }

    #[test]
    fn failures_in_a_row_open_the_breaker_for_times_that_double_up_to_an_hour() {
        let mut breakers = Breakers::default();
        let mut now = Instant::now();
        for _ in 0..FAILURES - 1 {
            fail(&mut breakers, "a", now);
        }
        breakers.succeeded("a");
        for _ in 0..FAILURES {
            assert!(open(&breakers, now).is_empty(), "they are not in a row");
            fail(&mut breakers, "a", now);
        }
        let mut pause = PAUSE;
        loop {
            let almost = now + pause - Duration::from_millis(1);
            assert_eq!(breakers.check("a", 4, now), Err(pause));
            assert_eq!(breakers.check("a", 4, almost), Err(TRIAL));
            assert_eq!(open(&breakers, almost), ["a"]);
            assert_eq!(breakers.check("b", 4, now), Ok(()));
            now += pause;
            if pause == LONGEST {
                break;
            }
            assert!(open(&breakers, now).is_empty());
            assert_eq!(breakers.check("a", 4, now), Ok(()));
            fail(&mut breakers, "a", now);
            pause = (pause * 2).min(LONGEST);
        }
        breakers.succeeded("a");
        assert!(breakers.is_empty());
    }

    #[test]
    fn the_hosts_that_are_remembered_are_bounded_and_the_newest_stay() {
        let mut breakers = Breakers::default();
        let begin = Instant::now();
        for number in 0..REMEMBERED * 3 {
            let now = begin + Duration::from_millis(number as u64);
            fail(&mut breakers, &format!("{number}.example"), now);
        }
        assert!(breakers.failing.len() <= REMEMBERED && breakers.failing.len() >= REMEMBERED / 2);
        assert!(breakers.failing.contains_key(&*format!("{}.example", REMEMBERED * 3 - 1)));
    }
}
