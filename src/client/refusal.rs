//! The refusal of a message by a server, with its advice (Bayeux 1.0, section 3.7). It must not know the message.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;

use crate::bayeux::{Field, Message};

/// The upper limit of an advised interval.
const LONGEST: Duration = Duration::from_secs(600);

/// The advised reaction to a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reconnect {
    /// Send the message again; the session continues.
    Retry,
    /// Open a new session.
    Handshake,
    /// Stop. Also the absence of advice.
    Stop,
}

/// A refused message.
#[derive(Debug)]
pub struct Refusal {
    /// The error of the reply.
    pub error: String,
    /// The advised reaction.
    pub reconnect: Reconnect,
    /// The advised time before it.
    pub interval: Duration,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Advice {
    reconnect: String,
    interval: f64,
}

impl Refusal {
    /// Reads a reply.
    #[must_use]
    pub fn of(reply: &Message) -> Self {
        let advice = advice(reply);
        let reconnect = match advice.reconnect.as_str() {
            "retry" => Reconnect::Retry,
            "handshake" => Reconnect::Handshake,
            _ => Reconnect::Stop,
        };
        let error = reply.text(Field::Error).unwrap_or_default().into_owned();
        Self { error, reconnect, interval: duration(&advice) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.error)
    }
}

/// Returns the advised time before the next connect.
pub(super) fn interval(reply: &Message) -> Duration {
    duration(&advice(reply))
}

/// Returns the advice of a reply. Malformed advice counts as none.
fn advice(reply: &Message) -> Advice {
    reply.get(Field::Advice).and_then(|text| serde_json::from_slice(text).ok()).unwrap_or_default()
}

fn duration(advice: &Advice) -> Duration {
    Duration::try_from_secs_f64(advice.interval / 1000.0).unwrap_or_default().min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bayeux::parse::parse;

    #[test]
    fn advice_is_read_and_bounded() {
        let cases = [
            (r#"{"reconnect":"retry","interval":250}"#, Reconnect::Retry, 250),
            (r#"{"reconnect":"handshake"}"#, Reconnect::Handshake, 0),
            (r#"{"reconnect":"none","interval":1}"#, Reconnect::Stop, 1),
            (r#"{"interval":1e300}"#, Reconnect::Stop, 0),
            (r#"{"reconnect":"retry","interval":1e9}"#, Reconnect::Retry, 600_000),
            (r#"{"reconnect":"retry","interval":-5}"#, Reconnect::Retry, 0),
            ("7", Reconnect::Stop, 0),
        ];
        for (advice, reconnect, milliseconds) in cases {
            let text = format!(r#"[{{"channel":"/meta/connect","error":"400::No","advice":{advice}}}]"#);
            let replies = parse(&text.into(), 1).unwrap().messages;
            let refusal = Refusal::of(&replies[0]);
            let wanted = (reconnect, Duration::from_millis(milliseconds));
            assert_eq!((refusal.reconnect, refusal.interval), wanted, "{advice}");
            assert_eq!(refusal.to_string(), "400::No");
        }
    }
}
