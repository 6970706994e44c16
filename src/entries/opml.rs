//! Lists of feeds in OPML (versions 1 and 2), which feed readers import and export.
//!
//! Pure; it must not know the followed feeds.

use std::collections::HashSet;

use quick_xml::escape::escape;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use url::Url;

use super::{name, sanitise};

/// Feeds of one list.
const MOST: usize = 10_000;
/// Characters of an attribute with references of HTML.
const TEXT: usize = 2048;
/// The namespace of our attribute.
const NAMESPACE: &str = "urn:faye:opml";

/// A feed of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The name; parsing creates a unique one of lower-case letters, digits and hyphens.
    pub name: String,
    /// Its title.
    pub title: Option<String>,
    /// The URL.
    pub url: String,
    /// The web page of the feed.
    pub site: Option<String>,
}

/// Parses the feeds of a list, including those in folders. Repeated feeds are ignored.
///
/// # Errors
/// The reason why the text is not such a list.
pub fn read(text: &str) -> Result<Vec<Outline>, String> {
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().allow_dangling_amp = true;
    reader.config_mut().check_end_names = false;
    let mut outlines = Vec::new();
    let (mut names, mut urls) = (HashSet::new(), HashSet::new());
    let mut is_opml = false;
    loop {
        let at = reader.buffer_position();
        let event = reader.read_event().map_err(|error| format!("not well-formed at byte {at}: {error}"))?;
        match event {
            Event::Start(tag) | Event::Empty(tag) => {
                if !is_opml && !tag.local_name().as_ref().eq_ignore_ascii_case("opml") {
                    return Err("not OPML: the first element is not opml".to_owned());
                }
                is_opml = true;
                let feed = outline(&tag).filter(|outline| urls.insert(outline.url.clone()));
                if let Some(mut feed) = feed {
                    if outlines.len() == MOST {
                        return Err(format!("more than {MOST} feeds; split the file"));
                    }
                    feed.name = name::unique(&feed.name, &mut names);
                    outlines.push(feed);
                }
            }
            Event::Eof if is_opml => return Ok(outlines),
            Event::Eof => return Err("not OPML: there is no element".to_owned()),
            _ => {}
        }
    }
}

/// Returns the feed of an element; `None` if it is no feed.
fn outline(tag: &BytesStart<'_>) -> Option<Outline> {
    if !tag.local_name().as_ref().eq_ignore_ascii_case("outline") {
        return None;
    }
    let (mut own, mut title, mut text, mut url, mut site) = (None, None, None, None, None);
    for attribute in tag.attributes().with_checks(false).flatten() {
        let key = attribute.key.local_name().as_ref().to_ascii_lowercase();
        let place = match key.as_str() {
            "name" => &mut own,
            "title" => &mut title,
            "text" => &mut text,
            "xmlurl" => &mut url,
            "htmlurl" => &mut site,
            _ => continue,
        };
        // HTML has more references than XML, and some lists use them.
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        let value = value.map_or_else(|_| sanitise::text(&attribute.value, TEXT), Into::into);
        *place =
            Some(value.split_whitespace().collect::<Vec<_>>().join(" ")).filter(|value| !value.is_empty());
    }
    let is_web = |url: &Url| matches!(url.scheme(), "http" | "https");
    let url = url?;
    // Some readers write feed: in front of the address.
    let bare = url.strip_prefix("feed:").unwrap_or(&url);
    let bare = bare.strip_prefix("//").map_or_else(|| bare.to_owned(), |rest| format!("http://{rest}"));
    let url = Url::parse(&bare).ok().filter(is_web)?;
    let title = title.or(text);
    let name = own.filter(|name| name::is_name(name));
    let name = name.or_else(|| name::of_text(title.as_deref()?)).unwrap_or_else(|| name::of_url(&url));
    let site = site.and_then(|site| Url::parse(&site).ok()).filter(is_web).map(String::from);
    Some(Outline { name, title, url: url.into(), site })
}

