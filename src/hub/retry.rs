//! Decides about a request to subscribe or unsubscribe after an attempt at its callback: complete it, or retry it
//! later. This module does no I/O.

use std::time::Duration;

use hyper::StatusCode;

use crate::store::{Request, RequestOutcome, Stage};

/// The delays between attempts at a callback.
const TIMES: [Duration; 3] = [Duration::from_secs(10), Duration::from_secs(60), Duration::from_secs(5 * 60)];
/// The times that follow for requests made with `hub.verify`; the last one repeats.
const LATER: [Duration; 3] =
    [Duration::from_secs(15 * 60), Duration::from_secs(30 * 60), Duration::from_secs(60 * 60)];
/// The time for attempts at callbacks of requests with `hub.verify` (PubSubHubbub 0.3, section 6.2.1).
const LEGACY: Duration = Duration::from_secs(6 * 60 * 60);
/// The divisor for the share of the lease that remains when the store queues a renewal, and for the share of that
/// between two attempts.
const WINDOW: u32 = 10;
const WINDOW_ATTEMPTS: u32 = 8;
/// Minimum of that share, unless it is more than half of the lease.
const WINDOW_LEAST: Duration = Duration::from_secs(10);
/// The longest one.
const WINDOW_MOST: Duration = Duration::from_secs(24 * 60 * 60);

/// The answer of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The challenge.
    Confirmed,
    /// A status other than 2xx, or 2xx without the challenge.
    Status(StatusCode),
    /// No response, or an incomplete one.
    Unreachable,
    /// The callback may not be requested.
    Forbidden,
}

impl Answer {
    /// The text for strangers.
    fn reason(self) -> String {
        match self {
            Self::Status(status) if status.is_success() => {
                "the callback did not answer with the challenge".to_owned()
            }
            Self::Status(status) if status.is_redirection() => {
                format!("the callback answered with status {}; redirects are not followed", status.as_u16())
            }
            Self::Status(status) => format!("the callback answered with status {}", status.as_u16()),
            // The same text for both, so that clients cannot learn which addresses exist.
            Self::Confirmed | Self::Unreachable | Self::Forbidden => {
                "the callback is not reachable".to_owned()
            }
        }
    }

    /// Whether a later attempt may have another result.
    fn is_temporary(self, request: &Request) -> bool {
        let is_denial = request.stage == Stage::Deny;
        match self {
            Self::Confirmed | Self::Status(StatusCode::NOT_FOUND | StatusCode::GONE) => false,
            // Only a definite answer ends a subscription in renewal; otherwise it ends with its lease.
            _ if request.is_renewal && !is_denial => true,
            Self::Forbidden => false,
            Self::Unreachable => true,
            // PubSubHubbub 0.3, section 6.2.1: all statuses but 404 are temporary. A callback without a subscription
            // may not have requested one, so it is not retried for hours.
            Self::Status(status) if request.is_legacy && request.is_known && !is_denial => {
                !status.is_success()
            }
            Self::Status(status) => status.is_server_error(),
        }
    }
}

/// Returns the outcome of a request after an answer of its callback.
pub(super) fn outcome(request: &Request, answer: Answer) -> RequestOutcome {
    let is_denial = request.stage == Stage::Deny;
    let again = if answer.is_temporary(request) { next(request) } else { None };
    match again {
        Some(time) => RequestOutcome::Retry(jittered(time), answer.reason()),
        None if is_denial => RequestOutcome::Told,
        None if answer == Answer::Confirmed => RequestOutcome::Verified,
        None => RequestOutcome::Refused(answer.reason()),
    }
}

/// Returns the outcome of a request that is not retried.
pub(super) fn last_outcome(answer: Answer) -> RequestOutcome {
    if answer == Answer::Confirmed {
        RequestOutcome::Verified
    } else {
        RequestOutcome::Refused(answer.reason())
    }
}

