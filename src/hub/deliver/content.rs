//! The content of topics in delivery, loaded once for each version, with the headers that all receivers share.
//!
//! It must not know receivers.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use hyper::header::HeaderValue;
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use crate::store::{Payload, Result, Store};

/// Maximum size in bytes of a body that does not count towards [`MEMORY`].
const SMALL: usize = 64 * 1024;
/// Maximum size in bytes of the other bodies in memory at one time. Further topics wait, or their deliveries are
/// postponed.
const MEMORY: usize = 128 * 1024 * 1024;
/// Bodies that are loaded at one time.
const LOADS: usize = 8;

/// The content of topics, for as long as a delivery holds it.
#[derive(Debug)]
pub(super) struct Contents {
    by_version: HashMap<(i64, i64), Weak<Content>>,
    /// The number of entries at which those without a holder are removed.
    full: usize,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    hub_url: String,
    loads: Semaphore,
    memory: Arc<Semaphore>,
}

impl Contents {
    pub(super) fn new(hub_url: String) -> Self {
        let loads = Semaphore::new(LOADS);
        let memory = Arc::new(Semaphore::new(MEMORY));
        Self { by_version: HashMap::new(), full: 256, shared: Arc::new(Shared { hub_url, loads, memory }) }
    }

    /// Returns the content of this version of a topic or a newer one. It is not loaded yet.
    pub(super) fn of(&mut self, topic_id: i64, version: i64) -> Arc<Content> {
        if let Some(content) = self.by_version.get(&(topic_id, version)).and_then(Weak::upgrade) {
            return content;
        }
        if self.by_version.len() >= self.full {
            self.by_version.retain(|_, content| content.strong_count() > 0);
            self.full = (self.by_version.len() * 2).max(256);
        }
        let shared = Arc::clone(&self.shared);
        let content = Arc::new(Content { topic_id, loaded: OnceCell::new(), shared });
        self.by_version.insert((topic_id, version), Arc::downgrade(&content));
        content
    }
}

/// The content of one version.
#[derive(Debug)]
pub(super) struct Content {
    topic_id: i64,
    loaded: OnceCell<Option<Loaded>>,
    shared: Arc<Shared>,
}

/// Loaded content with the headers for every receiver.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) version: i64,
    pub(super) body: Bytes,
    /// None if the topic has none.
    pub(super) content_type: Option<HeaderValue>,
    pub(super) link: HeaderValue,
    _memory: Option<OwnedSemaphorePermit>,
}

impl Content {
    /// Loads the content unless it is loaded. Returns `None` if no delivery waits for it any more.
    pub(super) async fn load(&self, store: &Store) -> Result<Option<&Loaded>> {
        let loaded = self.loaded.get_or_try_init(|| async {
            let mut memory = None;
            let payload = loop {
                // Neither semaphore is ever closed.
                let turn = self.shared.loads.acquire().await.ok();
                let Some(payload) = store.payload(self.topic_id).await? else { return Ok(None) };
                let size = u32::try_from(payload.body.len().min(MEMORY)).unwrap_or(u32::MAX);
                if payload.body.len() <= SMALL || memory.as_ref().is_some_and(|held| is_enough(held, size)) {
                    break payload;
                }
                let semaphore = Arc::clone(&self.shared.memory);
                if let Ok(permit) = Arc::clone(&semaphore).try_acquire_many_owned(size) {
                    memory = Some(permit);
                    break payload;
                }
                // Lets other topics load while this one waits.
                drop((turn, payload, memory.take()));
                memory = semaphore.acquire_many_owned(size).await.ok();
            };
            Ok(Some(Loaded {
                version: payload.version,
                content_type: payload
                    .content_type
                    .as_ref()
                    .and_then(|text| HeaderValue::from_bytes(text.as_bytes()).ok()),
                link: link(&payload, &self.shared.hub_url),
                body: payload.body,
                _memory: memory,
            }))
        });
        loaded.await.map(Option::as_ref)
    }
}

fn is_enough(permit: &OwnedSemaphorePermit, size: u32) -> bool {
    permit.num_permits() >= size as usize
}

/// Returns the `Link` header, one field in the simplest form, with the hubs and the `self` link of the topic; without
/// them, this hub and the URL of the topic.
fn link(payload: &Payload, hub_url: &str) -> HeaderValue {
    // A URL with other characters would end the reference, or the header.
    let is_plain =
        |url: &str| url.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"'));
    let mut text = String::new();
    for hub in payload.hubs.iter().filter(|hub| is_plain(hub)) {
        text += &format!("<{hub}>; rel=\"hub\", ");
    }
    if text.is_empty() {
        text = format!("<{hub_url}>; rel=\"hub\", ");
    }
    let own = payload.self_url.as_deref().filter(|url| is_plain(url)).unwrap_or(&payload.topic);
    text += &format!("<{own}>; rel=\"self\"");
    // The URLs of the hub and the topic are ASCII: they were parsed and serialized.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(hubs: &[&str], self_url: Option<&str>) -> Payload {
        Payload {
            version: 1,
            body: Bytes::from_static(b"x"),
            content_type: None,
            hubs: hubs.iter().map(|hub| (*hub).to_owned()).collect(),
            self_url: self_url.map(str::to_owned),
            topic: "http://t.example/?a=b,c".to_owned(),
        }
    }

    #[test]
    fn links_are_those_found_at_the_topic() {
        let link = |hubs: &[&str], self_url| link(&payload(hubs, self_url), "https://hub.example/hub");
        assert_eq!(
            link(&[], None),
            r#"<https://hub.example/hub>; rel="hub", <http://t.example/?a=b,c>; rel="self""#
        );
        assert_eq!(
            link(&["https://a.example/", "https://b.example/"], Some("https://t.example/")),
            r#"<https://a.example/>; rel="hub", <https://b.example/>; rel="hub", <https://t.example/>; rel="self""#
        );
        assert_eq!(
            link(&["https://a.example/>; rel=\"x", "https://ä.example/\r\n"], Some("https://t.example/>")),
            r#"<https://hub.example/hub>; rel="hub", <http://t.example/?a=b,c>; rel="self""#
        );
    }

    #[test]
    fn versions_without_a_holder_are_forgotten() {
        let mut contents = Contents::new("https://hub.example/hub".to_owned());
        let held = contents.of(1, 1);
        assert!(Arc::ptr_eq(&held, &contents.of(1, 1)) && !Arc::ptr_eq(&held, &contents.of(1, 2)));
        for version in 0..10_000 {
            contents.of(2, version);
        }
        assert!(contents.by_version.len() <= 257, "{}", contents.by_version.len());
        assert!(Arc::ptr_eq(&held, &contents.of(1, 1)));
    }
}
