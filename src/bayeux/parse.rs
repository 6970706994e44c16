//! Reads a payload (one message, or an array of them) into messages whose fields are slices of it.
//!
//! The text is walked once by serde_json, which also proves that it is JSON; no tree is built, and what the walk may
//! use is bounded by the length of the input.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::message::{Entries, Entry, Field, Message, Piece};

/// Why a payload was refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The bytes are not UTF-8.
    #[error("the payload is not UTF-8")]
    Encoding,
    /// The text is not JSON, or not an object, an array or `null`.
    #[error("the payload is not a JSON object or array")]
    Syntax,
    /// More messages than one payload may hold.
    #[error("the payload holds more than {0} messages")]
    TooMany(usize),
}

/// What a payload held.
#[derive(Debug, Default)]
pub struct Payload {
    /// The messages in order. An element that is no object is a message without fields, as Faye sees it.
    pub messages: Vec<Message>,
    /// Whether an element was `null` (or false, 0, ""). Such elements get no reply; over WebSocket, Faye ignores the
    /// whole frame.
    pub has_null: bool,
    /// Whether the payload was an array.
    pub is_array: bool,
}

/// Reads a payload of at most `batch` messages.
///
/// # Errors
/// [`ParseError`] if the payload is no UTF-8, no JSON object, array or `null`, or holds too many messages.
pub fn parse(payload: &Bytes, batch: usize) -> Result<Payload, ParseError> {
    let text = std::str::from_utf8(payload).map_err(|_| ParseError::Encoding)?;
    // Ranges are kept as u32, and a limit on bytes far below that stands before this function.
    if payload.len() > u32::MAX as usize {
        return Err(ParseError::Syntax);
    }
    let full = Cell::new(false);
    let root = Root { payload, text, batch, full: &full };
    let mut reader = serde_json::Deserializer::from_str(text);
    let parsed = root.deserialize(&mut reader).and_then(|parsed| reader.end().map(|()| parsed));
    match parsed {
        Ok(Some(parsed)) => Ok(parsed),
        Err(_) if full.get() => Err(ParseError::TooMany(batch)),
        Ok(None) | Err(_) => Err(ParseError::Syntax),
    }
}

/// Reads one message that is known to be a JSON object, such as one of our own replies.
#[must_use]
pub fn parse_one(json: &Bytes) -> Option<Message> {
    let mut parsed = parse(json, 1).ok()?;
    (!parsed.is_array).then(|| parsed.messages.pop()).flatten()
}

/// Calls `visit` with the key (escapes undone) and the JSON text of each member of an object; not at all if the text
/// is no object. False if not all were visited: it is no object, or a key cannot be spelt in UTF-8.
pub fn each_member<'a>(json: &'a [u8], mut visit: impl FnMut(&str, &'a [u8])) -> bool {
    struct Members<F>(F);
    impl<'de, F: FnMut(&str, &'de [u8])> Visitor<'de> for Members<F> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key_seed(Key)? {
                let value: &'de RawValue = map.next_value()?;
                (self.0)(&key, value.get().as_bytes());
            }
            Ok(())
        }
    }
    let Ok(text) = std::str::from_utf8(json) else { return false };
    // A value of another type is an error here, and has no members.
    serde_json::Deserializer::from_str(text)
        .deserialize_map(Members(|key: &str, value| visit(key, value)))
        .is_ok()
}

struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }
    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

/// The payload as a whole: an object, an array, or `null`. Anything else is `None`.
#[derive(Clone, Copy)]
struct Root<'a> {
    payload: &'a Bytes,
    text: &'a str,
    batch: usize,
    full: &'a Cell<bool>,
}

impl Root<'_> {
    fn piece(self, part: &str) -> Piece {
        // Both lie in one text, whose length fits u32.
        let start = part.as_ptr() as usize - self.text.as_ptr() as usize;
        Piece::Slice(start as u32, (start + part.len()) as u32)
    }

    /// Appends a message with the members of an object.
    fn message<'de, A: MapAccess<'de>>(
        self,
        mut map: A,
        messages: &mut Vec<Message>,
    ) -> Result<(), A::Error> {
        let mut entries = Entries::new();
        let mut places: [Option<usize>; Field::Other as usize] = [None; Field::Other as usize];
        while let Some(key) = map.next_key_seed(Key)? {
            let value: &'de RawValue = map.next_value()?;
            let value = self.piece(value.get());
            let field = Field::of(&key);
            // As in JavaScript, the last value of a repeated key counts, in the place of the first.
            // Fields that nobody reads here are forwarded as they came, so repeating them costs nothing.
            if field != Field::Other {
                let place = &mut places[field as usize];
                if let Some(entry) = place.and_then(|at: usize| entries.get_mut(at)) {
                    entry.value = value;
                    continue;
                }
                *place = Some(entries.len());
            }
            let key = match key {
                Cow::Borrowed(key) => self.piece(key),
                Cow::Owned(_) if field != Field::Other => Piece::Own(field.key().as_bytes().into()),
                Cow::Owned(key) => {
                    let mut spelt = Vec::new();
                    super::json::write_string(&mut spelt, &key);
                    Piece::Own(spelt[1..spelt.len() - 1].into())
                }
            };
            entries.push(Entry { field, key, value });
        }
        messages.push(Message { payload: self.payload.clone(), entries });
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Root<'_> {
    type Value = Option<Payload>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! scalars {
    ($of:expr) => {
        fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
            Ok($of(self, value))
        }
        fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
            Ok($of(self, value != 0))
        }
        fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
            Ok($of(self, value != 0))
        }
        fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
            Ok($of(self, value != 0.0))
        }
        fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
            Ok($of(self, !value.is_empty()))
        }
    };
}

