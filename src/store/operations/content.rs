//! New content of a topic: the next version, queued for all active subscriptions.

use super::{bound, clean, counters, list};
use crate::store::packed::Packed;
use crate::store::records::{Content, Payload};
use crate::store::session::{Operation, Outcome, Session};
use crate::store::statement::Statement;

/// The topic, its content, the content as stored, and the maximum bytes of all contents.
pub(in crate::store) type PublishArguments = (String, Content, Packed, u64);

/// The result of a publication.
pub(in crate::store) enum Published {
    /// The topic has no subscription or no change.
    Unchanged,
    /// The number of queued deliveries.
    Queued(u64),
    /// The content exceeds the bound of all contents.
    Full,
}

pub(in crate::store) static PUBLISH: Operation<PublishArguments, Published> =
    Operation { name: "publish", run: publish };

/// Takes the number of a topic. Returns the payload as stored, and whether its body is compressed.
pub(in crate::store) static PAYLOAD: Operation<i64, Option<(Payload, bool)>> =
    Operation { name: "payload", run: payload };

static ROOM: Statement = Statement::new(
    "room",
    "SELECT (SELECT CAST(sum(contents) AS BIGINT) FROM counters), \
       (SELECT coalesce(max(c.size), 0) FROM contents c JOIN topics t ON t.id = c.topic_id WHERE t.url = $1)",
);

static VERSION: Statement = Statement::new(
    "version",
    "UPDATE topics SET version = version + 1, etag = $2, last_modified = $3, fingerprint = $4, fetched_at = {now}, \
       failure = NULL, fetch_attempts = 0 \
     WHERE url = $1 AND (fingerprint IS NULL OR fingerprint <> $4) \
       AND EXISTS (SELECT 1 FROM subscriptions s WHERE s.topic_id = topics.id AND s.expires_at > {now}) \
     RETURNING id, version",
);

// A running delivery keeps its claim. A delivery with an expired claim is already due.
static QUEUE: Statement = Statement::new(
    "queue",
    "INSERT INTO deliveries (subscription_id, topic_id, version, host, due_at, claim, attempts, queued_at) \
     SELECT id, topic_id, $2, host, {now}, NULL, 0, {now} FROM subscriptions \
       WHERE topic_id = $1 AND expires_at > {now} \
     ON CONFLICT (subscription_id) DO UPDATE SET version = excluded.version, attempts = 0, \
       queued_at = excluded.queued_at, \
       due_at = CASE WHEN deliveries.claim IS NULL THEN excluded.due_at ELSE deliveries.due_at END",
);

static CONTENT: Statement = Statement::new(
    "content",
    "INSERT INTO contents (topic_id, version, content_type, hubs, self_url, is_packed, size, body) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
     ON CONFLICT (topic_id) DO UPDATE SET version = excluded.version, content_type = excluded.content_type, \
       hubs = excluded.hubs, self_url = excluded.self_url, is_packed = excluded.is_packed, \
       size = excluded.size, body = excluded.body",
);

static READ: Statement = Statement::new(
    "read",
    "SELECT c.version, c.body, c.content_type, c.hubs, c.self_url, t.url, c.is_packed \
     FROM contents c JOIN topics t ON t.id = c.topic_id \
     WHERE c.topic_id = $1 AND EXISTS (SELECT 1 FROM deliveries d WHERE d.topic_id = c.topic_id)",
);

fn publish<'c>(
    mut session: Session<'c>,
    (topic, content, packed, most): &'c PublishArguments,
) -> Outcome<'c, Published> {
    Box::pin(async move {
        let Some(growth) = room(&mut session, topic, packed, *most).await? else {
            return Ok(Published::Full);
        };
        let values = [
            topic.into(),
            (&content.validators.etag).into(),
            (&content.validators.last_modified).into(),
            content.fingerprint.as_slice().into(),
        ];
        let Some(mut row) = session.row(&VERSION, &values).await? else {
            return Ok(Published::Unchanged);
        };
        let (id, version) = (row.int()?, row.int()?);
        let queued = queue(&mut session, id, version, content, packed).await?;
        let contents = if queued > 0 { growth } else { 0 };
        counters::add(&mut session, counters::Change { contents, ..counters::Change::default() }).await?;
        Ok(Published::Queued(queued))
    })
}

/// Returns how many bytes more than before are stored with new content of a topic; `None` if that is more than `most`
/// in all.
pub(super) async fn room(
    session: &mut Session<'_>,
    topic: &str,
    packed: &Packed,
    most: u64,
) -> sqlx::Result<Option<i64>> {
    let mut row = session.row(&ROOM, &[topic.into()]).await?.ok_or(sqlx::Error::RowNotFound)?;
    let (stored, before) = (row.int()?, row.int()?);
    let growth = size(packed) - before;
    // Content that does not grow is always accepted.
    Ok((growth <= 0 || stored + growth <= bound(most)).then_some(growth))
}

fn size(packed: &Packed) -> i64 {
    i64::try_from(packed.bytes.len()).unwrap_or(i64::MAX)
}

/// Queues a version for all active subscriptions of a topic. Returns their number.
pub(super) async fn queue(
    session: &mut Session<'_>,
    id: i64,
    version: i64,
    content: &Content,
    packed: &Packed,
) -> sqlx::Result<u64> {
    let queued = session.execute(&QUEUE, &[id.into(), version.into()]).await?;
    if queued > 0 {
        let hubs: Vec<String> = content.hubs.iter().map(|hub| clean(hub)).collect();
        let hubs = list(&hubs)?;
        let self_url = content.self_url.as_deref().map(clean);
        let values = [
            id.into(),
            version.into(),
            (&content.content_type).into(),
            (&hubs).into(),
            (&self_url).into(),
            packed.is_packed.into(),
            size(packed).into(),
            (&packed.bytes[..]).into(),
        ];
        session.execute(&CONTENT, &values).await?;
    }
    Ok(queued)
}

fn payload<'c>(mut session: Session<'c>, id: &'c i64) -> Outcome<'c, Option<(Payload, bool)>> {
    Box::pin(async move {
        let Some(mut row) = session.row(&READ, &[(*id).into()]).await? else {
            return Ok(None);
        };
        let payload = Payload {
            version: row.int()?,
            body: row.bytes()?.into(),
            content_type: row.maybe_text()?,
            hubs: serde_json::from_str(&row.text()?)
                .map_err(|problem| sqlx::Error::Decode(problem.into()))?,
            self_url: row.maybe_text()?,
            topic: row.text()?,
        };
        Ok(Some((payload, row.flag()?)))
    })
}
