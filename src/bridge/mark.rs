//! The mark of a bridge on a forwarded message. It prevents loops of any number of bridges.
//!
//! The mark is a separate field, because servers forward unknown fields, and many extensions remove `ext`.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::bayeux::Message;

/// The name of the field.
pub(super) const FIELD: &str = "fayeBridge";

/// Maximum number of servers on the path of a message. A longer path is a mistake or an attack.
pub(super) const HOPS: usize = 16;
/// Maximum characters of an identifier or a name; bridges create shorter ones.
const LENGTH: usize = 64;

/// The path of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Identifies the message from the first bridge on. It is unpredictable.
    pub(super) id: String,
    /// The servers on the path, the first one first.
    pub(super) via: Vec<String>,
}

impl Mark {
    /// Returns the mark of a message; `None` if it is missing or malformed.
    pub(super) fn of(message: &Message) -> Option<Self> {
        let mark: Self = serde_json::from_slice(message.other(FIELD)?).ok()?;
        let is_short = |text: &String| text.len() <= LENGTH;
        (mark.via.len() <= HOPS && is_short(&mark.id) && mark.via.iter().all(is_short)).then_some(mark)
    }

    /// Creates a mark for a message without one.
    pub(super) fn new() -> Self {
        let mut bits = [0; 12];
        // Without random bytes of the system the identifier is predictable, which does little harm.
        if getrandom::fill(&mut bits).is_err() {
            fastrand::fill(&mut bits);
        }
        Self { id: BASE64URL_NOPAD.encode(&bits), via: Vec::new() }
    }

    /// Returns the JSON of the mark after this server was added to the path.
    pub(super) fn leaving(mut self, server: &str) -> Vec<u8> {
        self.via.push(server.to_owned());
        serde_json::to_vec(&self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::bayeux::parse::parse_one;

    fn mark_in(text: &str) -> Option<Mark> {
        Mark::of(&parse_one(&Bytes::copy_from_slice(text.as_bytes())).unwrap())
    }

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let mark = Mark::new();
        let written = String::from_utf8(mark.clone().leaving("a")).unwrap();
        let read = mark_in(&format!(r#"{{"channel":"/a","{FIELD}":{written}}}"#)).unwrap();
        assert_eq!(read, Mark { id: mark.id, via: vec!["a".to_owned()] });
        assert_ne!(Mark::new().id, Mark::new().id);
    }

    #[test]
    fn what_no_bridge_writes_is_no_mark() {
        let long = "x".repeat(LENGTH + 1);
        let far = vec!["\"x\""; HOPS + 1].join(",");
        for bad in [
            "1".to_owned(),
            "{}".to_owned(),
            r#"{"id":1,"via":[]}"#.to_owned(),
            format!(r#"{{"id":"{long}","via":[]}}"#),
            format!(r#"{{"id":"x","via":["{long}"]}}"#),
            format!(r#"{{"id":"x","via":[{far}]}}"#),
        ] {
            assert_eq!(mark_in(&format!(r#"{{"{FIELD}":{bad}}}"#)), None, "{bad}");
        }
        assert_eq!(mark_in(r#"{"channel":"/a"}"#), None);
    }
}
