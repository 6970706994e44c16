//! Limits the lines that a file prints to a number each second. Counts suppressed lines and schedules their report. It
//! must not know where lines go.

use std::time::Duration;

use tokio::time::Instant;

/// The period of the rate.
const WINDOW: Duration = Duration::from_secs(1);

/// Maximum time before suppressed lines are reported, if they do not stop.
const REPORT: Duration = Duration::from_secs(60);

/// The lines of one file.
pub(super) struct Console {
    rate: usize,
    /// When the current window began.
    window: Instant,
    /// Lines that passed in the window.
    passed: usize,
    /// Lines suppressed since the last report.
    suppressed: u64,
    first_suppressed: Instant,
    last_suppressed: Instant,
}

impl Console {
    pub(super) fn new(rate: usize, now: Instant) -> Self {
        Self { rate, window: now, passed: 0, suppressed: 0, first_suppressed: now, last_suppressed: now }
    }

    /// Whether a line may be printed. Otherwise counts it as suppressed.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        if now >= self.window + WINDOW {
            self.window = now;
            self.passed = 0;
        }
        if self.passed < self.rate {
            self.passed += 1;
            return true;
        }
        if self.suppressed == 0 {
            self.first_suppressed = now;
        }
        self.last_suppressed = now;
        self.suppressed += 1;
        false
    }

    /// Returns when to report suppressed lines.
    pub(super) fn next(&self) -> Option<Instant> {
        let quiet = self.last_suppressed + WINDOW;
        (self.suppressed > 0).then(|| quiet.min(self.first_suppressed + REPORT))
    }

    /// Takes the number of suppressed lines if their report is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<u64> {
        let is_due = self.next().is_some_and(|next| next <= now);
        is_due.then(|| self.take()).flatten()
    }

    /// Takes the number of suppressed lines, if there are any.
    pub(super) fn take(&mut self) -> Option<u64> {
        Some(std::mem::take(&mut self.suppressed)).filter(|lines| *lines > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_beyond_the_rate_are_counted_and_reported_once() {
        let begin = Instant::now();
        let at = |milliseconds| begin + Duration::from_millis(milliseconds);
        let mut console = Console::new(2, begin);
        assert_eq!((0..5).filter(|n| console.admit(at(*n))).count(), 2);
        assert_eq!(console.take_due(at(500)), None);
        // The rate has recovered, and the report waits until a second has passed without suppressed lines.
        assert!(console.admit(at(1000)) && console.admit(at(1001)) && !console.admit(at(1002)));
        assert_eq!(console.next(), Some(at(2002)));
        assert_eq!(console.take_due(at(2001)), None);
        assert_eq!(console.take_due(at(2002)), Some(4));
        assert_eq!((console.next(), console.take_due(at(9000))), (None, None));
    }

    #[test]
    fn lines_without_end_are_reported_too() {
        let begin = Instant::now();
        let mut console = Console::new(1, begin);
        let mut reports = Vec::new();
        for milliseconds in (0..130_000).step_by(100) {
            let now = begin + Duration::from_millis(milliseconds);
            console.admit(now);
            reports.extend(console.take_due(now));
        }
        assert_eq!(reports.len(), 2, "{reports:?}");
        assert_eq!(reports[0], 541);
    }
}
