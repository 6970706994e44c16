//! A feed in JSON Feed 1.1.
//!
//! Pure; it must not know where entries come from.

use serde::Serialize;

use super::date;
use super::entry::Entry;
use super::feed::Description;

/// The media type.
pub(super) const TYPE: &str = "application/feed+json";

#[derive(Serialize)]
struct Feed<'a> {
    version: &'static str,
    title: &'a str,
    feed_url: &'a str,
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

#[derive(Serialize)]
struct Item<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    title: &'a str,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    authors: Option<[Author<'a>; 1]>,
}

/// Writes a feed of at most `most` bytes; entries that have no room are left out, the newest one is not.
///
/// # Errors
/// None that is known: texts are always JSON.
pub(super) fn write(feed: &Description, entries: &[&Entry], most: usize) -> serde_json::Result<String> {
    let hubs: Vec<_> = feed.hub.iter().map(|url| Hub { r#type: "WebSub", url }).collect();
    let mut out = serde_json::to_string(&Feed {
        version: "https://jsonfeed.org/version/1.1",
        title: &feed.title,
        feed_url: &feed.json,
        authors: [Author { name: &feed.author, url: None }],
        hubs: &hubs,
    })?;
    // The items are appended one by one to know the length.
    out.pop();
    out.push_str(",\"items\":[");
    const END: &str = "]}\n";
    for (at, entry) in entries.iter().enumerate() {
        let item = serde_json::to_string(&item(entry, feed))?;
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

fn item<'a>(entry: &'a Entry, feed: &'a Description) -> Item<'a> {
    // An item has to have content.
    let text = entry.content.as_deref();
    let text = text.or_else(|| entry.html.is_none().then(|| entry.text()));
    Item {
        id: &entry.id,
        url: entry.url.as_deref(),
        title: if entry.title.is_empty() { &feed.title } else { &entry.title },
        content_html: entry.html.as_deref(),
        content_text: text,
        summary: entry.summary.as_deref(),
        image: entry.image.as_deref(),
        date_published: date::write(entry.published),
        date_modified: date::write(entry.updated),
        authors: entry.author.as_ref().map(|own| [Author { name: &own.name, url: own.url.as_deref() }]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::hub::feeds::Kept;

    const AT: i64 = 1_764_471_845_000;

    fn written(hub: Option<&str>, data: &[String], most: usize) -> (usize, Value) {
        let description = Description::new("https://a.example", "news", "/news", hub);
        let entry = |(number, data): (usize, &String)| {
            Entry::new(&Kept { number: number as u64, at: AT, data: data.clone().into() }, "scope")
        };
        let entries: Vec<_> = data.iter().enumerate().map(entry).collect();
        let text = write(&description, &entries.iter().collect::<Vec<_>>(), most).unwrap();
        (text.len(), serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn a_feed_has_what_json_feed_requires() {
        let data = r#"{"id":"urn:x:1","title":"A","url":"https://a.example/1","html":"<p>h</p>","content":"c","summary":"s",
            "author":{"name":"Ann","url":"https://ann.example"},"image":"https://a.example/i.png"}"#;
        let (_, feed) = written(Some("/hub"), &[data.to_owned(), "1".to_owned()], 1 << 20);
        assert_eq!(
            feed,
            json!({
                "version": "https://jsonfeed.org/version/1.1",
                "title": "news",
                "feed_url": "https://a.example/feeds/news.json",
                "authors": [{"name": "a.example"}],
                "hubs": [{"type": "WebSub", "url": "https://a.example/hub"}],
                "items": [{
                    "id": "urn:x:1",
                    "url": "https://a.example/1",
                    "title": "A",
                    "content_html": "<p>h</p>",
                    "content_text": "c",
                    "summary": "s",
                    "image": "https://a.example/i.png",
                    "date_published": "2025-11-30T03:04:05Z",
                    "date_modified": "2025-11-30T03:04:05Z",
                    "authors": [{"name": "Ann", "url": "https://ann.example/"}],
                }, {
                    "id": feed["items"][1]["id"],
                    "title": "1",
                    "content_text": "1",
                    "date_published": "2025-11-30T03:04:05Z",
                    "date_modified": "2025-11-30T03:04:05Z",
                }],
            })
        );
        assert!(written(None, &[], 1 << 20).1.get("hubs").is_none());
    }

    #[test]
    fn entries_without_room_are_left_out() {
        let data = vec![format!("\"{}\"", "x".repeat(1000)); 9];
        let (length, feed) = written(None, &data, 3000);
        assert!(length <= 3000);
        assert_eq!(feed["items"].as_array().map(Vec::len), Some(2));
        assert_eq!(
            written(None, &data, 1).1["items"].as_array().map(Vec::len),
            Some(1),
            "the newest is included"
        );
    }
}
