//! Writes HTML with the allowed elements and attributes only, with resolved URLs and bounded images.
//!
//! It must not know trees: the parser between two filters determines the nesting.

use std::collections::HashMap;

use html5ever::tokenizer::Tag;
use url::Url;

use super::names::{self, Element, heading};
use super::walk::Visitor;

/// Schemes of links.
pub(super) const LINKS: [&str; 3] = ["http", "https", "mailto"];
/// Schemes of images.
const IMAGES: [&str; 2] = ["http", "https"];
/// Images of one entry.
const IMAGES_KEPT: usize = 20;
/// Start tags that a tree is built of. The time of the parser grows with the square of the open elements.
const TAGS: usize = 8000;
/// Maximum number of open elements in HTML for a tree. The parser visits the open elements for each misnested end tag.
/// Further start tags are skipped, and so are end tags without a start tag.
const OPEN: usize = 128;
/// Elements in each other. Browsers and scripts that walk a tree have limits.
const DEPTH: usize = 64;
/// Levels that headings move down.
const LEVELS: usize = 2;

/// Writes tags and texts within a maximum length.
pub(super) struct Filter<'a> {
    out: String,
    /// Bytes of the result.
    most: usize,
    is_over: bool,
    base: Option<&'a Url>,
    /// Open elements, if tags come in pairs; `None` for an element that is not written.
    open: Option<Vec<Option<&'static str>>>,
    /// Bytes of the end tags of those.
    closing: usize,
    tags: usize,
    /// Counted open elements by name, in a flat filter.
    pending: HashMap<&'static str, usize>,
    /// How many they are.
    depth: usize,
    images: usize,
    /// Whether the next text is the first of a `pre`, whose leading line feed a parser removes.
    is_at_pre: bool,
    /// Whether the line has content, and whether a division has ended it.
    has_line: bool,
    is_line_over: bool,
}

impl<'a> Filter<'a> {
    /// Creates a filter for untrusted HTML: URLs are resolved, headings moved. Tags may come in any order.
    pub(super) fn flat(base: Option<&'a Url>, most: usize) -> Self {
        Self {
            out: String::new(),
            most,
            is_over: false,
            base,
            open: None,
            closing: 0,
            tags: 0,
            pending: HashMap::new(),
            depth: 0,
            images: 0,
            is_at_pre: false,
            has_line: false,
            is_line_over: false,
        }
    }

    /// Creates a filter for a serialized tree. The result is complete HTML even if it is truncated.
    pub(super) fn nested(most: usize) -> Self {
        Self { open: Some(Vec::new()), ..Self::flat(None, most) }
    }

    /// Returns the result.
    pub(super) fn finish(mut self) -> String {
        while let Some(name) = self.open.as_mut().and_then(Vec::pop) {
            self.write_end(name);
        }
        self.out.truncate(self.out.trim_end().len());
        self.out.drain(..self.out.len() - self.out.trim_start().len());
        self.out
    }

    fn is_flat(&self) -> bool {
        self.open.is_none()
    }

    /// Writes a piece, or ends the result before it. `reserve` is the number of bytes that have to fit after it.
    fn write(&mut self, reserve: usize, write: impl FnOnce(&mut String)) -> bool {
        let before = self.out.len();
        write(&mut self.out);
        if self.out.len() + reserve + self.closing > self.most {
            self.out.truncate(before);
            self.is_over = true;
        }
        !self.is_over
    }

    fn write_end(&mut self, name: Option<&'static str>) {
        if let Some(name) = name {
            self.closing -= end_length(name);
            for part in ["</", name, ">"] {
                self.out.push_str(part);
            }
        }
    }

    /// Begins an element that has content.
    fn begin(&mut self, name: &'static str, attributes: impl FnOnce(&mut String)) {
        let is_written = match &self.open {
            Some(open) => open.len() < DEPTH,
            None => self.nest(name),
        };
        let tag = |out: &mut String| {
            out.push('<');
            out.push_str(name);
            attributes(out);
            out.push('>');
        };
        let reserve = if self.is_flat() { 0 } else { end_length(name) };
        if is_written && !self.write(reserve, tag) {
            return;
        }
        if let Some(open) = &mut self.open {
            open.push(is_written.then_some(name));
            self.closing += if is_written { reserve } else { 0 };
        }
        self.is_at_pre = name == "pre";
    }

