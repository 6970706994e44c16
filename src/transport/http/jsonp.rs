//! JSON-P: validates callbacks and encodes replies as a script.
//!
//! The comment before the callback and the strict grammar prevent browsers from treating the response as another file type
//! (CVE-2014-4671).

/// The callback of a request that names none (Bayeux 1.0, section 6.2).
pub(super) const DEFAULT_CALLBACK: &str = "jsonpcallback";

/// Whether the text is `name(.name)*` with names of letters, digits, `_` and `$` that do not begin with a digit.
pub(super) fn is_callback(text: &str) -> bool {
    text.split('.').all(|name| {
        let is_start = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$');
        name.bytes().next().is_some_and(is_start)
            && name.bytes().all(|byte| is_start(byte) || byte.is_ascii_digit())
    })
}

/// Encodes `/**/callback(json);`. The two separators that JSON allows in strings and old scripts do not are escaped.
pub(super) fn script(callback: &str, json: &[u8]) -> Vec<u8> {
    let mut script = Vec::with_capacity(json.len() + callback.len() + 8);
    script.extend_from_slice(b"/**/");
    script.extend_from_slice(callback.as_bytes());
    script.push(b'(');
    let mut rest = json;
    // U+2028 and U+2029 are E2 80 A8 and E2 80 A9.
    while let Some(at) = memchr::memmem::find(rest, b"\xe2\x80") {
        let (before, found) = rest.split_at(at);
        script.extend_from_slice(before);
        match found.get(2) {
            Some(0xa8) => script.extend_from_slice(b"\\u2028"),
            Some(0xa9) => script.extend_from_slice(b"\\u2029"),
            _ => {
                script.extend_from_slice(&found[..2]);
                rest = &found[2..];
                continue;
            }
        }
        rest = &found[3..];
    }
    script.extend_from_slice(rest);
    script.extend_from_slice(b");");
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callbacks() {
        for good in ["a", "jsonpcallback", "_", "$", "a.b.c", "__jsonp12__", "Foo.$bar_1"] {
            assert!(is_callback(good), "{good}");
        }
        for bad in
            ["", "1a", "a-b", "a..b", ".a", "a.", "a(b)", "foo\nalert(1)", "a b", "ä", "a.1b", "alert(1)//"]
        {
            assert!(!is_callback(bad), "{bad:?}");
        }
    }

    #[test]
    fn separators_are_escaped_and_nothing_else() {
        let text = "[\"\u{2028}a\u{2029}\u{2027}\u{202a}…</script>\"]";
        assert_eq!(
            String::from_utf8(script("cb", text.as_bytes())).unwrap(),
            "/**/cb([\"\\u2028a\\u2029\u{2027}\u{202a}…</script>\"]);"
        );
    }
}
