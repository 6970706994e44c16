//! Imports and exports: entries from files, and lists of feeds as OPML.

use std::collections::HashSet;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde_json::json;
use url::Url;
use uuid::Uuid;

use super::{ManagedFeeds, description};
use crate::api::reply::{self, Refusal};
use crate::config::units::format_duration;
use crate::config::{self, redact};
use crate::entries::{import, name, opml, sanitise};
use crate::store::{AddedFeed, Batch, FeedRow, FeedState, Ingested, NewEntry, Via};

/// Entries that are stored in one transaction.
const BATCH: usize = 500;

/// The title of an exported list.
const TITLE: &str = "Feeds";

impl ManagedFeeds {
    /// Stores the entries of a file in a feed. They are not published.
    pub(super) async fn import(&self, row: &FeedRow, body: &Bytes) -> Result<Response<Bytes>, Refusal> {
        let url = Url::parse(row.site.as_deref().unwrap_or(&row.feed.url));
        let url =
            url.or_else(|_| Url::parse(&row.feed.url)).map_err(|error| Refusal::Bad(error.to_string()))?;
        let busy = || Refusal::Conflict("another import is under way; wait for its end".to_owned());
        let _import = self.importing.try_lock().map_err(|_| busy())?;
        let body = body.clone();
        let id = || Uuid::now_v7().to_string();
        // Sanitizing is slow.
        let read = tokio::task::spawn_blocking(move || import::read(&body, &url, id)).await;
        let entries: Vec<NewEntry> = read.map_err(|_| Refusal::Unavailable)?.map_err(Refusal::Bad)?;
        self.check_kept(&entries)?;
        let mut all = Ingested::default();
        let mut entries = entries.into_iter().peekable();
        while entries.peek().is_some() {
            let batch = Batch {
                feed_id: row.id,
                via: Via::Backfill,
                entries: entries.by_ref().take(BATCH).collect(),
                sanitiser: sanitise::VERSION,
                most: BATCH,
            };
            let stored = self.store.ingest(&batch).await?;
            all.created += stored.created;
            all.updated += stored.updated + stored.rewritten;
            all.known += stored.known;
            if row.entries + all.created > self.settings.keep {
                return Err(Refusal::Conflict(format!(
                    "the feed has more entries than feeds.keep ({}) now, and loses the oldest; set it to more, restart the \
                     server, purge the feed and import again",
                    self.settings.keep
                )));
            }
        }
        Ok(reply::ok(&json!({ "created": all.created, "updated": all.updated, "known": all.known })))
    }

    /// Refuses entries that the next sweep would remove. An import does not restore a removed entry.
    fn check_kept(&self, entries: &[NewEntry]) -> Result<(), Refusal> {
        let config::Feeds { keep, keep_for, .. } = &self.settings;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let oldest = i64::try_from(now.saturating_sub(*keep_for).as_millis()).unwrap_or(i64::MAX);
        let old = entries
            .iter()
            .filter(|entry| entry.published.is_some_and(|published| published < oldest))
            .count();
        if old > 0 {
            return Err(Refusal::Conflict(format!(
                "{old} of {} entries are older than feeds.keep_for ({}) and would be removed soon; set it to more, restart \
                 the server and import again",
                entries.len(),
                format_duration(*keep_for)
            )));
        }
        if entries.len() as u64 > *keep {
            return Err(Refusal::Conflict(format!(
                "the file has {} entries, and feeds.keep is {keep}; set it to more, restart the server and import again",
                entries.len()
            )));
        }
        Ok(())
    }

    /// Returns the feeds that are followed, as OPML.
    pub(super) async fn export(&self) -> Result<Response<Bytes>, Refusal> {
        let rows = self.store.feed_rows().await?;
        let rows = rows.into_iter().filter(|row| row.state != FeedState::Removed);
        let outlines: Vec<_> = rows
            .map(|row| opml::Outline {
                name: row.feed.name,
                title: row.feed.title.or(row.found_title),
                url: row.feed.url,
                site: row.site,
            })
            .collect();
        let mut response = Response::new(opml::write(&outlines, TITLE).into());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/x-opml; charset=utf-8"));
        Ok(reply::uncached(response))
    }

    /// Adds the feeds of an OPML list. A failure of one feed does not affect the others.
    pub(super) async fn import_list(&self, body: &[u8]) -> Result<Response<Bytes>, Refusal> {
        let text = std::str::from_utf8(body).map_err(|_| Refusal::Bad("the list is not UTF-8".to_owned()))?;
        let outlines = opml::read(text).map_err(Refusal::Bad)?;
        let known = self.store.feed_rows().await?;
        let known = known.into_iter().filter(|row| row.state != FeedState::Removed);
        let (mut names, mut urls): (HashSet<_>, HashSet<_>) =
            known.map(|row| (row.feed.name, row.feed.url)).unzip();
        let (mut added, mut skipped) = (Vec::new(), Vec::new());
        for outline in outlines {
            let mut skip = |why: String| skipped.push(json!({ "url": redact(&outline.url), "why": why }));
            if !urls.insert(outline.url.clone()) {
                skip("the feed is followed already".to_owned());
                continue;
            }
            let name = name::unique(&outline.name, &mut names);
            let mut fields = vec![("name", name.as_str()), ("url", outline.url.as_str())];
            fields.extend(
                outline.title.as_deref().filter(|title| !title.is_empty()).map(|title| ("title", title)),
            );
            let feed = config::read_feed(&fields);
            let feed = match feed.and_then(|feed| self.own.refuse(&feed.url).map_or(Ok(feed), Err)) {
                Ok(feed) => description(feed),
                Err(why) => {
                    skip(why);
                    continue;
                }
            };
            match self.put(&feed).await? {
                AddedFeed::Added => added.push(json!({ "name": feed.name, "url": feed.url })),
                outcome => skip(self.not_added(outcome, &feed.name).await?),
            }
        }
        Ok(reply::ok(&json!({ "added": added, "skipped": skipped })))
    }
}
