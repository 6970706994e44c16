//! Links of JSON Feeds (version 1.1): `hubs` of the type WebSub, and `feed_url`.

use serde::Deserialize;
use url::Url;

use crate::hub::links::Links;

#[derive(Deserialize)]
struct Feed {
    #[serde(default)]
    hubs: Vec<Hub>,
    feed_url: Option<String>,
}

#[derive(Deserialize)]
struct Hub {
    r#type: String,
    url: String,
}

/// The links of a feed; none if it cannot be read.
pub(super) fn links(text: &str, base: &Url) -> Links {
    let mut links = Links::default();
    let Ok(feed) = serde_json::from_str::<Feed>(text) else { return links };
    for hub in feed.hubs.iter().filter(|hub| hub.r#type.eq_ignore_ascii_case("WebSub")) {
        links.add("hub", &hub.url, base);
    }
    if let Some(own) = &feed.feed_url {
        links.add("self", own, base);
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_a_json_feed_are_found() {
        let found = |text: &str| {
            let Links { hubs, self_url } = links(text, &Url::parse("https://a.example/x/feed").unwrap());
            (hubs, self_url)
        };
        let text = r#" {"version": "https://jsonfeed.org/version/1.1", "feed_url": "s", "items": [{"hubs": 1}],
            "hubs": [{"type": "rssCloud", "url": "https://c.example/"}, {"type": "WebSub", "url": "https://h.example/"}]}"#;
        let both = (vec!["https://h.example/".to_owned()], Some("https://a.example/x/s".to_owned()));
        assert_eq!(found(text), both);
        for text in ["{}", "{", "{\"hubs\": {}}", "{\"hubs\": [{\"url\": \"x\"}]}", "[]"] {
            assert_eq!(found(text), (vec![], None), "{text}");
        }
    }
}
