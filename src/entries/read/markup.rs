//! A tokenizer of HTML for text, images and fingerprints: tags, text and references. It takes one pass over any input,
//! regardless of the attributes of a tag, and builds no tree. It must not know which HTML is allowed.

use std::borrow::Cow;

use html5ever::data::NAMED_ENTITIES;

/// Maximum number of attributes of a tag.
const ATTRIBUTES: usize = 64;
/// The longest name of a reference.
const REFERENCE: usize = 32;
/// Elements whose content is no text.
const RAW: &[&str] = &["script", "style", "template", "noscript", "iframe", "object", "svg", "math"];

/// A piece of HTML.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Text with references.
    Text(&'a str),
    Start(Tag<'a>),
    /// The name of an element.
    End(String),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    pub(super) name: String,
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    /// Names in lower case and values with references, in their order.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (String, &'a str)> {
        Attributes { rest: self.attributes }.take(ATTRIBUTES)
    }

    pub(super) fn attribute(&self, name: &str) -> Option<Cow<'a, str>> {
        self.attributes().find(|(own, _)| own == name).map(|(_, value)| decode(value))
    }
}

/// Returns the pieces of HTML, without comments and the content of elements whose content is no text.
pub(super) fn pieces(html: &str) -> Pieces<'_> {
    Pieces { rest: html }
}

pub(super) struct Pieces<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let start = tag_start(self.rest);
            if start > 0 {
                let (text, rest) = self.rest.split_at(start);
                self.rest = rest;
                return Some(Piece::Text(text));
            }
            if let Some(comment) = self.rest.strip_prefix("<!--") {
                self.rest = comment.split_once("-->").map_or("", |(_, rest)| rest);
                continue;
            }
            let end = tag_end(self.rest);
            let inner = &self.rest[1..end];
            self.rest = self.rest.get(end + 1..).unwrap_or_default();
            if inner.starts_with(['!', '?']) {
                continue;
            }
            let is_end = inner.starts_with('/');
            let inner = inner.trim_start_matches('/');
            let split = inner.find(|letter: char| letter.is_ascii_whitespace() || letter == '/');
            let (name, attributes) = inner.split_at(split.unwrap_or(inner.len()));
            let name = name.to_ascii_lowercase();
            if is_end {
                return Some(Piece::End(name));
            }
            if RAW.contains(&name.as_str()) && !attributes.ends_with('/') {
                self.rest = after_raw(self.rest, &name);
                continue;
            }
            return Some(Piece::Start(Tag { name, attributes }));
        }
    }
}

/// Returns where the first tag begins: at `<` with a letter, `/`, `!` or `?`.
fn tag_start(text: &str) -> usize {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'<', bytes)
        .find(|at| {
            let after = bytes.get(at + 1);
            after.is_some_and(|byte| byte.is_ascii_alphabetic() || b"/!?".contains(byte))
        })
        .unwrap_or(text.len())
}

/// Returns where the `>` of a tag is, which quotation marks around values hide.
fn tag_end(tag: &str) -> usize {
    let mut quote = None;
    let mut is_value = false;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (Some(open), _) => quote = (open != byte).then_some(open),
            (None, b'>') => return at,
            (None, b'"' | b'\'') if is_value => quote = Some(byte),
            _ => {}
        }
        is_value = byte == b'=' || is_value && byte.is_ascii_whitespace();
    }
    tag.len()
}

/// Returns the rest after the end tag of an element whose content is no text.
fn after_raw<'a>(text: &'a str, name: &str) -> &'a str {
    for at in memchr::memmem::find_iter(text.as_bytes(), "</") {
        let rest = &text[at + 2..];
        if rest.get(..name.len()).is_some_and(|own| own.eq_ignore_ascii_case(name)) {
            return rest.split_once('>').map_or("", |(_, rest)| rest);
        }
    }
    ""
}

struct Attributes<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (String, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let is_space = |letter: char| letter.is_ascii_whitespace();
        let text = self.rest.trim_start_matches(|letter: char| is_space(letter) || letter == '/');
        if text.is_empty() {
            return None;
        }
        // The first character of a name may be any, also `=`.
        let mut letters = text.char_indices().skip(1);
        let end = letters.find(|(_, letter)| is_space(*letter) || "=/".contains(*letter));
        let (name, rest) = text.split_at(end.map_or(text.len(), |(at, _)| at));
        let name = name.to_ascii_lowercase();
        let Some(value) = rest.trim_start_matches(is_space).strip_prefix('=') else {
            self.rest = rest;
            return Some((name, ""));
        };
        let value = value.trim_start_matches(is_space);
        let quote = value.chars().next().filter(|letter| "\"'".contains(*letter));
        let (value, rest) = match quote {
            Some(quote) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
            None => value.split_at(value.find(is_space).unwrap_or(value.len())),
        };
        self.rest = rest;
        Some((name, value))
    }
}

