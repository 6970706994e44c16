//! Chooses the hubs and the topic of the subscriptions of a feed. It fetches nothing.

use url::Url;

use crate::store::FeedDescription;
use crate::web::links::Links;
use crate::web::urls;

/// Hubs that a feed is subscribed at.
const HUBS: usize = 3;
/// The value of `feed.hub` for no hub.
const NONE: &str = "none";

/// The topic of a feed and its hubs, the best first.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The self link, or the URL of the content.
    pub(super) topic: String,
    /// Hubs over HTTPS are first (WebSub, section 4), each group in the order of the feed.
    pub(super) hubs: Vec<String>,
}

/// Chooses from the links of a feed with content at `url`. `feed.hub` overrides the hubs of the feed.
pub(super) fn choose(feed: &FeedDescription, links: Links, url: &Url) -> Found {
    let topic = links.self_url.unwrap_or_else(|| url.to_string());
    let mut hubs = match feed.hub.as_deref() {
        None => links.hubs,
        Some(NONE) => Vec::new(),
        Some(hub) => vec![hub.to_owned()],
    };
    hubs.retain(|hub| urls::read(hub).is_ok());
    hubs.sort_by_key(|hub| !is_secure(hub));
    hubs.truncate(HUBS);
    Found { topic, hubs }
}

/// Whether a URL has the scheme https.
pub(super) fn is_secure(url: &str) -> bool {
    url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(hub: Option<&str>, hubs: &[&str], self_url: Option<&str>) -> (String, Vec<String>) {
        let feed = FeedDescription {
            name: "blog".to_owned(),
            url: "http://blog.example/feed".to_owned(),
            hub: hub.map(str::to_owned),
            poll: None,
            username: None,
            password: None,
            public: false,
            title: None,
        };
        let hubs = hubs.iter().map(|hub| (*hub).to_owned()).collect();
        let links = Links { hubs, self_url: self_url.map(str::to_owned) };
        let Found { topic, hubs } = choose(&feed, links, &Url::parse("https://cdn.example/feed").unwrap());
        (topic, hubs)
    }

    #[test]
    fn hubs_over_https_come_first_and_there_are_three() {
        let all = ["http://a.example/", "https://b.example/hub/", "http://c.example", "HTTPS://d.example"];
        let (_, hubs) = chosen(None, &all, None);
        assert_eq!(hubs, ["https://b.example/hub/", "HTTPS://d.example", "http://a.example/"]);
    }

    #[test]
    fn the_setting_is_in_the_place_of_the_hubs_of_the_feed() {
        let all = ["https://a.example/"];
        let other = "http://b.example/";
        assert_eq!(chosen(Some(other), &all, None).1, [other]);
        assert_eq!(chosen(Some(other), &[], None).1, [other]);
        assert_eq!(chosen(Some("none"), &all, None).1, [""; 0]);
        assert_eq!(chosen(None, &[], None).1, [""; 0]);
    }

    #[test]
    fn the_topic_is_the_self_link_or_else_where_the_content_is() {
        assert_eq!(chosen(None, &[], Some("http://a.example/x")).0, "http://a.example/x");
        assert_eq!(chosen(None, &[], None).0, "https://cdn.example/feed");
    }
}
