//! New content of a topic: the next version, queued for all active subscriptions.

use super::{clean, list};
use crate::store::records::{Content, Payload};
use crate::store::session::{Operation, Outcome, Session};
use crate::store::statement::Statement;

/// A topic and its content. Returns the number of queued deliveries, or `None` without a subscription or a change.
pub(in crate::store) static PUBLISH: Operation<(String, Content), Option<u64>> =
    Operation { name: "publish", run: publish };

/// The number of a topic.
pub(in crate::store) static PAYLOAD: Operation<i64, Option<Payload>> =
    Operation { name: "payload", run: payload };

static VERSION: Statement = Statement::new(
    "version",
    "UPDATE topics SET version = version + 1, etag = $2, last_modified = $3, fingerprint = $4, fetched_at = {now}, \
       failure = NULL, fetch_attempts = 0 \
     WHERE url = $1 AND (fingerprint IS NULL OR fingerprint <> $4) \
       AND EXISTS (SELECT 1 FROM subscriptions s WHERE s.topic_id = topics.id AND s.expires_at > {now}) \
     RETURNING id, version",
);

// A delivery that is under way keeps its claim. One whose claim has expired is due already.
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
    "INSERT INTO contents (topic_id, version, content_type, hubs, self_url, body) VALUES ($1, $2, $3, $4, $5, $6) \
     ON CONFLICT (topic_id) DO UPDATE SET version = excluded.version, content_type = excluded.content_type, \
       hubs = excluded.hubs, self_url = excluded.self_url, body = excluded.body",
);

static READ: Statement = Statement::new(
    "read",
    "SELECT c.version, c.body, c.content_type, c.hubs, c.self_url, t.url \
     FROM contents c JOIN topics t ON t.id = c.topic_id \
     WHERE c.topic_id = $1 AND EXISTS (SELECT 1 FROM deliveries d WHERE d.topic_id = c.topic_id)",
);

fn publish<'c>(
    mut session: Session<'c>,
    (topic, content): &'c (String, Content),
) -> Outcome<'c, Option<u64>> {
    Box::pin(async move {
        let values = [
            topic.into(),
            (&content.validators.etag).into(),
            (&content.validators.last_modified).into(),
            content.fingerprint.as_slice().into(),
        ];
        let Some(mut row) = session.row(&VERSION, &values).await? else {
            return Ok(None);
        };
        let (id, version) = (row.int()?, row.int()?);
        queue(&mut session, id, version, content).await.map(Some)
    })
}

/// Queues a version for all active subscriptions of a topic. Returns their number.
pub(super) async fn queue(
    session: &mut Session<'_>,
    id: i64,
    version: i64,
    content: &Content,
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
            (&content.body[..]).into(),
        ];
        session.execute(&CONTENT, &values).await?;
    }
    Ok(queued)
}

fn payload<'c>(mut session: Session<'c>, id: &'c i64) -> Outcome<'c, Option<Payload>> {
    Box::pin(async move {
        let Some(mut row) = session.row(&READ, &[(*id).into()]).await? else {
            return Ok(None);
        };
        Ok(Some(Payload {
            version: row.int()?,
            body: row.bytes()?.into(),
            content_type: row.maybe_text()?,
            hubs: serde_json::from_str(&row.text()?)
                .map_err(|problem| sqlx::Error::Decode(problem.into()))?,
            self_url: row.maybe_text()?,
            topic: row.text()?,
        }))
    })
}
