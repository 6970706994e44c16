//! Names of feeds, derived from addresses and titles: lower-case letters, digits and hyphens.
//!
//! Pure; it must not know the existing feeds.

use std::collections::HashSet;

use url::{Host, Url};

/// Characters of a name.
const MOST: usize = 64;
/// Words of a path that only mean that the document is a feed.
const FEED_WORDS: [&str; 11] =
    ["feed", "feeds", "rss", "atom", "index", "xml", "json", "rdf", "html", "all", "default"];

/// Labels below a country's top-level domain under which names are registered, such as `co.uk`.
const SECOND_LEVEL: [&str; 8] = ["ac", "co", "com", "edu", "gov", "net", "or", "org"];

/// Whether a text can be the name of a feed.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let is_kept = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MOST).contains(&text.len()) && text.bytes().all(is_kept)
}

/// Derives a name from a text, such as `my-blog` from `My Blog!`. `None` if the text has no ASCII letter or digit.
#[must_use]
pub fn of_text(text: &str) -> Option<String> {
    let words =
        text.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut name = words.collect::<Vec<_>>().join("-").to_ascii_lowercase();
    name.truncate(MOST);
    name.truncate(name.trim_end_matches('-').len());
    Some(name).filter(|name| !name.is_empty())
}

/// Derives a name from host and path, such as `example-com-blog` from `https://www.example.com/blog/feed.xml`.
#[must_use]
pub fn of_url(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    of_host_and_path(host.strip_prefix("www.").unwrap_or(host), url)
}

/// Derives distinct names from hosts without their top-level domains, such as `blog-example` from
/// `https://blog.example.com/feed.xml`, and from paths if several URLs have the same host.
#[must_use]
pub fn of_urls(urls: &[&Url]) -> Vec<String> {
    let hosts: Vec<_> = urls.iter().map(|url| host_words(url)).collect();
    let short: Vec<_> = hosts.iter().map(|host| of_text(host)).collect();
    let mut taken = HashSet::new();
    let named = urls.iter().zip(&hosts).zip(&short).map(|((url, host), own)| {
        let is_shared = short.iter().filter(|other| *other == own).count() > 1;
        let name = own.clone().filter(|_| !is_shared);
        unique(&name.unwrap_or_else(|| of_host_and_path(host, url)), &mut taken)
    });
    named.collect()
}

/// Returns the host of a URL without common parts: `www`, and a top-level domain.
fn host_words(url: &Url) -> String {
    let Some(Host::Domain(domain)) = url.host() else { return url.host_str().unwrap_or_default().to_owned() };
    let mut labels: Vec<_> = domain.split('.').filter(|label| !label.is_empty()).collect();
    if labels.len() > 2 && labels[0] == "www" {
        labels.remove(0);
    }
    let top = if labels.len() > 1 { labels.pop() } else { None };
    // Below some countries names are registered one label deeper.
    let is_country = top.is_some_and(|top| top.len() == 2);
    if is_country && labels.len() > 1 && labels.last().is_some_and(|last| SECOND_LEVEL.contains(last)) {
        labels.pop();
    }
    labels.join(" ")
}

fn of_host_and_path(host: &str, url: &Url) -> String {
    let words = url.path().split(|character: char| !character.is_ascii_alphanumeric());
    let words = words.filter(|word| !FEED_WORDS.contains(&word.to_ascii_lowercase().as_str()));
    let text = std::iter::once(host).chain(words).collect::<Vec<_>>().join(" ");
    of_text(&text).unwrap_or_else(|| "feed".to_owned())
}

/// Returns the name, or the first free one with a number, such as `blog-2`, and marks it as taken.
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
    fn addresses_become_short_names_that_differ() {
        let names = |urls: &[&str]| {
            let urls: Vec<_> = urls.iter().map(|url| Url::parse(url).unwrap()).collect();
            of_urls(&urls.iter().collect::<Vec<_>>())
        };
        for (url, name) in [
            ("https://www.example.com/blog/feed.xml", "example"),
            ("https://blog.example.org./", "blog-example"),
            ("https://ana.example.co.uk/feed", "ana-example"),
            ("https://co.uk/feed", "co"),
            ("https://t.co/", "t"),
            ("https://www.com/", "www"),
            ("http://localhost:4000/feed.xml", "localhost"),
            ("http://127.0.0.1:4000/blog/feed.xml", "127-0-0-1"),
            ("http://[::1]/x", "1"),
            ("https://bücher.example/RSS/Index.RSS", "xn-bcher-kva"),
        ] {
            assert_eq!(names(&[url]), [name], "{url}");
        }
        let shared = [
            "https://code.example/ana.atom",
            "https://code.example/bob.atom",
            "https://code.example/",
            "https://code.example/feed.xml",
            "https://code.example.org/",
            "https://b.example/x",
        ];
        assert_eq!(names(&shared), ["code-ana", "code-bob", "code", "code-2", "code-example", "b"]);
        assert_eq!(names(&[]), [""; 0]);
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
