//! The parts of Atom and RSS feeds. No entity is expanded, and a document that declares some is not a feed here.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use super::{Part, Parts};

/// Elements within each other.
const DEPTH: usize = 256;
/// Attributes of an element.
const ATTRIBUTES: usize = 256;

/// The namespaces of Atom, and the empty one, which some programs write. A `feed` in another namespace is no Atom feed.
const ATOM: [&str; 3] = ["", "http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#"];

/// How a feed is built.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    /// Entries and metadata are in the root.
    Atom,
    /// Metadata is in the channel; entries are there, or in the root (RSS 1.0).
    Rss,
}

/// Returns the hashes of the parts of a feed; `None` if the text is not one, or is not well-formed.
pub(super) fn parts(text: &str) -> Option<Parts> {
    let mut reader = NsReader::from_str(text);
    let mut walk = Walk::default();
    loop {
        let (namespace, event) = reader.read_resolved_event().ok()?;
        match event {
            Event::Start(start) => {
                walk.enter(&namespace, &start)?;
                walk.has_root = true;
            }
            Event::Empty(start) => {
                walk.enter(&namespace, &start)?;
                walk.has_root = true;
                walk.leave();
            }
            Event::End(_) => walk.leave(),
            Event::Text(text) => walk.text(&text.xml10_content()),
            Event::CData(text) => walk.text(&text.xml10_content()),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                Some(letter) => walk.text(letter.encode_utf8(&mut [0; 4])),
                None => match quick_xml::escape::resolve_predefined_entity(&reference) {
                    Some(text) => walk.text(text),
                    None => walk.text(&format!("&{};", &*reference)),
                },
            },
            Event::DocType(declaration) if declaration.contains('[') => return None,
            Event::Eof => {
                return (walk.has_root && walk.open.is_empty() && !walk.parts.is_empty())
                    .then_some(walk.parts);
            }
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::DocType(_) => {}
        }
    }
}

#[derive(Default)]
struct Walk {
    has_root: bool,
    format: Option<Format>,
    /// Whether each open element is a channel.
    open: Vec<bool>,
    /// The part that is being read, and the number of elements around it.
    part: Option<(Part, usize)>,
    /// Text since the last tag.
    pending: String,
    parts: Parts,
}

impl Walk {
    /// Enters an element. `None` if the document is not a feed, or too complex.
    fn enter(&mut self, namespace: &ResolveResult<'_>, start: &BytesStart<'_>) -> Option<()> {
        let depth = self.open.len();
        let name = start.local_name();
        if depth == DEPTH || depth == 0 && self.has_root {
            return None;
        }
        if depth == 0 {
            self.format = Some(match name.as_ref() {
                "feed" if ATOM.contains(&namespace_name(namespace)) => Format::Atom,
                "rss" | "RDF" => Format::Rss,
                _ => return None,
            });
        }
        self.flush();
        if self.part.is_none() {
            let kind = self.kind(name.as_ref());
            self.part = kind.map(|kind| (Part::new(kind), depth));
        }
        self.open.push(depth == 1 && self.format == Some(Format::Rss) && name.as_ref() == "channel");
        let Some((part, _)) = &mut self.part else { return Some(()) };
        part.mark(b'<');
        part.text(namespace_name(namespace));
        part.text(name.as_ref());
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.ok()?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            // Keep an unknown entity as it is written.
            let value = value.unwrap_or(attribute.value);
            attributes.push((attribute.key.as_ref().to_owned(), value));
            if attributes.len() > ATTRIBUTES {
                return None;
            }
        }
        attributes.sort_unstable();
        for (name, value) in &attributes {
            part.mark(b'=');
            part.text(name);
            part.text(value);
        }
        Some(())
    }

    /// Returns the part that a new element starts; `None` if it does not count.
    fn kind(&self, name: &str) -> Option<&'static str> {
        let is_meta = match self.format? {
            Format::Atom => self.open.len() == 1,
            Format::Rss => self.open.len() == 2 && self.open.last() == Some(&true),
        };
        let holds_entries = is_meta || self.open.len() == 1;
        match name {
            "entry" | "deleted-entry" if holds_entries && self.format == Some(Format::Atom) => Some("entry"),
            "item" if holds_entries && self.format == Some(Format::Rss) => Some("entry"),
            "title" | "link" | "author" | "creator" | "managingEditor" if is_meta => Some("meta"),
            _ => None,
        }
    }

    fn leave(&mut self) {
        self.flush();
        self.open.pop();
        if let Some((part, _)) = &mut self.part {
            part.mark(b'>');
        }
        if let Some((part, _)) = self.part.take_if(|(_, depth)| *depth == self.open.len()) {
            self.parts.insert(part.finish());
        }
    }

    fn text(&mut self, text: &str) {
        if self.part.is_some() {
            self.pending.push_str(text);
        }
    }

    /// Hashes the text before a tag. Blanks between the fields of an entry only indent them.
    fn flush(&mut self) {
        if let Some((part, depth)) = &mut self.part {
            let is_indentation = self.open.len() == *depth + 1 && self.pending.trim_ascii().is_empty();
            if !is_indentation {
                part.mark(b'"');
                part.text(&self.pending);
            }
        }
        self.pending.clear();
    }
}

fn namespace_name<'a>(namespace: &'a ResolveResult<'_>) -> &'a str {
    match namespace {
        ResolveResult::Bound(namespace) => namespace.as_ref(),
        ResolveResult::Unbound => "",
        ResolveResult::Unknown(prefix) => prefix,
    }
}
