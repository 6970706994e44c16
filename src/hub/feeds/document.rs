//! Renders the feed of a channel in its formats.
//!
//! Pure; it must not know where entries come from.

use super::description::Description;
use super::entry::Entry;
use crate::web::feed::{self, Feed, Item, Person};

/// Writes a feed as Atom, of at most `most` bytes; entries that have no room are left out, the newest one is not.
pub(super) fn atom(description: &Description, updated: i64, entries: &[&Entry], most: usize) -> String {
    let items = entries.iter().map(|entry| item(entry, description));
    feed::atom::write(&head(description, &description.atom), updated, items, most)
}

/// Writes a feed as JSON Feed, in the same way.
///
/// # Errors
/// None that is known: texts are always JSON.
pub(super) fn json(description: &Description, entries: &[&Entry], most: usize) -> serde_json::Result<String> {
    let items = entries.iter().map(|entry| item(entry, description));
    feed::json::write(&head(description, &description.json), items, most)
}

fn head<'a>(description: &'a Description, own: &'a str) -> Feed<'a> {
    Feed {
        own,
        title: &description.title,
        subtitle: None,
        author: &description.author,
        page: None,
        hub: description.hub.as_deref(),
    }
}

fn item<'a>(entry: &'a Entry, description: &'a Description) -> Item<'a> {
    let person = |author: &'a super::entry::Author| Person { name: &author.name, url: author.url.as_deref() };
    Item {
        id: &entry.id,
        title: if entry.title.is_empty() { &description.title } else { &entry.title },
        url: entry.url.as_deref(),
        published: entry.published,
        updated: entry.updated,
        authors: entry.author.iter().map(person).collect(),
        summary: entry.summary.as_deref(),
        html: entry.html.as_deref(),
        text: entry.content.as_deref(),
        stand_in: entry.text(),
        image: entry.image.as_deref(),
        ..Item::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{atom as write, json as write_json, *};
    use crate::hub::feeds::Kept;

    const AT: i64 = 1_764_471_845_000;

    fn description() -> Description {
        Description::new("https://a.example", "news", "/news", Some("/hub"))
    }

    fn entry(number: u64, data: &str) -> Entry {
        Entry::new(&Kept { number, at: AT, data: data.to_owned().into() }, "scope")
    }

    #[test]
    fn a_feed_has_what_atom_requires() {
        let entry = entry(
            1,
            r#"{"id":"urn:x:1","title":"A & <b>","url":"https://a.example/?a=1&b='2'","html":"<p>h</p>",
            "summary":"s","author":{"name":"Ann","url":"https://ann.example"},"image":"https://a.example/i.png"}"#,
        );
        let expected = "<?xml version=\"1.0\" encoding=\"utf-8\"?>
<feed xmlns=\"http://www.w3.org/2005/Atom\">
<id>https://a.example/feeds/news.atom</id>
<title>news</title>
<updated>2025-11-30T03:04:05Z</updated>
<author>
<name>a.example</name>
</author>
<link rel=\"hub\" href=\"https://a.example/hub\"/>
<link rel=\"self\" href=\"https://a.example/feeds/news.atom\"/>
<entry>
<id>urn:x:1</id>
<title>A &amp; &lt;b&gt;</title>
<link rel=\"alternate\" href=\"https://a.example/?a=1&amp;b=%272%27\"/>
<link rel=\"enclosure\" href=\"https://a.example/i.png\"/>
<published>2025-11-30T03:04:05Z</published>
<updated>2025-11-30T03:04:05Z</updated>
<author>
<name>Ann</name>
<uri>https://ann.example/</uri>
</author>
<summary>s</summary>
<content type=\"html\">&lt;p&gt;h&lt;/p&gt;</content>
</entry>
</feed>
";
        assert_eq!(write(&description(), AT, &[&entry], 1 << 20), expected);
    }

    #[test]
    fn an_entry_without_link_has_content_and_a_title() {
        for data in
            [r#"{"id":1}"#, r#"{"published":"2020-01-01"}"#, r#"{"title":"a"}"#, "1", r#"{"summary":"a"}"#]
        {
            let text = write(&description(), AT, &[&entry(1, data)], 1 << 20);
            assert!(text.contains("<content>") && !text.contains("<title></title>"), "{text}");
        }
    }

    #[test]
    fn entries_without_room_are_left_out() {
        let entries: Vec<_> =
            (0..9).map(|number| entry(number, &format!("\"{}\"", "x".repeat(1000)))).collect();
        let entries: Vec<_> = entries.iter().collect();
        let text = write(&description(), AT, &entries, 4000);
        assert!(text.len() <= 4000 && text.ends_with("</feed>\n"), "{}", text.len());
        assert_eq!(text.matches("<entry>").count(), 2);
        assert_eq!(
            write(&description(), AT, &entries, 1).matches("<entry>").count(),
            1,
            "the newest is included"
        );
    }

    fn written(hub: Option<&str>, data: &[String], most: usize) -> (usize, Value) {
        let description = Description::new("https://a.example", "news", "/news", hub);
        let entry = |(number, data): (usize, &String)| {
            Entry::new(&Kept { number: number as u64, at: AT, data: data.clone().into() }, "scope")
        };
        let entries: Vec<_> = data.iter().enumerate().map(entry).collect();
        let text = write_json(&description, &entries.iter().collect::<Vec<_>>(), most).unwrap();
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
    fn items_without_room_are_left_out() {
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
