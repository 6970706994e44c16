//! Which elements content may have, and what becomes of the others.
//!
//! It must not know attributes.

use html5ever::tokenizer::states::RawKind;

/// What becomes of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    /// It stays, within a line.
    Inline(&'static str),
    /// It stays, and begins and ends a line.
    Block(&'static str),
    /// It stays, and has no content: `br`, `hr`, `img`.
    Void(&'static str),
    /// It is a heading of this level, which moves down.
    Heading(usize),
    /// It is removed; its content stays on separate lines.
    Division,
    /// It is removed with its content, which the tree builder finds.
    Foreign(&'static str),
    /// It is removed with its content, in which tags do not count.
    Raw(RawKind),
    /// It is removed; its content stays.
    Transparent,
}

/// Elements that are removed with their content after the tree is built.
pub(super) const FOREIGN: [&str; 4] = ["svg", "math", "template", "select"];

const INLINE: [&str; 8] = ["a", "em", "strong", "b", "i", "u", "s", "code"];
const BLOCK: [&str; 15] = [
    "p",
    "pre",
    "blockquote",
    "ul",
    "ol",
    "li",
    "figure",
    "figcaption",
    "table",
    "caption",
    "thead",
    "tbody",
    "tfoot",
    "tr",
    "th",
];
const CELL: &str = "td";
const VOID: [&str; 3] = ["br", "hr", "img"];
const HEADINGS: [&str; 6] = ["h1", "h2", "h3", "h4", "h5", "h6"];
const DIVISIONS: [&str; 22] = [
    "address", "article", "aside", "center", "dd", "details", "dir", "div", "dl", "dt", "fieldset", "footer",
    "form", "header", "hgroup", "legend", "main", "menu", "nav", "search", "section", "summary",
];

/// What becomes of the element of that name.
pub(super) fn element(name: &str) -> Element {
    let among = |names: &[&'static str]| names.iter().find(|own| **own == name).copied();
    if let Some(name) = among(&INLINE) {
        return Element::Inline(name);
    }
    if let Some(name) = among(&BLOCK).or_else(|| among(&[CELL])) {
        return Element::Block(name);
    }
    if let Some(name) = among(&VOID) {
        return Element::Void(name);
    }
    if let Some(at) = HEADINGS.iter().position(|own| *own == name) {
        return Element::Heading(at + 1);
    }
    if let Some(name) = among(&FOREIGN) {
        return Element::Foreign(name);
    }
    match name {
        "strike" | "del" => Element::Inline("s"),
        "script" => Element::Raw(RawKind::ScriptData),
        "title" | "textarea" => Element::Raw(RawKind::Rcdata),
        "style" | "xmp" | "iframe" | "noembed" | "noframes" | "noscript" => Element::Raw(RawKind::Rawtext),
        _ if among(&DIVISIONS).is_some() => Element::Division,
        _ => Element::Transparent,
    }
}

/// Whether an element that is open does not count as one in which others are: start tags of others close it, or it is
/// removed with its content.
pub(super) fn is_uncounted(name: &str) -> bool {
    matches!(name, "p" | "li" | "caption" | "thead" | "tbody" | "tfoot" | "tr" | "th" | "td")
        || HEADINGS.contains(&name)
        || FOREIGN.contains(&name)
}

/// The heading of a level; levels below the sixth are the sixth.
pub(super) fn heading(level: usize) -> &'static str {
    HEADINGS[level.clamp(1, HEADINGS.len()) - 1]
}

/// All elements that stay.
pub(super) fn allowed() -> impl Iterator<Item = &'static str> {
    INLINE.into_iter().chain(BLOCK).chain([CELL]).chain(VOID).chain(HEADINGS)
}

/// Appends a character of a text or an attribute. Those that XML forbids are left out.
pub(super) fn escape(out: &mut String, character: char) {
    match character {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '"' => out.push_str("&quot;"),
        '\t' | '\n' => out.push(character),
        '\u{FFFE}' | '\u{FFFF}' => {}
        control if control.is_control() => {}
        other => out.push(other),
    }
}

/// A text as HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|character| escape(&mut out, character));
    out
}
