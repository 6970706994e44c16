//! The outcome of a request to a hub after its response. This module does no I/O.

use std::time::Duration;

use hyper::StatusCode;

use super::schedule;
use crate::store::CallOutcome;

/// Maximum time to wait for a verification. Hubs that respond with 204 have already verified (PubSubHubbub 0.3), or
/// never will.
const PATIENCE: Duration = Duration::from_secs(60);
const PATIENCE_AFTER_204: Duration = Duration::from_secs(10);
/// Maximum characters of a hub's text that operators see.
const REASON: usize = 200;

/// The answer of a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// A response: its status, the time of `Retry-After`, and its text.
    Status(StatusCode, Option<Duration>, String),
    /// There was none, and why.
    Unreachable(String),
    /// The request is not allowed, with the reason.
    Forbidden(String),
}

/// The relevant properties of the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sent {
    /// Whether it had `hub.verify`.
    pub(super) is_legacy: bool,
    /// Failed requests before it.
    pub(super) attempts: u32,
}

/// Returns the outcome of a request. `token` is for a repetition with `hub.verify`.
pub(super) fn outcome(sent: Sent, answer: Answer, token: impl FnOnce() -> String) -> CallOutcome {
    let (status, asked, text) = match answer {
        Answer::Status(status, asked, text) => (status, asked, text),
        Answer::Unreachable(why) => return again(sent, None, format!("the hub cannot be reached: {why}")),
        Answer::Forbidden(why) => return CallOutcome::Refused(why),
    };
    if status.is_success() {
        let is_204 = status == StatusCode::NO_CONTENT;
        return CallOutcome::Accepted { patience: if is_204 { PATIENCE_AFTER_204 } else { PATIENCE } };
    }
    let why = match excerpt(&text) {
        text if text.is_empty() => format!("the hub responds with status {}", status.as_u16()),
        text => format!("the hub responds with status {}: {text}", status.as_u16()),
    };
    let is_temporary =
        matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS);
    if status.is_server_error() || is_temporary {
        return again(sent, asked, why);
    }
    // Others have understood the request.
    let is_final = matches!(
        status,
        StatusCode::UNAUTHORIZED
            | StatusCode::FORBIDDEN
            | StatusCode::NOT_FOUND
            | StatusCode::GONE
            | StatusCode::UNPROCESSABLE_ENTITY
    );
    if status.is_client_error() && !is_final && !sent.is_legacy {
        return CallOutcome::Legacy(token());
    }
    CallOutcome::Refused(why)
}

fn again(sent: Sent, asked: Option<Duration>, why: String) -> CallOutcome {
    match schedule::again(sent.attempts, asked, schedule::jitter()) {
        Some(wait) => CallOutcome::Retry(wait, why),
        None => CallOutcome::Refused(why),
    }
}

/// Returns the value of the metric for an outcome.
pub(super) fn result(outcome: &CallOutcome) -> &'static str {
    match outcome {
        CallOutcome::Accepted { .. } => "accepted",
        CallOutcome::Legacy(_) | CallOutcome::Retry(..) => "retried",
        CallOutcome::Refused(_) => "refused",
    }
}

/// Returns the beginning of a text, without line ends and other control characters.
fn excerpt(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).take(REASON).collect();
    words.join(" ").chars().take(REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Sent = Sent { is_legacy: false, attempts: 0 };

    fn status(sent: Sent, code: u16) -> CallOutcome {
        let status = StatusCode::from_u16(code).unwrap();
        outcome(sent, Answer::Status(status, None, "why\r\n".to_owned()), || "token".to_owned())
    }

    #[test]
    fn any_success_is_an_acceptance() {
        for (code, seconds) in [(202, 60), (200, 60), (201, 60), (204, 10)] {
            let CallOutcome::Accepted { patience } = status(FIRST, code) else { panic!("{code}") };
            assert_eq!(patience.as_secs(), seconds, "{code}");
        }
    }

    #[test]
    fn a_request_that_is_not_understood_is_sent_once_more_with_hub_verify() {
        for code in [400, 405, 406, 409, 411, 415] {
            assert!(matches!(status(FIRST, code), CallOutcome::Legacy(token) if token == "token"), "{code}");
            let legacy = Sent { is_legacy: true, ..FIRST };
            let CallOutcome::Refused(why) = status(legacy, code) else { panic!("{code}") };
            assert_eq!(why, format!("the hub responds with status {code}: why"));
        }
    }

    #[test]
    fn definite_answers_are_refusals() {
        for code in [401, 403, 404, 410, 422, 100, 300, 304] {
            assert!(matches!(status(FIRST, code), CallOutcome::Refused(_)), "{code}");
        }
        let forbidden = outcome(FIRST, Answer::Forbidden("no".to_owned()), String::new);
        assert!(matches!(forbidden, CallOutcome::Refused(why) if why == "no"));
    }

    #[test]
    fn failures_are_tried_again_and_then_refusals() {
        for code in [408, 425, 429, 500, 502, 503, 504] {
            for attempts in 0..5 {
                let outcome = status(Sent { attempts, ..FIRST }, code);
                assert!(matches!(outcome, CallOutcome::Retry(..)), "{code} {attempts}");
            }
            assert!(matches!(status(Sent { attempts: 5, ..FIRST }, code), CallOutcome::Refused(_)), "{code}");
        }
        let unreachable = || Answer::Unreachable("no address".to_owned());
        let CallOutcome::Retry(wait, why) = outcome(FIRST, unreachable(), String::new) else { panic!() };
        assert!(wait >= Duration::from_secs(9) && wait <= Duration::from_secs(11), "{wait:?}");
        assert_eq!(why, "the hub cannot be reached: no address");
        let asked =
            Answer::Status(StatusCode::TOO_MANY_REQUESTS, Some(Duration::from_secs(500)), String::new());
        let CallOutcome::Retry(wait, why) = outcome(FIRST, asked, String::new) else { panic!() };
        assert_eq!((wait.as_secs(), why.as_str()), (500, "the hub responds with status 429"));
    }

    #[test]
    fn operators_see_the_beginning_of_the_text() {
        assert_eq!(excerpt(" a \u{0}\u{1b}[1m b\r\n\tc "), "a [1m b c");
        assert_eq!(excerpt(&"\u{e9}".repeat(300)), "\u{e9}".repeat(200));
        assert_eq!(excerpt("\n"), "");
    }
}
