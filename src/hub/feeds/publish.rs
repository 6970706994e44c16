//! Passes new versions of feeds to the hub: at most one within `hub.fetch_interval` for each feed, and eventually the
//! newest.
//!
//! It must not know the subscribers. This code is not on the path of a delivery to a session.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::watch;

use super::feed::{Document, Feed};
use super::{Feeds, topic};
use crate::store::{Content, Store, Validators};

/// The pause before a retry after the store or the history was unavailable.
const AGAIN: Duration = Duration::from_secs(1);
/// How long a stopping server tries to queue the last version.
const LAST: Duration = Duration::from_secs(2);

impl Feeds {
    /// Queues new versions of all feeds until `stop` is true, and then the versions that are not queued yet.
    pub async fn run(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let Some(store) = &self.store else { return };
        let following = self.by_name.values().map(|feed| self.follow(feed, store, stop.clone()));
        futures_util::future::join_all(following).await;
    }

    /// Follows one feed. A version is queued once for each format; a retry repeats only the missing formats.
    async fn follow(&self, feed: &Arc<Feed>, store: &Store, mut stop: watch::Receiver<bool>) {
        if self.channels.is_shared() {
            // The previous process may have ended before it queued accepted publications.
            feed.changed.notify_one();
        }
        let mut queued = [None, None];
        loop {
            tokio::select! {
                () = feed.changed.notified() => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
            let pause = match self.queue(feed, store, &mut queued).await {
                Ok(()) => self.interval,
                Err(error) => {
                    tracing::debug!(
                        feed = feed.description.name,
                        error,
                        "cannot queue a feed for its subscribers"
                    );
                    feed.changed.notify_one();
                    AGAIN
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        if feed.changed.notified().now_or_never().is_some() {
            let queued = tokio::time::timeout(LAST, self.queue(feed, store, &mut queued)).await;
            let error = match queued {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error,
                Err(_) => "the store does not answer".to_owned(),
            };
            tracing::warn!(feed = feed.description.name, error, "last version of a feed is not queued");
        }
    }

    /// Queues the newest version of a feed for each format in which it is not already the last queued version.
    async fn queue(
        &self,
        feed: &Arc<Feed>,
        store: &Store,
        queued: &mut [Option<Vec<u8>>; 2],
    ) -> Result<(), String> {
        let newest = async || feed.newest(&*self.channels, false).await.map_err(|error| error.to_string());
        let Some(documents) = newest().await? else { return Ok(()) };
        let description = &feed.description;
        let formats = [(&description.atom, &documents.atom), (&description.json, &documents.json)];
        for ((url, document), last) in formats.into_iter().zip(queued) {
            let Some(fingerprint) = documents.fingerprint.as_ref().filter(|own| Some(*own) != last.as_ref())
            else {
                continue;
            };
            let content = content(url, document, description.hub.as_deref(), fingerprint);
            store.publish(&topic(url), &content).await.map_err(|error| error.to_string())?;
            *last = Some(fingerprint.clone());
        }
        // Another instance may have queued a later version first.
        if self.channels.is_shared()
            && newest().await?.is_some_and(|newest| newest.fingerprint != documents.fingerprint)
        {
            feed.changed.notify_one();
        }
        Ok(())
    }
}

fn content(url: &str, document: &Document, hub: Option<&str>, fingerprint: &[u8]) -> Content {
    Content {
        body: document.body.clone(),
        content_type: Some(document.content_type.to_owned()),
        fingerprint: fingerprint.to_vec(),
        validators: Validators { etag: Some(document.etag.clone()), last_modified: None },
        hubs: hub.map(str::to_owned).into_iter().collect(),
        self_url: Some(url.to_owned()),
    }
}
