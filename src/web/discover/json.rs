//! Links of JSON Feeds (version 1.1): `hubs` of the type WebSub, and `feed_url`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use url::Url;

use crate::web::links::Links;

/// Hubs of a feed that are read.
const HUBS: usize = 64;

#[derive(serde::Deserialize)]
struct Feed {
    #[serde(default)]
    hubs: Hubs,
    feed_url: Option<String>,
}

/// The first hubs.
#[derive(Default)]
struct Hubs(Vec<Hub>);

impl<'de> Deserialize<'de> for Hubs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct First;
        impl<'de> Visitor<'de> for First {
            type Value = Hubs;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("hubs")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Hubs, A::Error> {
                let mut hubs = Vec::new();
                while hubs.len() < HUBS {
                    let Some(hub) = seq.next_element()? else { return Ok(Hubs(hubs)) };
                    hubs.push(hub);
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Hubs(hubs))
            }
        }
        deserializer.deserialize_seq(First)
    }
}

#[derive(serde::Deserialize)]
struct Hub {
    r#type: Option<String>,
    url: Option<String>,
}

impl Hub {
    /// Returns the URL of a hub with this protocol.
    fn websub(&self) -> Option<&str> {
        let is_websub = self.r#type.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("WebSub"));
        self.url.as_deref().filter(|_| is_websub)
    }
}

/// Returns the links of a feed; none if it cannot be read.
pub(super) fn links(text: &str, base: &Url) -> Links {
    let mut links = Links::default();
    let Ok(feed) = serde_json::from_str::<Feed>(text) else { return links };
    for hub in feed.hubs.0.iter().filter_map(Hub::websub) {
        links.add("hub", hub, base);
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
            "hubs": [{"type": "rssCloud", "url": "https://c.example/"}, {"url": "x"}, {"type": "WebSub"}, {"type": "WebSub", "url": "https://h.example/"}]}"#;
        let both = (vec!["https://h.example/".to_owned()], Some("https://a.example/x/s".to_owned()));
        assert_eq!(found(text), both);
        for text in ["{}", "{", "{\"hubs\": {}}", "{\"hubs\": [{\"url\": \"x\"}]}", "[]"] {
            assert_eq!(found(text), (vec![], None), "{text}");
        }
    }
}
