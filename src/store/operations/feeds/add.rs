//! Feeds that are added: those of the settings together, and single ones of operators.

use serde::Serialize;

use super::remove::remove;
use super::{ids, poll, source_name};
use crate::store::operations::{bound, clean, list};
use crate::store::records::{AddedFeed, FeedDescription, FeedSource};
use crate::store::session::{Operation, Outcome, Session};
use crate::store::statement::Statement;

/// The complete list of configured feeds. Returns the number of hubs to notify of ended subscriptions.
pub(in crate::store) static SYNC: Operation<Vec<FeedDescription>, u64> =
    Operation { name: "sync_feeds", run: sync };
/// A feed, and how many there may be.
pub(in crate::store) static ADD: Operation<(FeedDescription, u64), AddedFeed> =
    Operation { name: "add_feed", run: add };

// Only the holder of the lock counts and adds feeds. SQLite has a single writer.
static LOCK: Statement = Statement::new("lock", "SELECT s.id FROM feed_state s WHERE s.id = 1 {lock s}");

static GONE: Statement = Statement::new(
    "gone",
    "SELECT f.id FROM feeds f WHERE f.source = 'config' AND f.state <> 'removed' AND f.name NOT IN {texts $1} \
     ORDER BY f.id {lock f}",
);

static KNOWN: Statement = Statement::new(
    "known",
    "SELECT (SELECT count(*) FROM feeds WHERE name = $1 AND state <> 'removed'), \
       (SELECT count(*) FROM feeds WHERE state <> 'removed')",
);

// A feed with a changed description is fetched immediately, as if for the first time. All entries of another URL may be
// new; they are not published.
static CHANGED: Statement = Statement::new(
    "changed",
    "UPDATE feeds SET poll_due = {now}, poll_claim = NULL, poll_again = 0, poll_attempts = 0, poll_interval = NULL, \
       content_url = NULL, etag = NULL, last_modified = NULL, body = NULL, is_unreliable = 0, missed_polls = 0, failure = NULL, \
       is_backfilled = CASE WHEN feeds.state = 'removed' OR feeds.url <> f.url THEN 0 ELSE is_backfilled END, \
       is_feed = CASE WHEN feeds.state = 'removed' OR feeds.url <> f.url THEN 0 ELSE is_feed END, \
       topic = CASE feeds.state WHEN 'removed' THEN NULL ELSE topic END, \
       state = CASE feeds.state WHEN 'removed' THEN 'new' ELSE feeds.state END \
     FROM {records $1 name:text url:text hub:text poll:bigint username:text password:text is_public:bigint \
       title:text} f \
     WHERE feeds.name = f.name AND (feeds.state = 'removed' OR feeds.url <> f.url \
       OR feeds.hub IS DISTINCT FROM f.hub OR feeds.poll IS DISTINCT FROM f.poll \
       OR feeds.username IS DISTINCT FROM f.username OR feeds.password IS DISTINCT FROM f.password)",
);

static DESCRIBE: Statement = Statement::new(
    "describe",
    "INSERT INTO feeds (name, url, hub, poll, username, password, is_public, title, source, state, poll_due) \
     SELECT f.name, f.url, f.hub, f.poll, f.username, f.password, f.is_public, f.title, $2, 'new', {now} \
     FROM {records $1 name:text url:text hub:text poll:bigint username:text password:text is_public:bigint \
       title:text} f WHERE true \
     ON CONFLICT (name) DO UPDATE SET url = excluded.url, hub = excluded.hub, poll = excluded.poll, \
       username = excluded.username, password = excluded.password, is_public = excluded.is_public, \
       title = excluded.title, source = excluded.source",
);

#[derive(Serialize)]
struct Described<'d> {
    name: &'d str,
    url: &'d str,
    hub: Option<&'d str>,
    poll: Option<i64>,
    username: Option<String>,
    password: Option<String>,
    is_public: i64,
    title: Option<String>,
}

#[expect(clippy::ptr_arg, reason = "an operation takes its arguments by their type")]
fn sync<'c>(mut session: Session<'c>, feeds: &'c Vec<FeedDescription>) -> Outcome<'c, u64> {
    Box::pin(async move {
        session.rows(&LOCK, &[]).await?;
        let names: Vec<&str> = feeds.iter().map(|feed| feed.name.as_str()).collect();
        let gone = session.rows(&GONE, &[(&list(&names)?).into()]).await?;
        let gone = ids(gone)?;
        let ended = remove(&mut session, &gone).await?;
        describe(&mut session, feeds, FeedSource::Config).await?;
        Ok(ended)
    })
}

fn add<'c>(mut session: Session<'c>, (feed, most): &'c (FeedDescription, u64)) -> Outcome<'c, AddedFeed> {
    Box::pin(async move {
        session.rows(&LOCK, &[]).await?;
        let row = session.row(&KNOWN, &[(&feed.name).into()]).await?;
        let mut row = row.ok_or(sqlx::Error::RowNotFound)?;
        if row.flag()? {
            return Ok(AddedFeed::Exists);
        }
        if row.int()? >= bound(*most) {
            return Ok(AddedFeed::Full);
        }
        describe(&mut session, std::slice::from_ref(feed), FeedSource::Store).await?;
        Ok(AddedFeed::Added)
    })
}

async fn describe(
    session: &mut Session<'_>,
    feeds: &[FeedDescription],
    source: FeedSource,
) -> sqlx::Result<()> {
    let described: Vec<Described<'_>> = feeds
        .iter()
        .map(|feed| Described {
            name: &feed.name,
            url: &feed.url,
            hub: feed.hub.as_deref(),
            poll: poll(feed),
            username: feed.username.as_deref().map(clean),
            password: feed.password.as_deref().map(clean),
            is_public: feed.public.into(),
            title: feed.title.as_deref().map(clean),
        })
        .collect();
    let described = list(&described)?;
    session.execute(&CHANGED, &[(&described).into()]).await?;
    session.execute(&DESCRIBE, &[(&described).into(), source_name(source).into()]).await?;
    Ok(())
}
