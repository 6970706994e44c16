//! Parses verifications and denials of hubs from a query (WebSub, sections 5.2 and 5.3). Pure.

use std::time::Duration;

/// Bytes of a challenge.
const CHALLENGE: usize = 1024;
/// Characters of a reason.
const REASON: usize = 200;
/// The bounds of a lease, and the lease without a number.
const SHORTEST: Duration = Duration::from_secs(5 * 60);
const LONGEST: Duration = Duration::from_secs(14 * 24 * 3600);
const UNKNOWN: Duration = Duration::from_secs(24 * 3600);

/// A request of a hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Intent {
    /// Whether the subscription is wanted.
    Subscribe {
        /// `hub.topic`
        topic: String,
        /// To be sent back.
        challenge: String,
        /// The lease that counts.
        lease: Duration,
        /// `hub.verify_token`
        token: Option<String>,
    },
    /// Whether the end of the subscription is wanted.
    Unsubscribe {
        /// `hub.topic`
        topic: String,
        /// To be sent back.
        challenge: String,
        /// `hub.verify_token`
        token: Option<String>,
    },
    /// The hub denies the subscription, or ends it.
    Denied {
        /// `hub.topic`
        topic: String,
        /// `hub.reason`, printable.
        reason: Option<String>,
    },
    /// Any other request.
    Other,
}

impl Intent {
    /// Its name for the metrics.
    pub(super) fn mode(&self) -> &'static str {
        match self {
            Self::Subscribe { .. } => "subscribe",
            Self::Unsubscribe { .. } => "unsubscribe",
            Self::Denied { .. } => "denied",
            Self::Other => "none",
        }
    }

    /// Returns the topic of the request.
    pub(super) fn topic(&self) -> Option<&str> {
        match self {
            Self::Subscribe { topic, .. } | Self::Unsubscribe { topic, .. } | Self::Denied { topic, .. } => {
                Some(topic)
            }
            Self::Other => None,
        }
    }
}

/// Reads a query. Of several values of a parameter the first one counts.
pub(super) fn read(query: &str) -> Intent {
    let get = |name: &str| {
        let mut all = form_urlencoded::parse(query.as_bytes());
        all.find(|(own, _)| own == name).map(|(_, value)| value.into_owned())
    };
    let Some(topic) = get("hub.topic") else { return Intent::Other };
    // It is returned byte for byte, which requires valid text.
    let is_challenge =
        |text: &String| (1..=CHALLENGE).contains(&text.len()) && !text.contains(char::REPLACEMENT_CHARACTER);
    let (challenge, token) = (get("hub.challenge").filter(is_challenge), get("hub.verify_token"));
    match (get("hub.mode").as_deref(), challenge) {
        (Some("subscribe"), Some(challenge)) => {
            Intent::Subscribe { topic, challenge, lease: lease(get("hub.lease_seconds").as_deref()), token }
        }
        (Some("unsubscribe"), Some(challenge)) => Intent::Unsubscribe { topic, challenge, token },
        (Some("denied"), _) => {
            Intent::Denied { topic, reason: get("hub.reason").and_then(|text| reason(&text)) }
        }
        _ => Intent::Other,
    }
}

/// Returns the effective lease for the lease that a hub names.
fn lease(text: Option<&str>) -> Duration {
    let text = text.unwrap_or_default().trim();
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return UNKNOWN;
    }
    // More digits than fit are a long lease.
    Duration::from_secs(text.parse().unwrap_or(u64::MAX)).clamp(SHORTEST, LONGEST)
}

fn reason(text: &str) -> Option<String> {
    let printable = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let reason: String = printable.take(REASON).collect();
    let reason = reason.trim();
    (!reason.is_empty()).then(|| reason.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_bounded() {
        const DAY: u64 = 24 * 3600;
        for (text, seconds) in [
            (None, DAY),
            (Some(""), DAY),
            (Some("x"), DAY),
            (Some("-5"), DAY),
            (Some("1.5"), DAY),
            (Some("1e9"), DAY),
            (Some("0"), 300),
            (Some("1"), 300),
            (Some("299"), 300),
            (Some("301"), 301),
            (Some(" 864000 "), 864_000),
            (Some("1209600"), 14 * DAY),
            (Some("1209601"), 14 * DAY),
            (Some("315360000"), 14 * DAY),
            (Some("99999999999999999999999"), 14 * DAY),
        ] {
            assert_eq!(lease(text).as_secs(), seconds, "{text:?}");
        }
    }

    #[test]
    fn requests_of_hubs() {
        let topic = "http://x.example/a?b=c d".to_owned();
        let spelt = "hub.topic=http%3A%2F%2Fx.example%2Fa%3Fb%3Dc+d";
        let read = |rest: &str| read(&format!("{spelt}&{rest}"));
        assert_eq!(
            read("hub.mode=subscribe&hub.challenge=%3Ca%3E&hub.lease_seconds=600&other=1"),
            Intent::Subscribe {
                topic: topic.clone(),
                challenge: "<a>".to_owned(),
                lease: Duration::from_secs(600),
                token: None
            }
        );
        assert_eq!(
            read("hub.mode=unsubscribe&hub.challenge=a&hub.lease_seconds=x&hub.verify_token=t"),
            Intent::Unsubscribe {
                topic: topic.clone(),
                challenge: "a".to_owned(),
                token: Some("t".to_owned())
            }
        );
        assert_eq!(
            read("hub.mode=denied&hub.reason=not%0Aallowed"),
            Intent::Denied { topic: topic.clone(), reason: Some("not allowed".to_owned()) }
        );
        assert_eq!(read("hub.mode=denied"), Intent::Denied { topic, reason: None });
        let long = "x".repeat(CHALLENGE + 1);
        for rest in [
            "",
            "hub.mode=publish&hub.challenge=a",
            "hub.mode=Subscribe&hub.challenge=a",
            "mode=subscribe&challenge=a",
            "hub.mode=subscribe",
            "hub.mode=subscribe&hub.challenge=",
            "hub.mode=subscribe&hub.challenge=%FF",
            &format!("hub.mode=subscribe&hub.challenge={long}"),
        ] {
            assert_eq!(read(rest), Intent::Other, "{rest}");
        }
        assert!(matches!(
            read(&format!("hub.mode=subscribe&hub.challenge={}", &long[1..])),
            Intent::Subscribe { .. }
        ));
    }
}
