//! Imports the entries of a file: a feed (Atom, RSS, JSON Feed), or one JSON object per line, as databases export
//! tables.
//!
//! Lines are converted to a JSON Feed, so that an entry has the same identity as in its original feed. Pure; it must
//! not know the store.

use std::borrow::Cow;
use std::time::SystemTime;

use serde_json::{Map, Value, json};
use url::Url;

use super::{Document, Found, prepare};
use crate::store::{EntryKind, NewEntry};

/// Entries of a file.
pub const MOST: usize = 100_000;

/// Names of the columns of tables, for each field of an item.
const GUID: &[&str] = &["guid", "uid", "uuid", "atom_id", "entry_id"];
const URL: &[&str] = &["url", "link", "permalink", "href", "uri"];
const TITLE: &[&str] = &["title", "subject", "headline", "name"];
const CONTENT: &[&str] = &["content", "content_html", "html", "body", "description", "text", "message"];
const SUMMARY: &[&str] = &["summary", "excerpt"];
const PUBLISHED: &[&str] = &[
    "published",
    "published_at",
    "date_published",
    "pubdate",
    "date",
    "datetime",
    "created",
    "created_at",
    "timestamp",
    "time",
];
const UPDATED: &[&str] = &["updated", "updated_at", "date_modified", "modified", "modified_at"];
const AUTHOR: &[&str] = &["author", "authors", "author_name", "user", "username"];
const TAGS: &[&str] = &["tags", "categories", "category"];
const MEDIA: &[&str] = &["media", "enclosure", "attachment", "image", "media_url", "image_url"];

/// Reads the entries of a file, oldest first. Relative links are resolved against `url`, the URL of the feed; `id`
/// creates UUIDs.
///
/// # Errors
/// The reason why the file has no entries. For lines, the number of the first invalid one.
pub fn read(bytes: &[u8], url: &Url, mut id: impl FnMut() -> String) -> Result<Vec<NewEntry>, String> {
    let body = match lines(bytes)? {
        Some(items) => Cow::Owned(feed(&items).into_bytes()),
        None => Cow::Borrowed(bytes),
    };
    // The additional entry shows that there are too many.
    let document = Document { url, content_type: None, body: &body, fetched: SystemTime::UNIX_EPOCH };
    let mut found = super::read_most(&document, MOST + 1).map_err(|error| error.to_string())?.entries;
    drop(body);
    if found.len() > MOST {
        return Err(too_many());
    }
    found.retain(|entry| entry.kind == EntryKind::Entry && !entry.is_deleted);
    // The time of the import is unrelated to an entry, so its only date is that of its position.
    found.iter_mut().for_each(|entry| entry.published = entry.published.or(entry.updated));
    let date = |entry: &Found| entry.published;
    if found.iter().all(|entry| date(entry).is_some()) {
        found.sort_by_key(date);
    }
    if found.is_empty() {
        return Err(
            "no entries found; import reads Atom, RSS, JSON Feed, or one JSON object a line".to_owned()
        );
    }
    Ok(found.into_iter().map(|entry| prepare(entry, id())).collect())
}

/// Returns the items of lines, oldest first; `None` if the file has another format.
fn lines(bytes: &[u8]) -> Result<Option<Vec<Value>>, String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(None) };
    let text = text.trim_start_matches('\u{feff}').trim();
    let objects: Vec<Map<String, Value>> = if text.starts_with('[') {
        // Some databases write all rows as one list.
        serde_json::from_str(text).map_err(|error| format!("not a list of JSON objects: {error}"))?
    } else {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).peekable();
        let is_object = |line: &str| serde_json::from_str::<Map<String, Value>>(line);
        match lines.peek() {
            Some((_, first)) if first.trim_start().starts_with('{') => {
                // A JSON Feed may be one line, and has a version; in a multi-line one, the first line is no object.
                match is_object(first) {
                    Ok(first) if is_feed(&first) => return Ok(None),
                    Err(_)
                        if serde_json::from_str::<Map<String, Value>>(text)
                            .is_ok_and(|all| is_feed(&all)) =>
                    {
                        return Ok(None);
                    }
                    _ => {}
                }
            }
            _ => return Ok(None),
        }
        let read = |(number, line): (usize, &str)| {
            is_object(line).map_err(|error| format!("line {} is not a JSON object: {error}", number + 1))
        };
        lines.map(read).collect::<Result<_, _>>()?
    };
    if objects.len() > MOST {
        return Err(too_many());
    }
    Ok(Some(objects.iter().map(item).collect()))
}

fn too_many() -> String {
    format!("more than {MOST} entries; split the file")
}

fn is_feed(object: &Map<String, Value>) -> bool {
    let version = object.get("version").and_then(Value::as_str);
    version.is_some_and(|version| version.contains("jsonfeed.org/version/"))
}

/// Returns a JSON Feed.
fn feed(items: &[Value]) -> String {
    // The parser takes the first item as the newest.
    let items: Vec<_> = items.iter().rev().collect();
    json!({ "version": "https://jsonfeed.org/version/1.1", "title": "", "items": items }).to_string()
}

