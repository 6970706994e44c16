//! The text of HTML.
//!
//! It must not know the purpose of the text.

use html5ever::tokenizer::Tag;

use super::names::Element;
use super::walk::{Visitor, walk};

/// Returns the text of HTML, with decoded references and folded white space, up to `most` characters. A longer text
/// ends with an ellipsis, after a complete word if there is one near.
#[must_use]
pub fn text(html: &str, most: usize) -> String {
    let reader = Reader { text: String::new(), length: 0, most, is_space_due: false };
    let Reader { mut text, length, .. } = walk(html, reader).visitor;
    if length > most {
        cut(&mut text, most);
    }
    text
}

/// Shortens a text that is too long.
fn cut(text: &mut String, most: usize) {
    let Some(room) = most.checked_sub(1) else { return text.clear() };
    let end = text.char_indices().nth(room).map_or(text.len(), |(at, _)| at);
    let at_word = text[end..].starts_with(' ');
    let word = text[..end].rfind(' ').filter(|space| !at_word && space * 2 >= end);
    text.truncate(word.unwrap_or(end));
    text.truncate(text.trim_end().len());
    text.push('…');
}

/// Collects text.
struct Reader {
    text: String,
    /// Characters of the text.
    length: usize,
    most: usize,
    is_space_due: bool,
}

impl Reader {
    fn boundary(&mut self, element: Element) {
        self.is_space_due |= !matches!(element, Element::Inline(_) | Element::Transparent | Element::Raw(_));
    }
}

impl Visitor for Reader {
    fn start(&mut self, element: Element, _: &Tag) {
        self.boundary(element);
    }

    fn end(&mut self, element: Element) {
        self.boundary(element);
    }

    fn text(&mut self, text: &str) {
        for character in text.chars() {
            if self.is_over() {
                return;
            }
            if character.is_whitespace() {
                self.is_space_due = true;
            } else if !character.is_control() && !matches!(character, '\u{FFFE}' | '\u{FFFF}') {
                if self.is_space_due && !self.text.is_empty() {
                    self.text.push(' ');
                    self.length += 1;
                }
                self.is_space_due = false;
                self.text.push(character);
                self.length += 1;
            }
        }
    }

    fn is_over(&self) -> bool {
        // The additional character shows that there is more; a space may precede it.
        self.length > self.most + 1
    }
}
