//! Names of feeds, made of their addresses and titles: lower-case letters, digits and hyphens.
//!
//! Pure; it must not know which feeds there are.

use std::collections::HashSet;

use url::Url;

/// Characters of a name.
const MOST: usize = 64;
/// Words of a path that say only that the document is a feed.
const FEED_WORDS: [&str; 11] =
    ["feed", "feeds", "rss", "atom", "index", "xml", "json", "rdf", "html", "all", "default"];

/// Whether a text can be the name of a feed.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let is_kept = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MOST).contains(&text.len()) && text.bytes().all(is_kept)
}

/// A name made of a text, such as `my-blog` of `My Blog!`. `None` if the text has no ASCII letter or digit.
#[must_use]
pub fn of_text(text: &str) -> Option<String> {
    let words =
        text.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    name.truncate(MOST);
    name.truncate(name.trim_end_matches('-').len());
    Some(name).filter(|name| !name.is_empty())
}

/// A name made of host and path, such as `example-com-blog` of `https://www.example.com/blog/feed.xml`.
#[must_use]
pub fn of_url(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_prefix("www.").unwrap_or(host);
    let words = url.path().split(|character: char| !character.is_ascii_alphanumeric());
    let words = words.filter(|word| !FEED_WORDS.contains(&word.to_ascii_lowercase().as_str()));
    let text = std::iter::once(host).chain(words).collect::<Vec<_>>().join(" ");
    of_text(&text).unwrap_or_else(|| "feed".to_owned())
}

/// The name, or the first with a number behind it that is not taken, such as `blog-2`. It is taken from now on.
pub fn unique<S: std::hash::BuildHasher>(name: &str, taken: &mut HashSet<String, S>) -> String {
    let numbered = (2_u32..).map(|number| {
        let end = format!("-{number}");
        let start = &name[..name.len().min(MOST - end.len())];
        format!("{}{end}", start.trim_end_matches('-'))
    });
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| taken.insert(name.clone())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_names() {
        for (url, name) in [
            ("https://www.example.com/blog/feed.xml", "example-com-blog"),
            ("https://example.com/", "example-com"),
            ("http://localhost:4000/feed.xml", "localhost"),
            ("http://[::1]:4000/atom", "1"),
            (
                "https://sn.example.org/api/statuses/user_timeline/1.atom",
                "sn-example-org-api-statuses-user-timeline-1",
            ),
            ("https://bücher.example/RSS/Index.RSS", "xn-bcher-kva-example"),
            ("https://a.example/%C3%A4/x?y=z#q", "a-example-c3-a4-x"),
        ] {
            let made = of_url(&Url::parse(url).unwrap());
            assert_eq!(made, name, "{url}");
            assert!(is_name(&made));
        }
        let long = of_url(&Url::parse(&format!("https://a.example/{}", "b/".repeat(100))).unwrap());
        assert!(is_name(&long) && !long.ends_with('-'), "{long}");
    }

    #[test]
    fn titles_become_names() {
        assert_eq!(of_text("My Blog: Über-Dinge!").as_deref(), Some("my-blog-ber-dinge"));
        assert_eq!(of_text("日本"), None);
        assert_eq!(of_text(""), None);
    }

    #[test]
    fn names_are_unique() {
        let mut taken = HashSet::new();
        let long = "x".repeat(MOST);
        assert_eq!(unique("blog", &mut taken), "blog");
        assert_eq!(unique("blog", &mut taken), "blog-2");
        assert_eq!(unique("blog", &mut taken), "blog-3");
        assert_eq!(unique(&long, &mut taken), long);
        let second = unique(&long, &mut taken);
        assert!(is_name(&second) && second.ends_with("x-2"), "{second}");
    }
}
