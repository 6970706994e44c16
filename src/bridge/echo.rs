//! Detects a server that removes the bridge's mark. Every message that is published to a server returns through the
//! subscription and must still have its mark; otherwise messages would loop.
//!
//! After the first marked message, no further data is kept.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use crate::bayeux::{Field, Message};

/// Maximum number of remembered messages before the first one has returned.
const KEPT: usize = 1000;
/// The number of matching messages without a mark that proves the removal. Single matches may have been published to
/// both servers.
const CERTAIN: usize = 32;

/// The echo state of one server.
#[derive(Default)]
pub(super) struct Echo {
    keeps_marks: bool,
    /// Fingerprints of the messages that were published to the server.
    sent: VecDeque<u64>,
    unmarked: usize,
}

impl Echo {
    /// Whether fingerprints are still needed.
    pub(super) fn is_open(&self) -> bool {
        !self.keeps_marks
    }

    /// Records a message that is about to be published to the server.
    pub(super) fn sent(&mut self, fingerprint: u64) {
        if self.is_open() {
            self.sent.push_back(fingerprint);
            if self.sent.len() > KEPT {
                self.sent.pop_front();
            }
        }
    }

    /// Records a message with a mark from the server.
    pub(super) fn received_marked(&mut self) {
        *self = Self { keeps_marks: true, ..Self::default() };
    }

    /// Records a message without a mark from the server. Returns `true` once it is certain that the server removes
    /// marks.
    pub(super) fn received_unmarked(&mut self, fingerprint: u64) -> bool {
        if let Some(at) = self.sent.iter().position(|sent| *sent == fingerprint) {
            self.sent.remove(at);
            self.unmarked += 1;
        }
        self.is_open() && self.unmarked >= CERTAIN
    }
}

/// Returns a fingerprint of the channel and the data of a message. Parsing and serializing in JavaScript does not
/// change it.
pub(super) fn fingerprint(message: &Message) -> u64 {
    let mut hasher = DefaultHasher::new();
    message.text(Field::Channel).hash(&mut hasher);
    let data = message.get(Field::Data).unwrap_or_default();
    match serde_json::from_slice(data) {
        Ok(value) => mix(&value, &mut hasher),
        Err(_) => data.hash(&mut hasher),
    }
    hasher.finish()
}

fn mix(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Null => 0.hash(hasher),
        Value::Bool(is_true) => is_true.hash(hasher),
        // JavaScript has a single type of numbers.
        Value::Number(number) => number.as_f64().unwrap_or_default().to_bits().hash(hasher),
        Value::String(text) => text.hash(hasher),
        Value::Array(values) => {
            values.len().hash(hasher);
            values.iter().for_each(|value| mix(value, hasher));
        }
        Value::Object(members) => {
            members.len().hash(hasher);
            // Sorted by key.
            for (key, value) in members {
                key.hash(hasher);
                mix(value, hasher);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::bayeux::parse::parse_one;

    fn print_of(data: &str) -> u64 {
        let text = format!(r#"{{"channel":"/a","data":{data}}}"#);
        fingerprint(&parse_one(&Bytes::from(text)).unwrap())
    }

    #[test]
    fn a_message_is_known_again_after_javascript_has_written_it_anew() {
        for (before, after) in [
            (r#"{ "b": 1.0, "a": [1e2, "\u0061"] }"#, r#"{"a":[100,"a"],"b":1}"#),
            ("12345678901234567890", "12345678901234567000"),
        ] {
            assert_eq!(print_of(before), print_of(after));
        }
        for (one, other) in [("1", "2"), ("[1,[2]]", "[[1],2]"), (r#"{"a":1}"#, r#"{"b":1}"#), ("\"1\"", "1")]
        {
            assert_ne!(print_of(one), print_of(other), "{one} {other}");
        }
    }

    #[test]
    fn only_many_that_were_sent_make_it_certain() {
        let mut echo = Echo::default();
        (0..CERTAIN as u64).for_each(|fingerprint| echo.sent(fingerprint));
        assert!((1000..2000).all(|fingerprint| !echo.received_unmarked(fingerprint)), "others do not count");
        assert!((1..CERTAIN as u64).all(|fingerprint| !echo.received_unmarked(fingerprint)));
        assert!(echo.received_unmarked(0));
        echo.received_marked();
        echo.sent(1);
        assert!(!echo.is_open() && !echo.received_unmarked(1) && echo.sent.is_empty());
    }
}
