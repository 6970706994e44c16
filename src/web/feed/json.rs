//! A feed in JSON Feed 1.1.
//!
//! Pure; it must not know where items come from.

use serde::Serialize;

use super::{Feed, Item, Person};
use crate::web::date;

/// The media type.
pub(crate) const TYPE: &str = "application/feed+json";
/// The type of a file without one; JSON Feed requires a type.
const UNKNOWN: &str = "application/octet-stream";

#[derive(Serialize)]
struct JsonFeed<'a> {
    version: &'static str,
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    home_page_url: Option<&'a str>,
    feed_url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    authors: [Author<'a>; 1],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    hubs: &'a [Hub<'a>],
}

#[derive(Serialize)]
struct Hub<'a> {
    r#type: &'static str,
    url: &'a str,
}

#[derive(Serialize)]
struct Author<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

impl<'a> From<&Person<'a>> for Author<'a> {
    fn from(person: &Person<'a>) -> Self {
        Self { name: person.name, url: person.url }
    }
}

#[derive(Serialize)]
struct Attachment<'a> {
    url: &'a str,
    mime_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    size_in_bytes: Option<u64>,
}

#[derive(Serialize)]
struct JsonItem<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_html: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    date_published: String,
    date_modified: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authors: Vec<Author<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tags: &'a [&'a str],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<Attachment<'a>>,
    /// An extension: the feed that the item is from.
    #[serde(rename = "_source", skip_serializing_if = "Option::is_none")]
    source: Option<Source<'a>>,
}

#[derive(Serialize)]
struct Source<'a> {
    title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    home_page_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feed_url: Option<&'a str>,
}

/// Writes a feed of at most `most` bytes; items that have no room are left out, the first one is not.
///
/// # Errors
/// None that is known: texts are always JSON.
pub(crate) fn write<'a>(
    feed: &Feed<'_>,
    items: impl Iterator<Item = Item<'a>>,
    most: usize,
) -> serde_json::Result<String> {
    let hubs: Vec<_> = feed.hub.iter().map(|url| Hub { r#type: "WebSub", url }).collect();
    let mut out = serde_json::to_string(&JsonFeed {
        version: "https://jsonfeed.org/version/1.1",
        title: feed.title,
        home_page_url: feed.page,
        feed_url: feed.own,
        description: feed.subtitle,
        authors: [Author { name: feed.author, url: None }],
        hubs: &hubs,
    })?;
    // The items are appended one by one to determine the length.
    out.pop();
    out.push_str(",\"items\":[");
    const END: &str = "]}\n";
    for (at, item) in items.enumerate() {
        let item = serde_json::to_string(&json_item(&item))?;
        if at > 0 {
            if out.len() + 1 + item.len() + END.len() > most {
                break;
            }
            out.push(',');
        }
        out.push_str(&item);
    }
    out.push_str(END);
    Ok(out)
}

fn json_item<'a>(item: &'a Item<'a>) -> JsonItem<'a> {
    // JSON Feed requires content for an item.
    let text = item.text.or_else(|| item.html.is_none().then_some(item.stand_in));
    let attachments = item.files.iter().map(|file| Attachment {
        url: file.url,
        mime_type: file.kind.unwrap_or(UNKNOWN),
        size_in_bytes: file.length,
    });
    JsonItem {
        id: item.id,
        url: item.url,
        external_url: item.original,
        title: Some(item.title).filter(|_| !item.is_untitled),
        content_html: item.html,
        content_text: text,
        summary: item.summary,
        image: item.image,
        date_published: date::write(item.published),
        date_modified: date::write(item.updated),
        authors: item.authors.iter().map(Author::from).collect(),
        tags: &item.tags,
        attachments: attachments.collect(),
        source: item.source.map(|source| Source {
            title: source.title,
            home_page_url: source.page,
            feed_url: source.own,
        }),
    }
}
