//! The mark of a bridge on a message that it carries. It ends loops of any number of bridges.
//!
//! The mark is a separate field, because servers forward unknown fields, and many extensions remove `ext`.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use crate::bayeux::Message;

/// The field of the message.
pub(super) const FIELD: &str = "fayeBridge";

/// Servers that a message may pass. A longer way is a mistake or an attack.
pub(super) const HOPS: usize = 16;
/// Characters of an identifier or a name; bridges make shorter ones.
const LENGTH: usize = 64;

/// Where a message has been.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Identifies the message, from the first bridge on. It cannot be guessed before.
    pub(super) id: String,
    /// The servers that it comes from, the first one first.
    pub(super) via: Vec<String>,
}

impl Mark {
    /// The mark of a message. What no bridge can have written is none.
    pub(super) fn of(message: &Message) -> Option<Self> {
        let mark: Self = serde_json::from_slice(message.other(FIELD)?).ok()?;
        let is_short = |text: &String| text.len() <= LENGTH;
        (mark.via.len() <= HOPS && is_short(&mark.id) && mark.via.iter().all(is_short)).then_some(mark)
    }

    /// A mark for a message that has none.
    pub(super) fn new() -> Self {
        let mut bits = [0; 12];
        // Without the system's generator the identifier could be guessed, which does little harm.
        if getrandom::fill(&mut bits).is_err() {
            fastrand::fill(&mut bits);
        }
        Self { id: BASE64URL_NOPAD.encode(&bits), via: Vec::new() }
    }

    /// The JSON of the mark after the message has left this server.
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
