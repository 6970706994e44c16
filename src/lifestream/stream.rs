//! The entries of the lifestream for feed readers: Atom and JSON Feed.
//!
//! Pure; it must not know requests and the store.

use bytes::Bytes;
use serde::Deserialize;

use crate::peer::Head;
use crate::web::date;
use crate::web::feed::{self, Feed, File, Item, Person, Source};

/// Characters of a title that is made of the text.
const TITLE: usize = 80;

/// The metadata of the stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stream<'a> {
    /// The public origin, such as `https://push.example.org`.
    pub(super) origin: &'a str,
    /// The path of the page, without a final slash.
    pub(super) path: &'a str,
    /// The title of the page.
    pub(super) title: &'a str,
    /// A text below the title.
    pub(super) intro: Option<&'a str>,
    /// The selected feed, if only one is shown.
    pub(super) feed: Option<&'a str>,
}

/// A message of [`crate::entries::message`].
#[derive(Deserialize)]
struct Message {
    feed: Origin,
    entry: Entry,
}

#[derive(Deserialize)]
struct Origin {
    name: String,
    title: Option<String>,
    url: Option<String>,
    topic: Option<String>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    url: Option<String>,
    title: Option<String>,
    summary: Option<String>,
    html: Option<String>,
    published: Option<String>,
    updated: Option<String>,
    at: Option<String>,
    #[serde(default)]
    authors: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    media: Vec<Media>,
}

#[derive(Deserialize)]
struct Media {
    url: String,
    r#type: Option<String>,
    length: Option<u64>,
}

/// An entry with derived texts.
struct Written {
    message: Message,
    id: String,
    url: String,
    title: String,
    source: String,
    published: i64,
    updated: i64,
}

/// Returns the origin for the URLs of a stream: the configured one, or the one of the request.
pub(super) fn origin(public_url: Option<&str>, head: &Head, is_secure: bool) -> String {
    if let Some(public_url) = public_url {
        return public_url.trim_end_matches('/').to_owned();
    }
    let scheme = if is_secure { "https" } else { "http" };
    match head.authority() {
        Some(authority) => match authority.port(scheme) {
            Some(port) if authority.port("") == Some(port) => {
                format!("{scheme}://{}:{port}", authority.host())
            }
            _ => format!("{scheme}://{}", authority.host()),
        },
        None => format!("{scheme}://localhost"),
    }
}

impl Stream<'_> {
    /// Writes the messages of a list as Atom.
    pub(super) fn atom(&self, messages: &[String]) -> Bytes {
        let (own, page, entries) = (self.url(".atom"), self.url(""), self.entries(messages));
        let updated = entries.iter().map(|entry| entry.updated).max().unwrap_or_default();
        let items = entries.iter().map(Written::item);
        feed::atom::write(&self.head(&own, &page), updated, items, usize::MAX).into()
    }

    /// Writes the messages of a list as JSON Feed.
    pub(super) fn json(&self, messages: &[String]) -> Bytes {
        let (own, page, entries) = (self.url(".json"), self.url(""), self.entries(messages));
        let text = feed::json::write(&self.head(&own, &page), entries.iter().map(Written::item), usize::MAX);
        // Texts are always JSON.
        text.unwrap_or_default().into()
    }

    fn url(&self, extension: &str) -> String {
        let Self { origin, path, feed, .. } = self;
        match feed {
            Some(feed) => format!("{origin}{path}{extension}?feed={feed}"),
            None => format!("{origin}{path}{extension}"),
        }
    }

    fn head<'a>(&'a self, own: &'a str, page: &'a str) -> Feed<'a> {
        Feed { own, title: self.title, subtitle: self.intro, author: self.title, page: Some(page), hub: None }
    }

    fn entries(&self, messages: &[String]) -> Vec<Written> {
        let read = |message: &String| {
            let message = serde_json::from_str(message);
            message.inspect_err(|error| tracing::error!(%error, "cannot read the message of an entry")).ok()
        };
        messages.iter().filter_map(read).map(|message| self.entry(message)).collect()
    }

    fn entry(&self, message: Message) -> Written {
        let Message { feed, entry } = &message;
        let text = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let time = |text: &Option<String>| text.as_deref().and_then(date::parse);
        let source = text(&feed.title).unwrap_or_else(|| feed.name.clone());
        let title = text(&entry.title);
        let title = title.or_else(|| text(&entry.summary).map(|summary| start(&summary)));
        let at = time(&entry.at).unwrap_or_default();
        let published = time(&entry.published).unwrap_or(at);
        Written {
            id: format!("urn:uuid:{}", entry.id),
            url: format!("{}{}/entry/{}", self.origin, self.path, entry.id),
            title: title.unwrap_or_else(|| source.clone()),
            source,
            published,
            updated: time(&entry.updated).unwrap_or(published),
            message,
        }
    }
}

