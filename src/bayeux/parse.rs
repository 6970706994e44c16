//! Parses a payload (one message, or an array of them) into messages whose fields are slices of it.
//!
//! serde_json reads the text once and validates it as JSON; no tree is built, and the memory is bounded by the length
//! of the input.

use std::cell::Cell;
use std::fmt;

use bytes::Bytes;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Key;
use super::message::{Entries, Entry, Field, Message, Piece};

/// Why a payload was refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// The bytes are not UTF-8 from this one on, the first being 1.
    #[error("not UTF-8 at byte {0}")]
    Encoding(usize),
    /// The text is invalid JSON at this byte, counted from 1; one byte after the text if it ends too early.
    #[error("bad JSON at byte {0}")]
    Syntax(usize),
    /// The text is JSON, but not an object, an array or `null`.
    #[error("the JSON is neither an object nor an array")]
    Kind,
    /// The payload has more messages than allowed.
    #[error("the payload holds more than {0} messages")]
    TooMany(usize),
}

/// The content of a payload.
#[derive(Debug, Default)]
pub struct Payload {
    /// The messages in order. An element that is no object is a message without fields, as in Faye.
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
    let text = std::str::from_utf8(payload).map_err(|error| ParseError::Encoding(error.valid_up_to() + 1))?;
    // Ranges are stored as u32; callers limit the bytes far below that.
    if payload.len() > u32::MAX as usize {
        return Err(ParseError::Syntax(u32::MAX as usize));
    }
    let full = Cell::new(false);
    let root = Root { payload, text, batch, full: &full };
    let mut reader = serde_json::Deserializer::from_str(text);
    let parsed = root.deserialize(&mut reader).and_then(|parsed| reader.end().map(|()| parsed));
    match parsed {
        Ok(Some(parsed)) => Ok(parsed),
        Ok(None) => Err(ParseError::Kind),
        Err(_) if full.get() => Err(ParseError::TooMany(batch)),
        Err(_) => root.elements(),
    }
}

/// Returns the byte of an error of serde_json, counted from 1.
fn place(text: &str, error: &serde_json::Error) -> usize {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = before + error.column();
    if error.is_eof() { at + 1 } else { at.max(1) }
}

/// Parses a message that is known to be a JSON object, such as a reply of this server.
#[must_use]
pub fn parse_one(json: &Bytes) -> Option<Message> {
    let mut parsed = parse(json, 1).ok()?;
    (!parsed.is_array).then(|| parsed.messages.pop()).flatten()
}

/// The payload as a whole: an object, an array, or `null`. Other values are `None`.
#[derive(Clone, Copy)]
struct Root<'a> {
    payload: &'a Bytes,
    text: &'a str,
    batch: usize,
    full: &'a Cell<bool>,
}

