//! Links of XML feeds: `link` of the Atom namespace in the feed or channel, not in its entries. No entity is expanded.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;
use url::Url;

use crate::web::links::Links;

/// Maximum depth of elements; parsing stops at the first deeper one.
const DEPTH: usize = 256;
/// Maximum number of attributes of an element.
const ATTRIBUTES: usize = 64;

/// Returns the links of a feed. A syntax error ends the search; earlier links count.
pub(super) fn links(text: &str, base: &Url) -> Links {
    let mut reader = NsReader::from_str(text);
    reader.config_mut().allow_dangling_amp = true;
    reader.config_mut().check_end_names = false;
    let mut links = Links::default();
    // How the element that contains the links is reached, and where the walk is.
    let mut path: Vec<Element> = Vec::new();
    loop {
        let Ok((namespace, event)) = reader.read_resolved_event() else { return links };
        match event {
            Event::Start(start) => {
                let element = enter(&mut links, &path, &namespace, &start, base);
                if path.len() == DEPTH {
                    return links;
                }
                path.push(element);
            }
            Event::Empty(start) => drop(enter(&mut links, &path, &namespace, &start, base)),
            Event::End(_) => drop(path.pop()),
            Event::Eof => return links,
            _ => {}
        }
    }
}

/// An element that is open.
struct Element {
    /// Whether links in it are links of the feed.
    is_feed: bool,
    /// `xml:base`, if it differs from the base of the document.
    base: Option<Url>,
}

fn enter(
    links: &mut Links,
    path: &[Element],
    namespace: &ResolveResult<'_>,
    start: &BytesStart<'_>,
    base: &Url,
) -> Element {
    let name = start.local_name();
    let is_in_feed = path.last().is_some_and(|parent| parent.is_feed);
    let is_link = is_in_feed && name.as_ref() == "link" && is_atom(namespace);
    let is_feed = match (path.len(), name.as_ref()) {
        // The links of RSS are in its channel.
        (0, "rss" | "RDF") => false,
        (0, _) => true,
        (1, "channel") => true,
        _ => false,
    };
    if !is_link && !is_feed {
        return Element { is_feed, base: None };
    }
    let outer = path.iter().rev().find_map(|element| element.base.as_ref()).unwrap_or(base);
    let (mut relations, mut target, mut inner) = (None, None, None);
    for attribute in start.attributes().with_checks(false).take(ATTRIBUTES) {
        let Ok(attribute) = attribute else { break };
        let Ok(value) = attribute.normalized_value(XmlVersion::Implicit1_0) else { continue };
        match attribute.key.as_ref() {
            "rel" => relations = Some(value),
            "href" => target = Some(value),
            "xml:base" => inner = outer.join(&value).ok(),
            _ => {}
        }
    }
    if let (true, Some(relations), Some(target)) = (is_link, relations, target) {
        links.add(&relations, &target, inner.as_ref().unwrap_or(outer));
    }
    Element { is_feed, base: inner }
}

