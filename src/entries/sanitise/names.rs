//! The allowed elements, and the treatment of the others.
//!
//! It must not know attributes.

use html5ever::tokenizer::states::RawKind;

/// The treatment of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Element {
    /// Kept, within a line.
    Inline(&'static str),
    /// Kept, starts and ends a line.
    Block(&'static str),
    /// Kept, without content: `br`, `hr`, `img`.
    Void(&'static str),
    /// A heading of this level, which moves down.
    Heading(usize),
    /// Removed; its content stays on separate lines.
    Division,
    /// Removed with its content, whose end the tree builder determines.
    Foreign(&'static str),
    /// Removed with its content, in which tags do not count.
    Raw(RawKind),
    /// Removed; its content stays.
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

/// Returns the treatment of an element by name.
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

/// Whether an open element does not count towards the depth: start tags of others close it, or it is removed with its
/// content.
pub(super) fn is_uncounted(name: &str) -> bool {
    matches!(name, "p" | "li" | "caption" | "thead" | "tbody" | "tfoot" | "tr" | "th" | "td")
        || HEADINGS.contains(&name)
        || FOREIGN.contains(&name)
}

/// Returns the heading of a level; levels below the sixth are the sixth.
pub(super) fn heading(level: usize) -> &'static str {
    HEADINGS[level.clamp(1, HEADINGS.len()) - 1]
}

/// Returns all elements that are kept.
pub(super) fn allowed() -> impl Iterator<Item = &'static str> {
    INLINE.into_iter().chain(BLOCK).chain([CELL]).chain(VOID).chain(HEADINGS)
}

/// Appends a character of a text or an attribute with HTML escapes. Characters that XML forbids are omitted.
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

/// Returns a text as HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|character| escape(&mut out, character));
    out
}
