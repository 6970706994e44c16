//! Hub and self links, and the header `Link` (RFC 8288; WebSub, section 4). Parsing is tolerant: servers write links
//! without quotes, and even without a semicolon before `rel`. It must not know documents.

use hyper::header::LINK;
use hyper::http::HeaderMap;
use url::Url;

use super::urls;

/// Hubs of one source that are kept; the others are ignored.
const HUBS: usize = 16;
/// Links of the headers of one response that are read.
const LINKS: usize = 256;

/// The hub and self links of one source.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Links {
    /// Absolute URLs without fragment, each once.
    pub(crate) hubs: Vec<String>,
    /// The first one counts.
    pub(crate) self_url: Option<String>,
}

impl Links {
    /// Adds a link if its relation is `hub` or `self`. URLs that cannot be written into a header are ignored.
    pub(crate) fn add(&mut self, relations: &str, target: &str, base: &Url) {
        let (is_hub, is_self) = (has_relation(relations, "hub"), has_relation(relations, "self"));
        if !is_hub && !is_self {
            return;
        }
        let Some(url) = absolute(target, base) else { return };
        if is_self && self.self_url.is_none() {
            self.self_url = Some(url.clone());
        }
        if is_hub && self.hubs.len() < HUBS && !self.hubs.contains(&url) {
            self.hubs.push(url);
        }
    }

    /// Returns the links in the headers of a response.
    pub(crate) fn of_headers(headers: &HeaderMap, base: &Url) -> Self {
        let mut links = Self::default();
        let values = headers.get_all(LINK).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let mut rest = LINKS;
        for value in values {
            for link in parse(&value).take(rest) {
                rest -= 1;
                links.add(&link.relations, &link.target, base);
            }
        }
        links
    }
}

/// Whether the value of `rel` has a relation.
pub(super) fn has_relation(relations: &str, name: &str) -> bool {
    relations.split_ascii_whitespace().any(|relation| relation.eq_ignore_ascii_case(name))
}

/// Returns a URL that may be relative; an absolute URL keeps its spelling. `None` for an empty one, as programs without
/// settings write it.
pub(super) fn absolute(target: &str, base: &Url) -> Option<String> {
    let target = target.trim();
    if target.is_empty() {
        return None;
    }
    if let Ok(url) = urls::read(target) {
        return Some(url.text);
    }
    let mut url = base.join(target).ok()?;
    url.set_fragment(None);
    urls::read(url.as_str()).ok().map(|url| url.text)
}

/// One link of a header.
#[derive(Debug, PartialEq, Eq)]
struct Link {
    target: String,
    /// The value of `rel`; empty if it is missing, or if the link is about another resource (`anchor`).
    relations: String,
}

/// Returns the links in the value of a header.
fn parse(value: &str) -> impl Iterator<Item = Link> {
    let mut rest = value;
    std::iter::from_fn(move || {
        // Text before the next target is not a link.
        let (_, behind) = rest.split_once('<')?;
        let (target, behind) = behind.split_once('>')?;
        let (relations, behind) = parameters(behind);
        rest = behind;
        Some(Link { target: target.to_owned(), relations })
    })
}

/// Parses the parameters of a link up to the next comma. Returns the first `rel`, and the rest of the text.
fn parameters(mut text: &str) -> (String, &str) {
    let (mut relations, mut is_foreign) = (None, false);
    loop {
        text = text.trim_start_matches(|letter: char| letter.is_whitespace() || letter == ';');
        match text.strip_prefix(',') {
            Some(rest) => text = rest,
            // The comma before the next link is missing.
            None if text.is_empty() || text.starts_with('<') => {}
            None => {
                let end = text.find(|letter: char| letter.is_whitespace() || "=;,<".contains(letter));
                let (name, rest) = text.split_at(end.unwrap_or(text.len()));
                let value;
                (value, text) = match rest.trim_start().strip_prefix('=') {
                    Some(rest) => read_value(rest.trim_start()),
                    None => (String::new(), rest),
                };
                if name.eq_ignore_ascii_case("rel") && relations.is_none() {
                    relations = Some(value);
                } else if name.eq_ignore_ascii_case("anchor") {
                    is_foreign = true;
                }
                continue;
            }
        }
        return (relations.filter(|_| !is_foreign).unwrap_or_default(), text);
    }
}

