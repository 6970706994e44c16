//! Whether a server lets the mark through. All that is published to it comes back, and has to come back marked;
//! otherwise messages would go round for ever.
//!
//! As soon as one has come back marked, nothing is remembered and compared any more.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use crate::bayeux::{Field, Message};

/// Messages that are remembered until the first one has come back.
const KEPT: usize = 1000;
/// So many that look like one of them make it certain: some may have been published to both servers.
const CERTAIN: usize = 32;

/// What is known of one server.
#[derive(Default)]
pub(super) struct Echo {
    keeps_marks: bool,
    /// Prints of what was published to it.
    sent: VecDeque<u64>,
    unmarked: usize,
}

impl Echo {
    /// Whether prints are still needed.
    pub(super) fn is_open(&self) -> bool {
        !self.keeps_marks
    }

    /// A message is about to be published to the server.
    pub(super) fn sent(&mut self, print: u64) {
        if self.is_open() {
            self.sent.push_back(print);
            if self.sent.len() > KEPT {
                self.sent.pop_front();
            }
        }
    }

    /// A message with a mark came from the server.
    pub(super) fn came_marked(&mut self) {
        *self = Self { keeps_marks: true, ..Self::default() };
    }

    /// A message without a mark came from the server. True if it is certain now that the server takes marks away.
    pub(super) fn came_unmarked(&mut self, print: u64) -> bool {
        if let Some(at) = self.sent.iter().position(|sent| *sent == print) {
            self.sent.remove(at);
            self.unmarked += 1;
        }
        self.is_open() && self.unmarked >= CERTAIN
    }
}

/// A number for the channel and the data of a message. It is the same after JavaScript has read and written the message.
pub(super) fn print(message: &Message) -> u64 {
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
        // JavaScript has one kind of numbers.
        Value::Number(number) => number.as_f64().unwrap_or_default().to_bits().hash(hasher),
        Value::String(text) => text.hash(hasher),
        Value::Array(values) => {
            values.len().hash(hasher);
            values.iter().for_each(|value| mix(value, hasher));
        }
        Value::Object(members) => {
            members.len().hash(hasher);
            // They are in the order of their keys.
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
        print(&parse_one(&Bytes::from(text)).unwrap())
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
        (0..CERTAIN as u64).for_each(|print| echo.sent(print));
        assert!((1000..2000).all(|print| !echo.came_unmarked(print)), "others do not count");
        assert!((1..CERTAIN as u64).all(|print| !echo.came_unmarked(print)));
        assert!(echo.came_unmarked(0));
        echo.came_marked();
        echo.sent(1);
        assert!(!echo.is_open() && !echo.came_unmarked(1) && echo.sent.is_empty());
    }
}
