//! Discovers the hubs and the own URL of a topic (WebSub, section 4): in headers, then in the content. It fetches
//! nothing, and it must not know which hubs are wanted.

mod html;
mod json;
mod xml;

use hyper::http::HeaderMap;
use url::Url;

use super::links::Links;
use super::sniff::{Document, Kind};

/// A response on the way to the content.
#[derive(Debug)]
pub(crate) struct Hop {
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
}

/// Returns the hubs and the self link of a topic. Each is from the first source that has it: the headers of the
/// response, the headers of redirects before it, the content. `hops` are all responses in their order.
pub(crate) fn discover(hops: &[Hop], document: &Document<'_>) -> Links {
    let mut found = Links::default();
    // The last response, and then the redirects before it from the first one on, which is the topic itself.
    for hop in hops.iter().rev().take(1).chain(hops.iter().rev().skip(1).rev()) {
        let links = Links::of_headers(&hop.headers, &hop.url);
        let is_redirect = hops.last().is_some_and(|last| !std::ptr::eq(last, hop));
        // A redirect without a hub is not about WebSub.
        if !is_redirect || !links.hubs.is_empty() {
            add(&mut found, links);
        }
    }
    if let Some(Hop { url, .. }) = hops.last().filter(|_| found.hubs.is_empty() || found.self_url.is_none()) {
        add(&mut found, of_document(document, url));
    }
    found
}

/// Returns the first feed that a page names in its head (`rel="alternate"` with the type of a feed).
pub(crate) fn feed_of_page(html: &str, base: &Url) -> Option<String> {
    html::feed(html, base)
}

/// Returns the links in the content of a topic.
fn of_document(document: &Document<'_>, base: &Url) -> Links {
    match document.kind {
        Kind::Xml => xml::links(&document.text, base),
        Kind::Html => html::links(&document.text, base),
        Kind::Json => json::links(&document.text, base),
        Kind::Other => Links::default(),
    }
}

/// Adds missing links.
fn add(found: &mut Links, links: Links) {
    if found.hubs.is_empty() {
        found.hubs = links.hubs;
    }
    if found.self_url.is_none() {
        found.self_url = links.self_url;
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderValue, LINK};
    use proptest::prelude::*;

    use super::super::sniff;
    use super::*;

    fn hop(url: &str, link: &str) -> Hop {
        let headers = [(LINK, HeaderValue::try_from(link).unwrap())].into_iter().collect();
        Hop { url: Url::parse(url).unwrap(), headers }
    }

    const FEED: &str = "<feed xmlns='http://www.w3.org/2005/Atom'><link rel='hub' href='/body-hub'/>\
                        <link rel='self' href='body'/></feed>";

    fn found(hops: &[Hop], body: &str) -> (Vec<String>, Option<String>) {
        let Links { hubs, self_url } = discover(hops, &sniff::read(body.as_bytes(), None));
        (hubs, self_url)
    }

    fn both(hub: &str, self_url: &str) -> (Vec<String>, Option<String>) {
        (vec![hub.to_owned()], Some(self_url.to_owned()))
    }

    #[test]
    fn hubs_and_self_are_each_from_the_first_source_that_has_them() {
        let topic = "https://a.example/x/feed";
        let body = both("https://a.example/body-hub", "https://a.example/x/body");
        assert_eq!(found(&[hop(topic, "")], FEED), body);
        assert_eq!(
            found(&[hop(topic, "<h>; rel=hub")], FEED),
            both("https://a.example/x/h", "https://a.example/x/body")
        );
        assert_eq!(
            found(&[hop(topic, "<s>; rel=self")], FEED),
            both("https://a.example/body-hub", "https://a.example/x/s")
        );
        assert_eq!(
            found(&[hop(topic, "<h>; rel=hub, <s>; rel=self")], FEED),
            both("https://a.example/x/h", "https://a.example/x/s")
        );
        assert_eq!(found(&[hop(topic, "")], "no feed"), (vec![], None));
    }

    #[test]
    fn redirects_count_behind_the_last_response_and_before_the_content() {
        let hops = |first: &str, second: &str, last: &str| {
            [
                hop("https://a.example/1", first),
                hop("https://b.example/2", second),
                hop("https://c.example/3", last),
            ]
        };
        let (one, two, three) = (
            "<h1>; rel=hub, <s1>; rel=self",
            "<h2>; rel=hub, <s2>; rel=self",
            "<h3>; rel=hub, <s3>; rel=self",
        );
        assert_eq!(found(&hops(one, two, three), FEED), both("https://c.example/h3", "https://c.example/s3"));
        assert_eq!(found(&hops(one, two, ""), FEED), both("https://a.example/h1", "https://a.example/s1"));
        assert_eq!(found(&hops("", two, ""), FEED), both("https://b.example/h2", "https://b.example/s2"));
        assert_eq!(
            found(&hops("<s1>; rel=self", "", ""), FEED),
            both("https://c.example/body-hub", "https://c.example/body"),
            "a redirect without a hub"
        );
    }

    proptest! {
        #[test]
        fn any_content_is_read_to_its_end(
            start in "(<\\?xml version='1.0'( encoding='[a-z0-9-]{1,12}')?\\?>|<!doctype html>|<feed>|<rss><channel>|\\{|)",
            rest in proptest::collection::vec(0_u8..=255, 0..64),
            text in "[<>/!?='\" \\-a-dlinkrehfsub&;#\\[\\]{}:,\u{e9}]{0,200}",
        ) {
            let base = Url::parse("https://a.example/").unwrap();
            for body in [[start.as_bytes(), text.as_bytes()].concat(), [start.as_bytes(), &rest].concat()] {
                let document = sniff::read(&body, None);
                let links = discover(&[Hop { url: base.clone(), headers: HeaderMap::new() }], &document);
                prop_assert!(links.hubs.iter().chain(&links.self_url).all(|url| Url::parse(url).is_ok()));
                // Both parsers accept text of the other kind.
                for links in [xml::links(&document.text, &base), html::links(&document.text, &base)] {
                    prop_assert!(links.hubs.iter().chain(&links.self_url).all(|url| Url::parse(url).is_ok()));
                }
            }
        }
    }
}