/// Writes a list (OPML 2.0).
#[must_use]
pub fn write(outlines: &[Outline], title: &str) -> String {
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<opml version=\"2.0\" xmlns:faye=\"{NAMESPACE}\">\n<head>\
         <title>{}</title></head>\n<body>\n",
        escape(title)
    );
    for outline in outlines {
        let title = outline.title.as_ref().unwrap_or(&outline.name);
        let site = outline.site.as_deref().map(|site| ("htmlUrl", site));
        let attributes = [
            ("type", "rss"),
            ("text", title.as_str()),
            ("title", title.as_str()),
            ("xmlUrl", outline.url.as_str()),
            ("faye:name", outline.name.as_str()),
        ];
        out.push_str("<outline");
        for (key, value) in attributes.into_iter().chain(site) {
            for part in [" ", key, "=\"", &escape(value), "\""] {
                out.push_str(part);
            }
        }
        out.push_str("/>\n");
    }
    out.push_str("</body>\n</opml>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(name: &str, title: &str, url: &str) -> Outline {
        Outline { name: name.to_owned(), title: Some(title.to_owned()), url: url.to_owned(), site: None }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let feeds = [
            Outline {
                site: Some("https://a.example/?b=1&c=2".to_owned()),
                ..feed("my-name", "A \"<blog>\" & more", "https://a.example/feed?x=1&y='2'")
            },
            feed("b", "b", "http://b.example/"),
        ];
        let text = write(&feeds, "Our <feeds> & more");
        assert!(text.contains("<title>Our &lt;feeds&gt; &amp; more</title>"), "{text}");
        let mut again = read(&text).unwrap();
        again[0].url = again[0].url.replace("%27", "'");
        assert_eq!(again, feeds);
        let nameless = Outline { title: None, ..feed("c", "", "http://c.example/") };
        assert_eq!(read(&write(&[nameless], "")).unwrap(), [feed("c", "c", "http://c.example/")]);
        assert_eq!(read(&write(&[], "")).unwrap(), []);
    }

    #[test]
    fn lists_of_other_readers_are_read() {
        let text = "\u{feff}<?xml version='1.0'?><!-- x --><OPML version='1.0'><head><title>t</title></head><body>
            <outline text='News'><outline text='Deep'>
              <outline type='rss' text='One &amp; two&nbsp;' xmlurl='https://a.example/1' htmlUrl='https://a.example'/>
            </outline></outline>
            <outline title='One two' text='x' xmlUrl=' feed://a.example/2 ' htmlUrl='javascript:alert(1)'></outline>
            <outline text='日本' xmlUrl='feed:https://www.b.example/blog/atom.xml'/>
            <outline text='again' xmlUrl='https://a.example/1'/>
            <outline text='one-two' xmlUrl='https://a.example/3'/>
            <outline text='no feed'/><outline text='bad' xmlUrl='javascript:alert(1)'/><outline xmlUrl=''/>
            <outline type='link' url='https://a.example/no'/>
            </body></OPML>";
        let names: Vec<_> =
            read(text).unwrap().into_iter().map(|feed| (feed.name, feed.url, feed.site)).collect();
        let site = Some("https://a.example/".to_owned());
        assert_eq!(
            names,
            [
                ("one-two", "https://a.example/1", site),
                ("one-two-2", "http://a.example/2", None),
                ("b-example-blog", "https://www.b.example/blog/atom.xml", None),
                ("one-two-3", "https://a.example/3", None),
            ]
            .map(|(name, url, site)| (name.to_owned(), url.to_owned(), site))
        );
    }

    #[test]
    fn other_texts_are_errors() {
        for (text, expected) in [
            ("", "no element"),
            ("plain", "no element"),
            ("<html><body/></html>", "not opml"),
            ("<opml><body><outline", "not well-formed"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
        let many: String =
            (0..=MOST).map(|number| format!("<outline xmlUrl='http://a.example/{number}'/>")).collect();
        assert!(read(&format!("<opml>{many}</opml>")).unwrap_err().contains("split the file"));
        // No entity of the document is expanded.
        let bomb = "<!DOCTYPE opml [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><opml><outline text='&b;' \
                    xmlUrl='http://a.example/'/></opml>";
        assert_eq!(read(bomb).unwrap()[0].title.as_deref(), Some("&b;"));
    }
}
