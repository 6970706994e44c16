//! Tests of the parsers of entries. They must not know the modules behind `read`.

use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::*;

fn read_as(body: &[u8], content_type: Option<&str>) -> Result<Reading, ReadError> {
    let url = Url::parse("https://a.example/x/feed").unwrap();
    read(&Document { url: &url, content_type, body, fetched: UNIX_EPOCH })
}

fn entries(body: &str) -> Vec<Found> {
    read_as(body.as_bytes(), None).unwrap().entries
}

fn titles(body: &str) -> Vec<String> {
    let title = |entry: &Found| entry.body.get("title").map(|title| title.as_str().unwrap().to_owned());
    entries(body).iter().map(|entry| title(entry).unwrap_or_default()).collect()
}

fn rss(items: &str) -> String {
    format!("<rss version='2.0'><channel><title>t</title>{items}</channel></rss>")
}

fn atom(entries: &str) -> String {
    format!("<feed xmlns='http://www.w3.org/2005/Atom'><title>t</title>{entries}</feed>")
}

/// Returns the keys of the entries of an RSS feed.
fn keys(items: &str) -> Vec<String> {
    entries(&rss(items)).into_iter().map(|entry| entry.key).collect()
}

#[test]
fn links_do_not_repeat_the_query_of_the_feed() {
    let url = Url::parse("https://a.example/feed?token=hidden").unwrap();
    let link =
        "<entry><id>1</id><link href='#a'/><content type='html'>&lt;a href='#b'>b&lt;/a></content></entry>";
    for body in [
        atom(link),
        r##"{"version":"https://jsonfeed.org/version/1.1","items":[{"id":"1","url":"#a","content_html":"x"}]}"##
            .to_owned(),
    ] {
        let reading = read(&Document { url: &url, content_type: None, body: body.as_bytes(), fetched: UNIX_EPOCH }).unwrap();
        let entry = &reading.entries[0];
        assert_eq!(entry.body["url"], "https://a.example/feed#a");
        assert_eq!(entry.base.as_deref(), Some("https://a.example/feed"));
    }
}

#[test]
fn entries_of_every_format_are_read() {
    for body in [
        atom("<entry><title>b</title><id>2</id></entry><entry><title>a</title><id>1</id></entry>"),
        rss("<item><title>b</title></item><item><title>a</title></item>"),
        "<rss><channel></channel><item><title>b</title></item><item><title>a</title></item></rss>".to_owned(),
        "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'><channel/>\
         <item rdf:about='2'><title>b</title></item><item rdf:about='1'><title>a</title></item></rdf:RDF>"
            .to_owned(),
        r#"{"version":"https://jsonfeed.org/version/1.1","items":[{"id":2,"title":"b"},{"id":"1","title":"a"}]}"#
            .to_owned(),
    ] {
        assert_eq!(titles(&body), ["a", "b"], "{body}");
    }
}

#[test]
fn an_entry_is_identified_by_its_id_its_link_or_its_content() {
    let same = |one: &str, other: &str| keys(one) == keys(other);
    assert_eq!(keys("<item><guid> x </guid><title>a</title></item>"), ["x"]);
    assert!(same(
        "<item><guid>x</guid><link>/1</link><title>a</title></item>",
        "<item><guid>x</guid><link>/2</link><title>b</title><pubDate>2026-01-01</pubDate></item>"
    ));
    assert!(same(
        "<item><link>/1</link><title>a</title></item>",
        "<item><title>b</title><link>1</link></item>".replace("1<", "/1<").as_str()
    ));
    assert!(!same("<item><link>/1</link></item>", "<item><link>/2</link></item>"));
    assert!(same("<item><title>a</title></item>", "<item><title> a</title><category>c</category></item>"));
    assert!(!same(
        "<item><title>a</title></item>",
        "<item><title>a</title><pubDate>2026-01-01</pubDate></item>"
    ));
    assert!(!same(
        "<item><title>a</title></item>",
        "<item><title>a</title><description>d</description></item>"
    ));
}

