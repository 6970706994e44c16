//! The parts of JSON Feeds.

use serde_json::Value;

use super::{Part, Parts};

/// Fields of the feed that count; the others are ignored.
const META: &[&str] = &["title", "home_page_url", "feed_url", "author", "authors", "hubs"];

/// The hashes of the parts of a feed; `None` if the text is not one.
pub(super) fn parts(text: &str) -> Option<Parts> {
    let Value::Object(feed) = serde_json::from_str(text).ok()? else { return None };
    let version = feed.get("version")?.as_str()?;
    let items = feed.get("items")?.as_array()?;
    if !version.contains("jsonfeed.org/version/") {
        return None;
    }
    let hash = |kind: &str, value: &Value| {
        let mut part = Part::new(kind);
        add(&mut part, value);
        part.finish()
    };
    let entries = items.iter().map(|item| hash("entry", item));
    let meta = META.iter().filter_map(|name| Some(hash(name, feed.get(*name)?)));
    Some(entries.chain(meta).collect())
}

/// Adds a value, whose fields have no order.
fn add(part: &mut Part, value: &Value) {
    match value {
        Value::Null => part.mark(b'n'),
        Value::Bool(value) => part.mark(if *value { b't' } else { b'f' }),
        Value::Number(number) => {
            part.mark(b'0');
            part.text(&number.to_string());
        }
        Value::String(text) => {
            part.mark(b'"');
            part.text(text);
        }
        Value::Array(values) => {
            part.mark(b'[');
            values.iter().for_each(|value| add(part, value));
            part.mark(b']');
        }
        Value::Object(fields) => {
            part.mark(b'{');
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            for (name, value) in fields {
                part.text(name);
                add(part, value);
            }
            part.mark(b'}');
        }
    }
}
