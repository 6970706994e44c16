//! Sanitizes the content of entries: an allow-list of elements and attributes, `http` and `https` links only, bounded
//! in every direction.
//!
//! `filter` reads tags and writes those of `names` only, with resolved URLs; `ammonia` builds the tree, which closes
//! and moves unclosed or misplaced elements; `filter` writes the result again and truncates it. Pure; it must not know
//! the purpose of the content.

mod filter;
mod names;
mod text;
mod walk;

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::Builder;
use url::Url;

use filter::Filter;
pub use text::text;

/// The version of the rules. Content of another version is sanitized again when it is read.
pub const VERSION: i64 = 1;

/// Bytes of content that are read.
const RAW: usize = 256 * 1024;
/// Maximum bytes of input for a tree. A part of it may be removed with elements that are not allowed. The time of the
/// parser is quadratic in the references of a text.
const FLAT: usize = 96 * 1024;
/// Bytes of the result.
const MOST: usize = 64 * 1024;
/// Maximum number of times that a result is parsed again until it is stable. Elements that must not be nested take
/// several.
const ROUNDS: usize = 8;

/// Content that is safe to display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clean {
    /// HTML, at most 64 KiB.
    pub html: String,
    /// Whether the content was truncated.
    pub is_truncated: bool,
}

/// Sanitizes content. Relative URLs are resolved against `base`, an HTTP URL, and removed without it. Headings move two
/// levels down, below the headings of a page. Elements that are not allowed leave their text.
#[must_use]
pub fn clean(raw: &str, base: Option<&str>) -> Clean {
    let base =
        base.and_then(|base| Url::parse(base).ok()).filter(|base| matches!(base.scheme(), "http" | "https"));
    let start = &raw[..raw.floor_char_boundary(RAW)];
    let flat = walk::walk(start, Filter::flat(base.as_ref(), FLAT));
    let mut is_truncated = start.len() < raw.len() || !flat.is_whole;
    let mut html = flat.visitor.finish();
    for _ in 0..ROUNDS {
        let next = again(&html);
        is_truncated |= next.is_truncated;
        if next.html == html {
            return Clean { html, is_truncated };
        }
        html = next.html;
    }
    // Parsers disagree about such content.
    let text = text(&html, MOST / 8);
    Clean { html: names::escaped(&text), is_truncated: true }
}

/// Parses filtered HTML and serializes it again.
fn again(html: &str) -> Clean {
    let tree = BUILDER.clean(html).to_string();
    let walked = walk::walk(&tree, Filter::nested(MOST));
    Clean { html: walked.visitor.finish(), is_truncated: !walked.is_whole }
}

/// The rules for the tree. Attributes were chosen before; these are the second line.
static BUILDER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder
        .tags(names::allowed().chain(["div"]).collect())
        .clean_content_tags(HashSet::from(names::FOREIGN))
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href"])),
            ("img", HashSet::from(["src", "alt", "title", "width", "height"])),
            ("ol", HashSet::from(["start"])),
            ("td", HashSet::from(["colspan", "rowspan"])),
            ("th", HashSet::from(["colspan", "rowspan"])),
        ]))
        .url_schemes(HashSet::from(filter::LINKS))
        .link_rel(None);
    builder
});

#[cfg(test)]
mod tests;
