//! Links in the head of HTML pages. The body is ignored: it may contain content of other users.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, StartTag, Tag, TagToken, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use url::Url;

use crate::web::links::{Links, absolute, has_relation};

/// Maximum bytes that are read, and bytes of one step.
const MOST: usize = 1024 * 1024;
const CHUNK: usize = 16 * 1024;
/// Maximum characters within a tag that may start another attribute.
const ATTRIBUTES: usize = 4096;
/// Maximum number of `link` elements.
const LINKS: usize = 256;

/// Types that feeds have.
const FEEDS: [&str; 3] = ["application/atom+xml", "application/rss+xml", "application/feed+json"];

/// Returns the hub and self links of a page.
pub(super) fn links(text: &str, base: &Url) -> Links {
    let (found, base) = head(text, base);
    let mut links = Links::default();
    for Link { relations, target, .. } in found {
        links.add(&relations, &target, &base);
    }
    links
}

/// Returns the first feed that a page names.
pub(super) fn feed(text: &str, base: &Url) -> Option<String> {
    let (found, base) = head(text, base);
    let is_feed = |kind: &str| {
        let essence = kind.split(';').next().unwrap_or_default().trim();
        FEEDS.iter().any(|feed| feed.eq_ignore_ascii_case(essence))
    };
    let mut feeds = found.iter().filter(|link| {
        has_relation(&link.relations, "alternate") && link.kind.as_deref().is_some_and(is_feed)
    });
    feeds.find_map(|link| absolute(&link.target, &base))
}

/// Returns the links of the head, and the URL to which they are relative.
fn head(text: &str, base: &Url) -> (Vec<Link>, Url) {
    let tokenizer = Tokenizer::new(Head::default(), TokenizerOpts::default());
    let queue = BufferQueue::default();
    let mut rest = &text[..text.floor_char_boundary(MOST)];
    rest = &rest[..end_of_simple_tags(rest)];
    while !rest.is_empty() && !tokenizer.sink.0.borrow().is_over {
        let chunk;
        (chunk, rest) = rest.split_at(rest.floor_char_boundary(CHUNK));
        queue.push_back(StrTendril::from(chunk));
        // The sink runs no scripts, so nothing stops the tokenizer.
        let _ = tokenizer.feed(&queue);
    }
    tokenizer.end();
    let head = tokenizer.sink.0.into_inner();
    // Browsers apply the first `base`, to links before it too.
    let base = head.base.and_then(|own| base.join(own.trim()).ok()).unwrap_or_else(|| base.clone());
    (head.links, base)
}

/// Returns where the first tag begins that may have too many attributes: the time of the tokenizer grows with their
/// square.
fn end_of_simple_tags(text: &str) -> usize {
    let (mut start, mut separators) = (None, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'<' if start.is_none() => (start, separators) = (Some(at), 0),
            b'>' => start = None,
            b' ' | b'\t' | b'\n' | b'\r' | b'\x0c' | b'/' | b'"' | b'\'' => separators += 1,
            _ => {}
        }
        if let Some(start) = start.filter(|_| separators > ATTRIBUTES) {
            return start;
        }
    }
    text.len()
}

/// Collects the links of the head.
#[derive(Default)]
struct Head(RefCell<State>);

/// A `link` element.
struct Link {
    /// `rel`
    relations: String,
    /// `href`
    target: String,
    /// `type`
    kind: Option<String>,
}

#[derive(Default)]
struct State {
    base: Option<String>,
    links: Vec<Link>,
    /// Templates that are open; their content is not a part of the page.
    templates: usize,
    is_over: bool,
}