impl<'de> Visitor<'de> for Root<'_> {
    type Value = Option<Payload>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let mut payload = Payload::default();
        self.message(map, &mut payload.messages)?;
        Ok(Some(payload))
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Some(Payload { messages: Vec::new(), has_null: true, is_array: false }))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        let mut payload = Payload { is_array: true, ..Payload::default() };
        let mut count = 0;
        while let Some(is_true) = elements.next_element_seed(Element(self, &mut payload.messages))? {
            count += 1;
            if count > self.batch {
                self.full.set(true);
                return Err(serde::de::Error::custom("too many messages"));
            }
            payload.has_null |= !is_true;
        }
        Ok(Some(payload))
    }
    scalars!(|_, _| None);
}

/// An element of the array, which appends a message: one without fields for what is no object, and none for what is false.
/// True unless it is.
struct Element<'a, 'b>(Root<'a>, &'b mut Vec<Message>);

impl Element<'_, '_> {
    fn scalar(self, truth: bool) -> bool {
        if truth {
            self.1.push(Message::default());
        }
        truth
    }
}

impl<'de> DeserializeSeed<'de> for Element<'_, '_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Element<'_, '_> {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        self.0.message(map, self.1).map(|()| true)
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(false)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Self::Value, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.scalar(true))
    }
    scalars!(Self::scalar);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Payload, ParseError> {
        parse(&Bytes::copy_from_slice(text.as_bytes()), 4)
    }

    fn written(message: &Message) -> String {
        let mut out = Vec::new();
        message.write(&mut out, |_| true);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn fields_are_the_bytes_that_came_in() {
        let text = r#"{"channel":"/a","data":{ "n": 1.0e400, "a":[1 ,2]},"extra" : [ null ],"id":12345678901234567890}"#;
        let payload = parsed(text).unwrap();
        let message = &payload.messages[0];
        assert_eq!(message.get(Field::Data), Some(&br#"{ "n": 1.0e400, "a":[1 ,2]}"#[..]));
        assert_eq!(message.other("extra"), Some(&b"[ null ]"[..]));
        assert_eq!(message.get(Field::Id), Some(&b"12345678901234567890"[..]));
        assert_eq!(written(message), text.replace("\"extra\" : ", "\"extra\":"));
    }

    #[test]
    fn repeated_and_escaped_keys_are_javascripts() {
        let payload =
            parsed(r#"[{"channel":"/a","id":1,"ch\u0061nnel":"/b","x":1,"x":2,"\u0079\"":3}]"#).unwrap();
        let message = &payload.messages[0];
        assert_eq!(message.text(Field::Channel).as_deref(), Some("/b"));
        assert_eq!(written(message), r#"{"channel":"/b","id":1,"x":1,"x":2,"y\"":3}"#);
    }

    #[test]
    fn elements_that_are_no_messages() {
        let payload = parsed(r#"[1,"x",true,[[1],2]]"#).unwrap();
        assert_eq!(payload.messages.len(), 4);
        assert!(payload.messages.iter().all(|message| message.entries.is_empty()));
        let payload = parsed(r#"[null,0,"",false]"#).unwrap();
        assert!(payload.messages.is_empty() && payload.has_null);
        assert!(parsed("null").unwrap().has_null);
        assert!(parsed("[]").unwrap().messages.is_empty());
    }

    #[test]
    fn what_is_no_payload() {
        for bad in [
            "",
            " ",
            "1",
            "\"x\"",
            "true",
            "{",
            "[1,]",
            "{\"a\":}",
            "\u{feff}[]",
            "[] []",
            "{'a':1}",
            "[1",
            "nul",
        ] {
            assert!(matches!(parsed(bad), Err(ParseError::Syntax)), "{bad:?}");
        }
        assert!(matches!(parsed("[1,1,1,1,1]"), Err(ParseError::TooMany(4))));
        assert!(matches!(parse(&Bytes::from_static(b"[\"\xff\"]"), 4), Err(ParseError::Encoding)));
    }

    #[test]
    fn deep_nesting_is_measured_and_harmless() {
        let deep = format!("{{\"data\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(parsed(&deep).unwrap().messages[0].depth(), 100_001);
        let element = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(parsed(&element).unwrap().messages.len(), 1);
    }
}
