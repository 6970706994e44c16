//! Queries on JSON text without a tree: truthiness, depth, text, and members.
//!
//! The pieces come from the parser, so they are valid JSON.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Key;

/// Whether JavaScript treats the value as true. Faye applies this rule to echoed fields such as `id` and `clientId`,
/// and to required fields such as `version`.
#[must_use]
pub fn is_truthy(json: &[u8]) -> bool {
    match json.first() {
        None | Some(b'f' | b'n') => false,
        Some(b'"') => json.len() > 2,
        Some(b't' | b'{' | b'[') => true,
        Some(_) => {
            std::str::from_utf8(json).ok().and_then(|text| text.parse::<f64>().ok()).is_none_or(|n| n != 0.0)
        }
    }
}

/// Returns the text of a JSON string; `None` if the value is not a string. A string with a lone surrogate is returned
/// as written, which is no valid channel, type or identifier.
#[must_use]
pub fn as_text(json: &[u8]) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if memchr::memchr(b'\\', inner).is_none()
        && let Ok(text) = std::str::from_utf8(inner)
    {
        return Some(Cow::Borrowed(text));
    }
    Some(match serde_json::from_slice::<String>(json) {
        Ok(text) => Cow::Owned(text),
        Err(_) => String::from_utf8_lossy(inner),
    })
}

/// Formats a value as JavaScript does in Faye's errors: strings unchanged, objects as `[object Object]`, `null` as an
/// empty text, and arrays as their elements with commas between them.
#[must_use]
pub fn printed(json: &[u8]) -> Cow<'_, str> {
    printed_within(json, PRINTED_DEPTH)
}

/// Arrays beyond this depth are printed as an empty text.
const PRINTED_DEPTH: usize = 8;

fn printed_within(json: &[u8], depth: usize) -> Cow<'_, str> {
    match json.first() {
        Some(b'"') => as_text(json).unwrap_or_default(),
        Some(b'{') => Cow::Borrowed("[object Object]"),
        Some(b'[') if depth > 0 => {
            let printed: Vec<_> =
                elements(json).into_iter().map(|one| printed_within(one, depth - 1)).collect();
            Cow::Owned(printed.join(","))
        }
        Some(b'[' | b'n') | None => Cow::Borrowed(""),
        Some(_) => String::from_utf8_lossy(json),
    }
}

/// Returns a value in milliseconds: a positive number, or one in a string, as JavaScript's timers accept it; 0 for
/// other values.
#[must_use]
pub fn milliseconds(json: &[u8]) -> u64 {
    let text =
        as_text(json).or_else(|| std::str::from_utf8(json).ok().map(Cow::Borrowed)).unwrap_or_default();
    let number = text.trim().parse::<f64>().unwrap_or(0.0);
    // The cast saturates: negative values and values that are no number become 0.
    number as u64
}

/// Returns how deeply arrays and objects are nested in the value: 0 for a plain value.
#[must_use]
pub fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => at += string_length(&json[at..]) - 1,
            _ => {}
        }
        at += 1;
    }
    deepest
}

/// Returns the length in bytes of the string at the front of the text, including both quotes.
fn string_length(json: &[u8]) -> usize {
    let mut at = 1;
    while let Some(found) = json.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if json[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    json.len()
}

/// Appends a JSON string that spells the text.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    // Writing to a Vec cannot fail, and a str is always representable.
    let _ = serde_json::to_writer(out, text);
}

/// Returns the elements of a JSON array as slices of it; a value that is no array is its own only element.
#[must_use]
pub fn elements(json: &[u8]) -> Vec<&[u8]> {
    if json.first() != Some(&b'[') {
        return vec![json];
    }
    match serde_json::from_slice::<Vec<&RawValue>>(json) {
        Ok(values) => values.into_iter().map(|value| value.get().as_bytes()).collect(),
        Err(_) => Vec::new(),
    }
}

