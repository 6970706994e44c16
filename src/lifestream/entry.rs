//! An entry as HTML (`h-entry`). `page/article.js` renders the same HTML from a message; a test compares them.
//!
//! Pure; it must not know lists and pages.

use super::images;
use super::markup::Markup;
use super::message::{Media, Message};
use crate::config::Images;

/// Colours that feeds may have.
const HUES: u32 = 12;
/// Content longer than this, in UTF-16 units as scripts count, is folded in lists.
const LONG: usize = 1600;
/// The attributes of links to other sites.
const LINK: &str = " rel=\"nofollow ugc noopener noreferrer\"";

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Options for rendering entries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    /// The path of the lifestream.
    pub(super) path: &'a str,
    /// Whether images are shown.
    pub(super) images: Images,
    /// Whether long content is folded.
    pub(super) is_folded: bool,
}

/// Writes an entry.
pub(super) fn write(out: &mut Markup, message: &Message, look: Look<'_>) {
    let entry = &message.entry;
    let title = entry.title.as_deref().filter(|title| !title.trim().is_empty());
    let source = message.source();
    out.raw("<article class=\"entry h-entry hue-").number(hue(&message.feed.name));
    out.raw("\" id=\"entry-").text(&entry.id).raw("\" data-seq=\"").number(message.seq).raw("\"");
    out.attribute("data-at", &entry.at).attribute("data-feed", &message.feed.name);
    out.attribute("tabindex", "-1").attribute("aria-label", title.unwrap_or(source)).raw(">");
    meta(out, message, look);
    let url = entry.url.as_deref().filter(|url| is_web(url));
    if let Some(title) = title {
        out.raw("<h2 class=\"p-name\">");
        match url {
            Some(url) => out
                .raw("<a class=\"u-url\"")
                .attribute("href", url)
                .raw(LINK)
                .raw(">")
                .text(title)
                .raw("</a>"),
            None => out.text(title),
        };
        out.raw("</h2>");
    }
    content(out, message, look);
    media(out, message, look);
    foot(out, message, url.filter(|_| title.is_none() || entry.truncated));
    out.raw("</article>");
}

/// Source, kind and time.
fn meta(out: &mut Markup, message: &Message, look: Look<'_>) {
    let (feed, entry) = (&message.feed, &message.entry);
    out.raw("<p class=\"meta\"><a class=\"source\" href=\"").text(look.path).raw("?feed=").text(&feed.name);
    out.raw("\"").attribute("data-feed", &feed.name).raw(">").text(message.source()).raw("</a>");
    if message.kind == "page" {
        out.raw("<span class=\"kind\">page changed</span>");
    }
    out.raw("<a class=\"when u-uid\" href=\"").text(look.path).raw("/entry/").text(&entry.id).raw("\">");
    out.raw("<time class=\"dt-published\"").attribute("datetime", &entry.at).raw(">").text(&date(&entry.at));
    out.raw("</time></a></p>");
}

fn content(out: &mut Markup, message: &Message, look: Look<'_>) {
    let entry = &message.entry;
    let summary = entry.summary.as_deref().filter(|summary| !summary.trim().is_empty());
    let Some(html) = entry.html.as_deref().filter(|html| !html.trim().is_empty()) else {
        // Feeds often repeat the title.
        if let Some(summary) = summary.filter(|summary| entry.title.as_deref() != Some(summary)) {
            out.raw("<p class=\"p-summary\">").text(summary).raw("</p>");
        }
        return;
    };
    let is_folded = look.is_folded && html.encode_utf16().count() > LONG;
    if is_folded {
        if let Some(summary) = summary {
            out.raw("<p class=\"p-summary\">").text(summary).raw("</p>");
        }
        out.raw("<details class=\"more\"><summary>Show all</summary>");
    }
    out.raw("<div class=\"e-content\">");
    match look.images {
        Images::Show => out.raw(html),
        Images::Link => out.raw(&images::linked(html)),
    };
    out.raw("</div>");
    if is_folded {
        out.raw("</details>");
    }
}

fn media(out: &mut Markup, message: &Message, look: Look<'_>) {
    let entry = &message.entry;
    let shown = images::sources(entry.html.as_deref().unwrap_or_default());
    let is_new =
        |media: &&Media| is_web(&media.url) && !(kind(media) == Some("image") && shown.contains(&media.url));
    let mut files = entry.media.iter().filter(is_new).peekable();
    if files.peek().is_none() {
        return;
    }
    out.raw("<ul class=\"media\">");
    for media in files {
        out.raw("<li>");
        match (kind(media), look.images) {
            (Some("image"), Images::Show) => {
                out.raw("<img class=\"u-photo\"").attribute("src", &media.url);
                out.raw(" alt=\"\" loading=\"lazy\" referrerpolicy=\"no-referrer\">")
            }
            (Some("audio"), _) => {
                out.raw("<audio class=\"u-audio\" controls preload=\"none\"").attribute("src", &media.url);
                out.attribute("aria-label", "Audio").raw("></audio>")
            }
            (Some("video"), _) => {
                out.raw("<video class=\"u-video\" controls preload=\"none\" playsinline");
                out.attribute("src", &media.url).attribute("aria-label", "Video").raw("></video>")
            }
            (kind, _) => {
                let name = if kind == Some("image") { "Image" } else { "File" };
                out.raw("<a class=\"file\"").attribute("href", &media.url).raw(LINK).raw(">").raw(name);
                if let Some(kind) = &media.kind {
                    out.raw(" (").text(kind).raw(")");
                }
                out.raw("</a>")
            }
        };
        out.raw("</li>");
    }
    out.raw("</ul>");
}

