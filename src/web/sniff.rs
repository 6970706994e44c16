//! Detects the text and the kind of a topic's content, since declared types are often wrong. It must not know the use
//! of a document.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Bytes at the start that are searched for an XML declaration.
const DECLARATION: usize = 512;

/// The kind of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Xml,
    Html,
    Json,
    Other,
}

/// Content as text.
#[derive(Debug)]
pub(crate) struct Document<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) kind: Kind,
    /// Whether the text has all that the bytes have: the encoding is known and no byte was invalid.
    pub(crate) is_exact: bool,
}

/// Decodes content and detects its kind. A byte order mark takes precedence, then the declaration in the document, then
/// the charset of the header `Content-Type`.
pub(crate) fn read<'a>(body: &'a [u8], content_type: Option<&str>) -> Document<'a> {
    let (encoding, is_known, start) = encoding(body, content_type);
    let (text, has_errors) = encoding.decode_without_bom_handling(&body[start..]);
    let kind = kind(&text, content_type);
    Document { text, kind, is_exact: is_known && !has_errors }
}

/// Returns the encoding, whether it is certain, and the start of the text.
fn encoding(body: &[u8], content_type: Option<&str>) -> (&'static Encoding, bool, usize) {
    if let Some((encoding, length)) = Encoding::for_bom(body) {
        return (encoding, true, length);
    }
    match body {
        [b'<', 0, b'?' | b'f' | b'r', 0, ..] => return (UTF_16LE, true, 0),
        [0, b'<', 0, b'?' | b'f' | b'r', ..] => return (UTF_16BE, true, 0),
        _ => {}
    }
    let Some(label) = declared(body).or_else(|| content_type.and_then(charset)) else {
        return (UTF_8, true, 0);
    };
    match Encoding::for_label(label.trim().as_bytes()) {
        // A declaration that was read as ASCII is not UTF-16.
        Some(encoding) if encoding == UTF_16LE || encoding == UTF_16BE => (UTF_8, true, 0),
        Some(encoding) => (encoding, true, 0),
        None => (UTF_8, false, 0),
    }
}

/// Returns the encoding that an XML declaration names.
fn declared(body: &[u8]) -> Option<&str> {
    let start = body.trim_ascii_start();
    let start = &start[..start.len().min(DECLARATION)];
    let end = start.starts_with(b"<?xml").then(|| memchr::memchr(b'>', start))??;
    let declaration = std::str::from_utf8(&start[..end]).ok()?;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| "\"'".contains(*quote))?;
    value[1..].split_once(quote).map(|(label, _)| label)
}

/// Returns the parameter `charset` of a `Content-Type`.
fn charset(content_type: &str) -> Option<&str> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches(['"', '\'']))
    })
}

fn kind(text: &str, content_type: Option<&str>) -> Kind {
    let Some(root) = root(text) else {
        return if text.trim_start().starts_with('{') { Kind::Json } else { Kind::Other };
    };
    let local = root.rsplit(':').next().unwrap_or(root).to_ascii_lowercase();
    match local.as_str() {
        "html" | "head" | "title" | "base" | "link" | "meta" | "style" | "script" | "body" => Kind::Html,
        "feed" | "rss" | "rdf" => Kind::Xml,
        _ if content_type.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html")) => {
            Kind::Html
        }
        _ => Kind::Xml,
    }
}

/// Returns the name of the first element, or of the document type.
fn root(mut text: &str) -> Option<&str> {
    const DOCTYPE: &str = "<!doctype";
    loop {
        text = text.trim_start();
        if let Some(rest) = text.strip_prefix("<?") {
            // An instruction that ends like a tag belongs to a template that was not processed.
            text = rest.split_once('>')?.1;
        } else if let Some(rest) = text.strip_prefix("<!--") {
            text = rest.split_once("-->")?.1;
        } else if text.get(..DOCTYPE.len()).is_some_and(|start| start.eq_ignore_ascii_case(DOCTYPE)) {
            return name(text[DOCTYPE.len()..].trim_start());
        } else {
            return name(text.strip_prefix('<')?);
        }
    }
}

fn name(text: &str) -> Option<&str> {
    let end = text.find(|letter: char| letter.is_whitespace() || "/>[<".contains(letter));
    let name = &text[..end.unwrap_or(text.len())];
    name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_').then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_seen_at_the_root() {
        for (text, kind) in [
            ("<?xml version=\"1.0\"?>\n<!-- x --><feed xmlns='a'>", Kind::Xml),
            ("  \n<rss version=\"2.0\">", Kind::Xml),
            ("<rdf:RDF>", Kind::Xml),
            ("<a10:feed>", Kind::Xml),
            ("<!DOCTYPE rss SYSTEM 'x'><rss>", Kind::Xml),
            ("<opml>", Kind::Xml),
            ("<!doctype HTML>", Kind::Html),
            ("<?xml version='1.0'?><!DOCTYPE html PUBLIC 'x'><html>", Kind::Html),
            ("<?xml version='1.0'?><html xmlns='http://www.w3.org/1999/xhtml'>", Kind::Html),
            ("<HTML>", Kind::Html),
            ("<!-- x --><head>", Kind::Html),
            ("<title>x</title>", Kind::Html),
            (" {\"version\": 1}", Kind::Json),
            ("[1]", Kind::Other),
            ("", Kind::Other),
            ("plain < text", Kind::Other),
            ("< text", Kind::Other),
            ("<!-- never ends", Kind::Other),
        ] {
            assert_eq!(read(text.as_bytes(), Some("text/plain")).kind, kind, "{text}");
        }
        assert_eq!(read(b"<p>x", Some("Text/HTML; charset=utf-8")).kind, Kind::Html);
        assert_eq!(read(b"<feed>", Some("text/html")).kind, Kind::Xml);
        assert_eq!(read(b"<html>", Some("application/atom+xml")).kind, Kind::Html);
    }

    #[test]
    fn the_encoding_is_that_of_the_mark_the_declaration_or_the_header() {
        let text = |body: &[u8], content_type: Option<&str>| {
            let document = read(body, content_type);
            (document.text.into_owned(), document.is_exact)
        };
        assert_eq!(text(b"<a>\xc3\xa9", None), ("<a>\u{e9}".to_owned(), true));
        assert_eq!(
            text(b"\xef\xbb\xbf<a>\xc3\xa9", Some("x; charset=latin1")),
            ("<a>\u{e9}".to_owned(), true)
        );
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9";
        assert_eq!(text(latin, Some("text/xml; charset=utf-8")).0.chars().last(), Some('\u{e9}'));
        assert_eq!(
            text(b"<a>\xe9", Some("text/xml; Charset=\"windows-1252\"")),
            ("<a>\u{e9}".to_owned(), true)
        );
        assert_eq!(text(b"<a>\xe9", None), ("<a>\u{fffd}".to_owned(), false));
        assert!(!text(b"<?xml version='1.0' encoding='klingon'?><a/>", None).1);
        assert!(text(b"<?xml version='1.0' encoding='utf-16'?><a/>", None).1);
        for is_little in [true, false] {
            let units = "<?xml version='1.0'?><a>\u{e9}".encode_utf16();
            let bytes: Vec<u8> = units
                .flat_map(|unit| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() })
                .collect();
            assert_eq!(text(&bytes, None), ("<?xml version='1.0'?><a>\u{e9}".to_owned(), true));
            let mark: &[u8] = if is_little { &[0xff, 0xfe] } else { &[0xfe, 0xff] };
            assert_eq!(read(&[mark, &bytes].concat(), None).kind, Kind::Xml);
        }
    }
}
