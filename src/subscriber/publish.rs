//! The worker that publishes entries on their channels in the order of their numbers. It must not know where entries
//! come from.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Publication, Subscriber};
use crate::auth::more;
use crate::entries::{FeedInfo, message};
use crate::store::{EntryRow, Result, failpoint};

/// Entries that are claimed at one time.
const BATCH: u32 = 100;
/// The duration of a claim. Another instance publishes after that.
const HOLD: Duration = Duration::from_secs(15);
/// The deadline of one publication.
const DEADLINE: Duration = Duration::from_secs(5);
/// The time of a claim in which publications may start. The rest is for the last one and the record.
const BEGIN: Duration = Duration::from_secs(8);
/// The pause between two attempts while a publication fails or the store is unavailable.
const PAUSE: Duration = Duration::from_secs(1);
/// Maximum attempts for an entry on which an extension fails: five minutes. Then later entries are published.
const ATTEMPTS: u32 = 300;
/// How long titles and addresses of feeds are remembered.
const REMEMBERED: Duration = Duration::from_secs(10);

/// Works until the subscriber stops.
pub(super) async fn work(subscriber: Arc<Subscriber>) {
    let mut feeds = Feeds::default();
    let mut failing = Failing::default();
    while !subscriber.workers.is_stopping() {
        match round(&subscriber, &mut feeds, &mut failing).await {
            Ok(Round::More) => continue,
            Ok(Round::Done) => {
                subscriber.workers.wait(&subscriber.store.work().entries).await;
                continue;
            }
            Ok(Round::Failed) => {}
            Err(error) => tracing::debug!(%error, "entries not published"),
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = subscriber.workers.stopped() => {}
        }
    }
}

/// The next step after claimed entries.
enum Round {
    /// There may be more.
    More,
    /// No more entries for now.
    Done,
    /// A publication failed. It and all later ones are claimed again.
    Failed,
}

async fn round(subscriber: &Subscriber, feeds: &mut Feeds, failing: &mut Failing) -> Result<Round> {
    let begin = Instant::now();
    let rows = subscriber.store.claim_publications(BATCH, HOLD).await?;
    if rows.is_empty() {
        return Ok(Round::Done);
    }
    for row in &rows {
        if begin.elapsed() > BEGIN {
            break;
        }
        let info = feeds.info(subscriber, &row.feed).await?;
        let published = match publish(subscriber, row, info).await {
            Ok(Publication::Failed) if failing.is_final(row.seq) => {
                let (feed, seq) = (&row.feed, row.seq);
                tracing::error!(
                    feed,
                    seq,
                    "entry not published: an extension fails over it; it is on the page"
                );
                Ok(Publication::Refused)
            }
            Ok(Publication::Failed) => Err("an extension has failed".to_owned()),
            published => published,
        };
        if let Err(reason) = &published {
            subscriber.metrics.feeds.publications("failed", 1);
            if let Some(suppressed) = subscriber.notices.pass("publication") {
                let (feed, seq) = (&row.feed, row.seq);
                let suppressed = more(suppressed);
                tracing::warn!(
                    feed,
                    seq,
                    reason,
                    suppressed,
                    "entry not published; trying again each second"
                );
            }
            return Ok(Round::Failed);
        }
        // After a crash before this commit, one entry is published again; the numbers remain in order.
        subscriber.store.finish_publications(&[row.seq]).await?;
        let result = if published == Ok(Publication::Refused) { "refused" } else { "published" };
        subscriber.metrics.feeds.publications(result, 1);
    }
    Ok(Round::More)
}

async fn publish(
    subscriber: &Subscriber,
    row: &EntryRow,
    info: &FeedInfo,
) -> std::result::Result<Publication, String> {
    let channel = subscriber.settings.channel_of(&row.feed);
    let message = message(row, info);
    failpoint::reach("publish_entry", "before");
    let publication = subscriber.channels.publish(&channel, &message);
    let published = tokio::time::timeout(DEADLINE, publication).await;
    let published = published.map_err(|_| format!("no result within {} s", DEADLINE.as_secs()))??;
    failpoint::reach("publish_entry", "after");
    Ok(published)
}

/// The entry on which an extension fails. Without this limit its content could block all later entries forever.
#[derive(Debug, Default)]
struct Failing {
    seq: i64,
    attempts: u32,
}

impl Failing {
    /// Counts a failure, and returns whether the entry was tried often enough.
    fn is_final(&mut self, seq: i64) -> bool {
        if self.seq != seq {
            *self = Self { seq, attempts: 0 };
        }
        self.attempts += 1;
        self.attempts >= ATTEMPTS
    }
}

/// The feed data in messages.
#[derive(Default)]
struct Feeds {
    known: HashMap<String, FeedInfo>,
    read: Option<Instant>,
}

impl Feeds {
    /// Returns the data of one feed for its messages. A removed feed has only a name.
    async fn info(&mut self, subscriber: &Subscriber, name: &str) -> Result<&FeedInfo> {
        let is_fresh = self.read.is_some_and(|read| read.elapsed() < REMEMBERED);
        if !is_fresh || !self.known.contains_key(name) {
            let rows = subscriber.store.feed_rows().await?;
            let infos = rows.into_iter().map(|row| FeedInfo {
                name: row.feed.name,
                title: row.feed.title.or(row.found_title),
                site: row.site,
                topic: row.topic,
            });
            self.known = infos.map(|info| (info.name.clone(), info)).collect();
            self.read = Some(Instant::now());
        }
        let unknown = || FeedInfo { name: name.to_owned(), ..FeedInfo::default() };
        Ok(self.known.entry(name.to_owned()).or_insert_with(unknown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_over_which_an_extension_fails_is_given_up() {
        let mut failing = Failing::default();
        for attempt in 1..ATTEMPTS {
            assert!(!failing.is_final(7), "{attempt}");
        }
        assert!(!failing.is_final(8), "an update has another number");
        for attempt in 2..ATTEMPTS {
            assert!(!failing.is_final(8), "{attempt}");
        }
        assert!(failing.is_final(8));
    }
}
