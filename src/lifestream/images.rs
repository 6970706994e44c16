//! Images in sanitized HTML: finds them, and replaces them by links.
//!
//! The input is the output of a serializer: attributes are quoted, and `<` starts a tag everywhere except in an
//! attribute. It must not know the author of the HTML.

use super::markup::Markup;

/// Returns the URLs of all images.
pub(super) fn sources(html: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some((_, tag, behind)) = next_tag(rest) {
        if name(tag) == "img" {
            found.extend(value(tag, "src"));
        }
        rest = behind;
    }
    found
}

/// Returns the HTML with a link in place of each image, or with its text where it already is in a link.
pub(super) fn linked(html: &str) -> String {
    let mut out = Markup::default();
    let mut is_in_link = false;
    let mut rest = html;
    while let Some((before, tag, behind)) = next_tag(rest) {
        out.raw(before);
        rest = behind;
        match name(tag) {
            "img" => {
                let alt = value(tag, "alt").filter(|alt| !alt.trim().is_empty());
                let text = alt.map_or_else(|| "Image".to_owned(), |alt| format!("Image: {alt}"));
                match value(tag, "src").filter(|_| !is_in_link) {
                    Some(src) => {
                        out.raw("<a class=\"image\"").attribute("href", &src);
                        out.raw(" rel=\"nofollow ugc noopener noreferrer\">").text(&text).raw("</a>");
                    }
                    None => {
                        out.text(&text);
                    }
                }
                continue;
            }
            "a" => is_in_link = true,
            "/a" => is_in_link = false,
            _ => {}
        }
        out.raw(tag);
    }
    out.raw(rest);
    out.into_string()
}

/// Splits HTML into the text before the next tag, the tag, and the rest.
fn next_tag(html: &str) -> Option<(&str, &str, &str)> {
    let start = html.find('<')?;
    let mut is_quoted = false;
    let end = html[start..].bytes().position(|byte| {
        is_quoted ^= byte == b'"';
        byte == b'>' && !is_quoted
    })?;
    let end = start + end + 1;
    Some((&html[..start], &html[start..end], &html[end..]))
}

/// Returns the name of a tag; the name of an end tag starts with a slash.
fn name(tag: &str) -> &str {
    let inner = &tag[1..];
    &inner[..inner.find([' ', '>']).unwrap_or(inner.len())]
}

/// Returns the value of an attribute, without character references.
fn value(tag: &str, attribute: &str) -> Option<String> {
    let start = tag.find(&format!(" {attribute}=\""))? + attribute.len() + 3;
    let value = &tag[start..];
    let value = &value[..value.find('"')?];
    let value = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    Some(value.replace("&nbsp;", "\u{a0}").replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_become_links() {
        for (html, expected) in [
            ("<p>a</p>", "<p>a</p>"),
            ("a &lt; b", "a &lt; b"),
            (
                "<img src=\"https://a.example/?a&amp;b\" alt=\"A &quot;b&quot; > c\">x",
                "<a class=\"image\" href=\"https://a.example/?a&amp;b\" rel=\"nofollow ugc noopener noreferrer\">Image: A \
                 &quot;b&quot; &gt; c</a>x",
            ),
            (
                "<a href=\"https://a.example/\"><img src=\"https://a.example/1\"></a>",
                "<a href=\"https://a.example/\">Image</a>",
            ),
            ("<p title=\"<img src=\">", "<p title=\"<img src=\">"),
            ("<", "<"),
        ] {
            assert_eq!(linked(html), expected);
        }
    }

    #[test]
    fn sources_of_images() {
        let html = "<p>x</p><img alt=\"\" src=\"https://a.example/?a&amp;b\"><img><b>";
        assert_eq!(sources(html), ["https://a.example/?a&b"]);
    }
}