#[test]
fn the_same_track_at_two_times_is_two_entries() {
    let track =
        |time: &str| format!("<item><title>t</title><link>/track</link><pubDate>{time}</pubDate></item>");
    let (first, second) = (track("2026-01-01T10:00:00Z"), track("2026-01-01T10:04:00Z"));
    let alone = keys(&first);
    let both = keys(&format!("{second}{first}"));
    assert_eq!(both.len(), 2);
    // The key of an entry does not depend on the others.
    assert_eq!(both[0], alone[0]);
    assert_eq!(both[1], keys(&second)[0]);
    // Also if all others have the same date.
    let item = |number: usize, time: &str| {
        format!("<item><title>t</title><link>/{number}</link><pubDate>{time}</pubDate></item>")
    };
    let (day, next) = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    let before = keys(&(item(2, day) + &item(1, day)));
    let after = keys(&(item(3, next) + &item(2, day) + &item(1, day)));
    assert_eq!(after[..2], before);
    let undated = "<item><title>t</title><link>/4</link></item>";
    assert_eq!(keys(&(item(3, next) + undated))[0], keys(undated)[0]);
    let ids = "<item><guid>1</guid><link>/track</link></item><item><guid>2</guid><link>/track</link></item>";
    assert_eq!(keys(ids), ["2", "1"]);
}

#[test]
fn dates_that_a_program_takes_from_its_clock_make_no_entry_new() {
    let url = Url::parse("https://a.example/feed").unwrap();
    let keys = |dates: &[&str], fetched: u64| -> Vec<String> {
        let item = |(number, date): (usize, &&str)| {
            format!("<item><title>t{number}</title><link>/{number}</link><pubDate>{date}</pubDate></item>")
        };
        let body = rss(&dates.iter().enumerate().map(item).collect::<String>());
        let fetched = UNIX_EPOCH + Duration::from_secs(fetched);
        let document = Document { url: &url, content_type: None, body: body.as_bytes(), fetched };
        let mut keys: Vec<_> = read(&document).unwrap().entries.into_iter().map(|entry| entry.key).collect();
        keys.sort();
        keys
    };
    let (ten, eleven) = (1_767_520_800, 1_767_524_400);
    let first = keys(&["2026-01-04T10:00:00Z", "2026-01-04T10:00:01Z"], ten);
    assert_eq!(first, keys(&["2026-01-04T11:00:03Z", "2026-01-04T11:00:03Z"], eleven));
    // Each of these carries information about the entries.
    for (dates, fetched) in [
        (["2026-01-04T10:00:00Z", "2026-01-04T10:00:03Z"], ten),
        (["2026-01-04T10:00:00Z", "2026-01-04T10:00:00Z"], eleven + 1),
    ] {
        assert_ne!(first, keys(&dates, fetched), "{dates:?}");
    }
    let track = "2026-01-04T10:00:00Z";
    assert_eq!(keys(&[track], ten), keys(&[track], eleven + 1), "a track that is played now");
}

#[test]
fn an_id_of_several_links_does_not_identify() {
    let items = "<item><guid>x</guid><link>/2</link></item><item><guid>x</guid><link>/1</link></item>\
                 <item><guid>x</guid><link>/1</link></item>";
    assert_eq!(keys(items), ["x https://a.example/1", "x https://a.example/2"]);
}

/// Returns the fingerprint of the only entry.
fn fingerprint(entry: &str) -> [u8; 32] {
    let entries = entries(&rss(&format!("<item><guid>1</guid>{entry}</item>")));
    assert_eq!(entries.len(), 1, "{entry}");
    entries[0].fingerprint
}

#[test]
fn the_fingerprint_is_of_what_readers_see() {
    let own = "<title>A title</title><link>/1</link><description>&lt;p class='a'&gt;Some &lt;a href='/x' title='y'&gt;text&lt;/a&gt;\
               &lt;/p&gt;</description><enclosure url='/1.png' type='image/png'/>";
    let print = fingerprint(own);
    for (from, to) in [
        ("A title", " A \n title "),
        ("<link>", "<pubDate>2026-01-01</pubDate><link>"),
        ("class='a'", "class='b' data-n=\"7\" style='color: red'"),
        ("href='/x' title='y'", "title='y' href='/x' "),
        ("Some ", "Some\n\t"),
        ("&lt;p class", "&lt;!-- 17 ms --&gt;&lt;span&gt;&lt;/span&gt;&lt;p class"),
        ("url='/1.png' type='image/png'", "type='image/png' url='/1.png'"),
        (
            "<title>A title</title><link>/1</link>",
            "<link>/1</link><category>c</category><title>A title</title>",
        ),
    ] {
        let other = own.replace(from, to);
        assert_ne!(own, other);
        assert_eq!(fingerprint(&other), print, "{other}");
    }
    for (from, to) in [
        ("A title", "Another title"),
        ("A title", "Atitle"),
        ("<link>/1", "<link>/2"),
        ("Some ", "Any "),
        ("href='/x'", "href='/z'"),
        ("&lt;p class", "&lt;img src='/i.png'&gt;&lt;p class"),
        ("/1.png", "/2.png"),
        ("<description>", "<description>more "),
    ] {
        let other = own.replace(from, to);
        assert_ne!(own, other);
        assert_ne!(fingerprint(&other), print, "{other}");
    }
}