/// Returns an item of a JSON Feed, made of a row.
fn item(row: &Map<String, Value>) -> Value {
    let column = |names: &[&str]| {
        let is_wanted =
            |name: &&str| row.iter().find(|(key, value)| key.eq_ignore_ascii_case(name) && is_set(value));
        names.iter().find_map(is_wanted).map(|(_, value)| value)
    };
    let text = |names| column(names).and_then(scalar);
    let mut item = Map::new();
    let url = text(URL);
    // The number of a row is meaningless outside of its table; a link is not.
    let is_number = |id: &str| id.bytes().all(|byte| byte.is_ascii_digit());
    let id = text(&["id"]).filter(|id| url.is_none() || !is_number(id));
    let fields = [
        // Without an id the link and the date identify it, as in a feed without ids.
        ("id", text(GUID).or(id)),
        ("url", url),
        ("title", text(TITLE)),
        ("content_html", text(CONTENT)),
        ("summary", text(SUMMARY)),
        ("date_published", text(PUBLISHED).map(|date| instant(&date))),
        ("date_modified", text(UPDATED).map(|date| instant(&date))),
    ];
    item.extend(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?)))));
    let authors: Vec<Value> = column(AUTHOR).map(names).unwrap_or_default();
    item.insert("authors".to_owned(), authors.into_iter().map(|name| json!({ "name": name })).collect());
    item.insert("tags".to_owned(), column(TAGS).map(names).unwrap_or_default().into());
    let attachments = column(MEDIA).map(media).unwrap_or_default();
    item.insert("attachments".to_owned(), attachments.into());
    Value::Object(item)
}