    /// Ends the element that was begun last, or in a flat filter the one of that name.
    fn close(&mut self, name: &'static str) {
        if !self.is_flat() {
            if let Some(name) = self.open.as_mut().and_then(Vec::pop) {
                self.write_end(name);
            }
        } else if self.unnest(name) {
            self.write(0, |out| {
                for part in ["</", name, ">"] {
                    out.push_str(part);
                }
            });
        }
    }

    /// Counts a start tag of a flat filter. Returns whether it may be written.
    fn nest(&mut self, name: &'static str) -> bool {
        if names::is_uncounted(name) {
            return true;
        }
        if self.depth == OPEN {
            return false;
        }
        self.depth += 1;
        *self.pending.entry(name).or_default() += 1;
        true
    }

    /// Counts an end tag of a flat filter. Returns whether it ends an element.
    fn unnest(&mut self, name: &'static str) -> bool {
        if names::is_uncounted(name) {
            return true;
        }
        let Some(count) = self.pending.get_mut(name).filter(|count| **count > 0) else { return false };
        *count -= 1;
        self.depth -= 1;
        true
    }

    /// Starts content within a line.
    fn inline(&mut self) {
        if std::mem::take(&mut self.is_line_over) {
            self.write(0, |out| out.push_str("<br>"));
        }
        self.has_line = true;
    }

    /// A line begins.
    fn block(&mut self) {
        (self.has_line, self.is_line_over) = (false, false);
    }

    /// A division begins or ends.
    fn division(&mut self) {
        self.is_line_over |= self.has_line;
    }

    fn start_inline(&mut self, name: &'static str, tag: &Tag) {
        self.inline();
        if name != "a" {
            return self.begin(name, |_| ());
        }
        let Some(url) = attribute(tag, "href").and_then(|value| resolve(value, self.base, &LINKS)) else {
            // An end tag follows in any case; without a start tag the parser ignores it.
            if let Some(open) = &mut self.open {
                open.push(None);
            }
            return;
        };
        self.begin(name, |out| {
            put(out, "href", &url);
            out.push_str(" rel=\"nofollow ugc noopener noreferrer\"");
        });
    }

    fn start_block(&mut self, name: &'static str, tag: &Tag) {
        self.block();
        self.begin(name, |out| {
            let numbers: &[(&str, i64, i64)] = match name {
                "td" | "th" => &[("colspan", 2, 1000), ("rowspan", 2, 1000)],
                "ol" => &[("start", -1_000_000_000, 1_000_000_000)],
                _ => &[],
            };
            for (key, least, most) in numbers {
                let number = attribute(tag, key).and_then(|value| value.trim().parse::<i64>().ok());
                if let Some(number) = number.filter(|number| (*least..=*most).contains(number)) {
                    put(out, key, &number.to_string());
                }
            }
        });
    }

    fn start_void(&mut self, name: &'static str, tag: &Tag) {
        match name {
            "img" => return self.image(tag),
            // A line break at the end of a line that is over already is that end.
            _ => self.block(),
        }
        self.write(0, |out| {
            for part in ["<", name, ">"] {
                out.push_str(part);
            }
        });
    }

    fn image(&mut self, tag: &Tag) {
        let size = |key| attribute(tag, key).and_then(pixels);
        let is_tiny = [size("width"), size("height")].into_iter().flatten().any(|size| size < 2);
        if is_tiny || attribute(tag, "style").is_some_and(is_hidden) || self.images >= IMAGES_KEPT {
            return;
        }
        let Some(url) = attribute(tag, "src").and_then(|value| resolve(value, self.base, &IMAGES)) else {
            return;
        };
        self.images += 1;
        self.inline();
        self.write(0, |out| {
            out.push_str("<img");
            put(out, "src", &url);
            put(out, "alt", attribute(tag, "alt").unwrap_or_default());
            if let Some(title) = attribute(tag, "title") {
                put(out, "title", title);
            }
            for key in ["width", "height"] {
                if let Some(pixels) = attribute(tag, key).and_then(pixels) {
                    put(out, key, &pixels.to_string());
                }
            }
            out.push_str(" loading=\"lazy\" referrerpolicy=\"no-referrer\">");
        });
    }
}

