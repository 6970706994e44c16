//! Entries that were read are recorded.

use std::borrow::Cow;
use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::classify::{Last, Stored, Verdict, classify, fold, hexadecimal};
use super::plan::{Plan, is_event, storable};
use crate::store::operations::list;
use crate::store::records::{Batch, EntryKind, Ingested, NewEntry, Via};
use crate::store::session::{Operation, Outcome, Row, Session};
use crate::store::statement::Statement;

/// Also returns the number of unpublished events.
pub(in crate::store) static INGEST: Operation<Batch, (Ingested, u64)> =
    Operation { name: "ingest", run: ingest };

/// Maximum bytes of a key that is stored unchanged; a longer one is stored as its fingerprint, because PostgreSQL
/// limits the size of index entries.
const KEY: usize = 512;

// The lock orders the batches of a feed, so that two instances that read the same entries produce one event.
static FEED: Statement = Statement::new(
    "feed",
    "SELECT f.is_backfilled, f.is_feed FROM feeds f WHERE f.id = $1 AND f.state <> 'removed' {lock f}",
);

// A date more than 10 minutes in the future is wrong, and would keep later versions of the entry out.
static KNOWN: Statement = Statement::new(
    "known",
    "SELECT e.key, e.id, e.fingerprint, CASE WHEN e.updated <= {now} + 600000 THEN e.updated END, e.change, e.is_published FROM {texts $2} k \
       JOIN entries e ON e.feed_id = $1 AND e.key = k.value",
);

static BODIES: Statement = Statement::new("bodies", "SELECT id, body FROM entries WHERE id IN {list $1}");

static NUMBERS: Statement =
    Statement::new("numbers", "UPDATE feed_state SET seq = seq + $1 WHERE id = 0 RETURNING seq");

static CREATE: Statement = Statement::new(
    "create",
    "INSERT INTO entries (seq, uuid, feed_id, key, fingerprint, updated, published, shown_at, first_seen, change, via, \
       kind, is_shown, is_published, sanitiser, base, body, html, raw) \
     SELECT e.seq, e.uuid, $2, e.key, e.fingerprint, e.updated, e.published, \
       {least}(coalesce(e.published, e.updated, {now}), {now}), {now}, e.change, $3, e.kind, e.is_shown, \
       e.is_published, $4, e.base, e.body, e.html, e.raw \
     FROM {records $1 seq:bigint uuid:text key:text fingerprint:text updated:bigint published:bigint kind:text \
       change:text is_shown:bigint is_published:bigint base:text body:text html:text raw:text} e",
);

// Without a number, the event is unchanged.
static CHANGE: Statement = Statement::new(
    "change",
    "UPDATE entries SET fingerprint = e.fingerprint, updated = coalesce(e.updated, entries.updated), \
       published = coalesce(e.published, entries.published), kind = e.kind, sanitiser = $3, base = e.base, \
       body = e.body, html = e.html, raw = e.raw, seq = coalesce(e.seq, entries.seq), \
       change = coalesce(e.change, entries.change), is_published = coalesce(e.is_published, entries.is_published), \
       via = CASE WHEN e.seq IS NULL THEN entries.via ELSE $2 END, is_shown = 1 \
     FROM {records $1 id:bigint seq:bigint fingerprint:text updated:bigint published:bigint kind:text change:text \
       is_published:bigint base:text body:text html:text raw:text} e \
     WHERE entries.id = e.id",
);

static DELETE: Statement = Statement::new(
    "delete",
    "UPDATE entries SET seq = e.seq, change = 'deleted', via = $2, is_shown = 0, is_published = e.is_published, \
       updated = coalesce(e.updated, entries.updated), body = e.body, base = NULL, html = NULL, raw = NULL \
     FROM {records $1 id:bigint seq:bigint updated:bigint is_published:bigint body:text} e WHERE entries.id = e.id",
);

static DATE: Statement = Statement::new(
    "date",
    "UPDATE entries SET updated = e.updated FROM {records $1 id:bigint updated:bigint} e WHERE entries.id = e.id",
);

static COUNT: Statement = Statement::new(
    "count",
    "UPDATE feeds SET entries = entries + $2, hidden = hidden + $3, is_feed = {greatest}(is_feed, $4), \
       entry_at = (SELECT max(e.shown_at) FROM entries e WHERE e.feed_id = feeds.id AND e.is_shown = 1) \
     WHERE id = $1",
);

