//! Finds the feeds of web pages, for a command that takes the URLs of home pages. It must not know the store.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper::header::CONTENT_TYPE;
use tokio::task::JoinSet;

use super::reach::Reached;
use crate::config::Config;
use crate::entries::{self, Document};
use crate::metrics::Metrics;
use crate::store::Validators;
use crate::web::coding;
use crate::web::get::{Get, Turn, get};
use crate::web::hosts::Hosts;
use crate::web::urls::WebUrl;

/// The deadline of a fetch, including redirects and the wait for a place at its host.
const DEADLINE: Duration = Duration::from_secs(5);

/// Fetches the configured feeds. Returns for each web page the URL of the feed in its head; `None` for feeds, for pages
/// without a feed, and if the fetch fails. Only the configured URLs and the targets of their redirects are requested,
/// as for followed feeds.
pub async fn feeds_of_pages(config: &Config) -> Vec<Option<String>> {
    let finder = Arc::new(Finder {
        reached: Reached::new(config, None, None, &Metrics::default()),
        hosts: Arc::new(Hosts::new(config.feeds.per_host, config.feeds.concurrent)),
        size: config.feeds.size,
    });
    let mut asked = JoinSet::new();
    for (place, feed) in config.feed.iter().enumerate() {
        let (finder, url) = (Arc::clone(&finder), feed.url.clone());
        asked.spawn(async move { (place, finder.feed_of(&url).await) });
    }
    let mut found = vec![None; config.feed.len()];
    while let Some(joined) = asked.join_next().await {
        // After a panic, which is logged, the page is followed.
        if let Ok((place, feed)) = joined {
            found[place] = feed;
        }
    }
    found
}

struct Finder {
    reached: Reached,
    hosts: Arc<Hosts>,
    size: usize,
}

impl Finder {
    /// Returns the feed of the page at a URL. A failure is reported when the URL is followed.
    async fn feed_of(&self, url: &str) -> Option<String> {
        let request = Get {
            url,
            agent: concat!("faye/", env!("CARGO_PKG_VERSION")),
            validators: &Validators::default(),
            validated: None,
            authorization: None,
            deadline: DEADLINE,
            patience: DEADLINE,
            size: self.size,
            hosts: &self.hosts,
        };
        let client = |target: &WebUrl, redirects| self.reached.client_for_content(url, target, redirects);
        let fetched = get(&request, Turn::Wait, client, |_, _| {}).await.ok()?;
        let body = coding::decode(fetched.headers(), fetched.body.clone()?, self.size).ok()?;
        let content_type = fetched.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        entries::read(&Document { url: &fetched.url, content_type, body: &body, fetched: SystemTime::now() })
            .ok()?
            .feed
    }
}