impl Visitor for Filter<'_> {
    fn start(&mut self, element: Element, tag: &Tag) {
        self.is_at_pre = false;
        self.tags += 1;
        if self.is_flat() && self.tags > TAGS {
            self.is_over = true;
            return;
        }
        match element {
            Element::Inline(name) => self.start_inline(name, tag),
            Element::Block(name) => self.start_block(name, tag),
            Element::Heading(level) => {
                self.block();
                self.begin(heading(if self.is_flat() { level + LEVELS } else { level }), |_| ());
            }
            Element::Void(name) => self.start_void(name, tag),
            Element::Division if self.is_flat() => self.begin("div", |_| ()),
            Element::Division => {
                self.division();
                self.open.get_or_insert_default().push(None);
            }
            Element::Foreign(name) if self.is_flat() => {
                let end = if tag.self_closing { "/>" } else { ">" };
                self.write(0, |out| {
                    for part in ["<", name, end] {
                        out.push_str(part);
                    }
                });
            }
            Element::Foreign(_) | Element::Raw(_) | Element::Transparent => {}
        }
    }

    fn end(&mut self, element: Element) {
        self.is_at_pre = false;
        match element {
            Element::Inline(name) => self.close(name),
            Element::Block(name) => {
                self.block();
                self.close(name);
            }
            Element::Heading(level) => {
                self.block();
                self.close(heading(level + LEVELS));
            }
            Element::Division => {
                self.division();
                self.close("div");
            }
            Element::Foreign(name) if self.is_flat() => self.close(name),
            Element::Foreign(_) | Element::Void(_) | Element::Raw(_) | Element::Transparent => {}
        }
    }

    fn text(&mut self, text: &str) {
        let text = if self.is_at_pre { text.trim_start_matches('\n') } else { text };
        if text.is_empty() {
            return;
        }
        self.is_at_pre = false;
        if !self.is_flat() {
            let is_blank = text.bytes().all(|byte| byte.is_ascii_whitespace());
            match (is_blank, self.is_line_over) {
                (true, true) => return,
                (true, false) => {}
                (false, _) => self.inline(),
            }
        }
        for character in text.chars() {
            if self.is_over || !self.write(0, |out| names::escape(out, character)) {
                return;
            }
        }
    }

    fn is_over(&self) -> bool {
        self.is_over
    }
}

fn end_length(name: &str) -> usize {
    name.len() + "</>".len()
}

fn attribute<'a>(tag: &'a Tag, name: &str) -> Option<&'a str> {
    tag.attrs.iter().find(|own| &*own.name.local == name).map(|own| &*own.value)
}

fn put(out: &mut String, name: &str, value: &str) {
    for part in [" ", name, "=\""] {
        out.push_str(part);
    }
    value.chars().for_each(|character| names::escape(out, character));
    out.push('"');
}

/// Returns the absolute form of a URL with one of these schemes.
fn resolve(value: &str, base: Option<&Url>, schemes: &[&str]) -> Option<String> {
    let url = Url::options().base_url(base).parse(value).ok()?;
    schemes.contains(&url.scheme()).then(|| url.into())
}

/// Returns the value of `width` or `height`; percentages are none.
fn pixels(value: &str) -> Option<u32> {
    let value = value.trim();
    let end = value.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
    let (digits, rest) = value.split_at(end);
    (!rest.contains('%')).then(|| digits.parse().ok()).flatten().filter(|pixels| *pixels < 100_000)
}

/// Whether a style makes an image invisible.
fn is_hidden(style: &str) -> bool {
    style.to_ascii_lowercase().split(';').filter_map(|rule| rule.split_once(':')).any(|(key, value)| {
        let value = value.trim().trim_end_matches("!important").trim_end();
        match key.trim() {
            "display" => value == "none",
            "visibility" => value == "hidden",
            "width" | "height" => matches!(value, "0" | "0px" | "1px"),
            _ => false,
        }
    })
}