/// Parses the value of a parameter, quoted or not. Returns it, and the rest of the text.
fn read_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|letter: char| letter.is_whitespace() || ";,<".contains(letter));
        let (value, rest) = text.split_at(end.unwrap_or(text.len()));
        return (value.trim_matches('\'').to_owned(), rest);
    };
    let (mut value, mut is_escaped) = (String::new(), false);
    for (at, letter) in quoted.char_indices() {
        match letter {
            '"' if !is_escaped => return (value, &quoted[at + 1..]),
            '\\' if !is_escaped => is_escaped = true,
            _ => {
                value.push(letter);
                is_escaped = false;
            }
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use hyper::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn links(values: &[&str]) -> Links {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(LINK, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Links::of_headers(&headers, &Url::parse("https://blog.example/a/feed").unwrap())
    }

    fn expected(hubs: &[&str], self_url: Option<&str>) -> Links {
        let hubs = hubs.iter().map(|hub| (*hub).to_owned()).collect();
        Links { hubs, self_url: self_url.map(str::to_owned) }
    }

    #[test]
    fn links_are_read_as_servers_write_them() {
        let both = expected(&["https://hub.example/hub"], Some("https://blog.example/feed"));
        for values in [
            &["<https://hub.example/hub>; rel=\"hub\", <https://blog.example/feed>; rel=\"self\""][..],
            &["<https://hub.example/hub>; rel=\"hub\"", "<https://blog.example/feed>; rel=\"self\""],
            &["<https://hub.example/hub>;rel=hub,<https://blog.example/feed>;rel=self"],
            &["<https://hub.example/hub>; REL=\"HUB\", <https://blog.example/feed>; Rel=Self"],
            &["<https://hub.example/hub> rel=\"hub\", <https://blog.example/feed> rel=\"self\""],
            &["<https://hub.example/hub>; rel='hub', <https://blog.example/feed>; rel = \"self\""],
            &["<https://hub.example/hub>; title=\"a, <b>; rel=\\\"self\\\"\"; rel=hub, </feed>; rel=self"],
            &["<https://hub.example/hub>; rel=\"alternate hub\", <../feed>; rel=\"self canonical\";"],
            &[" , ,<https://hub.example/hub>;;rel=hub ; rel=self, , <//blog.example/feed>;rel=self,"],
            &["<https://hub.example/hub>; rel=\"hub\" <https://blog.example/feed>; rel=\"self\""],
            &[
                "<https://hub.example/hub>; rel=hub type=\"text/html\", <https://blog.example/feed#x>; rel=self",
            ],
            &["<https://hub.example/hub>; rel=hub, <https://blog.example/feed>; rel=self, </b>; rel=self"],
        ] {
            assert_eq!(links(values), both, "{values:?}");
        }
    }

    #[test]
    fn commas_and_semicolons_of_urls_belong_to_them() {
        let found =
            links(&["<https://hub.example/a,b;c>; rel=hub, <https://blog.example/?x=1,2;y>; rel=self"]);
        assert_eq!(found, expected(&["https://hub.example/a,b;c"], Some("https://blog.example/?x=1,2;y")));
    }

    #[test]
    fn spelling_stays_and_each_hub_is_found_once() {
        let found = links(&[
            "<https://Hub.example>; rel=hub",
            "<https://two.example/>;rel=\"hub\", <https://Hub.example>; rel=hub",
        ]);
        assert_eq!(found, expected(&["https://Hub.example", "https://two.example/"], None));
    }

    #[test]
    fn other_links_are_none() {
        for value in [
            "",
            "<",
            "<https://hub.example/hub",
            "https://hub.example/hub; rel=hub",
            "<https://hub.example/hub>",
            "<https://hub.example/hub>; rel",
            "<>; rel=hub, < >; rel=hub",
            "<https://hub.example/hub>; rel=",
            "<https://hub.example/hub>; rel=\"hubs\"",
            "<https://hub.example/hub>; rel=\"alternate\"; rel=\"hub\"",
            "<https://hub.example/hub>; rel=hub; anchor=\"https://other.example/\"",
            "<ftp://hub.example/hub>; rel=hub",
            "<javascript:alert(1)>; rel=hub",
            "<https://user@hub.example/hub>; rel=hub",
            "<https://hub.example/a\"b'>; rel=hub",
        ] {
            assert_eq!(links(&[value]).hubs, [""; 0], "{value}");
        }
    }

    #[test]
    fn the_number_of_links_is_bounded() {
        let many =
            (0..2 * LINKS).map(|number| format!("<https://h/{number}>; rel=hub, ")).collect::<String>();
        assert_eq!(links(&[&many]).hubs.len(), HUBS);
        let late = format!("{}<https://hub.example/>; rel=hub", "<x>; rel=y, ".repeat(LINKS));
        assert_eq!(links(&[&late]), Links::default());
    }

    proptest! {
        #[test]
        fn any_value_is_read_to_its_end(value in "[<>;,=\"\\\\ a-c]{0,64}|\\PC{0,64}") {
            for link in parse(&value) {
                prop_assert!(value.contains(&link.target));
            }
        }
    }
}
