//! Links of entries and feeds: distinguishes pages and files. It must not know other elements.

use std::rc::Rc;

use url::Url;

use super::media::{Media, is_media, resolve};
use super::tree::{Element, Space};

/// Maximum number of links of an entry.
const MOST: usize = 64;
/// Relations of images that do not belong to the entry, and of other documents.
const FOREIGN: &[&str] =
    &["avatar", "icon", "logo", "hub", "self", "edit", "edit-media", "replies", "payment", "license"];

struct Link {
    relation: String,
    target: String,
    kind: Option<String>,
    length: Option<u64>,
    base: Rc<Url>,
}

#[derive(Default)]
pub(super) struct Links(Vec<Link>);

impl Links {
    /// Adds a `link`, of Atom or RSS.
    pub(super) fn add(&mut self, element: &Element) {
        let attribute = |name| element.attribute(name).map(str::to_owned);
        let target = attribute("href").unwrap_or_else(|| element.text());
        let relation = attribute("rel").unwrap_or_default().to_ascii_lowercase();
        // Relations may be URLs.
        let relation = relation.rsplit('/').next().unwrap_or_default();
        let relation = if relation.is_empty() { "alternate" } else { relation };
        self.push(relation, target, element);
    }

    /// Adds an `enclosure` of RSS.
    pub(super) fn add_enclosure(&mut self, element: &Element) {
        let target = element.attribute("url").or_else(|| element.attribute("href"));
        self.push("enclosure", target.unwrap_or_default().to_owned(), element);
    }

    /// Adds content that is elsewhere.
    pub(super) fn add_source(&mut self, base: &Rc<Url>, target: &str, kind: Option<&str>) {
        let is_file = kind.is_some_and(is_media);
        self.0.push(Link {
            relation: if is_file { "enclosure" } else { "content" }.to_owned(),
            target: target.to_owned(),
            kind: kind.map(str::to_owned),
            length: None,
            base: base.clone(),
        });
    }

    fn push(&mut self, relation: &str, target: String, element: &Element) {
        if self.0.len() < MOST {
            self.0.push(Link {
                relation: relation.to_owned(),
                target,
                kind: element.attribute("type").map(str::to_owned),
                length: element.attribute("length").and_then(|length| length.parse().ok()),
                base: element.base.clone(),
            });
        }
    }

    /// Adds the files to the media, and returns the URL of the page.
    pub(super) fn finish(self, media: &mut Media) -> Option<String> {
        let is_file = |link: &Link| {
            let is_media = link.kind.as_deref().is_some_and(is_media);
            link.relation == "enclosure" || is_media && !FOREIGN.contains(&link.relation.as_str())
        };
        for link in self.0.iter().filter(|link| is_file(link)) {
            media.add(&link.base, &link.target, link.kind.as_deref(), link.length);
        }
        let is_page = |link: &Link| {
            link.kind.as_deref().is_none_or(|kind| {
                let kind = kind.to_ascii_lowercase();
                kind.contains("html") || kind.is_empty()
            })
        };
        let choices: [&dyn Fn(&Link) -> bool; 4] = [
            &|link| link.relation == "alternate" && is_page(link),
            &|link| link.relation == "alternate",
            &|link| link.kind.is_some() && is_page(link) && !FOREIGN.contains(&link.relation.as_str()),
            &|link| link.relation == "content" || link.relation == "related" || link.relation == "via",
        ];
        choices.iter().find_map(|choice| {
            self.0.iter().filter(|link| choice(link)).find_map(|link| resolve(&link.base, &link.target))
        })
    }
}

/// Returns the URL that a feed has for itself.
pub(super) fn self_url<'a>(mut elements: impl Iterator<Item = &'a Element>) -> Option<String> {
    elements.find_map(|element| {
        let is_self = element.space == Space::Atom
            && element.name == "link"
            && element.attribute("rel").is_some_and(|relation| relation.eq_ignore_ascii_case("self"));
        is_self.then(|| resolve(&element.base, element.attribute("href")?))?
    })
}

/// Returns the page that a feed is about.
pub(super) fn site(head: &[Element]) -> Option<String> {
    let mut links = Links::default();
    let own = head.iter().filter(|element| {
        let is_link = matches!(element.space, Space::Atom | Space::Rss) && element.name == "link";
        let relation = element.attribute("rel").unwrap_or("alternate");
        is_link && relation.eq_ignore_ascii_case("alternate")
    });
    own.for_each(|element| links.add(element));
    links.finish(&mut Media::default())
}