/// Returns the value of a key of a JSON object, as a slice of it; the last one if the key occurs more than once.
#[must_use]
pub fn member<'a>(json: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let mut found = None;
    let _ = each_member(json, |name, value| {
        if name.text() == key {
            found = Some(value);
        }
    });
    found
}

/// Calls `visit` with the key and the JSON text of each member of an object. Returns false if the text is no object, in
/// which case not all of its members, or none, were visited.
#[doc(hidden)]
pub fn each_member<'a>(json: &'a [u8], mut visit: impl FnMut(&Key<'a>, &'a [u8])) -> bool {
    struct Members<F>(F);
    impl<'de, F: FnMut(&Key<'de>, &'de [u8])> Visitor<'de> for Members<F> {
        type Value = ();
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
            while let Some((key, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
                (self.0)(&Key::of(key.get()), value.get().as_bytes());
            }
            Ok(())
        }
    }
    let Ok(text) = std::str::from_utf8(json) else { return false };
    // A value of another type is an error here, and has no members.
    serde_json::Deserializer::from_str(text)
        .deserialize_map(Members(|key: &Key<'a>, value| visit(key, value)))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truth_is_javascripts() {
        for yes in ["1", "-1", "0.5", "\"0\"", "true", "{}", "[]", "\" \"", "1e400"] {
            assert!(is_truthy(yes.as_bytes()), "{yes}");
        }
        for no in ["0", "-0", "0.0", "0e5", "\"\"", "false", "null", "", "1e-400"] {
            assert!(!is_truthy(no.as_bytes()), "{no}");
        }
    }

    #[test]
    fn depth_ignores_brackets_in_strings() {
        assert_eq!(depth(br#"1"#), 0);
        assert_eq!(depth(br#"{"a":[1,{"b":2}]}"#), 3);
        assert_eq!(depth(br#"{"[[[[":"{{{{\"[["}"#), 1);
        assert_eq!(depth("[".repeat(1000).as_bytes()), 1000);
        assert_eq!(depth(br#"["\\",[1]]"#), 2);
    }

    #[test]
    fn text_undoes_escapes() {
        assert_eq!(as_text(br#""/m\u0065ta""#).as_deref(), Some("/meta"));
        assert_eq!(as_text(b"5"), None);
        assert_eq!(as_text(br#""\ud800""#).as_deref(), Some(r"\ud800"));
    }

    #[test]
    fn milliseconds_of_odd_values_are_none() {
        assert_eq!(milliseconds(b"500"), 500);
        assert_eq!(milliseconds(b"\"500\""), 500);
        for odd in ["-1", "null", "\"x\"", "true", "{}", "[]", "-1e400"] {
            assert_eq!(milliseconds(odd.as_bytes()), 0, "{odd}");
        }
        assert_eq!(milliseconds(b"1e400"), u64::MAX);
    }

    #[test]
    fn printed_as_javascript_does() {
        for (json, text) in [
            (r#""a""#, "a"),
            ("5", "5"),
            ("null", ""),
            ("{}", "[object Object]"),
            (r#"["a",null,["b",1]]"#, "a,,b,1"),
        ] {
            assert_eq!(printed(json.as_bytes()), text);
        }
        let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(printed(deep.as_bytes()), "");
    }

    #[test]
    fn members_and_elements_are_slices() {
        assert_eq!(member(br#"{"a": {"x":1} ,"b":2,"a":3}"#, "a"), Some(&b"3"[..]));
        assert_eq!(member(b"[1]", "a"), None);
        assert_eq!(elements(br#"["/a", "/b" ]"#), vec![&b"\"/a\""[..], b"\"/b\""]);
        assert_eq!(elements(b"\"/a\""), vec![b"\"/a\""]);
        let mut members = Vec::new();
        assert!(each_member(br#"{"a":1,"\ud83d":2}"#, |key, _| members.push(key.text().to_owned())));
        assert_eq!(members, ["a", r"\ud83d"]);
        assert!(!each_member(b"[1]", |_, _| {}));
    }
}