/// Whether a link is an Atom link. Other readers also accept feeds that do not declare the namespace.
fn is_atom(namespace: &ResolveResult<'_>) -> bool {
    match namespace {
        ResolveResult::Bound(namespace) => {
            matches!(namespace.as_ref(), "http://www.w3.org/2005/Atom" | "http://purl.org/atom/ns#")
        }
        ResolveResult::Unbound => true,
        ResolveResult::Unknown(prefix) => prefix.starts_with("atom"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (Vec<String>, Option<String>) {
        let Links { hubs, self_url } = links(text, &Url::parse("https://a.example/x/feed").unwrap());
        (hubs, self_url)
    }

    fn both() -> (Vec<String>, Option<String>) {
        (vec!["https://h.example/".to_owned()], Some("https://a.example/x/s".to_owned()))
    }

    #[test]
    fn links_of_every_kind_of_feed_are_found() {
        for text in [
            "<?xml version='1.0'?><feed xmlns='http://www.w3.org/2005/Atom'><title>x</title>\
             <link rel='hub' href='https://h.example/'/><link rel=\"self\" href=\"s\"></link></feed>",
            "<a:feed xmlns:a='http://www.w3.org/2005/Atom'><a:link rel='hub' href='https://h.example/'/>\
             <a:link rel='self' href='s'/></a:feed>",
            "<rss version='2.0' xmlns:atom='http://www.w3.org/2005/Atom'><channel><link>https://a.example/</link>\
             <atom:link rel='self' href='s'/><item/><atom:link href='https://h.example/' rel='hub'/></channel></rss>",
            "<rss><channel><link xmlns='http://www.w3.org/2005/Atom' rel='hub' href='https://h.example/'/>\
             <link xmlns='http://www.w3.org/2005/Atom' rel='self' href='s'/></channel></rss>",
            "<rss><channel><atom10:link rel='hub' href='https://h.example/'/><atom:link rel='self' href='s'/></channel></rss>",
            "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/' \
             xmlns:atom='http://www.w3.org/2005/Atom'><channel><atom:link rel='hub' href='https://h.example/'/>\
             <atom:link rel='self' href='s'/></channel><item/></rdf:RDF>",
            "<feed xmlns='http://www.w3.org/2005/Atom' xml:base='https://a.example/y/'>\
             <link rel='hub' href='https://h.example/'/><link xml:base='../x/' rel='self' href='s'/></feed>",
            "<feed><link rel='HUB  self' href='https://h.example/'/></feed>",
        ] {
            let expected =
                if text.contains("HUB") { (both().0, Some("https://h.example/".to_owned())) } else { both() };
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn references_in_urls_are_resolved() {
        let text = "<feed><link rel='self' href='s?a=1&amp;b=&#50;'/></feed>";
        assert_eq!(found(text).1.unwrap(), "https://a.example/x/s?a=1&b=2");
        let text =
            "<!DOCTYPE feed [<!ENTITY e 'https://h.example/'>]><feed><link rel='hub' href='&e;'/></feed>";
        assert_eq!(found(text), (vec![], None), "entities are not expanded");
    }

    #[test]
    fn links_elsewhere_are_none() {
        for text in [
            "<feed xmlns='http://www.w3.org/2005/Atom'><entry><link rel='hub' href='https://h.example/'/></entry></feed>",
            "<feed xmlns='http://www.w3.org/2005/Atom'><entry><channel><link rel='hub' href='https://h.example/'/>\
             </channel></entry></feed>",
            "<rss><atom:link rel='hub' href='https://h.example/'/></rss>",
            "<rss><channel><item><atom:link rel='hub' href='https://h.example/'/></item></channel></rss>",
            "<rss><channel><x:link xmlns:x='http://other.example/' rel='hub' href='https://h.example/'/></channel></rss>",
            "<feed><!-- <link rel='hub' href='https://h.example/'/> --></feed>",
            "<feed><![CDATA[<link rel='hub' href='https://h.example/'/>]]></feed>",
            "<feed><link rel='hub'/><link href='https://h.example/'/></feed>",
        ] {
            assert_eq!(found(text), (vec![], None), "{text}");
        }
    }

    #[test]
    fn what_is_not_well_formed_ends_the_feed() {
        let text = "<feed><title>a & b</title><link rel='hub' href='https://h.example/'/>\
                    <link rel='self' href='s'/><entry><x";
        assert_eq!(found(text), both());
        let deep = format!("<feed>{}<link rel='hub' href='x'/>", "<a>".repeat(100_000));
        assert_eq!(found(&deep), (vec![], None));
        let attributes = (0..1000).map(|number| format!(" a{number}='x'")).collect::<String>();
        assert_eq!(found(&format!("<feed><link{attributes} rel='hub' href='x'/></feed>")), (vec![], None));
    }
}