/// Replaces references by characters. Invalid references are unchanged.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'&', text.as_bytes()) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    let mut rest = &text[first..];
    while let Some(at) = memchr::memchr(b'&', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let window = &after[..after.floor_char_boundary(REFERENCE)];
        let name = window.split_once(';').map(|(name, _)| name);
        if name.is_some_and(|name| reference(&mut out, name)) {
            rest = &after[name.map_or(0, str::len) + 1..];
        } else {
            out.push('&');
            rest = after;
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Appends the characters of a reference. Returns `false` for an unknown one.
pub(super) fn reference(out: &mut String, name: &str) -> bool {
    if let Some(number) = name.strip_prefix('#') {
        let number = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        let Ok(number) = number else { return false };
        out.push(character(number));
        return true;
    }
    match NAMED_ENTITIES.get(format!("{name};").as_str()) {
        Some((first, second)) if *first != 0 => {
            out.extend([*first, *second].into_iter().filter(|code| *code != 0).filter_map(char::from_u32));
            true
        }
        _ => false,
    }
}

/// Returns a character by its number. Numbers of control characters are those of windows-1252, as in browsers.
fn character(number: u32) -> char {
    match number {
        0x80..=0x9f => {
            let byte = [u8::try_from(number).unwrap_or_default()];
            encoding_rs::WINDOWS_1252.decode(&byte).0.chars().next().unwrap_or('\u{fffd}')
        }
        _ => char::from_u32(number).filter(|code| *code != '\0').unwrap_or('\u{fffd}'),
    }
}

/// Appends text with HTML escapes.
pub(super) fn escape(out: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"']) {
        out.push_str(&rest[..at]);
        out.push_str(match rest.as_bytes()[at] {
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            _ => "&quot;",
        });
        rest = &rest[at + 1..];
    }
    out.push_str(rest);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn show(html: &str) -> String {
        let mut out = String::new();
        for piece in pieces(html) {
            match piece {
                Piece::Text(text) => out.push_str(&format!("[{}]", decode(text))),
                Piece::Start(tag) => {
                    let attributes: Vec<_> =
                        tag.attributes().map(|(name, value)| format!("{name}={}", decode(value))).collect();
                    out.push_str(&format!("<{} {}>", tag.name, attributes.join("|")));
                }
                Piece::End(name) => out.push_str(&format!("</{name}>")),
            }
        }
        out
    }

    #[test]
    fn html_is_read_as_browsers_read_it() {
        for (html, expected) in [
            ("a<b>c</b>", "[a]<b >[c]</b>"),
            ("1 < 2 & <3", "[1 < 2 & <3]"),
            ("<IMG Src='a>b' alt=\"x\" hidden width = 3/>", "<img src=a>b|alt=x|hidden=|width=3/>"),
            ("<br/><br />", "<br ><br >"),
            ("<a href=x y=\"1", "<a href=x|y=1>"),
            ("a<!-- <b> -->c<!-- d", "[a][c]"),
            ("<script>if (a</b>) </p></SCRIPT >x<style>", "[x]"),
            ("<!doctype html><?php x ?>y", "[y]"),
            ("<a é=1 =2>", "<a é=1|=2=>"),
            ("</p x>", "</p>"),
            ("<", "[<]"),
            (
                "&eacute;&#233;&#xe9;&amp;lt;&#150;&nope;&#0;&#x110000;&",
                "[ééé&lt;\u{2013}&nope;\u{fffd}\u{fffd}&]",
            ),
        ] {
            assert_eq!(show(html), expected, "{html}");
        }
    }

    proptest! {
        #[test]
        fn any_html_is_read_to_its_end(html in "(<[a-z!/]{0,3}|[ \"'=>/&;#x0-9é\u{1f600}-]|--|</script>|<script>){0,60}") {
            prop_assert!(show(&html).len() <= html.len() * 16 + 16);
        }
    }
}
