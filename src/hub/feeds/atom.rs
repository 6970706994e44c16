//! A feed in Atom (RFC 4287).
//!
//! Pure; it must not know where entries come from.

use super::date;
use super::entry::Entry;
use super::feed::Description;

/// The media type.
pub(super) const TYPE: &str = "application/atom+xml; charset=utf-8";

/// Writes a feed of at most `most` bytes; entries that have no room are left out, the newest one is not.
pub(super) fn write(feed: &Description, updated: i64, entries: &[&Entry], most: usize) -> String {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n",
    );
    element(&mut out, "id", "", &feed.atom);
    element(&mut out, "title", "", &feed.title);
    element(&mut out, "updated", "", &date::write(updated));
    author(&mut out, &feed.author, None);
    if let Some(hub) = &feed.hub {
        link(&mut out, "hub", hub);
    }
    link(&mut out, "self", &feed.atom);
    const END: &str = "</feed>\n";
    for (at, entry) in entries.iter().enumerate() {
        let before = out.len();
        write_entry(&mut out, entry, feed);
        if at > 0 && out.len() + END.len() > most {
            out.truncate(before);
            break;
        }
    }
    out.push_str(END);
    out
}

fn write_entry(out: &mut String, entry: &Entry, feed: &Description) {
    out.push_str("<entry>\n");
    element(out, "id", "", &entry.id);
    element(out, "title", "", if entry.title.is_empty() { &feed.title } else { &entry.title });
    if let Some(url) = &entry.url {
        link(out, "alternate", url);
    }
    if let Some(image) = &entry.image {
        link(out, "enclosure", image);
    }
    element(out, "published", "", &date::write(entry.published));
    element(out, "updated", "", &date::write(entry.updated));
    if let Some(own) = &entry.author {
        author(out, &own.name, own.url.as_deref());
    }
    if let Some(summary) = &entry.summary {
        element(out, "summary", "", summary);
    }
    match (&entry.html, &entry.content) {
        (Some(html), _) => element(out, "content", " type=\"html\"", html),
        (None, Some(text)) => element(out, "content", "", text),
        // An entry without content needs a link (RFC 4287, section 4.1.2).
        (None, None) if entry.url.is_none() => element(out, "content", "", entry.text()),
        (None, None) => {}
    }
    out.push_str("</entry>\n");
}

fn author(out: &mut String, name: &str, url: Option<&str>) {
    out.push_str("<author>\n");
    element(out, "name", "", name);
    if let Some(url) = url {
        element(out, "uri", "", url);
    }
    out.push_str("</author>\n");
}

fn link(out: &mut String, relation: &str, url: &str) {
    out.push_str("<link rel=\"");
    out.push_str(relation);
    out.push_str("\" href=\"");
    escape(out, url);
    out.push_str("\"/>\n");
}

fn element(out: &mut String, name: &str, attributes: &str, text: &str) {
    for part in ["<", name, attributes, ">"] {
        out.push_str(part);
    }
    escape(out, text);
    for part in ["</", name, ">\n"] {
        out.push_str(part);
    }
}

/// Appends a text that holds no character that XML forbids.
fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            // `]]>` must not appear in text.
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
