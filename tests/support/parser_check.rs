//! Feeds the message parser and holds it to what must be true of any input. Shared by the property tests
//! (`tests/protocol/parser.rs`) and the fuzz target (`fuzz/fuzz_targets/parser.rs`); must know neither.

use bytes::Bytes;
use faye_server::bayeux::parse::{ParseError, parse};
use faye_server::bayeux::{Field, Publication};
use serde_json::Value;

/// Messages that one payload may hold here.
const BATCH: usize = 50;

/// Parses any bytes. What serde_json takes for an object or array must be taken, and every message must say the same
/// as the object that it was read from.
///
/// # Panics
///
/// If the parser breaks a promise.
pub(crate) fn check(data: &[u8]) {
    let parsed = parse(&Bytes::copy_from_slice(data), BATCH);
    // What goes out is valid JSON, also where serde_json has no value for it (lone surrogates).
    for message in parsed.iter().flat_map(|payload| &payload.messages) {
        let mut written = Vec::new();
        message.write(&mut written, |_| true);
        serde_json::from_slice::<&serde_json::value::RawValue>(&written).expect("what is written is JSON");
    }
    // The tree of serde_json is no deeper than 128, and has no numbers beyond a double; our parser builds no tree.
    let Ok(tree) = serde_json::from_slice::<Value>(data) else { return };
    let elements = match tree {
        Value::Array(elements) => elements,
        object @ Value::Object(_) => vec![object],
        Value::Null => vec![Value::Null],
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            assert_eq!(parsed.err(), Some(ParseError::Kind));
            return;
        }
    };
    if elements.len() > BATCH {
        assert_eq!(parsed.err(), Some(ParseError::TooMany(BATCH)));
        return;
    }
    let payload = parsed.expect("serde_json takes it");
    let expected: Vec<&Value> = elements.iter().filter(|element| is_truthy(element)).collect();
    assert_eq!(payload.messages.len(), expected.len());
    assert_eq!(payload.has_null, expected.len() < elements.len());
    for (message, expected) in payload.messages.iter().zip(expected) {
        let mut written = Vec::new();
        message.write(&mut written, |_| true);
        let written: Value = serde_json::from_slice(&written).expect("what is written is JSON");
        let empty = Value::Object(serde_json::Map::default());
        assert_eq!(&written, if expected.is_object() { expected } else { &empty });
        assert_eq!(message.get(Field::Data).is_some(), expected.get("data").is_some());
        assert_eq!(message.text(Field::Channel).as_deref(), expected.get("channel").and_then(Value::as_str));
        // Whatever came in, what goes out is one object with one channel.
        let publication = Publication::new("/a", message.clone());
        let sent: Value = serde_json::from_slice(publication.object()).expect("a publication is JSON");
        assert_eq!(sent.get("channel"), Some(&Value::from("/a")));
        for stripped in ["clientId", "advice", "successful", "error", "subscription", "connectionType"] {
            assert_eq!(sent.get(stripped), None);
        }
    }
}

fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}