#[test]
fn each_text_of_a_page_is_an_entry() {
    let page = |body: &str| {
        let reading = read_as(body.as_bytes(), Some("text/html")).unwrap();
        let [entry] = <[Found; 1]>::try_from(reading.entries).unwrap();
        assert_eq!(entry.kind, EntryKind::Page);
        assert_eq!(entry.body["url"], "https://a.example/x/feed");
        entry.key
    };
    assert_eq!(page("<p>1"), page("<p>1"));
    assert_ne!(page("<p>1"), page("<p>2"));
}

#[test]
fn the_newest_of_many_entries_are_read() {
    let item = |number: usize| {
        format!("<item><guid>{number}</guid><pubDate>@{number}</pubDate></item>").replace(
            &format!("@{number}"),
            &crate::web::date::write(1_700_000_000_000 + number as i64 * 1000),
        )
    };
    let newest: Vec<String> = (4500..5000).map(|number| number.to_string()).collect();
    let oldest_first: String = (0..5000).map(item).collect();
    assert_eq!(keys(&oldest_first), newest);
    let newest_first: String = (0..5000).rev().map(item).collect();
    assert_eq!(keys(&newest_first), newest);
}

#[test]
fn a_huge_entry_is_cut_between_characters() {
    let content = "é".repeat(2_500_000);
    let body = rss(&format!(
        "<item><guid>1</guid><title>{content}</title><description>x{content}</description></item>"
    ));
    let entries = entries(&body);
    let raw = entries[0].raw.as_ref().unwrap();
    assert_eq!(raw.len(), 256 * 1024 - 1);
    assert_eq!(entries[0].body["title"].as_str().unwrap().chars().count(), 512);
    assert_eq!(entries[0].body["summary"].as_str().unwrap().chars().count(), 280);
}

