//! The position of a publication in its data, `data.event.replayId`, where clients of Salesforce read it. This module must not
//! know which channels have it.

use std::borrow::Cow;

use bytes::Bytes;
use memchr::memmem;

use super::{Field, Key, json, parse};

/// Returns a message, a JSON object, with an offset as `event.replayId` of its data. A message is returned as it is if its data
/// is no object or has an `event` that is none.
#[must_use]
pub fn with_replay_id(object: &[u8], offset: u64) -> Cow<'_, [u8]> {
    let adapted = || {
        let mut message = parse::parse_one(&Bytes::copy_from_slice(object))?;
        let data = with_event(message.get(Field::Data)?, offset)?;
        message.set(Field::Data, data);
        let mut out = Vec::with_capacity(object.len() + 64);
        message.write(&mut out, |_| true);
        Some(out)
    };
    adapted().map_or(Cow::Borrowed(object), Cow::Owned)
}

fn with_event(data: &[u8], offset: u64) -> Option<Vec<u8>> {
    let rest = data.strip_prefix(b"{")?;
    let mut out = format!("{{\"event\":{{\"replayId\":{offset}").into_bytes();
    // Keys may be written with escapes.
    let may_have_event = memmem::find(data, b"event\"").is_some() || memmem::find(data, b"\\u").is_some();
    if !may_have_event {
        out.push(b'}');
        if rest.trim_ascii_start().first() != Some(&b'}') {
            out.push(b',');
        }
        out.extend_from_slice(rest);
        return Some(out);
    }
    let event = json::member(data, "event").unwrap_or(b"{}");
    if !json::each_member(event, |key, value| write_unless("replayId", key, value, &mut out)) {
        return None;
    }
    out.push(b'}');
    json::each_member(data, |key, value| write_unless("event", key, value, &mut out));
    out.push(b'}');
    Some(out)
}

/// Writes a member behind others, unless it has this key.
fn write_unless(name: &str, key: &Key<'_>, value: &[u8], out: &mut Vec<u8>) {
    if key.text() == name {
        return;
    }
    out.extend_from_slice(b",\"");
    key.write(out);
    out.extend_from_slice(b"\":");
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapted(data: &str) -> String {
        let object = format!(r#"{{"channel":"/a","data":{data},"mine":"event"}}"#);
        let adapted = String::from_utf8(with_replay_id(object.as_bytes(), 7).into_owned()).unwrap();
        let data = adapted.strip_prefix(r#"{"channel":"/a","data":"#).unwrap();
        data.strip_suffix(r#","mine":"event"}"#).unwrap().to_owned()
    }

    #[test]
    fn an_object_gets_the_position() {
        for (data, expected) in [
            ("{}", r#"{"event":{"replayId":7}}"#),
            ("{ }", r#"{"event":{"replayId":7} }"#),
            (r#"{"a":1.0, "b":[2]}"#, r#"{"event":{"replayId":7},"a":1.0, "b":[2]}"#),
            (r#"{"a":"event"}"#, r#"{"event":{"replayId":7},"a":"event"}"#),
            (r#"{"a":{"event":5}}"#, r#"{"event":{"replayId":7},"a":{"event":5}}"#),
            (r#"{"a":1,"event":{}}"#, r#"{"event":{"replayId":7},"a":1}"#),
            (
                r#"{"a":1,"event":{"type":"created","replayId":"x","at":2},"b":3}"#,
                r#"{"event":{"replayId":7,"type":"created","at":2},"a":1,"b":3}"#,
            ),
            // A client reads the last one of equal keys.
            (
                r#"{"event":1,"\u0065vent":{"replay\u0049d":3,"\u0062":1},"\ud83d":2}"#,
                r#"{"event":{"replayId":7,"b":1},"\ud83d":2}"#,
            ),
        ] {
            assert_eq!(adapted(data), expected, "{data}");
            serde_json::from_str::<&serde_json::value::RawValue>(&adapted(data)).unwrap();
        }
    }

    #[test]
    fn other_data_is_left_alone() {
        for data in ["5", "null", r#""{}""#, r#"[{"event":{}}]"#, r#"{"event":5}"#, r#"{"event":null,"a":1}"#]
        {
            assert_eq!(adapted(data), data);
        }
        for object in [&b"{\"channel\":\"/a\"}"[..], b"[]", b""] {
            assert!(matches!(with_replay_id(object, 7), Cow::Borrowed(same) if same == object));
        }
    }
}