/// Returns the delay of the next attempt; `None` if there is none.
fn next(request: &Request) -> Option<Duration> {
    let attempts = request.attempts as usize;
    let time = TIMES.get(attempts).copied();
    if request.stage == Stage::Deny {
        return time;
    }
    let later = || LATER[attempts.saturating_sub(TIMES.len()).min(LATER.len() - 1)];
    if request.is_renewal {
        // Until the lease ends, and with it the renewal.
        let least = (request.lease / 2).min(WINDOW_LEAST);
        let window = (request.lease / WINDOW).max(least).min(WINDOW_MOST);
        return Some(time.unwrap_or_else(later).min(window / WINDOW_ATTEMPTS));
    }
    if request.is_legacy {
        return Some(time.unwrap_or_else(later)).filter(|time| request.age + *time <= LEGACY);
    }
    time
}

/// Returns the delay with up to 20 % of jitter, so that simultaneous failures are not retried simultaneously.
fn jittered(time: Duration) -> Duration {
    time.mul_f64(0.8 + 0.4 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Mode;

    const HOUR: Duration = Duration::from_secs(3600);

    fn request(stage: Stage, attempts: u32) -> Request {
        Request {
            id: 1,
            claim: 1,
            mode: Mode::Subscribe,
            stage,
            topic: String::new(),
            topic_spelt: String::new(),
            callback: String::new(),
            host: String::new(),
            lease: 240 * HOUR,
            is_legacy: false,
            is_renewal: false,
            is_known: false,
            verify_token: None,
            attempts,
            age: Duration::ZERO,
            reason: None,
        }
    }

    /// Returns the delays without jitter until the last attempt, in seconds. The time of an attempt is not counted.
    fn schedule(mut request: Request, most: usize) -> Vec<u64> {
        let mut delays = Vec::new();
        while delays.len() < most
            && let Some(delay) = next(&request)
        {
            delays.push(delay.as_secs());
            request.age += delay;
            request.attempts += 1;
        }
        delays
    }

    #[test]
    fn the_schedules_are_exact() {
        assert_eq!(schedule(request(Stage::Verify, 0), 9), [10, 60, 300]);
        assert_eq!(schedule(request(Stage::Deny, 0), 9), [10, 60, 300]);
        let legacy = Request { is_legacy: true, ..request(Stage::Verify, 0) };
        // The last one is within six hours of the request: the next would be at 6 h 51 min 10 s.
        assert_eq!(schedule(legacy, 99), [10, 60, 300, 900, 1800, 3600, 3600, 3600, 3600, 3600]);
        let renewal = |lease| Request { is_renewal: true, lease, ..request(Stage::Verify, 0) };
        assert_eq!(schedule(renewal(240 * HOUR), 7), [10, 60, 300, 900, 1800, 3600, 3600]);
        // A tenth of the lease has eight attempts.
        assert_eq!(schedule(renewal(HOUR), 4), [10, 45, 45, 45]);
        // A day at most is left, which has eight attempts too.
        assert_eq!(schedule(renewal(10_000 * HOUR), 7), [10, 60, 300, 900, 1800, 3600, 3600]);
        // Half of a short lease.
        let delay = next(&renewal(Duration::from_secs(10)));
        assert_eq!(delay, Some(Duration::from_millis(625)));
    }

    fn status(code: u16) -> Answer {
        Answer::Status(StatusCode::from_u16(code).unwrap())
    }

    /// Returns the delays between the attempts of a request that always gets this answer, and its final outcome.
    fn attempts(
        mut request: Request,
        answer: Answer,
        most: usize,
    ) -> (Vec<Duration>, Option<RequestOutcome>) {
        let mut times = Vec::new();
        while times.len() < most {
            match outcome(&request, answer) {
                RequestOutcome::Retry(time, reason) => {
                    assert_eq!(reason, answer.reason());
                    request.age += time;
                    request.attempts += 1;
                    times.push(time);
                }
                end => return (times, Some(end)),
            }
        }
        (times, None)
    }

    fn is_about(time: Duration, seconds: u64) -> bool {
        let seconds = Duration::from_secs(seconds);
        (seconds.mul_f64(0.79)..seconds.mul_f64(1.21)).contains(&time)
    }

    #[test]
    fn only_missing_responses_and_5xx_are_tried_again_and_three_times() {
        for answer in [Answer::Unreachable, status(500), status(503)] {
            let (times, end) = attempts(request(Stage::Verify, 0), answer, 9);
            assert_eq!(end, Some(RequestOutcome::Refused(answer.reason())));
            assert_eq!(times.len(), 3);
            assert!(times.iter().zip([10, 60, 300]).all(|(time, about)| is_about(*time, about)), "{times:?}");
        }
        for answer in [
            status(200),
            status(204),
            status(301),
            status(308),
            status(400),
            status(404),
            status(429),
            Answer::Forbidden,
        ] {
            let end = outcome(&request(Stage::Verify, 0), answer);
            assert_eq!(end, RequestOutcome::Refused(answer.reason()));
        }
        assert_eq!(outcome(&request(Stage::Verify, 3), Answer::Confirmed), RequestOutcome::Verified);
    }

    #[test]
    fn requests_with_hub_verify_are_tried_for_six_hours_and_404_is_final() {
        let legacy = || Request { is_legacy: true, is_known: true, ..request(Stage::Verify, 0) };
        for answer in [Answer::Unreachable, status(500), status(302), status(403)] {
            let (times, end) = attempts(legacy(), answer, 99);
            assert_eq!(end, Some(RequestOutcome::Refused(answer.reason())));
            let total: Duration = times.iter().sum();
            assert!(total <= 7 * HOUR && total >= 4 * HOUR, "{times:?}");
        }
        for answer in [status(404), status(410), status(200), Answer::Forbidden] {
            assert_eq!(outcome(&legacy(), answer), RequestOutcome::Refused(answer.reason()));
        }
    }

    #[test]
    fn a_callback_without_a_subscription_refuses_by_4xx() {
        let legacy = || Request { is_legacy: true, ..request(Stage::Verify, 0) };
        for answer in [status(302), status(400), status(403), status(429)] {
            assert_eq!(outcome(&legacy(), answer), RequestOutcome::Refused(answer.reason()));
        }
        for answer in [status(500), Answer::Unreachable] {
            let (times, _) = attempts(legacy(), answer, 99);
            assert!(times.iter().sum::<Duration>() >= 4 * HOUR, "{times:?}");
        }
    }

    #[test]
    fn renewals_end_by_404_and_410_only() {
        let renewal = || Request { is_legacy: true, is_renewal: true, ..request(Stage::Verify, 0) };
        for answer in [status(200), status(302), status(403), status(500), Answer::Forbidden] {
            assert!(matches!(outcome(&renewal(), answer), RequestOutcome::Retry(..)), "{answer:?}");
        }
        for answer in [status(404), status(410)] {
            assert_eq!(outcome(&renewal(), answer), RequestOutcome::Refused(answer.reason()));
        }
        assert_eq!(outcome(&renewal(), Answer::Confirmed), RequestOutcome::Verified);
    }

    #[test]
    fn renewals_are_tried_until_the_store_ends_the_lease() {
        for (lease, longest) in
            [(240 * HOUR, HOUR), (HOUR, Duration::from_secs(45)), (HOUR / 360, HOUR / 5760)]
        {
            let renewal = Request { is_legacy: true, is_renewal: true, lease, ..request(Stage::Verify, 0) };
            let (times, end) = attempts(renewal, status(500), 999);
            assert_eq!(end, None);
            assert!(times.iter().all(|time| *time <= longest.mul_f64(1.21)), "{times:?}");
            assert!(times.iter().all(|time| *time > Duration::ZERO), "{times:?}");
        }
    }

    #[test]
    fn a_denial_ends_with_any_answer_and_is_told_four_times_at_most() {
        for answer in [Answer::Confirmed, status(200), status(302), status(404), Answer::Forbidden] {
            assert_eq!(outcome(&request(Stage::Deny, 0), answer), RequestOutcome::Told);
        }
        for is_legacy in [false, true] {
            let denied = Request { is_legacy, is_renewal: is_legacy, ..request(Stage::Deny, 0) };
            let (times, end) = attempts(denied, status(502), 9);
            assert_eq!((times.len(), end), (3, Some(RequestOutcome::Told)));
        }
    }

    #[test]
    fn strangers_do_not_learn_whether_an_address_is_refused_or_does_not_answer() {
        assert_eq!(Answer::Forbidden.reason(), Answer::Unreachable.reason());
    }
}
