//! Makes the content of an entry safe to show: an allow-list of elements and attributes, links to the web only, bounded
//! in every direction.
//!
//! `filter` reads tags and writes those of `names` only, with URLs resolved; `ammonia` builds the tree, which closes and
//! moves what is open or misplaced; `filter` writes the result again and cuts it. Pure; it must not know what the content
//! is for.

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

/// The version of the rules. Content that was made with another one is made again when it is read.
pub const VERSION: i64 = 1;

/// Bytes of content that are read.
const RAW: usize = 256 * 1024;
/// Bytes of what a tree is built of. Some of it may be removed with elements that are not allowed. The time of the parser
/// grows with the square of the references in a text.
const FLAT: usize = 96 * 1024;
/// Bytes of the result.
const MOST: usize = 64 * 1024;
/// How often a result is parsed again until it stays the same. Elements that may not be in each other need a few times.
const ROUNDS: usize = 8;

/// Content that is safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clean {
    /// HTML, at most 64 KiB.
    pub html: String,
    /// Whether something was cut off.
    pub is_truncated: bool,
}

/// Makes content safe. Relative URLs are resolved against `base`, an HTTP URL, and removed without it. Headings move two
/// levels down, so that they are below those of a page. Elements that are not allowed leave their text.
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
    // No parser would agree with the next one on such content.
    let text = text(&html, MOST / 8);
    Clean { html: names::escaped(&text), is_truncated: true }
}

/// Parses filtered HTML and writes it again.
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