impl Root<'_> {
    fn piece(self, part: &str) -> Piece {
        // Both are slices of one text, whose length fits u32.
        let start = part.as_ptr() as usize - self.text.as_ptr() as usize;
        Piece::Slice(start as u32, (start + part.len()) as u32)
    }

    /// Reads an array that holds elements which are valid JSON, but have no value in Rust: strings with lone surrogates and
    /// numbers beyond a double. They are no messages, and must not cost the messages around them.
    fn elements(self) -> Result<Payload, ParseError> {
        let bad = |error| ParseError::Syntax(place(self.text, &error));
        let whole: &RawValue = serde_json::from_str(self.text).map_err(bad)?;
        if !whole.get().starts_with('[') {
            return Err(ParseError::Kind);
        }
        let elements: Vec<&RawValue> = serde_json::from_str(self.text).map_err(bad)?;
        if elements.len() > self.batch {
            return Err(ParseError::TooMany(self.batch));
        }
        let mut payload = Payload { is_array: true, ..Payload::default() };
        for element in elements.into_iter().map(RawValue::get) {
            if element.starts_with('{') {
                let message = self.deserialize(&mut serde_json::Deserializer::from_str(element));
                payload.messages.extend(message.map_err(bad)?.into_iter().flat_map(|one| one.messages));
            } else if super::json::is_truthy(element.as_bytes()) {
                payload.messages.push(Message::default());
            } else {
                payload.has_null = true;
            }
        }
        Ok(payload)
    }

    /// Appends a message with the members of an object.
    fn message<'de, A: MapAccess<'de>>(
        self,
        mut map: A,
        messages: &mut Vec<Message>,
    ) -> Result<(), A::Error> {
        let mut entries = Entries::new();
        let mut places: [Option<usize>; Field::Other as usize] = [None; Field::Other as usize];
        while let Some((key, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
            let key = Key::of(key.get());
            let value = self.piece(value.get());
            let field = if key.is_text() { Field::of(key.text()) } else { Field::Other };
            // As in JavaScript, the last value of a repeated key counts, at the position of the first. Other fields are
            // forwarded unread, so repeating them costs nothing.
            if field != Field::Other {
                let place = &mut places[field as usize];
                if let Some(entry) = place.and_then(|at: usize| entries.get_mut(at)) {
                    entry.value = value;
                    continue;
                }
                *place = Some(entries.len());
            }
            let key = match key.verbatim() {
                Some(key) => self.piece(key),
                None if field != Field::Other => Piece::Own(field.key().as_bytes().into()),
                None => {
                    let mut spelt = Vec::new();
                    key.write(&mut spelt);
                    Piece::Own(spelt.into())
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

/// An element of the array, which appends a message: one without fields for a value that is no object, and none for a
/// falsy value. The result is `false` for a falsy value.
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
            assert!(matches!(parsed(bad), Err(ParseError::Syntax(_) | ParseError::Kind)), "{bad:?}");
        }
        for too_many in ["[1,1,1,1,1]", r#"["\ud83d",1,1,1,1]"#] {
            assert!(matches!(parsed(too_many), Err(ParseError::TooMany(4))), "{too_many}");
        }
    }

    #[test]
    fn an_error_says_at_which_byte() {
        for (bad, error) in [
            ("", ParseError::Syntax(1)),
            ("[1,]", ParseError::Syntax(4)),
            ("[\n\u{e9}]", ParseError::Syntax(3)),
            ("[\n\n {\"a\":1,\r\n x}]", ParseError::Syntax(15)),
            ("[1", ParseError::Syntax(3)),
            ("[{\"a\":1}", ParseError::Syntax(9)),
            ("[\"\\ud83d\",x]", ParseError::Syntax(11)),
            ("[] []", ParseError::Syntax(4)),
            ("1", ParseError::Kind),
            ("\"\\ud83d\"", ParseError::Kind),
        ] {
            assert_eq!(parsed(bad).unwrap_err(), error, "{bad:?}");
        }
        assert!(matches!(parse(&Bytes::from_static(b"[\"\xff\"]"), 4), Err(ParseError::Encoding(3))));
    }

    #[test]
    fn lone_surrogates_cost_nothing() {
        let text = r#"[{"channel":"/a","\uD83d":"\ude00","data":{"\ud83d":1}},"\ud83d",1e400,null,{"channel":"/b"}]"#;
        let payload = parse(&Bytes::from_static(text.as_bytes()), 5).unwrap();
        assert_eq!((payload.messages.len(), payload.has_null, payload.is_array), (4, true, true));
        let expected = r#"{"channel":"/a","\ud83d":"\ude00","data":{"\ud83d":1}}"#;
        assert_eq!(written(&payload.messages[0]), expected);
        assert_eq!(payload.messages[3].text(Field::Channel).as_deref(), Some("/b"));
        assert_eq!(written(&parsed(r#"{"\ud83d":1}"#).unwrap().messages[0]), r#"{"\ud83d":1}"#);
    }

    #[test]
    fn deep_nesting_is_measured_and_harmless() {
        let deep = format!("{{\"data\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(parsed(&deep).unwrap().messages[0].depth(), 100_001);
        let element = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(parsed(&element).unwrap().messages.len(), 1);
    }
}
