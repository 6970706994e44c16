//! Iterates over an XML feed, and returns each entry as a tree as soon as it is complete.
//!
//! It accepts input that other parsers refuse: unclosed elements, bare `&` and `<`, truncated documents. Everything is
//! bounded, the time is linear, and entities that a document declares are not expanded. It must not know the meaning of
//! elements in an entry.

use std::rc::Rc;

use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use url::Url;

use super::markup;
use super::tree::{Element, Node, Space};

/// Elements within each other; the tags of deeper ones are left out.
const DEPTH: usize = 100;
/// Elements of an entry; the tags of further ones are left out.
const ELEMENTS: usize = 20_000;
/// Elements of the feed itself.
const HEAD: usize = 256;
/// Maximum number of attributes of an element, and of namespaces in scope.
const ATTRIBUTES: usize = 64;
const NAMESPACES: usize = 64;
/// The longest base URL.
const BASE: usize = 2048;
/// The longest name of an element.
const NAME: usize = 128;
/// Maximum number of bytes, as a multiple of the document, that are read again because they were no markup.
const AGAIN: usize = 8;

/// The start of the first tag of a feed, if it is truncated.
const ROOTS: &[&str] = &["<feed", "<rss", "<rdf:"];

/// How a feed is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// The root is `feed` or `entry`.
    Atom,
    /// RSS of any version. Entries are in the channel or, with RDF, in the root.
    Rss,
}

/// The parts of a feed other than its entries.
pub(super) struct Scanned {
    pub(super) head: Vec<Element>,
    /// The XML error of an incomplete feed.
    pub(super) broken: Option<String>,
}

/// Reads a document. `None` if its root is not one of a feed.
pub(super) fn scan(text: &str, url: &Url, on_entry: &mut dyn FnMut(Element)) -> Option<Scanned> {
    let mut walk = Walk {
        format: None,
        open: Vec::new(),
        hidden: 0,
        elements: 0,
        entry: None,
        namespaces: Vec::new(),
        url: Rc::new(url.clone()),
        head: Vec::new(),
        on_entry,
    };
    let mut broken = None;
    let mut has_root = false;
    let mut start = 0;
    let mut again = text.len().saturating_mul(AGAIN);
    loop {
        match walk.read(&text[start..]) {
            Stop::End => break,
            Stop::NoFeed => return None,
            Stop::NoMarkup { at, seen, reason } => {
                broken.get_or_insert(reason);
                let Some(left) = again.checked_sub(seen) else { break };
                again = left;
                let rest = &text[start + at..];
                has_root |= ROOTS
                    .iter()
                    .any(|root| rest.get(..root.len()).is_some_and(|own| own.eq_ignore_ascii_case(root)));
                start += at + walk.no_markup(rest);
            }
        }
    }
    if walk.format.is_none() && !has_root {
        return None;
    }
    if !walk.open.is_empty() {
        broken.get_or_insert_with(|| "the document ends early".to_owned());
    }
    Some(Scanned { head: walk.head, broken })
}

/// Why the reader stopped.
enum Stop {
    End,
    NoFeed,
    /// A `<` at `at` does not start markup; `seen` bytes after it have been read.
    NoMarkup {
        at: usize,
        seen: usize,
        reason: String,
    },
}

/// An element that is open.
struct Open {
    /// Its name with the prefix.
    name: String,
    element: Element,
    /// Whether entries are in it.
    is_container: bool,
    /// How many namespaces were declared outside.
    namespaces: usize,
}

struct Walk<'a> {
    format: Option<Format>,
    open: Vec<Open>,
    /// Open elements that are left out.
    hidden: usize,
    /// Elements of the present entry.
    elements: usize,
    /// Where in `open` the present entry is.
    entry: Option<usize>,
    /// Prefixes and their vocabularies.
    namespaces: Vec<(String, Space)>,
    url: Rc<Url>,
    head: Vec<Element>,
    on_entry: &'a mut dyn FnMut(Element),
}