/// Documents that cost some readers a time that grows with the square of their length, or their stack.
#[test]
fn hostile_documents_are_read_to_their_end() {
    const SIZE: usize = 1024 * 1024;
    let fill = |part: &str| part.repeat(SIZE / part.len());
    let nested = |tag: &str, most: usize| {
        format!("{}{}", format!("<{tag}>").repeat(most), format!("</{tag}>").repeat(most))
    };
    let after = "</description></item><item><guid>2</guid></item>";
    for inner in [
        nested("b", 50_000),
        nested("media:group", 50_000),
        nested("item", 50_000),
        "<b>".repeat(50_000),
        "</b>".repeat(50_000),
        fill("<b xmlns:a='x' xml:base='y/'>"),
        fill("<"),
        fill("< "),
        fill("&"),
        fill("&a"),
        fill("&lt;"),
        fill("&#x10FFFF;"),
        fill("&lt;script&gt;"),
        fill("&lt;!--"),
        fill("&lt;a b=\""),
        format!("&lt;a {}&gt;", fill("b=1 ")),
        format!("<a {}/>", fill("b='1' ")),
        format!("<a {}/>", fill("xmlns:b='1' ")),
        format!("<a xml:base='{}'>{}</a>", fill("a/"), fill("<b xml:base='c'/>")),
        format!("<![CDATA[{}]]>", fill("]]")),
        format!("<!--{}-->", fill("-")),
        fill("<category>a</category>"),
        fill("<link>/a</link>"),
        fill("<img src='/a.png'/>"),
    ] {
        let body = rss(&format!("<item><guid>1</guid><description>{inner}{after}"));
        let read = entries(&body);
        assert!(read.iter().any(|entry| entry.key == "2"), "{}", &inner[..inner.len().min(40)]);
        assert!(read.len() <= 500);
        assert!(read.iter().all(|entry| entry.raw.as_ref().is_none_or(|raw| raw.len() <= 256 * 1024)));
    }
    // An unclosed element includes the rest, but not the text before it.
    for inner in [
        fill("<!--"),
        fill("<![CDATA["),
        fill("<a b=\""),
        fill("<?a"),
        fill("<!DOCTYPE "),
        fill("<item><!-- "),
    ] {
        let body = rss(&format!("<item><guid>1</guid></item><item><description>{inner}"));
        assert!(entries(&body).iter().any(|entry| entry.key == "1"), "{}", &inner[..20]);
    }
    let deep = format!(
        r#"{{"version":"https://jsonfeed.org/version/1.1","items":[{{"id":1,"x":{}{}}},{{"id":2}}]}}"#,
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    assert!(entries(&deep).iter().any(|entry| entry.key == "2"));
    let many =
        format!(r#"{{"version":"https://jsonfeed.org/version/1.1","items":[{}{{"id":"x"}}]}}"#, fill("0,"));
    assert_eq!(entries(&many)[0].key, "x");
}

#[test]
fn entities_that_a_document_declares_are_not_expanded() {
    let mut declared = "<!ENTITY a0 'ha'>".to_owned();
    for level in 1..20 {
        let parts = format!("&a{};", level - 1).repeat(10);
        declared.push_str(&format!("<!ENTITY a{level} '{parts}'>"));
    }
    let body = format!(
        "<!DOCTYPE rss [{declared}]>{}",
        rss("<item><guid>1</guid><title>&a19; &amp;</title></item>")
    );
    assert_eq!(titles(&body), ["&a19; &"]);
}

#[test]
fn a_feed_without_a_whole_entry_is_broken() {
    for body in [
        "<feed xmlns='http://www.w3.org/2005/Atom'><title>x</title><entry><id>1</id>",
        "<rss><channel><item><guid>1</guid>",
        "<rss",
        r#"{"version":"https://jsonfeed.org/version/1.1","items":[{"id":1},"#,
        r#"{"version":"https://jsonfeed.org/version/1.1","items":5}"#,
    ] {
        let result = read_as(body.as_bytes(), None);
        assert!(matches!(result, Err(ReadError::Broken(_))), "{body}: {result:?}");
    }
    assert_eq!(read_as(b"", None).unwrap_err(), ReadError::Empty);
    assert_eq!(read_as(b"\xff\xfe\n\0", None).unwrap_err(), ReadError::Empty);
    assert!(entries(&rss("")).is_empty());
}

fn check(reading: &Reading) {
    assert!(reading.entries.len() <= 500);
    for entry in &reading.entries {
        assert!(!entry.key.is_empty());
        let text = |name: &str| entry.body.get(name).map(|text| text.as_str().unwrap());
        for url in [text("url"), entry.base.as_deref(), entry.topic.as_deref()].into_iter().flatten() {
            assert!(matches!(Url::parse(url).unwrap().scheme(), "http" | "https"));
        }
        assert!(text("title").unwrap_or_default().chars().count() <= 512);
        assert!(text("summary").unwrap_or_default().chars().count() <= 280);
        let count = |name: &str| entry.body.get(name).map_or(0, |list| list.as_array().unwrap().len());
        assert!(count("media") <= 10 && count("authors") <= 10 && count("tags") <= 20);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read(
        start in "(<\\?xml version='1.0'( encoding='[a-z0-9-]{1,12}')?\\?>|\\{\"version\":\"https://jsonfeed.org/version/1\",|)",
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        if let Ok(reading) = read_as(&[start.as_bytes(), &bytes].concat(), None) {
            check(&reading);
        }
    }

    #[test]
    fn any_mixture_of_the_parts_of_feeds_is_read(
        root in "<(feed|rss|rdf:RDF|entry|channel)>",
        parts in proptest::collection::vec(
            "(</?(item|entry|channel|title|link|guid|id|content|description|author|name|source|a|media:group|media:content\
             |media:thumbnail|pubDate|updated|category|enclosure|itunes:image|at:deleted-entry)\
             ( (type|href|url|rel|ref|xml:base|width)=('|\")?(html|xhtml|text|/a|x:|self|enclosure|image/png|https://b.example/|[0-9]{1,3})('|\")?){0,3}/?>\
             |<!\\[CDATA\\[|\\]\\]>|<!--|-->|&[a-z#0-9]{0,5};?|[<>é\u{1f600} a-z0-9:/-]{0,8})",
            0..60,
        ),
    ) {
        if let Ok(reading) = read_as(format!("{root}{}", parts.concat()).as_bytes(), None) {
            check(&reading);
        }
    }

    #[test]
    fn a_feed_that_is_cut_anywhere_gives_the_whole_entries_before(at in 0_usize..2000) {
        let body = atom(&(0..20).map(|number| format!("<entry><id>{number}</id><title>T &amp; t</title></entry>")).collect::<String>());
        let cut = &body[..at.min(body.len())];
        let whole = cut.matches("</entry>").count();
        match read_as(cut.as_bytes(), None) {
            Ok(reading) if cut.contains("<feed") => prop_assert_eq!(reading.entries.len(), whole),
            Ok(reading) => prop_assert_eq!(reading.entries[0].kind, EntryKind::Page),
            Err(_) => prop_assert_eq!(whole, 0),
        }
    }
}
