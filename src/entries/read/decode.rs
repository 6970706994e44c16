//! Decodes documents with a wrong or missing declaration of the encoding. It must not know the content.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

use crate::web::sniff::{self, Document};

/// Decodes a document. Bytes that are UTF-8 beyond ASCII are decoded as such, regardless of the declaration; bytes that
/// are invalid in the declared encoding are decoded as windows-1252.
pub(super) fn read<'a>(body: &'a [u8], content_type: Option<&str>) -> Document<'a> {
    let document = sniff::read(body, content_type);
    let is_other = !document.is_exact || !matches!(document.text, Cow::Borrowed(_));
    if body.is_ascii() || !is_other || body.contains(&0) {
        return document;
    }
    if let Ok(text) = std::str::from_utf8(body) {
        let text = Cow::Borrowed(text.strip_prefix('\u{feff}').unwrap_or(text));
        return Document { text, ..document };
    }
    let is_one_byte = |letter: char| letter.is_ascii() || letter == '\u{fffd}';
    if !document.is_exact && document.text.chars().all(is_one_byte) {
        let (text, _) = WINDOWS_1252.decode_without_bom_handling(body);
        return Document { text, ..document };
    }
    document
}
