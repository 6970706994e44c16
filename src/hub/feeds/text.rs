//! Text for feeds: bounded, and without the characters that XML forbids.
//!
//! Pure; it must not know the purpose of the text.

use url::Url;

/// Bytes of the longest URL and identifier.
const URL: usize = 2048;

/// Whether XML 1.0 allows a character (its section 2.2).
fn is_allowed(character: char) -> bool {
    !matches!(character, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}')
}

/// Returns a text of several lines, which end with line feeds.
pub(super) fn lines(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| if c == '\r' { '\n' } else { c })
        .filter(|c| is_allowed(*c))
        .collect()
}

/// Returns a text as one line of at most `most` characters. An ellipsis marks omitted characters.
pub(super) fn line(text: &str, most: usize) -> String {
    let words =
        text.split_whitespace().map(|word| word.chars().filter(|c| is_allowed(*c) && !c.is_control()));
    let spaced = words.flat_map(|word| std::iter::once(' ').chain(word));
    // A single space in place of a word without allowed characters.
    let mut last = ' ';
    let mut spaced = spaced.filter(|c| std::mem::replace(&mut last, *c) != ' ' || *c != ' ');
    let mut line: String = spaced.by_ref().take(most).collect();
    if spaced.any(|c| c != ' ') {
        line.pop();
        line.truncate(line.trim_end().len());
        line.push('…');
    }
    line.truncate(line.trim_end().len());
    line
}

/// Returns an absolute `http` or `https` URL in serialized form, without quotes, spaces or control characters.
pub(super) fn web_url(text: &str) -> Option<String> {
    let text = text.trim();
    let url = Url::parse(text).ok().filter(|_| text.len() <= URL)?;
    let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
    Some(String::from(url)).filter(|written| is_web && written.len() <= URL)
}

/// Returns an identifier that is an IRI with a well-known scheme.
pub(super) fn iri(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let is_known = ["http", "https", "urn", "tag"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    let is_plain =
        |c: char| is_allowed(c) && !c.is_control() && !c.is_whitespace() && !"<>\"{}|\\^`".contains(c);
    let is_iri = is_known && !rest.is_empty() && text.len() <= URL && text.chars().all(is_plain);
    is_iri.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_xml_forbids_are_removed() {
        assert_eq!(lines("a\0b\u{1}\u{b}c\u{fffe}\u{ffff}d\r\ne\rf\tg\u{1f}"), "abcd\ne\nf\tg");
        assert_eq!(line("a\0b\u{85}c\u{1b}[31m", 80), "ab c[31m");
    }

    #[test]
    fn a_line_is_shortened() {
        for (text, most, expected) in [
            ("", 10, ""),
            (" one \n two\t", 10, "one two"),
            ("one two three", 13, "one two three"),
            ("one two three ", 13, "one two three"),
            ("one two three", 9, "one two…"),
            ("one two three", 10, "one two t…"),
            ("ééééé", 4, "ééé…"),
            ("a b", 2, "a…"),
            ("a \0 \0 b", 3, "a b"),
            ("\0", 3, ""),
        ] {
            assert_eq!(line(text, most), expected, "{text:?}");
        }
    }

    #[test]
    fn only_urls_of_the_web_are_urls() {
        for (text, expected) in [
            ("https://a.example/b?c=d#e", Some("https://a.example/b?c=d#e")),
            (" HTTP://A.example ", Some("http://a.example/")),
            ("https://a.example/ä \"<>", Some("https://a.example/%C3%A4%20%22%3C%3E")),
            ("javascript:alert(1)", None),
            ("java\nscript:alert(1)", None),
            ("JaVaScRiPt:alert(1)", None),
            ("\u{1}javascript:alert(1)", None),
            ("data:text/html,x", None),
            ("vbscript:x", None),
            ("file:///etc/passwd", None),
            ("ftp://a.example/", None),
            ("mailto:a@example.org", None),
            ("//a.example/", None),
            ("/a", None),
            ("a", None),
            ("", None),
            ("https://", None),
        ] {
            assert_eq!(web_url(text).as_deref(), expected, "{text}");
        }
        assert_eq!(web_url(&format!("https://a.example/{}", "x".repeat(2048))), None);
        assert_eq!(
            web_url(&format!("https://a.example/{}", "ä".repeat(600))),
            None,
            "too long as it is written"
        );
    }

    #[test]
    fn identifiers_keep_their_spelling_if_they_are_iris() {
        for text in ["https://A.example/B", "urn:uuid:1", "tag:a.example,2026:x", "http://a.example/ä"] {
            assert_eq!(iri(text), Some(text));
        }
        for text in
            ["1", "a:b", "javascript:alert(1)", "data:x", "urn:", "https://a b", "urn:a\"b", "urn:a\nb", ""]
        {
            assert_eq!(iri(text), None, "{text}");
        }
    }
}