impl Written {
    fn item(&self) -> Item<'_> {
        let Message { feed, entry } = &self.message;
        let set = |text: &'_ Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
        let files = entry.media.iter().map(|media| File {
            url: &media.url,
            kind: media.r#type.as_deref(),
            length: media.length,
        });
        Item {
            id: &self.id,
            title: &self.title,
            is_untitled: !set(&entry.title),
            url: Some(&self.url),
            original: entry.url.as_deref(),
            published: self.published,
            updated: self.updated,
            authors: entry.authors.iter().map(|name| Person { name, url: None }).collect(),
            tags: entry.tags.iter().map(String::as_str).collect(),
            summary: entry.summary.as_deref(),
            html: entry.html.as_deref(),
            text: None,
            stand_in: entry.summary.as_deref().unwrap_or(&self.title),
            image: None,
            files: files.collect(),
            source: Some(Source {
                id: feed.topic.as_deref().or(feed.url.as_deref()),
                title: &self.source,
                own: feed.topic.as_deref(),
                page: feed.url.as_deref(),
            }),
        }
    }
}

/// Returns the start of a text, at a word boundary if possible.
fn start(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(TITLE) else { return text.to_owned() };
    let word = text[..end].rfind(' ').filter(|space| space * 2 > end).unwrap_or(end);
    format!("{}…", text[..word].trim_end())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const FULL: &str = r#"{"type":"created","kind":"entry","via":"push","seq":7,
        "feed":{"name":"blog","title":"A & B","url":"https://a.example/","topic":"https://a.example/feed"},
        "entry":{"id":"019b0000-0000-7000-8000-000000000001","guid":"g","url":"https://a.example/1?x=1&y=2","title":"T <1>",
        "summary":"s","html":"<p>h &amp; i</p>","published":"2025-11-30T03:04:05Z","updated":"2025-11-30T04:00:00Z",
        "at":"2025-11-30T03:04:05.000Z","authors":["Ann","Bob"],"tags":["x","\"y\""],
        "media":[{"url":"https://a.example/a.mp3","type":"audio/mpeg","length":5},{"url":"https://a.example/b"}]}}"#;
    const BARE: &str = r#"{"type":"created","kind":"page","via":"poll","seq":6,"feed":{"name":"bare"},
        "entry":{"id":"019b0000-0000-7000-8000-000000000002","at":"2025-11-29T00:00:00.000Z"}}"#;

    const STREAM: Stream<'_> = Stream {
        origin: "https://p.example",
        path: "/lifestream",
        title: "Mine",
        intro: Some("What I do"),
        feed: None,
    };

    fn messages() -> Vec<String> {
        vec![FULL.to_owned(), BARE.to_owned()]
    }

    #[test]
    fn entries_as_atom() {
        let text = String::from_utf8(STREAM.atom(&messages()).to_vec()).unwrap();
        assert_eq!(
            text,
            r#"<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom">
<id>https://p.example/lifestream.atom</id>
<title>Mine</title>
<subtitle>What I do</subtitle>
<updated>2025-11-30T04:00:00Z</updated>
<author>
<name>Mine</name>
</author>
<link rel="self" href="https://p.example/lifestream.atom"/>
<link rel="alternate" href="https://p.example/lifestream"/>
<entry>
<id>urn:uuid:019b0000-0000-7000-8000-000000000001</id>
<title>T &lt;1&gt;</title>
<link rel="alternate" href="https://p.example/lifestream/entry/019b0000-0000-7000-8000-000000000001"/>
<link rel="via" href="https://a.example/1?x=1&amp;y=2"/>
<link rel="enclosure" href="https://a.example/a.mp3" type="audio/mpeg" length="5"/>
<link rel="enclosure" href="https://a.example/b"/>
<published>2025-11-30T03:04:05Z</published>
<updated>2025-11-30T04:00:00Z</updated>
<author>
<name>Ann</name>
</author>
<author>
<name>Bob</name>
</author>
<category term="x"/>
<category term="&quot;y&quot;"/>
<source>
<id>https://a.example/feed</id>
<title>A &amp; B</title>
<link rel="self" href="https://a.example/feed"/>
<link rel="alternate" href="https://a.example/"/>
</source>
<summary>s</summary>
<content type="html">&lt;p&gt;h &amp;amp; i&lt;/p&gt;</content>
</entry>
<entry>
<id>urn:uuid:019b0000-0000-7000-8000-000000000002</id>
<title>bare</title>
<link rel="alternate" href="https://p.example/lifestream/entry/019b0000-0000-7000-8000-000000000002"/>
<published>2025-11-29T00:00:00Z</published>
<updated>2025-11-29T00:00:00Z</updated>
<source>
<title>bare</title>
</source>
</entry>
</feed>
"#
        );
    }

    #[test]
    fn entries_as_json_feed() {
        let feed: Value = serde_json::from_slice(&STREAM.json(&messages())).unwrap();
        assert_eq!(
            feed,
            json!({
                "version": "https://jsonfeed.org/version/1.1",
                "title": "Mine",
                "home_page_url": "https://p.example/lifestream",
                "feed_url": "https://p.example/lifestream.json",
                "description": "What I do",
                "authors": [{"name": "Mine"}],
                "items": [{
                    "id": "urn:uuid:019b0000-0000-7000-8000-000000000001",
                    "url": "https://p.example/lifestream/entry/019b0000-0000-7000-8000-000000000001",
                    "external_url": "https://a.example/1?x=1&y=2",
                    "title": "T <1>",
                    "content_html": "<p>h &amp; i</p>",
                    "summary": "s",
                    "date_published": "2025-11-30T03:04:05Z",
                    "date_modified": "2025-11-30T04:00:00Z",
                    "authors": [{"name": "Ann"}, {"name": "Bob"}],
                    "tags": ["x", "\"y\""],
                    "attachments": [
                        {"url": "https://a.example/a.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 5},
                        {"url": "https://a.example/b", "mime_type": "application/octet-stream"},
                    ],
                    "_source": {
                        "title": "A & B",
                        "home_page_url": "https://a.example/",
                        "feed_url": "https://a.example/feed",
                    },
                }, {
                    "id": "urn:uuid:019b0000-0000-7000-8000-000000000002",
                    "url": "https://p.example/lifestream/entry/019b0000-0000-7000-8000-000000000002",
                    "content_text": "bare",
                    "date_published": "2025-11-29T00:00:00Z",
                    "date_modified": "2025-11-29T00:00:00Z",
                    "_source": {"title": "bare"},
                }],
            })
        );
    }

    #[test]
    fn links_lead_where_the_reader_came_from() {
        let head = |text: &str| {
            let end = text.find(" HTTP").unwrap();
            Head::new(text.as_bytes(), 4..end)
        };
        for (host, is_secure, expected) in [
            ("Host: a.example\r\n", false, "http://a.example"),
            ("Host: a.example:8000\r\n", true, "https://a.example:8000"),
            ("Host: [::1]:8000\r\n", false, "http://[::1]:8000"),
            ("", true, "https://localhost"),
            ("Host: \"/><x\r\n", false, "http://localhost"),
        ] {
            let head = head(&format!("GET /lifestream.atom HTTP/1.1\r\n{host}\r\n"));
            assert_eq!(origin(None, &head, is_secure), expected, "{host}");
            assert_eq!(origin(Some("https://p.example/"), &head, is_secure), "https://p.example");
        }
    }

    #[test]
    fn one_feed_has_documents_of_its_own() {
        let one = Stream { feed: Some("blog"), intro: None, ..STREAM };
        let text = String::from_utf8(one.atom(&[]).to_vec()).unwrap();
        assert!(text.contains("<id>https://p.example/lifestream.atom?feed=blog</id>"), "{text}");
        assert!(text.contains("rel=\"alternate\" href=\"https://p.example/lifestream?feed=blog\""), "{text}");
        assert!(!text.contains("<subtitle>") && !text.contains("<entry>"), "{text}");
    }

    #[test]
    fn characters_that_xml_forbids_are_left_out() {
        let message = BARE.replace("\"at\"", "\"title\":\"a\\u0000b\\u000b\\uffffc\",\"at\"");
        let text = String::from_utf8(STREAM.atom(&[message]).to_vec()).unwrap();
        assert!(text.contains("<title>abc</title>"), "{text}");
    }

    #[test]
    fn an_entry_without_title_has_the_start_of_its_text() {
        let summary = "word ".repeat(40);
        let message = BARE.replace("\"at\"", &format!("\"summary\":\"{summary}\",\"at\""));
        let text = String::from_utf8(STREAM.atom(std::slice::from_ref(&message)).to_vec()).unwrap();
        assert!(text.contains(&format!("<title>{}…</title>", "word ".repeat(16).trim_end())), "{text}");
        let feed: Value = serde_json::from_slice(&STREAM.json(&[message])).unwrap();
        assert!(feed["items"][0].get("title").is_none());
    }
}
