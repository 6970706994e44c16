//! The hash of the displayed content of an entry. White space, the order of attributes, and invisible attributes and
//! elements do not count. It must not know where texts are from.

use sha2::{Digest, Sha256};

use super::markup::{Piece, decode, pieces};

/// Visible attributes.
const ATTRIBUTES: &[&str] = &["alt", "href", "poster", "src", "title"];
/// Elements without a visible effect, or whose ends are implied by others.
const SILENT: &[&str] = &["article", "center", "div", "font", "section", "span", "wbr"];

#[derive(Default)]
pub(super) struct Fingerprint(Sha256);

impl Fingerprint {
    /// Adds the words of a text.
    pub(super) fn text(&mut self, text: &str) {
        self.words(text);
        self.end();
    }

    /// Adds HTML.
    pub(super) fn html(&mut self, html: &str) {
        for piece in pieces(html) {
            match piece {
                Piece::Text(text) => self.words(&decode(text)),
                Piece::Start(tag) if !SILENT.contains(&tag.name.as_str()) => {
                    self.part(b'<', &tag.name);
                    let seen = |(name, _): &(String, _)| ATTRIBUTES.contains(&name.as_str());
                    let mut attributes: Vec<_> = tag.attributes().filter(seen).collect();
                    attributes.sort_unstable();
                    for (name, value) in attributes {
                        self.part(b'@', &name);
                        self.words(&decode(value));
                    }
                }
                Piece::Start(_) | Piece::End(_) => {}
            }
        }
        self.end();
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    fn words(&mut self, text: &str) {
        for word in text.split_whitespace() {
            self.part(b' ', word);
        }
    }

    fn part(&mut self, mark: u8, text: &str) {
        self.0.update([mark]);
        self.0.update(text);
    }

    /// Ends a field.
    fn end(&mut self) {
        self.0.update([0]);
    }
}