impl TokenSink for Head {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        let TagToken(tag) = token else { return TokenSinkResult::Continue };
        let mut state = self.0.borrow_mut();
        if state.is_over {
            return TokenSinkResult::Continue;
        }
        let is_start = tag.kind == StartTag;
        match &*tag.name {
            "template" if is_start => state.templates += 1,
            "template" => state.templates = state.templates.saturating_sub(1),
            "head" | "body" | "html" if !is_start => state.is_over = true,
            "script" if is_start => return TokenSinkResult::RawData(RawKind::ScriptData),
            "style" | "noscript" if is_start => return TokenSinkResult::RawData(RawKind::Rawtext),
            "title" if is_start => return TokenSinkResult::RawData(RawKind::Rcdata),
            _ if !is_start || state.templates > 0 => {}
            "base" => {
                if let (None, Some(target)) = (&state.base, attribute(&tag, "href")) {
                    state.base = Some(target);
                }
            }
            "link" if state.links.len() < LINKS => {
                let both = attribute(&tag, "rel").zip(attribute(&tag, "href"));
                let kind = attribute(&tag, "type");
                state.links.extend(both.map(|(relations, target)| Link { relations, target, kind }));
            }
            "html" | "head" | "meta" | "link" => {}
            // Any other element ends the head (HTML, section 13.2.6.4.4).
            _ => state.is_over = true,
        }
        TokenSinkResult::Continue
    }
}

fn attribute(tag: &Tag, name: &str) -> Option<String> {
    let found = tag.attrs.iter().find(|attribute| &*attribute.name.local == name);
    found.map(|attribute| attribute.value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (Vec<String>, Option<String>) {
        let Links { hubs, self_url } = links(text, &Url::parse("https://a.example/x/page").unwrap());
        (hubs, self_url)
    }

    #[test]
    fn links_of_the_head_are_found() {
        let both = (vec!["https://h.example/".to_owned()], Some("https://a.example/x/s".to_owned()));
        for text in [
            "<!doctype html><html><head><title>x</title><link rel=hub href=https://h.example/><link rel='self' href='s'>\
             </head><body>",
            "<LINK HREF='https://h.example/' REL='Hub'><link rel=\"canonical self\" href=\"/x/s\"/>",
            "<head><script>\"</head><body>\"</script><style>body{}</style><noscript><img src=x></noscript>\
             <!-- <body> --><meta charset=utf-8><link rel=hub href=https://h.example/><link rel=self href=s>",
            "<head><link rel=self href=s><base href='//a.example/x/'><base href=/y/>\
             <template><link rel=hub href=no><div></div></template><link rel=hub href=https://h.example/>",
            "<?xml version='1.0'?><!DOCTYPE html><html xmlns='http://www.w3.org/1999/xhtml'><head>\
             <link rel='hub' href='https://h.example/' /><link rel='self' href='s' /></head></html>",
        ] {
            assert_eq!(found(text), both, "{text}");
        }
        assert_eq!(found("<link rel=self href='s?a&amp;b=1'>").1.unwrap(), "https://a.example/x/s?a&b=1");
    }

    #[test]
    fn the_body_is_not_looked_at() {
        let link = "<link rel=hub href=https://h.example/>";
        for text in [
            format!("<html><head></head>{link}"),
            format!("<html><head><title>x</title><body>{link}"),
            format!("<html><head><p>{link}"),
            format!("<title>{link}</title>"),
            format!("<script>{link}</script>"),
            format!("<noscript>{link}</noscript>"),
            format!("<!-- {link} -->"),
            format!("<head><meta content='{link}'>"),
            format!("<head>{}{link}", " ".repeat(MOST)),
        ] {
            assert_eq!(found(&text), (vec![], None), "{}", &text[..text.len().min(100)]);
        }
    }

    #[test]
    fn nothing_is_read_from_a_tag_with_thousands_of_attributes_on() {
        let many: String = (0..200_000).map(|number| format!(" a{number}")).collect();
        let base = Url::parse("https://a.example/").unwrap();
        let page = format!("<head><link rel=hub href=/one><meta{many}><link rel=hub href=/two>");
        assert_eq!(links(&page, &base).hubs, ["https://a.example/one"]);
        let page = format!("<head><link rel=icon href='data:{}'><link rel=hub href=/one>", "x/".repeat(2000));
        assert_eq!(links(&page, &base).hubs, ["https://a.example/one"]);
    }
}
