//! The status page of a request to subscribe or unsubscribe, for the subscriber. It shows host names, and never a
//! callback, a path or a secret.

use std::time::Duration;

use super::Hub;
use super::refusal::Refusal;
use crate::store::{State, Status};
use crate::web::urls;

/// Characters of a token.
pub(super) const TOKEN: usize = 24;

/// Names and values of a status page.
pub(super) type Lines = Vec<(&'static str, String)>;

impl Hub {
    /// Returns the lines of a status page. Unknown and malformed tokens are not distinguished.
    pub(super) async fn status(&self, token: &str) -> Result<Lines, Refusal> {
        if !is_token(token) {
            return Err(Refusal::Unknown);
        }
        let status = self.store.status(token).await?;
        Ok(lines(&status.ok_or(Refusal::Unknown)?))
    }
}

/// Whether a text may be a token.
pub(super) fn is_token(text: &str) -> bool {
    text.len() == TOKEN && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn lines(status: &Status) -> Lines {
    let topic = urls::read(&status.topic).map_or_else(|_| "unknown".to_owned(), |url| url.host);
    let mut lines = vec![
        ("Request", status.mode.name().to_owned()),
        ("Topic at", topic),
        ("Callback at", status.host.clone()),
    ];
    let mut add = |name, value: String| lines.push((name, without_urls(&value)));
    match &status.state {
        State::Checking => add("State", "the topic is being checked".to_owned()),
        State::Verifying(attempts, failure) => {
            add("State", "waiting for the callback to confirm".to_owned());
            add("Attempts", attempts.to_string());
            if let Some(failure) = failure {
                add("Last failure", failure.clone());
            }
        }
        State::Active(rest, failures, failure) => {
            add("State", "active".to_owned());
            add("Lease ends in", about(*rest));
            add("Failed deliveries in a row", failures.to_string());
            if let Some(failure) = failure {
                add("Last failure", failure.clone());
            }
        }
        State::Refused(reason) => {
            add("State", "the callback did not confirm".to_owned());
            add("Reason", reason.clone());
        }
        State::Denied(reason) => {
            add("State", "denied by the hub".to_owned());
            add("Reason", reason.clone());
        }
        State::Ended(reason) => {
            add("State", "ended".to_owned());
            add("Reason", reason.clone());
        }
    }
    lines
}

/// Replaces URLs in a text by their hosts: reasons may quote URLs of a topic.
fn without_urls(text: &str) -> String {
    let shorten = |word: &str| match word.contains("://") {
        true => urls::read(word).map_or_else(|_| "(a URL)".to_owned(), |url| url.host),
        false => word.to_owned(),
    };
    text.split(' ').map(shorten).collect::<Vec<_>>().join(" ")
}

/// Returns a duration in its largest unit of which it has at least two.
fn about(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [(86_400, "days"), (3600, "hours"), (60, "minutes")];
    let unit = units.into_iter().find(|(unit, _)| seconds >= 2 * unit);
    let (unit, name) = unit.unwrap_or((1, "seconds"));
    format!("{} {name}", seconds / unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Mode;

    fn text(state: State) -> String {
        let status = Status {
            mode: Mode::Subscribe,
            topic: "http://blog.example/secret-path?x".to_owned(),
            host: "me.example".to_owned(),
            state,
        };
        lines(&status).into_iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
    }

    #[test]
    fn states_and_hosts() {
        let begin = "Request: subscribe\nTopic at: blog.example\nCallback at: me.example\n";
        for (state, rest) in [
            (State::Checking, "State: the topic is being checked\n"),
            (
                State::Verifying(2, Some("status 503".to_owned())),
                "State: waiting for the callback to confirm\nAttempts: 2\nLast failure: status 503\n",
            ),
            (
                State::Active(Duration::from_secs(864_000), 0, None),
                "State: active\nLease ends in: 10 days\nFailed deliveries in a row: 0\n",
            ),
            (
                State::Refused("status 404".to_owned()),
                "State: the callback did not confirm\nReason: status 404\n",
            ),
            (
                State::Denied("it names http://a.example/path?x as its own".to_owned()),
                "State: denied by the hub\nReason: it names a.example as its own\n",
            ),
            (State::Denied("see x://<b>".to_owned()), "State: denied by the hub\nReason: see (a URL)\n"),
            (State::Ended("x".to_owned()), "State: ended\nReason: x\n"),
        ] {
            assert_eq!(text(state), format!("{begin}{rest}"));
        }
    }

    #[test]
    fn tokens() {
        assert!(is_token("abcDEF-_0123456789012345"));
        for bad in
            ["", "abc", "abcDEF-_01234567890123456", "abcDEF-_01234567890123./", "abcDEF-_0123456789012%41"]
        {
            assert!(!is_token(bad), "{bad}");
        }
    }

    #[test]
    fn durations() {
        let about = |seconds| about(Duration::from_secs(seconds));
        assert_eq!(
            (about(0), about(119), about(120)),
            ("0 seconds".into(), "119 seconds".into(), "2 minutes".into())
        );
        assert_eq!((about(7200), about(172_800)), ("2 hours".to_owned(), "2 days".to_owned()));
    }
}