fn ingest<'c>(mut session: Session<'c>, batch: &'c Batch) -> Outcome<'c, (Ingested, u64)> {
    Box::pin(async move {
        let mut ingested = Ingested::default();
        let Some(mut row) = session.row(&FEED, &[batch.feed_id.into()]).await? else {
            return Ok((ingested, 0));
        };
        let via = via(batch, row.flag()?, row.flag()?);
        let entries = fold(&batch.entries);
        let keys: Vec<Cow<'_, str>> = entries.iter().map(|entry| stored_key(&entry.key)).collect();
        let stored = known(&mut session, batch.feed_id, &keys).await?;
        let pairs: Vec<_> =
            entries.iter().zip(&keys).map(|(entry, key)| (*entry, stored.get(key.as_ref()))).collect();
        let verdicts = classify(&pairs);
        let events = verdicts.iter().filter(|verdict| is_event(**verdict)).count();
        let first = if events > 0 { numbers(&mut session, events).await? } else { 0 };
        let bodies = bodies(&mut session, &pairs, &verdicts).await?;
        let kept = (via == Via::Backfill).then_some(batch.most);
        let mut plan = Plan::new(kept, &pairs, &keys, &verdicts, first, &bodies);
        plan.counts.known += (batch.entries.len() - entries.len()) as u64;
        ingested = plan.counts;
        write(&mut session, batch, via, &plan).await?;
        Ok((ingested, plan.waiting))
    })
}

/// Returns the way of a batch. The first fetch is a backfill, also after a purge since the claim of the fetch; a page
/// before the first feed is other content.
fn via(batch: &Batch, is_backfilled: bool, was_feed: bool) -> Via {
    let is_first = !is_backfilled || is_feed(batch) && !was_feed;
    if is_first && batch.via != Via::Push { Via::Backfill } else { batch.via }
}

/// Whether entries are those of a feed, and not a page.
fn is_feed(batch: &Batch) -> bool {
    batch.entries.iter().any(|entry| entry.kind == EntryKind::Entry)
}

async fn known(
    session: &mut Session<'_>,
    feed: i64,
    keys: &[Cow<'_, str>],
) -> sqlx::Result<HashMap<String, Stored>> {
    let rows = session.rows(&KNOWN, &[feed.into(), (&list(keys)?).into()]).await?;
    let read = |mut row: Row| {
        let key = row.text()?;
        let (id, fingerprint, updated) = (row.int()?, row.text()?, row.maybe_int()?);
        let last = match row.text()?.as_str() {
            "created" => Last::Created,
            "updated" => Last::Updated,
            "deleted" => Last::Deleted,
            _ => Last::Swept,
        };
        Ok((key, Stored { id, fingerprint, updated, last, is_published: row.flag()? }))
    };
    rows.into_iter().map(read).collect()
}

/// Reserves numbers for events, and returns the first one.
async fn numbers(session: &mut Session<'_>, events: usize) -> sqlx::Result<i64> {
    let events = i64::try_from(events).unwrap_or(i64::MAX);
    let mut row = session.row(&NUMBERS, &[events.into()]).await?.ok_or(sqlx::Error::RowNotFound)?;
    Ok(row.int()? - events + 1)
}

/// Returns the bodies of entries that are deleted.
async fn bodies(
    session: &mut Session<'_>,
    pairs: &[(&NewEntry, Option<&Stored>)],
    verdicts: &[Verdict],
) -> sqlx::Result<HashMap<i64, String>> {
    let deleted = pairs.iter().zip(verdicts).filter(|(_, verdict)| **verdict == Verdict::Deleted);
    let ids: Vec<i64> = deleted.filter_map(|((_, stored), _)| stored.map(|stored| stored.id)).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = session.rows(&BODIES, &[(&list(&ids)?).into()]).await?;
    rows.into_iter().map(|mut row| Ok((row.int()?, row.text()?))).collect()
}

async fn write(session: &mut Session<'_>, batch: &Batch, via: Via, plan: &Plan<'_>) -> sqlx::Result<()> {
    let via = via.name();
    if !plan.created.is_empty() {
        let created = list(&plan.created)?;
        let values = [(&created).into(), batch.feed_id.into(), via.into(), batch.sanitiser.into()];
        session.execute(&CREATE, &values).await?;
    }
    if !plan.changed.is_empty() {
        let changed = list(&plan.changed)?;
        let values = [(&changed).into(), via.into(), batch.sanitiser.into()];
        session.execute(&CHANGE, &values).await?;
    }
    if !plan.deleted.is_empty() {
        session.execute(&DELETE, &[(&list(&plan.deleted)?).into(), via.into()]).await?;
    }
    if !plan.dated.is_empty() {
        session.execute(&DATE, &[(&list(&plan.dated)?).into()]).await?;
    }
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let hidden = count(plan.deleted.len()) - plan.restored + plan.remembered;
    if !plan.created.is_empty() || !plan.deleted.is_empty() || plan.restored > 0 {
        let shown = count(plan.created.len()) - hidden;
        let values = [batch.feed_id.into(), shown.into(), hidden.into(), is_feed(batch).into()];
        session.execute(&COUNT, &values).await?;
    }
    Ok(())
}

/// Returns the key as stored.
fn stored_key(key: &str) -> Cow<'_, str> {
    if key.len() > KEY {
        return Cow::Owned(format!("sha256:{}", hexadecimal(&Sha256::digest(key.as_bytes()))));
    }
    storable(key)
}