fn is_set(value: &Value) -> bool {
    !matches!(value, Value::Null) && value.as_str().is_none_or(|text| !text.trim().is_empty())
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns a list of names: JSON, or a text with commas.
fn names(value: &Value) -> Vec<Value> {
    let name = |value: &Value| scalar(value).or_else(|| scalar(value.get("name")?));
    match value {
        Value::Array(values) => values.iter().filter_map(name).map(Value::from).collect(),
        Value::String(text) => {
            text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(Value::from).collect()
        }
        other => name(other).map(Value::from).into_iter().collect(),
    }
}

/// Attachments: addresses, or objects with `url`, `type` and `length`.
fn media(value: &Value) -> Vec<Value> {
    let one = |value: &Value| match value {
        Value::String(url) => Some(json!({ "url": url })),
        Value::Object(object) => {
            let kind = object.get("type").or_else(|| object.get("mime_type"));
            let length = object.get("length").or_else(|| object.get("size_in_bytes"));
            Some(json!({ "url": object.get("url")?, "mime_type": kind, "size_in_bytes": length }))
        }
        _ => None,
    };
    match value {
        Value::Array(values) => values.iter().filter_map(one).collect(),
        other => one(other).into_iter().collect(),
    }
}

/// Returns a point in time as databases write them: seconds or milliseconds since 1970, or a date, in UTC.
fn instant(text: &str) -> String {
    let time = text.trim().parse().ok().and_then(crate::web::date::of_number);
    time.map_or_else(|| text.to_owned(), crate::web::date::write)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imported(text: &str) -> Vec<NewEntry> {
        let mut number = 0;
        let id = || {
            number += 1;
            format!("id-{number}")
        };
        read(text.as_bytes(), &Url::parse("https://a.example/feed").unwrap(), id).unwrap()
    }

    fn body(entry: &NewEntry) -> Value {
        serde_json::from_str(&entry.body).unwrap()
    }

    #[test]
    fn rows_of_a_table_become_entries() {
        let rows = r#"
            {"id":7,"title":"Second","content":"<p onclick=x>b <a href=\"/c\">c</a>","published":"2015-04-02 10:00:00","url":"https://a.example/2","type":"blog"}

            {"id":6,"TITLE":"First & <b>","Content":"text\nonly","published":1427882400,"link":"https://a.example/1","author":"Ann, Bob","tags":["x","y"],"media":{"url":"i.png","type":"image/png","length":5}}"#;
        let entries = imported(rows);
        assert_eq!(entries.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["id-1", "id-2"]);
        let (first, second) = (&entries[0], &entries[1]);
        assert_eq!(first.published, Some(1_427_882_400_000));
        assert_eq!(second.published, Some(1_427_968_800_000));
        assert_eq!(
            body(first),
            json!({
                "url": "https://a.example/1", "title": "First & <b>",
                "summary": "text only", "published": "2015-04-01T10:00:00Z", "authors": ["Ann", "Bob"], "tags": ["x", "y"],
                "media": [{ "url": "https://a.example/i.png", "type": "image/png", "length": 5 }],
            })
        );
        assert!(
            second.html.as_deref().unwrap().starts_with("<p>b <a href=\"https://a.example/c\""),
            "{second:?}"
        );
        assert_ne!(first.fingerprint, second.fingerprint);
    }

    #[test]
    fn an_entry_is_the_same_in_a_table_and_in_its_feed() {
        let atom = "<feed xmlns='http://www.w3.org/2005/Atom'><entry><id>tag:a.example,2015:1</id><title>T</title>\
                    <updated>2015-04-01T10:00:00Z</updated><content type='html'>&lt;p&gt;x</content></entry></feed>";
        let row = r#"{"guid":"tag:a.example,2015:1","title":"T","content":"<p>x","published":"2015-04-01T10:00:00Z"}"#;
        let (atom, row) = (imported(atom), imported(row));
        assert_eq!((&atom[0].key, &atom[0].html), (&row[0].key, &row[0].html));
        assert_eq!(atom[0].fingerprint, row[0].fingerprint);
    }

    #[test]
    fn an_entry_without_an_id_is_the_same_in_a_table_and_in_its_feed() {
        let rss = "<rss version='2.0'><channel>\
            <item><title>B</title><link>https://a.example/b</link><pubDate>Thu, 02 Apr 2015 10:00:00 GMT</pubDate></item>\
            <item><title>A</title><link>https://a.example/a</link><pubDate>Wed, 01 Apr 2015 10:00:00 GMT</pubDate></item>\
            </channel></rss>";
        let rows = "{\"id\":1,\"title\":\"A\",\"url\":\"https://a.example/a\",\"published\":1427882400}\n\
                    {\"id\":2,\"title\":\"B\",\"url\":\"https://a.example/b\",\"published\":\"2015-04-02 10:00:00\"}\n";
        let keys = |text: &str| imported(text).into_iter().map(|entry| entry.key).collect::<Vec<_>>();
        assert_eq!(keys(rss), keys(rows));
        let one = rows.lines().next().unwrap();
        assert_eq!(keys(one), keys(rss)[..1], "a file with one entry");
    }

    #[test]
    fn feeds_and_lists_are_read() {
        let json = r#"{"version":"https://jsonfeed.org/version/1.1","title":"t","items":[{"id":"1","content_text":"x"}]}"#;
        let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Value>(json).unwrap()).unwrap();
        let rss = "<rss version='2.0'><channel><item><title>a</title><guid>g</guid></item></channel></rss>";
        let list = r#"[{"title":"a","id":"x"}, {"title":"b","id":"y"}]"#;
        for (text, count) in [(json, 1), (pretty.as_str(), 1), (rss, 1), (list, 2)] {
            assert_eq!(imported(text).len(), count, "{text}");
        }
    }

    #[test]
    fn a_long_table_is_read_in_the_order_of_its_dates() {
        let row = |number: i64| json!({ "guid": format!("g{number}"), "date": 1_000_000_000 + number * 60, "title": "x" });
        let rows: String = (0..1200).rev().map(|number| format!("{}\n", row(number))).collect();
        let keys: Vec<_> = imported(&rows).iter().map(|entry| body(entry)["guid"].clone()).collect();
        assert_eq!(keys, (0..1200).map(|number| Value::from(format!("g{number}"))).collect::<Vec<_>>());
        let dateless: String =
            (0..3).map(|number| format!("{{\"guid\":\"g{number}\",\"title\":\"x\"}}\n")).collect();
        let keys: Vec<_> = imported(&dateless).iter().map(|entry| body(entry)["guid"].clone()).collect();
        assert_eq!(keys, ["g0", "g1", "g2"]);
    }

    #[test]
    fn all_entries_of_a_long_feed_are_read() {
        let item = |number: usize| {
            let (day, minute) = (number / 1000 + 1, number % 60);
            format!("<entry><id>g{number}</id><updated>2015-04-{day:02}T10:{minute:02}:00Z</updated></entry>")
        };
        let feed = |count: usize| {
            format!(
                "<feed xmlns='http://www.w3.org/2005/Atom'>{}</feed>",
                (0..count).map(item).collect::<String>()
            )
        };
        let entries = imported(&feed(3000));
        let keys: std::collections::HashSet<_> = entries.iter().map(|entry| entry.key.clone()).collect();
        assert_eq!((entries.len(), keys.len()), (3000, 3000));
        assert!(entries.is_sorted_by_key(|entry| entry.published) && entries[0].published.is_some());
        let short = "<entry><id>".to_owned();
        let many: String = (0..=MOST).map(|number| format!("{short}{number}</id></entry>")).collect();
        let many = format!("<feed xmlns='http://www.w3.org/2005/Atom'>{many}</feed>");
        let url = Url::parse("https://a.example/feed").unwrap();
        assert_eq!(
            read(many.as_bytes(), &url, String::new).unwrap_err(),
            "more than 100000 entries; split the file"
        );
    }

    #[test]
    fn a_file_without_entries_is_an_error() {
        let url = Url::parse("https://a.example/feed").unwrap();
        let wrong = |text: &str| read(text.as_bytes(), &url, String::new).unwrap_err();
        for text in [
            "",
            " \n",
            "plain",
            "<html><body>page</body></html>",
            "[]",
            "{}",
            "<feed xmlns='http://www.w3.org/2005/Atom'/>",
        ] {
            assert!(!wrong(text).is_empty(), "{text:?}");
        }
        assert!(wrong("{\"title\":\"a\"}\n{\"title\"}").starts_with("line 2 is not a JSON object"));
        assert!(wrong("[1]").contains("not a list of JSON objects"));
    }
}
