//! Parses an entry of an XML feed: Atom, RSS and their common vocabularies. It must not know the structure of feeds.

use super::draft::Draft;
use super::markup;
use super::media::resolve;
use super::tree::{Element, Space};
use super::{date, link};

/// Maximum number of elements of an entry.
const CHILDREN: usize = 1024;

/// Reads an `entry` or `item`.
pub(super) fn read(element: &Element) -> Draft {
    let mut reader = Reader::new(element);
    for child in element.elements().take(CHILDREN) {
        reader.add(child);
    }
    reader.finish()
}

/// Reads a `deleted-entry` (RFC 6721).
pub(super) fn tombstone(element: &Element) -> Draft {
    let mut draft = Draft::new(element.base.clone());
    draft.is_deleted = true;
    draft.set_id(element.attribute("ref").unwrap_or_default());
    draft.updated = element.attribute("when").and_then(date::parse);
    draft
}

/// Collects the values of elements. The best of several texts with the same meaning is selected at the end.
struct Reader {
    draft: Draft,
    links: link::Links,
    /// The guid, if it is a permanent link.
    permalink: Option<String>,
    description: Option<String>,
    media_title: Option<String>,
    media_description: Option<String>,
    itunes_summary: Option<String>,
    cover: Option<Element>,
}

impl Reader {
    fn new(element: &Element) -> Self {
        let mut draft = Draft::new(element.base.clone());
        // Items of RSS 1.0 are identified by their URL.
        draft.set_id(element.attribute("rdf:about").unwrap_or_default());
        Self {
            draft,
            links: link::Links::default(),
            permalink: None,
            description: None,
            media_title: None,
            media_description: None,
            itunes_summary: None,
            cover: None,
        }
    }

    fn add(&mut self, child: &Element) {
        match (child.space, child.name.as_str()) {
            (Space::Atom, "id") | (Space::Rss, "guid") => self.add_id(child),
            (Space::Atom | Space::Rss, "title") => set(&mut self.draft.title, text(child)),
            (Space::Atom | Space::Rss, "link") => self.links.add(child),
            (Space::Atom | Space::Rss, "enclosure") => self.links.add_enclosure(child),
            (Space::Atom, "content") => self.add_content(child),
            (Space::Content, "encoded") | (Space::Xhtml, "body") => {
                self.draft.base = child.base.clone();
                self.draft.content = Some(html(child));
            }
            (Space::Atom, "summary") => set(&mut self.draft.summary, text(child)),
            (Space::Rss, "description") => set(&mut self.description, html(child)),
            (Space::DublinCore, "description") => set(&mut self.itunes_summary, html(child)),
            (Space::DublinCore, "title") => set(&mut self.media_title, text(child)),
            (Space::Atom, "published" | "issued" | "created")
            | (Space::Atom | Space::Rss, "pubdate")
            | (Space::DublinCore, "date" | "issued" | "created") => {
                self.draft.published = self.draft.published.or_else(|| date::parse(&child.text()));
            }
            (Space::Atom, "updated" | "modified")
            | (Space::Rss, "updated" | "lastbuilddate")
            | (Space::DublinCore, "modified") => {
                self.draft.updated = self.draft.updated.or_else(|| date::parse(&child.text()));
            }
            (Space::Atom | Space::Rss, "author") => add_person(&mut self.draft, child),
            (Space::DublinCore, "creator") | (Space::Itunes, "author") => {
                self.draft.add_author(&name_of(&child.text()));
            }
            (Space::Atom | Space::Rss, "category") | (Space::DublinCore, "subject") => {
                let tag = child.attribute("label").or_else(|| child.attribute("term"));
                self.draft.add_tag(&tag.map_or_else(|| child.text(), escaped));
            }
            (Space::Atom, "source") => self.add_source(child),
            (Space::Media, _) => self.add_media(child),
            (Space::Itunes, "title") => set(&mut self.media_title, text(child)),
            (Space::Itunes, "summary" | "subtitle") => set(&mut self.itunes_summary, html(child)),
            (Space::Itunes, "image") => self.cover = Some(child.clone()),
            _ => {}
        }
    }

    fn add_id(&mut self, child: &Element) {
        let id = child.text();
        let is_permalink = child.name == "guid"
            && child.attribute("ispermalink").is_none_or(|value| !value.eq_ignore_ascii_case("false"));
        if is_permalink && (id.trim().starts_with("http://") || id.trim().starts_with("https://")) {
            self.permalink = resolve(&child.base, &id);
        }
        if child.name == "guid" {
            // It takes precedence over `rdf:about`.
            self.draft.id.take_if(|_| !id.trim().is_empty());
        }
        self.draft.set_id(&id);
    }

    fn add_content(&mut self, child: &Element) {
        if let Some(source) = child.attribute("src") {
            self.links.add_source(&child.base, source, child.attribute("type"));
            return;
        }
        let Some(content) = typed(child) else { return };
        // A feed may have the same content in several types.
        if content.trim().is_empty() || self.draft.content.is_some() {
            return;
        }
        self.draft.base = child.only_child().map_or(&child.base, |only| &only.base).clone();
        self.draft.content = Some(content);
    }

