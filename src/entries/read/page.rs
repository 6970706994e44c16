//! Parses a document that is no feed. Its content is one entry, so that a change is a new entry at the time of the
//! change.

use serde_json::Map;
use sha2::{Digest, Sha256};

use super::markup::{Piece, pieces};
use super::{Document, Found, Reading, draft};
use crate::entries::sanitise;
use crate::store::EntryKind;
use crate::web::{discover, urls};

/// Bytes that are searched for the title.
const HEAD: usize = 256 * 1024;

pub(super) fn read(document: &Document<'_>, html: Option<&str>) -> Reading {
    let title = html.and_then(title);
    let url = Some(document.url.as_str()).filter(|url| urls::is_shown(url));
    let mut body = Map::new();
    if let Some(url) = url {
        body.insert("url".to_owned(), url.into());
    }
    if let Some(title) = &title {
        body.insert("title".to_owned(), title.as_str().into());
    }
    let hash = Sha256::digest(document.body);
    let entry = Found {
        key: format!("page:{}", data_encoding::HEXLOWER.encode(&hash)),
        kind: EntryKind::Page,
        is_deleted: false,
        fingerprint: hash.into(),
        updated: None,
        published: None,
        topic: None,
        body,
        raw: None,
        base: None,
    };
    let feed = html.and_then(|html| discover::feed_of_page(html, document.url));
    Reading { title, site: url.map(str::to_owned), feed, entries: vec![entry] }
}

/// Returns the text of the first `title`.
fn title(html: &str) -> Option<String> {
    let html = &html[..html.floor_char_boundary(HEAD)];
    let is_title = |piece: &Piece<'_>| matches!(piece, Piece::Start(tag) if tag.name == "title");
    let mut rest = pieces(html).skip_while(|piece| !is_title(piece)).skip(1);
    let Some(Piece::Text(text)) = rest.next() else { return None };
    Some(sanitise::text(text, draft::TITLE)).filter(|title| !title.is_empty())
}

#[cfg(test)]
mod tests {
    use url::Url;

    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::entries::read::{ReadError, read};

    const FEED: &[u8] = b"<feed xmlns='http://www.w3.org/2005/Atom'><title>t</title>\
        <link rel='alternate' type='application/atom+xml' href='/x'/></feed>";

    fn read_as(body: &[u8], content_type: Option<&str>) -> Result<Reading, ReadError> {
        let url = Url::parse("https://a.example/x/feed").unwrap();
        read(&Document { url: &url, content_type, body, fetched: UNIX_EPOCH })
    }

    #[test]
    fn xml_that_is_not_a_feed_is_an_error_and_other_documents_are_pages() {
        let broken =
            "<own.xmlns=\"http://www.w3.org/2005/Atom\"><title>t</title><entry><id>1</id></entry></own>";
        let declared = format!("<?xml version='1.0'?>{broken}");
        let xml = [
            "application/xml",
            "Text/XML; charset=utf-8",
            "application/atom+xml;type=feed",
            "application/rss+xml",
            "application/rdf+xml",
            "application/x-rss+xml",
        ];
        for kind in xml {
            for body in [broken, &declared, "<opml/>", "{\"a\": 1}", "Service is away", "<"] {
                let result = read_as(body.as_bytes(), Some(kind));
                assert!(matches!(result, Err(ReadError::Foreign("XML"))), "{kind} {body}: {result:?}");
            }
            // A page of a web server with the type of the feed.
            let page = read_as(b"<!doctype html><title>Away</title>", Some(kind)).unwrap();
            assert_eq!(page.entries[0].kind, EntryKind::Page, "{kind}");
        }
        for kind in [None, Some("text/plain"), Some("application/octet-stream")] {
            let result = read_as(declared.as_bytes(), kind);
            assert!(matches!(result, Err(ReadError::Foreign("XML"))), "{kind:?}: {result:?}");
        }
        let json = read_as(b"{\"items\": []}", Some("application/feed+json"));
        assert!(matches!(json, Err(ReadError::Foreign("JSON"))), "{json:?}");
        for (body, kind) in [
            ("<p>page", Some("text/html")),
            (declared.as_str(), Some("text/html")),
            ("<html xmlns='http://www.w3.org/1999/xhtml'/>", Some("application/xhtml+xml")),
            ("<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", Some("image/svg+xml")),
            ("{\"a\": 1}", Some("application/json")),
            ("plain", Some("text/plain")),
            ("plain", None),
            ("<part/>", None),
        ] {
            let reading = read_as(body.as_bytes(), kind).unwrap();
            assert_eq!(reading.entries[0].kind, EntryKind::Page, "{body} {kind:?}");
        }
    }

    #[test]
    fn the_url_of_a_page_is_shown_unless_it_may_have_a_token() {
        for (url, expected) in [
            ("https://a.example/page", Some("https://a.example/page")),
            ("https://a.example/page?token=hidden", None),
            ("https://ana:hidden@a.example/page", None),
        ] {
            let own = Url::parse(url).unwrap();
            let document = Document {
                url: &own,
                content_type: Some("text/html"),
                body: b"<p>page",
                fetched: UNIX_EPOCH,
            };
            let reading = read(&document).unwrap();
            let entry = reading.entries[0].body.get("url").map(|url| url.as_str().unwrap());
            assert_eq!((reading.site.as_deref(), entry), (expected, expected), "{url}");
        }
    }

    #[test]
    fn a_page_has_the_feed_that_its_head_names() {
        let feed = |head: &str| {
            let body =
                format!("<!doctype html><html><head><title>t</title>{head}</head><body></body></html>");
            read_as(body.as_bytes(), Some("text/html")).unwrap().feed
        };
        let named = Some("https://a.example/feed.xml".to_owned());
        for kind in ["application/atom+xml", "application/rss+xml", "Application/Feed+JSON; charset=utf-8"] {
            assert_eq!(
                feed(&format!("<link rel='alternate' type='{kind}' href='/feed.xml'>")),
                named,
                "{kind}"
            );
        }
        let two = "<link rel='stylesheet' type='text/css' href='/x.css'><LINK TYPE=application/rss+xml REL='Alternate home' HREF=/feed.xml>\
                   <link rel=alternate type=application/atom+xml href=/comments.xml>";
        assert_eq!(feed(two), named, "the first counts");
        assert_eq!(
            feed("<base href='/b/'><link rel=alternate type=application/rss+xml href=../feed.xml>"),
            named
        );
        for none in [
            "<link rel='alternate' href='/feed.xml'>",
            "<link rel='alternate' type='text/html' hreflang='de' href='/de'>",
            "<link rel='self' type='application/atom+xml' href='/feed.xml'>",
            "<link rel='alternate' type='application/atom+xml'>",
            "<link rel='alternate' type='application/atom+xml' href='ftp://a.example/feed.xml'>",
            "<script>\"<link rel='alternate' type='application/atom+xml' href='/feed.xml'>\"</script>",
            "</head><body><link rel='alternate' type='application/atom+xml' href='/feed.xml'>",
        ] {
            assert_eq!(feed(none), None, "{none}");
        }
        assert_eq!(read_as(FEED, None).unwrap().feed, None);
    }
}
