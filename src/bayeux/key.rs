//! A key of a JSON object: its text and its encoding. JavaScript writes keys with lone surrogates (`"\ud83d"`), which
//! UTF-8 cannot represent; such a key names no field of the protocol, and is forwarded.
//!
//! The keys come from the parser, so they are valid JSON strings. This module must not know other JSON values, fields or messages.

use std::borrow::Cow;

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key<'a> {
    /// The received bytes between the quotes.
    inner: &'a str,
    /// `None` if the key holds a lone surrogate.
    text: Option<Cow<'a, str>>,
}

impl<'a> Key<'a> {
    /// Returns the key of this JSON string, with its quotes.
    #[must_use]
    pub fn of(quoted: &'a str) -> Self {
        let inner = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(quoted);
        let text = if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
            Some(Cow::Borrowed(inner))
        } else {
            serde_json::from_str(quoted).ok().map(Cow::Owned)
        };
        Self { inner, text }
    }

    /// Returns the text, escapes undone; with its escapes if UTF-8 cannot represent it.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.as_deref().unwrap_or(self.inner)
    }

    /// Whether UTF-8 can represent the key.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.text.is_some()
    }

    /// Returns the bytes between the quotes, if they contain no escape.
    #[must_use]
    pub fn verbatim(&self) -> Option<&'a str> {
        match self.text {
            Some(Cow::Borrowed(_)) => Some(self.inner),
            _ => None,
        }
    }

    /// Appends the key without its quotes, escaped only where JSON requires it: equal keys are written alike.
    pub fn write(&self, out: &mut Vec<u8>) {
        let write_text = |out: &mut Vec<u8>, text: &str| {
            let start = out.len();
            // Writing to a Vec cannot fail, and a str is always representable.
            let _ = serde_json::to_writer(&mut *out, text);
            out.pop();
            out.remove(start);
        };
        if let Some(text) = &self.text {
            return write_text(out, text);
        }
        let mut rest = self.inner;
        while let Some((before, surrogate, after)) = split_at_surrogate(rest) {
            // Both sides are complete JSON strings but for their quotes.
            write_text(out, &serde_json::from_str::<String>(&format!("\"{before}\"")).unwrap_or_default());
            out.extend_from_slice(surrogate.to_ascii_lowercase().as_bytes());
            rest = after;
        }
        write_text(out, &serde_json::from_str::<String>(&format!("\"{rest}\"")).unwrap_or_default());
    }
}

/// Splits escaped text at the first lone surrogate.
fn split_at_surrogate(text: &str) -> Option<(&str, &str, &str)> {
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| memchr::memchr(b'\\', rest.as_bytes())) {
        at += found;
        match unit(text, at) {
            Some(0xd800..=0xdbff) if matches!(unit(text, at + 6), Some(0xdc00..=0xdfff)) => at += 12,
            Some(0xd800..=0xdfff) => return Some((&text[..at], &text[at..at + 6], &text[at + 6..])),
            Some(_) => at += 6,
            None => at += 2,
        }
    }
    None
}

/// Returns the UTF-16 unit of an escape `\uXXXX` at this place.
fn unit(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_a_text_or_is_written_as_it_came() {
        for (quoted, text, written) in [
            (r#""a""#, Some("a"), "a"),
            (r#""""#, Some(""), ""),
            (r#""\u0061\/\n""#, Some("a/\n"), "a/\\n"),
            (r#""\ud83d\ude00""#, Some("😀"), "😀"),
            (r#""\uD83D""#, None, r"\ud83d"),
            (r#""\uDE00\uD83D""#, None, r"\ude00\ud83d"),
            (r#""a\u0062\uD83D\ud83d\ude00\"\\ud83d""#, None, r#"ab\ud83d😀\"\\ud83d"#),
        ] {
            let key = Key::of(quoted);
            assert_eq!(key.is_text().then(|| key.text()), text, "{quoted}");
            let mut out = b"x".to_vec();
            key.write(&mut out);
            assert_eq!(std::str::from_utf8(&out), Ok(&*format!("x{written}")), "{quoted}");
        }
        assert_eq!(Key::of(r#""\ud83d""#).text(), r"\ud83d");
    }
}
