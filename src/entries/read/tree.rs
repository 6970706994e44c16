//! An XML element as a small tree, and the vocabularies of feeds. It must not know the meaning of elements.

use std::rc::Rc;

use url::Url;

use super::markup;

/// Elements that HTML writes without an end tag.
const VOID: &[&str] =
    &["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"];

/// A vocabulary, by its namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    Atom,
    Rss,
    /// `content:encoded`.
    Content,
    DublinCore,
    Media,
    Itunes,
    /// Tombstones (RFC 6721).
    Tombstone,
    Rdf,
    Xhtml,
    Other,
}

impl Space {
    /// Returns the vocabulary of a namespace. Feeds spell them with either scheme, and with or without the last
    /// character.
    pub(super) fn of_namespace(name: &str) -> Self {
        let name = name.trim().to_ascii_lowercase();
        let name = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://")).unwrap_or(&name);
        match name.trim_end_matches(['/', '#']) {
            "www.w3.org/2005/atom" | "purl.org/atom/ns" => Self::Atom,
            "purl.org/rss/1.0"
            | "purl.org/net/rss1.1"
            | "my.netscape.com/rdf/simple/0.9"
            | "channel.netscape.com/rdf/simple/0.9"
            | "my.netscape.com/publish/formats/rss-0.91.dtd"
            | "backend.userland.com/rss"
            | "backend.userland.com/rss2"
            | "blogs.law.harvard.edu/tech/rss"
            | "cyber.law.harvard.edu/rss/rss.html" => Self::Rss,
            "purl.org/rss/1.0/modules/content" => Self::Content,
            "purl.org/dc/elements/1.1" | "purl.org/dc/elements/1.0" | "purl.org/dc/terms" => Self::DublinCore,
            "search.yahoo.com/mrss" | "video.search.yahoo.com/mrss" | "www.rssboard.org/media-rss" => {
                Self::Media
            }
            "www.itunes.com/dtds/podcast-1.0.dtd" | "www.itunes.com/dtd/podcast-1.0.dtd" => Self::Itunes,
            "purl.org/atompub/tombstones/1.0" => Self::Tombstone,
            "www.w3.org/1999/02/22-rdf-syntax-ns" => Self::Rdf,
            "www.w3.org/1999/xhtml" => Self::Xhtml,
            _ => Self::Other,
        }
    }

    /// Returns the vocabulary of a prefix that the feed does not declare.
    pub(super) fn of_prefix(prefix: &str) -> Self {
        match prefix {
            "a10" => Self::Atom,
            "content" => Self::Content,
            "dc" | "dcterms" => Self::DublinCore,
            "media" => Self::Media,
            "itunes" => Self::Itunes,
            "at" => Self::Tombstone,
            "rdf" => Self::Rdf,
            _ if prefix.starts_with("atom") => Self::Atom,
            _ => Self::Other,
        }
    }
}

/// An element. Names are in lower case and without prefix: feeds have `pubdate` and `Guid` too.
#[derive(Debug, Clone)]
pub(super) struct Element {
    pub(super) space: Space,
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Node>,
    /// The URL to which links in it are relative (`xml:base`).
    pub(super) base: Rc<Url>,
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    Element(Element),
    Text(String),
}

impl Element {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    pub(super) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|child| match child {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    pub(super) fn has_elements(&self) -> bool {
        self.elements().next().is_some()
    }

    /// Returns the first child with a name.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.elements().find(|child| child.name == name)
    }

    /// Returns all text in it.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        self.add_text(&mut out);
        out
    }

    fn add_text(&self, out: &mut String) {
        for child in &self.children {
            match child {
                Node::Element(element) => element.add_text(out),
                Node::Text(text) => out.push_str(text),
            }
        }
    }

    /// Its content as HTML.
    pub(super) fn markup(&self) -> String {
        let mut out = String::new();
        self.add_markup(&mut out);
        out
    }

    fn add_markup(&self, out: &mut String) {
        for child in &self.children {
            let element = match child {
                Node::Text(text) => {
                    markup::escape(out, text);
                    continue;
                }
                Node::Element(element) => element,
            };
            out.push('<');
            out.push_str(&element.name);
            for (name, value) in element.attributes.iter().filter(|(name, _)| !name.contains(':')) {
                out.push(' ');
                out.push_str(name);
                out.push_str("=\"");
                markup::escape(out, value);
                out.push('"');
            }
            out.push('>');
            element.add_markup(out);
            // Apparent children of a void element follow it.
            if !VOID.contains(&element.name.as_str()) {
                out.push_str("</");
                out.push_str(&element.name);
                out.push('>');
            }
        }
    }

    /// Returns the only child element, if there is no other text.
    pub(super) fn only_child(&self) -> Option<&Self> {
        let mut parts = self.children.iter().filter(|child| match child {
            Node::Element(_) => true,
            Node::Text(text) => !text.trim().is_empty(),
        });
        match (parts.next(), parts.next()) {
            (Some(Node::Element(element)), None) => Some(element),
            _ => None,
        }
    }
}