impl Walk<'_> {
    fn read(&mut self, text: &str) -> Stop {
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        config.allow_dangling_amp = true;
        config.allow_unmatched_ends = true;
        config.check_end_names = false;
        let position =
            |reader: &Reader<&[u8]>| usize::try_from(reader.buffer_position()).unwrap_or(text.len());
        loop {
            let before = position(&reader);
            let no_markup = |reader: &Reader<&[u8]>, reason: String| {
                let at = memchr::memchr(b'<', &text.as_bytes()[before.min(text.len())..]);
                let Some(at) = at.map(|at| at + before) else { return Stop::End };
                Stop::NoMarkup { at, seen: position(reader).saturating_sub(at).max(1), reason }
            };
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(error) => return no_markup(&reader, error.to_string()),
            };
            match event {
                Event::Start(start) => match self.start(&start) {
                    Ok(()) => {}
                    Err(Refused::NoFeed) => return Stop::NoFeed,
                    Err(Refused::NoName) => return no_markup(&reader, "a tag has no name".to_owned()),
                },
                Event::Empty(start) => match self.start(&start) {
                    Ok(()) => self.end(start.name().as_ref()),
                    Err(Refused::NoFeed) => return Stop::NoFeed,
                    Err(Refused::NoName) => return no_markup(&reader, "a tag has no name".to_owned()),
                },
                Event::End(end) => self.end(end.name().as_ref()),
                Event::Text(text) => self.text(&text),
                Event::CData(text) => self.text(&text),
                Event::GeneralRef(name) => {
                    let mut out = String::new();
                    if !markup::reference(&mut out, &name) {
                        out = format!("&{};", &*name);
                    }
                    self.text(&out);
                }
                Event::Eof => return Stop::End,
                Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::DocType(_) => {}
            }
            if self.open.is_empty() && self.format.is_some() {
                return Stop::End;
            }
        }
    }

    /// Treats a `<` that does not start markup as text, and returns the position where markup may start.
    fn no_markup(&mut self, text: &str) -> usize {
        for mark in ["<![CDATA[", "<!--"] {
            if text.starts_with(mark) {
                return mark.len();
            }
        }
        let bytes = text.as_bytes();
        let may_begin = |at: &usize| {
            bytes
                .get(at + 1)
                .is_some_and(|byte| byte.is_ascii_alphabetic() || !byte.is_ascii() || b"_/!?".contains(byte))
        };
        let next = memchr::memchr_iter(b'<', bytes).skip(1).find(may_begin).unwrap_or(text.len());
        self.text(&markup::decode(&text[..next]));
        next
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), Refused> {
        let name = start.name();
        let name = name.as_ref();
        if !name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_') || name.len() > NAME {
            return Err(Refused::NoName);
        }
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let local = local.to_ascii_lowercase();
        if self.format.is_none() {
            self.format = Some(match local.as_str() {
                "feed" | "entry" => Format::Atom,
                "rss" | "rdf" | "channel" => Format::Rss,
                _ => return Err(Refused::NoFeed),
            });
        }
        if self.begins_entry(&local)
            && let Some(container) = self.open.iter().rposition(|open| open.is_container)
        {
            self.close(container + 1);
        }
        if self.open.len() >= DEPTH || self.elements >= ELEMENTS {
            self.hidden += 1;
            return Ok(());
        }
        let namespaces = self.namespaces.len();
        let mut base = self.open.last().map_or(&self.url, |open| &open.element.base).clone();
        let mut attributes = Vec::new();
        for attribute in start.html_attributes().with_checks(false).take(ATTRIBUTES) {
            let Ok(attribute) = attribute else { break };
            let value = markup::decode(&attribute.value);
            match attribute.key.as_ref() {
                "xmlns" => self.declare("", &value, prefix),
                "xml:base" => base = joined(&base, &value),
                key => match key.strip_prefix("xmlns:") {
                    Some(declared) => self.declare(declared, &value, prefix),
                    None => attributes.push((key.to_ascii_lowercase(), value.into_owned())),
                },
            }
        }
        let space = self.space(prefix);
        let element = Element { space, name: local, attributes, children: Vec::new(), base };
        let is_container = match (self.open.len(), element.name.as_str()) {
            (0, "entry") => false,
            (0, _) | (1, "channel") => true,
            _ => false,
        };
        let is_in_container = self.open.last().is_none_or(|parent| parent.is_container);
        if is_in_container && self.is_entry(&element) {
            self.entry = Some(self.open.len());
        }
        if is_in_container {
            self.elements = 0;
        }
        self.elements += 1;
        self.open.push(Open { name: name.to_owned(), element, is_container, namespaces });
        Ok(())
    }

    /// Whether a name starts an entry, which ends all open elements of the container.
    fn begins_entry(&self, name: &str) -> bool {
        match self.format {
            // An item cannot contain an item.
            Some(Format::Rss) => name == "item",
            _ => name == "entry" && self.entry.is_none_or(|entry| self.open.len() == entry + 1),
        }
    }

    fn is_entry(&self, element: &Element) -> bool {
        match (element.name.as_str(), self.format) {
            ("entry", Some(Format::Atom)) | ("item", Some(Format::Rss)) => true,
            ("deleted-entry", _) => element.space == Space::Tombstone,
            _ => false,
        }
    }

    /// Declares a namespace. The namespace of the root is the feed's, regardless of its name.
    fn declare(&mut self, prefix: &str, name: &str, own: &str) {
        if self.namespaces.len() == NAMESPACES {
            return;
        }
        let space = match Space::of_namespace(name) {
            Space::Other if self.open.is_empty() && prefix == own => self.own(),
            space => space,
        };
        self.namespaces.push((prefix.to_owned(), space));
    }

    /// Returns the vocabulary of a prefix. Names without a prefix belong to the feed if no namespace is declared for
    /// them.
    fn space(&self, prefix: &str) -> Space {
        let declared = self.namespaces.iter().rev().find(|(own, _)| own == prefix);
        match declared {
            Some((_, space)) => *space,
            None if prefix.is_empty() => self.own(),
            None => Space::of_prefix(prefix),
        }
    }

    fn own(&self) -> Space {
        if self.format == Some(Format::Atom) { Space::Atom } else { Space::Rss }
    }

    fn end(&mut self, name: &str) {
        let found = self.open.iter().rposition(|open| open.name == name);
        // While tags are skipped, only the end of the entry or of its container is certain.
        let is_certain = found.is_some_and(|at| self.entry.is_none_or(|entry| at <= entry));
        if self.hidden > 0 && !is_certain {
            self.hidden -= 1;
        } else if let Some(at) = found {
            self.close(at);
        }
    }

    /// Closes an element and those in it.
    fn close(&mut self, at: usize) {
        self.hidden = 0;
        while self.open.len() > at {
            let Some(Open { element, is_container, namespaces, .. }) = self.open.pop() else { return };
            self.namespaces.truncate(namespaces);
            let depth = self.open.len();
            if self.entry.take_if(|entry| *entry == depth).is_some() {
                (self.on_entry)(element);
                self.elements = 0;
            } else if let Some(parent) = self.open.last_mut() {
                if !parent.is_container {
                    parent.element.children.push(Node::Element(element));
                } else if !is_container && self.head.len() < HEAD {
                    self.head.push(element);
                }
            }
        }
    }

    fn text(&mut self, text: &str) {
        let Some(parent) = self.open.last_mut().filter(|open| !open.is_container) else { return };
        match parent.element.children.last_mut() {
            Some(Node::Text(own)) => own.push_str(text),
            _ => parent.element.children.push(Node::Text(text.to_owned())),
        }
    }
}

enum Refused {
    NoFeed,
    NoName,
}

fn joined(base: &Rc<Url>, value: &str) -> Rc<Url> {
    if value.len() > BASE {
        return base.clone();
    }
    let joined = base.join(value.trim()).ok();
    joined
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.as_str().len() <= 2 * BASE)
        .map_or_else(|| base.clone(), Rc::new)
}
