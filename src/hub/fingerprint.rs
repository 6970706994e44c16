//! Fingerprints of the content of a topic: a hash of its bytes, or of the parts of a feed that matter to subscribers.
//! This module must not know where content comes from.
//!
//! A feed counts as the set of its entries, each with all of its content, and the title, links and authors of the feed
//! itself. Every byte of text and attributes of an entry counts; namespace prefixes, the order of attributes, comments
//! and CDATA sections do not. All other parts of the feed are ignored, for example `updated`, `lastBuildDate` and
//! `generator`, which many programs change for each request.

mod json;
mod xml;

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use crate::config::Change;
use crate::web::links::Links;
use crate::web::sniff::{Document, Kind};

/// The first byte of a fingerprint: its kind.
const BYTES: u8 = 1;
const ENTRIES: u8 = 2;

/// The hashes of the parts of a feed.
type Parts = BTreeSet<[u8; 32]>;

/// Returns the fingerprint of content. Content that is not a feed, or cannot be parsed completely, is hashed as bytes.
pub(super) fn fingerprint(change: Change, body: &[u8], document: &Document<'_>, links: &Links) -> Vec<u8> {
    let parts = match document.kind {
        _ if change == Change::Bytes || !document.is_exact => None,
        Kind::Xml => xml::parts(&document.text),
        Kind::Json => json::parts(&document.text),
        Kind::Html | Kind::Other => None,
    };
    let (kind, digest) = match parts {
        None => (BYTES, Sha256::digest(body)),
        Some(mut parts) => {
            parts.extend(links.hubs.iter().map(|hub| hash("hub", hub)));
            parts.extend(links.self_url.iter().map(|own| hash("self", own)));
            let mut all = Sha256::new();
            parts.iter().for_each(|part| all.update(part));
            (ENTRIES, all.finalize())
        }
    };
    let mut fingerprint = vec![kind];
    fingerprint.extend_from_slice(&digest);
    fingerprint
}

fn hash(name: &str, value: &str) -> [u8; 32] {
    let mut part = Part::new(name);
    part.text(value);
    part.finish()
}

/// The hash of a part of a feed. Each piece is hashed with its length, so that no two pieces are ambiguous.
struct Part(Sha256);

impl Part {
    fn new(kind: &str) -> Self {
        let mut part = Self(Sha256::new());
        part.text(kind);
        part
    }

    fn mark(&mut self, mark: u8) {
        self.0.update([mark]);
    }

    fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
    }

    /// Adds bytes whose number is determined by the bytes before them.
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::web::sniff;

    fn of(body: &str) -> Vec<u8> {
        with(Change::Entries, body, &Links::default())
    }

    fn with(change: Change, body: &str, links: &Links) -> Vec<u8> {
        fingerprint(change, body.as_bytes(), &sniff::read(body.as_bytes(), None), links)
    }

    #[test]
    fn other_content_is_compared_by_its_bytes() {
        for body in [
            "<html><title>a</title>",
            "<!doctype html><feed><title>a</title></feed>",
            "text",
            "",
            "[1]",
            "{\"a\": 1}",
            "<feed><title>a</title>",
            "<feed><title>a</title></x>",
            "<feed><title>a</title></feed><feed/>",
            "<!DOCTYPE feed [<!ENTITY e 'x'>]><feed><title>&e;</title></feed>",
            "<opml><title>a</title></opml>",
        ] {
            let (own, spaced) = (of(body), of(&format!("{body} ")));
            assert_eq!(own[0], BYTES, "{body}");
            assert_ne!(own, spaced, "{body}");
        }
        assert_eq!(of("<feed><title>a</title></feed>")[0], ENTRIES);
        let feed = b"<?xml version='1.0' encoding='x-unknown'?><feed/>";
        assert_eq!(fingerprint(Change::Entries, feed, &sniff::read(feed, None), &Links::default())[0], BYTES);
    }

    #[test]
    fn data_in_xml_is_compared_by_its_bytes() {
        let foaf = |name| {
            format!(
                "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns:f='http://xmlns.com/foaf/0.1/'>\
                     <f:Person><f:name>{name}</f:name></f:Person></rdf:RDF>"
            )
        };
        let records =
            |number| format!("<feed xmlns='http://data.example/'><title/><record>{number}</record></feed>");
        let plain = |number| format!("<feed><record>{number}</record></feed>");
        for (one, other) in
            [(foaf("Ann"), foaf("Bob")), (records("1"), records("2")), (plain("1"), plain("2"))]
        {
            assert_ne!(of(&one), of(&other), "{one}");
        }
    }

    #[test]
    fn json_with_many_values_is_hashed_while_it_is_read() {
        let feed =
            |items: &str| format!("{{\"version\":\"https://jsonfeed.org/version/1\",\"items\":[{items}]}}");
        let many = feed(&["{\"\":0},".repeat(500_000), "0".to_owned()].concat());
        assert_eq!(of(&many), of(&feed("{\"\":0},0")), "the set of its entries");
        assert_eq!(
            of(&feed("{\"a\":[1,{\"b\":2}],\"c\":null}")),
            of(&feed("{\"c\":null,\"a\":[1,{\"b\":2}]}"))
        );
        let others = [
            "0",
            "{\"\":[]}",
            "{\"\":\"\"}",
            "[]",
            "[[]]",
            "[0]",
            "[0,0]",
            "{}",
            "{\"a\":0}",
            "{\"a\":false}",
            "null",
            "1.5",
            "-1",
        ];
        let all: BTreeSet<_> = others.iter().map(|item| of(&feed(item))).collect();
        assert_eq!(all.len(), others.len());
    }

    #[test]
    fn every_byte_counts_if_bytes_do() {
        let feed = "<feed><title/><updated>1</updated></feed>";
        let bytes = |body: &str| with(Change::Bytes, body, &Links::default());
        assert_ne!(bytes(feed), bytes("<feed><title/><updated>2</updated></feed>"));
        assert_eq!(of(feed), of("<feed><title/><updated>2</updated></feed>"));
        assert_eq!(bytes(feed), bytes(feed));
        assert_ne!(bytes(feed), of(feed));
    }

    #[test]
    fn hubs_and_self_count_wherever_they_are_found() {
        let feed = "<feed><title/></feed>";
        let links = |hubs: &[&str], own: Option<&str>| Links {
            hubs: hubs.iter().map(|hub| (*hub).to_owned()).collect(),
            self_url: own.map(str::to_owned),
        };
        let all = [
            links(&[], None),
            links(&["a"], None),
            links(&["b"], None),
            links(&["a", "b"], None),
            links(&[], Some("a")),
            links(&["a"], Some("a")),
        ];
        let different: BTreeSet<_> = all.iter().map(|links| with(Change::Entries, feed, links)).collect();
        assert_eq!(different.len(), all.len());
    }

    /// An id, a title and a text.
    type Entry = (usize, String, String);

    fn numbered(entries: &[(String, String)]) -> Vec<Entry> {
        let numbered = entries.iter().enumerate();
        numbered.map(|(id, (title, text))| (id, title.clone(), text.clone())).collect()
    }

    /// Returns a feed in one of the formats.
    fn feed(format: usize, entries: &[Entry], ignored: &str) -> String {
        let escape = |text: &str| {
            text.replace('&', "&amp;").replace('<', "&lt;").replace('\'', "&apos;").replace(']', "&#93;")
        };
        let json = |text: &str| serde_json::to_string(text).unwrap();
        let entries = entries.iter();
        match format {
            0 => {
                let entries = entries.map(|(id, title, text)| {
                    format!(
                        "<entry><id>{id}</id><title>{}</title><content type='html'>{}</content></entry>",
                        escape(title),
                        escape(text)
                    )
                });
                let entries = entries.collect::<String>();
                format!(
                    "<?xml version='1.0'?><feed xmlns='http://www.w3.org/2005/Atom'><title>x</title><updated>{0}</updated>\
                     <generator uri='x' version='{0}'>{0}</generator>{entries}</feed>",
                    escape(ignored)
                )
            }
            1 | 2 => {
                let entries = entries.map(|(id, title, text)| {
                    format!(
                        "<item><guid>{id}</guid><title>{}</title><description>{}</description></item>\n",
                        escape(title),
                        escape(text)
                    )
                });
                let entries = entries.collect::<String>();
                let meta = format!(
                    "<title>x</title><link>http://a.example/</link><lastBuildDate>{0}</lastBuildDate><pubDate>{0}</pubDate>\
                     <generator>{0}</generator><dc:date xmlns:dc='http://purl.org/dc/elements/1.1/'>{0}</dc:date>",
                    escape(ignored)
                );
                if format == 1 {
                    format!("<rss version='2.0'><channel>{meta}{entries}</channel></rss>")
                } else {
                    format!(
                        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'>\
                         <channel>{meta}</channel>{entries}</rdf:RDF>"
                    )
                }
            }
            _ => {
                let entries = entries.map(|(id, title, text)| {
                    format!("{{\"id\": {id}, \"title\": {}, \"content_html\": {}}}", json(title), json(text))
                });
                let entries = entries.collect::<Vec<_>>().join(", ");
                format!(
                    "{{\"version\": \"https://jsonfeed.org/version/1.1\", \"title\": \"x\", \"_at\": {}, \"items\": [{entries}]}}",
                    json(ignored)
                )
            }
        }
    }

    fn text() -> impl Strategy<Value = String> {
        "[ -~\u{e9}\u{4e2d}]{0,12}"
    }

    proptest! {
        #[test]
        fn ignored_elements_and_the_order_of_entries_do_not_count(
            format in 0_usize..4,
            entries in proptest::collection::vec((text(), text()), 0..4),
            ignored in (text(), text()),
        ) {
            let mut entries = numbered(&entries);
            let own = of(&feed(format, &entries, &ignored.0));
            prop_assert_eq!(own[0], ENTRIES);
            entries.reverse();
            prop_assert_eq!(own, of(&feed(format, &entries, &ignored.1)));
        }

        #[test]
        fn any_change_of_an_entry_counts(
            format in 0_usize..4,
            entries in proptest::collection::vec((text(), text()), 1..4),
            which in any::<prop::sample::Index>(),
            is_title in any::<bool>(),
            other in text(),
            added in (text(), text()),
        ) {
            let entries = numbered(&entries);
            let own = of(&feed(format, &entries, ""));
            let mut changed = entries.clone();
            let entry = which.index(entries.len());
            let field = if is_title { &mut changed[entry].1 } else { &mut changed[entry].2 };
            prop_assume!(*field != other);
            *field = other;
            prop_assert_ne!(&own, &of(&feed(format, &changed, "")));
            let mut more = entries.clone();
            more.push((entries.len(), added.0, added.1));
            prop_assert_ne!(&own, &of(&feed(format, &more, "")));
            prop_assert_ne!(&own, &of(&feed(format, &entries[1..], "")));
        }
    }

    const ATOM: &str = "<feed xmlns='http://www.w3.org/2005/Atom'><title>t</title><link href='l'/>\
                        <author><name>a</name></author><entry><id>1</id><updated>u</updated>\
                        <content type='xhtml'><b x='1' y='2'>c</b> d</content></entry></feed>";

    #[test]
    fn spelling_does_not_count() {
        for (from, to) in [
            (
                "<feed xmlns='http://www.w3.org/2005/Atom'>",
                "<?xml version='1.0'?><!DOCTYPE feed><feed xmlns='http://www.w3.org/2005/Atom' xmlns:x='y'>",
            ),
            ("<title>t</title>", "<title ><![CDATA[t]]></title >"),
            ("<title>t</title>", "<!-- x --><title>&#116;<!-- y --></title>\n"),
            ("x='1' y='2'", "y=\"2\"\n x=\"1\""),
            ("<id>1</id><updated>", "\n  <id>1</id>\r\n  <updated>"),
            (
                "<link href='l'/>",
                "<link href='l'></link><subtitle>s</subtitle><rights/><updated>now</updated>",
            ),
        ] {
            assert!(ATOM.contains(from), "{from}");
            assert_eq!(of(ATOM), of(&ATOM.replace(from, to)), "{to}");
        }
        let prefixed = ATOM.replace("<", "<a:").replace("<a:/", "</a:").replace("xmlns", "xmlns:a");
        assert_eq!(of(ATOM), of(&prefixed));
    }

    #[test]
    fn metadata_and_every_part_of_an_entry_count() {
        let changes = [
            ("<title>t</title>", "<title>T</title>"),
            ("<title>t</title>", ""),
            ("<title>t</title>", "<title type='html'>t</title>"),
            ("href='l'", "href='m'"),
            ("<link href='l'/>", "<link href='l'/><link rel='hub' href='h'/>"),
            ("<name>a</name>", "<name>b</name>"),
            ("<updated>u</updated>", "<updated>v</updated>"),
            ("<id>1</id>", "<id>2</id>"),
            ("y='2'", "y='3'"),
            ("<b x", "<i x"),
            ("</b> d", "</b>d"),
            (">c</b> d", ">c</b>  d"),
            (">c<", ">c <"),
            ("</entry>", "</entry><entry/>"),
            (
                "</entry>",
                "</entry><at:deleted-entry xmlns:at='http://purl.org/atompub/tombstones/1.0' ref='1'/>",
            ),
        ];
        let mut different = BTreeSet::from([of(ATOM)]);
        for (from, to) in changes {
            assert!(ATOM.contains(from), "{from}");
            let end = if from == "<b x" { "</i>" } else { "</b>" };
            let body = ATOM.replace(from, to).replace("</b>", end);
            let own = of(&body);
            assert_eq!(own[0], ENTRIES, "{body}");
            assert!(different.insert(own), "{to}");
        }
        let rss = "<rss><channel><title>t</title><link>l</link><managingEditor>m</managingEditor><image><title>i</title></image>\
                   <ttl>5</ttl><item><title>a</title></item></channel></rss>";
        for counted in ["<title>t<", "<link>l<", "<managingEditor>m<", "<title>a<"] {
            let changed = counted.replace(">", ">changed ");
            assert_ne!(of(rss), of(&rss.replace(counted, &changed)), "{counted}");
        }
        for ignored in ["<title>i<", "<ttl>5<"] {
            assert_eq!(of(rss), of(&rss.replace(ignored, &ignored.replace('>', ">1"))), "{ignored}");
        }
    }

    #[test]
    fn what_is_too_complex_is_compared_by_its_bytes() {
        let deep = format!("<feed>{}{}</feed>", "<a>".repeat(300), "</a>".repeat(300));
        let wide = (0..1000).map(|number| format!(" a{number}=''")).collect::<String>();
        let wide = format!("<feed><entry{wide}/></feed>");
        let twice = "<feed><entry a='' a=''/></feed>".to_owned();
        let nested = format!(
            "{{\"version\": \"https://jsonfeed.org/version/1\", \"items\": [{}{}]}}",
            "[".repeat(500),
            "]".repeat(500)
        );
        for body in [deep, wide, twice, nested] {
            assert_eq!(of(&body)[0], BYTES, "{}", &body[..60]);
        }
    }

    #[test]
    fn a_json_feed_has_no_order_of_fields() {
        let feed = |item: &str, meta: &str| {
            of(&format!("{{\"version\": \"https://jsonfeed.org/version/1\", {meta}\"items\": [{item}]}}"))
        };
        assert_eq!(
            feed("{\"a\": 1, \"b\": [2, {}]}", ""),
            feed("{\"b\":[2,{}],\"a\":1}", "\"description\": \"x\", ")
        );
        let all = [
            feed("{\"a\": 1, \"b\": [2]}", ""),
            feed("{\"a\": 1, \"b\": 2}", ""),
            feed("{\"a\": 1, \"b\": \"2\"}", ""),
            feed("{\"a\": 1, \"b\": null}", ""),
            feed("{\"a\": 1, \"b\": true}", ""),
            feed("{\"a\": 1}, {\"b\": [2]}", ""),
            feed("{\"a\": 1, \"b\": [2]}", "\"title\": \"t\", "),
            feed("{\"a\": 1, \"b\": [2]}", "\"hubs\": [], "),
        ];
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    }

    proptest! {
        #[test]
        fn any_content_has_a_fingerprint(
            start in "(<\\?xml version='1.0'\\?>|<!doctype html>|<feed>|<rss><channel>|\\{|)",
            rest in "[<>/!?='\" \\-a-dlinkrehfsub&;#\\[\\]{}:,\u{e9}]{0,200}",
        ) {
            let body = format!("{start}{rest}");
            let document = sniff::read(body.as_bytes(), None);
            fingerprint(Change::Entries, body.as_bytes(), &document, &Links::default());
        }
    }
}