    fn add_source(&mut self, source: &Element) {
        self.draft.topic = self.draft.topic.take().or_else(|| link::self_url(source.elements()));
        if self.draft.authors.is_empty() {
            for author in source.elements().filter(|child| child.name == "author") {
                add_person(&mut self.draft, author);
            }
        }
    }

    fn add_media(&mut self, child: &Element) {
        self.draft.media.add_media_rss(child);
        let (mut group, mut own) = (child.elements(), [child].into_iter());
        let parts: &mut dyn Iterator<Item = &Element> =
            if child.name == "group" { &mut group } else { &mut own };
        for part in parts.filter(|part| part.space == Space::Media) {
            let is_html = part.attribute("type").is_some_and(|kind| kind.ends_with("html"));
            let value = || if is_html { part.text() } else { escaped(&part.text()) };
            match part.name.as_str() {
                "title" => set(&mut self.media_title, value()),
                "description" => set(&mut self.media_description, value()),
                _ => {}
            }
        }
    }

    fn finish(self) -> Draft {
        let Self {
            mut draft,
            links,
            permalink,
            description,
            media_title,
            media_description,
            itunes_summary,
            cover,
        } = self;
        if let Some(description) = description {
            set(&mut draft.summary, description);
        }
        for other in [itunes_summary, media_description] {
            if draft.content.is_none() && draft.summary.is_none() {
                draft.summary = other;
            }
        }
        draft.title = draft.title.or(media_title);
        draft.url = links.finish(&mut draft.media).or(permalink);
        if let Some(cover) = cover.as_ref() {
            draft.media.add_cover(&cover.base, cover.attribute("href").unwrap_or_default());
        }
        draft
    }
}

/// Adds an author: a person of Atom, or a name and an address of RSS.
pub(super) fn add_person(draft: &mut Draft, element: &Element) {
    match element.child("name") {
        Some(name) => draft.add_author(&escaped(&name.text())),
        None if element.has_elements() => {}
        None => draft.add_author(&name_of(&element.text())),
    }
}

/// Returns the name of `mail@example.org (Name)` or `Name <mail@example.org>`. Addresses are never shown.
fn name_of(text: &str) -> String {
    let text = text.trim();
    let is_address =
        |text: &str| text.find('@').is_some_and(|at| at > 0) && !text.contains(char::is_whitespace);
    if let Some((address, name)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
        return if is_address(address.trim()) { name } else { text }.to_owned();
    }
    let name =
        text.split_once('<').filter(|(_, rest)| rest.contains('@')).map_or(text, |(name, _)| name).trim();
    if is_address(name) { String::new() } else { name.to_owned() }
}

/// Sets a text unless it is set.
fn set(own: &mut Option<String>, text: String) {
    if own.as_ref().is_none_or(|own| own.trim().is_empty()) {
        *own = Some(text);
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    markup::escape(&mut out, text);
    out
}

/// Returns a text as HTML: typed as Atom has it, or HTML in RSS.
pub(super) fn text(element: &Element) -> String {
    if element.space == Space::Atom { typed(element).unwrap_or_default() } else { html(element) }
}

/// Content that is HTML, escaped or not.
fn html(element: &Element) -> String {
    if element.has_elements() { element.markup() } else { element.text() }
}

/// Returns an Atom text construct as HTML; `None` if it is no text.
fn typed(element: &Element) -> Option<String> {
    let kind = element.attribute("type").unwrap_or("text").to_ascii_lowercase();
    let is_base64 = element.attribute("mode") == Some("base64");
    let is_html = kind.ends_with("html") || kind.ends_with("html+xml");
    if element.has_elements() && !is_base64 {
        // The `div` around XHTML is no part of it.
        let only = element.only_child().filter(|only| only.name == "div");
        return (is_html || kind == "text" || kind.ends_with("xml"))
            .then(|| only.unwrap_or(element).markup());
    }
    let mut text = element.text();
    if is_base64 || !(is_html || kind.starts_with("text") || kind.ends_with("xml")) {
        // Other content in base64 is a file.
        if !is_base64 || !(is_html || kind.starts_with("text")) {
            return None;
        }
        text.retain(|letter| !letter.is_whitespace());
        let bytes = data_encoding::BASE64.decode(text.as_bytes()).ok()?;
        text = String::from_utf8_lossy(&bytes).into_owned();
    }
    // In Atom 0.3, escaped markup is declared without its type.
    let is_escaped = is_html || element.attribute("mode") == Some("escaped") && kind != "text/plain";
    Some(if is_escaped { text } else { lines(&text) })
}

/// Text as HTML that keeps its lines.
pub(super) fn lines(text: &str) -> String {
    escaped(text.trim()).replace('\n', "<br>\n")
}
