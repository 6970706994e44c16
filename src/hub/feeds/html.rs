//! Sanitizes the HTML of publishers: an allow-list of elements and attributes, and links to web pages only.
//!
//! Pure; it must not know the purpose of the HTML.

use std::collections::HashSet;

use ammonia::{Builder, Url, UrlRelative};

/// Schemes of links and images.
const SCHEMES: [&str; 3] = ["http", "https", "mailto"];
/// Elements that a parser reopens in every later block until they are closed (HTML, "the list of active formatting
/// elements").
const FORMATTING: [&str; 14] =
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];
/// Maximum number of elements of a parsed tree. A few thousand tags can expand to millions of elements.
const ELEMENTS: usize = 200_000;
/// Tags that are parsed. The time of the parser grows with the square of the open elements.
const TAGS: usize = 8000;
/// Bytes that are parsed. The time of the parser grows with the square of the attributes of one element.
const BYTES: usize = 128 * 1024;
/// Bytes that a title is made of.
const EXCERPT: usize = 4096;

/// Returns HTML that is safe to display. Relative links are resolved against `base`, and removed without it. HTML
/// beyond the maximum length is cut; HTML with too many tags becomes text.
pub(super) fn sanitise(html: &str, base: Option<&str>) -> String {
    let html = start(html, BYTES);
    let (tags, formatting) = tags(html);
    if tags > TAGS || tags * (formatting + 1) > ELEMENTS {
        return escape(html);
    }
    let relative = match base.and_then(|base| Url::parse(base).ok()) {
        Some(base) => UrlRelative::RewriteWithBase(base),
        None => UrlRelative::Deny,
    };
    let mut builder = Builder::default();
    builder.url_schemes(HashSet::from(SCHEMES)).url_relative(relative);
    builder.clean(html).to_string()
}

/// Returns the text at the start of HTML, without any tags.
pub(super) fn text(html: &str) -> String {
    let escaped = Builder::empty().clean(start(html, EXCERPT)).to_string();
    let text = escaped.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", " ");
    text.replace("&amp;", "&")
}

/// At most so many bytes from the start.
fn start(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// Returns upper bounds for the number of tags, and for the number of tags of formatting elements, which a parser may
/// reopen in every later element.
fn tags(html: &str) -> (usize, usize) {
    let (mut tags, mut formatting) = (0, 0);
    for rest in html.split('<').skip(1).filter(|rest| rest.starts_with(is_start_of_tag)) {
        tags += 1;
        let end = rest.bytes().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let name = &rest[..end];
        formatting += usize::from(FORMATTING.iter().any(|own| own.eq_ignore_ascii_case(name)));
    }
    (tags, formatting)
}

fn is_start_of_tag(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '/'
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_run_or_lead_astray_is_removed() {
        for (html, clean) in [
            ("<p>Hi <b>you</b></p>", "<p>Hi <b>you</b></p>"),
            ("<p>Hi<script>alert(1)</script></p>", "<p>Hi</p>"),
            ("<style>p{}</style><p style=\"x\" onclick=\"x\" class=\"y\">a", "<p>a</p>"),
            ("<a href=\"javascript:alert(1)\">a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
            ("<a href=\"&#106;avascript:alert(1)\">a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
            ("<a href=\"java\tscript:alert(1)\">a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
            ("<img src=\"data:image/svg+xml,x\" onerror=\"alert(1)\">", "<img>"),
            ("<img src=\"https://a.example/b.png\">", "<img src=\"https://a.example/b.png\">"),
            ("<iframe src=\"https://a.example\"></iframe><object></object><form><input></form>", ""),
            ("<svg><script>alert(1)</script></svg><math><mtext></mtext></math>", ""),
            ("<!-- a --><p>]]>&amp;<", "<p>]]&gt;&amp;&lt;</p>"),
            ("<a href=\"/b\">a</a>", "<a rel=\"noopener noreferrer\">a</a>"),
        ] {
            assert_eq!(sanitise(html, None), clean, "{html}");
        }
    }

    #[test]
    fn relative_links_are_resolved_against_the_page() {
        let html = "<a href=\"../b\">a</a><img src=\"c.png\"><a href=\"javascript:1\">d</a>";
        let clean = sanitise(html, Some("https://a.example/x/y"));
        assert!(clean.contains("href=\"https://a.example/b\""), "{clean}");
        assert!(clean.contains("src=\"https://a.example/x/c.png\""), "{clean}");
        assert!(!clean.contains("javascript"), "{clean}");
    }

    #[test]
    fn a_text_is_without_tags_and_references() {
        assert_eq!(text("<p>a &lt;b&gt; &amp;amp; <i>c</i>&nbsp;d<script>e</script>"), "a <b> &amp; c d");
    }

    #[test]
    fn html_that_costs_much_more_than_its_length_is_bounded() {
        let unclosed: String = (0..3000).map(|number| format!("<b id={number}>")).collect();
        let bomb = unclosed + &"<p>x".repeat(3000);
        assert_eq!(sanitise(&bomb, None), escape(&bomb));
        let deep = "<div>".repeat(TAGS + 1);
        assert_eq!(sanitise(&deep, None), escape(&deep));
        assert!(sanitise(&"<div>".repeat(1000), None).ends_with("</div>"));
        let cut = sanitise(&"ä".repeat(BYTES), None);
        assert_eq!(cut.len(), BYTES);
        let links: String = (0..200)
            .map(|number| format!("<p><a href=\"https://a.example/{number}\">{number}</a>"))
            .collect();
        assert!(sanitise(&links, None).contains("</a></p>"), "an ordinary page keeps its tags");
    }
}