/// Authors, tags, and a link to the entry at its publisher where the title has none.
fn foot(out: &mut Markup, message: &Message, url: Option<&str>) {
    let entry = &message.entry;
    if entry.authors.is_empty() && entry.tags.is_empty() && url.is_none() {
        return;
    }
    out.raw("<ul class=\"foot\">");
    for author in &entry.authors {
        out.raw("<li class=\"p-author\">").text(author).raw("</li>");
    }
    for tag in &entry.tags {
        out.raw("<li class=\"p-category\">").text(tag).raw("</li>");
    }
    if let Some(url) = url {
        let text = if entry.truncated { "Read the rest" } else { "Original" };
        out.raw("<li><a class=\"original u-url\"").attribute("href", url).raw(LINK).raw(">").raw(text);
        out.raw("</a></li>");
    }
    out.raw("</ul>");
}

/// Returns the first part of the type of a file.
fn kind(media: &Media) -> Option<&str> {
    media.kind.as_deref()?.split('/').next()
}

/// Whether a link leads to the web.
pub(super) fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

/// Returns the colour of a feed: FNV-1a of its name.
pub(super) fn hue(name: &str) -> u32 {
    let hash =
        name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash % HUES
}

/// Returns a point in time for readers, from RFC 3339 in UTC: `30 Nov 2026, 09:13 UTC`.
pub(super) fn date(at: &str) -> String {
    let parts = || {
        let month = at.get(5..7)?.parse::<usize>().ok()?.checked_sub(1)?;
        let day = at.get(8..10)?.trim_start_matches('0');
        Some(format!("{day} {} {}, {} UTC", MONTHS.get(month)?, at.get(..4)?, at.get(11..16)?))
    };
    parts().unwrap_or_else(|| at.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(message: &str, look: Look<'_>) -> String {
        let mut out = Markup::default();
        write(&mut out, &serde_json::from_str(message).unwrap(), look);
        out.into_string()
    }

    const LOOK: Look<'_> = Look { path: "/lifestream", images: Images::Show, is_folded: true };

    #[test]
    fn what_publishers_write_as_text_stays_text() {
        let entry = html(
            r#"{"type":"created","kind":"entry","via":"poll","seq":7,"feed":{"name":"blog","title":"<b>Blog"},
                "entry":{"id":"0192","url":"javascript:alert(1)","title":"<script>\"","summary":"</p><img>",
                "at":"2026-11-30T09:03:04.005Z","authors":["<i>"],"tags":["\"onclick="],
                "media":[{"url":"javascript:1","type":"image/png"},{"url":"https://a.example/\"><b>","type":"x/<y>"}]}}"#,
            LOOK,
        );
        assert!(
            !entry.contains("<script") && !entry.contains("javascript:") && !entry.contains("<i>"),
            "{entry}"
        );
        assert!(!entry.contains("<img") && !entry.contains("<b>"), "{entry}");
        assert!(entry.contains("<h2 class=\"p-name\">&lt;script&gt;&quot;</h2>"), "{entry}");
        assert!(entry.contains(">30 Nov 2026, 09:03 UTC</time>"), "{entry}");
    }

    #[test]
    fn long_content_is_folded_in_lists_only() {
        let message = format!(
            r#"{{"type":"created","seq":1,"feed":{{"name":"blog"}},"entry":{{"id":"1","at":"2026-11-30T09:03:04.005Z",
                "summary":"Short","html":"<p>{}</p>"}}}}"#,
            "x".repeat(LONG)
        );
        let list = html(&message, LOOK);
        assert!(list.contains("<p class=\"p-summary\">Short</p><details"), "{list}");
        let alone = html(&message, Look { is_folded: false, ..LOOK });
        assert!(!alone.contains("<details") && !alone.contains("Short"), "{alone}");
    }

    #[test]
    fn media_are_players_images_and_links() {
        let message = r#"{"type":"created","seq":1,"feed":{"name":"blog"},"entry":{"id":"1","at":"",
            "html":"<img src=\"https://a.example/1.png?a&amp;b\">",
            "media":[{"url":"https://a.example/1.png?a&b","type":"image/png"},{"url":"https://a.example/2.png","type":"image/png"},
            {"url":"https://a.example/3","type":"audio/mpeg"},{"url":"https://a.example/4","type":"video/mp4"},
            {"url":"https://a.example/5"}]}}"#;
        let shown = html(message, LOOK);
        assert_eq!(shown.matches("<img").count(), 2, "the image of the content is there once: {shown}");
        assert!(
            shown.contains("<audio") && shown.contains("<video") && shown.contains(">File</a>"),
            "{shown}"
        );
        let linked = html(message, Look { images: Images::Link, ..LOOK });
        assert!(!linked.contains("<img"), "{linked}");
        assert_eq!(linked.matches("https://a.example/1.png").count(), 1, "{linked}");
        assert!(linked.contains(">Image (image/png)</a>"), "{linked}");
    }
}
