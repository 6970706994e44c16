//! Checks that a topic names this hub (WebSub, section 4). It fetches nothing.

use url::Url;

use crate::web::links::Links;
use crate::web::own::OwnUrl;
use crate::web::urls;

/// The reason why a topic does not name this hub, for its publisher and the subscriber.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotNamed {
    #[error("the topic names no hub")]
    None,
    #[error("the topic does not name this hub")]
    Other,
    #[error("the topic names another URL as its own: {0}")]
    Self_(String),
}

/// Checks that a topic names the hub, and itself by the subscribed URL. Without a self link, `url` counts as such: the
/// URL at which the content was found.
pub(super) fn check(own: &OwnUrl, topic: &str, links: &Links, url: &Url) -> Result<(), NotNamed> {
    if links.hubs.is_empty() {
        return Err(NotNamed::None);
    }
    if !links.hubs.iter().any(|hub| own.is(hub)) {
        return Err(NotNamed::Other);
    }
    let self_url = links.self_url.as_deref().unwrap_or(url.as_str());
    let is_same = urls::read(self_url).is_ok_and(|self_url| self_url.key == topic);
    if is_same { Ok(()) } else { Err(NotNamed::Self_(self_url.to_owned())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_names_the_hub_and_itself() {
        let own = OwnUrl::new("https://hub.example/hub", true);
        let topic = "http://a.example/feed";
        let checked = |hubs: &[&str], self_url: Option<&str>, url: &str| {
            let hubs = hubs.iter().map(|hub| (*hub).to_owned()).collect();
            let links = Links { hubs, self_url: self_url.map(str::to_owned) };
            check(&own, topic, &links, &Url::parse(url).unwrap())
        };
        let hubs = ["https://other.example/", "https://hub.example/hub"];
        assert_eq!(checked(&hubs, Some("HTTP://A.example:80/%66eed"), topic), Ok(()));
        assert_eq!(checked(&hubs, Some(topic), "https://cdn.example/1"), Ok(()));
        assert_eq!(checked(&hubs, None, topic), Ok(()));
        assert_eq!(checked(&[], Some(topic), topic), Err(NotNamed::None));
        assert_eq!(checked(&hubs[..1], Some(topic), topic), Err(NotNamed::Other));
        let other = "http://a.example/other";
        assert_eq!(checked(&hubs, Some(other), topic), Err(NotNamed::Self_(other.to_owned())));
        assert_eq!(checked(&hubs, None, other), Err(NotNamed::Self_(other.to_owned())));
    }
}
