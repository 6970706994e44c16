//! Requests to subscribe and unsubscribe: adding and claiming.

use std::time::Duration;

use super::counters;
use super::{bound, clean, duration, list, millis, secret};
use crate::store::records::{Admission, Bound, Bounds, Claim, Mode, NewRequest, Request, Stage};
use crate::store::session::{Operation, Outcome, Row, Session};
use crate::store::statement::Statement;

/// A request, the bounds, and the claim for the caller.
pub(in crate::store) type NewArguments = (NewRequest, Bounds, Claim);
/// How many at most, the claim, how long it holds, and the hosts that are left out.
pub(in crate::store) type ClaimArguments = (u32, Claim, Duration, Vec<String>);

pub(in crate::store) static ADD: Operation<NewArguments, Admission> =
    Operation { name: "add_request", run: add };
pub(in crate::store) static CLAIM: Operation<ClaimArguments, Vec<Request>> =
    Operation { name: "claim_requests", run: claim };

static KNOWN: Statement = Statement::new(
    "known",
    "SELECT (SELECT count(*) FROM topics WHERE url = $1), \
     (SELECT count(*) FROM topics WHERE url = $1 AND validated_at > {now} - 86400000), \
     (SELECT count(*) FROM subscriptions s JOIN topics t ON t.id = s.topic_id \
       WHERE t.url = $1 AND s.callback = $2 AND s.expires_at > {now}), \
     (SELECT count(*) FROM requests WHERE topic = $1 AND callback = $2 AND mode = $6 AND is_queued = 0 \
       AND stage IN ('check', 'verify', 'deny')), \
     (SELECT count(*) FROM requests WHERE topic = $1 AND callback = $2 AND mode = $6 AND is_queued = 0 \
       AND claim IS NOT NULL AND due_at > {now}), \
     (SELECT count(*) FROM requests WHERE topic = $1 AND callback = $2 AND mode = $6 AND is_queued = 1), \
     (SELECT count(*) FROM (SELECT 1 FROM requests WHERE host = $3 AND is_renewal = 0 \
       AND stage IN ('check', 'verify', 'deny') LIMIT $4) AS pending), \
     (SELECT count(*) FROM (SELECT 1 FROM requests WHERE client = $7 AND is_renewal = 0 \
       AND stage IN ('check', 'verify', 'deny') LIMIT $8) AS by_client), \
     (SELECT count(*) FROM (SELECT 1 FROM requests WHERE client = $7 AND host = $3 AND is_renewal = 0 \
       AND stage IN ('check', 'verify', 'deny') LIMIT $4) AS share), \
     (SELECT count(*) FROM (SELECT 1 FROM subscriptions WHERE host = $3 LIMIT $5) AS by_host), \
     (SELECT CAST(sum(topics) AS BIGINT) FROM counters), \
     (SELECT CAST(sum(subscriptions) AS BIGINT) FROM counters), \
     (SELECT CAST(sum(requests) AS BIGINT) FROM counters)",
);

static UNVERIFIED: Statement = Statement::new(
    "unverified",
    "SELECT count(*) FROM (SELECT 1 FROM topics WHERE unused_at IS NOT NULL \
       AND NOT EXISTS (SELECT 1 FROM subscriptions s WHERE s.topic_id = topics.id) LIMIT $1) AS unverified",
);

static TOPIC: Statement = Statement::new(
    "topic",
    "INSERT INTO topics (url, version, fetch_gap, fetch_attempts, is_pinged, misses, unused_at) \
     VALUES ($1, 0, 0, 0, 0, 0, {now}) ON CONFLICT (url) DO NOTHING",
);

// A ping for a later time keeps that time.
static CHECK: Statement = Statement::new(
    "check",
    "UPDATE topics SET fetch_due = {now} + $2, \
       fetch_last = CASE WHEN is_pinged = 1 AND fetch_due IS NOT NULL \
         THEN {greatest}(coalesce(fetch_last, 0), fetch_due) ELSE fetch_last END \
     WHERE url = $1 AND (fetch_due IS NULL OR (fetch_claim IS NULL AND fetch_due > {now} + $2))",
);

static OLDER: Statement = Statement::new(
    "older",
    "DELETE FROM requests WHERE topic = $1 AND callback = $2 AND mode = $3 AND is_queued = 1",
);

// A request that was claimed since the first statement is not replaced: the statement returns no row, and the operation
// is repeated.
static REQUEST: Statement = Statement::new(
    "request",
    "INSERT INTO requests (mode, stage, topic, topic_spelt, callback, host, secret, signature, lease, is_legacy, \
       is_renewal, verify_token, token, due_at, claim, attempts, reason, created_at, is_queued, client) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, $11, $12, {now} + $13, $14, 0, NULL, {now}, $15, $16) \
     ON CONFLICT (topic, callback, mode, is_queued) DO UPDATE SET stage = excluded.stage, \
       topic_spelt = excluded.topic_spelt, host = excluded.host, secret = excluded.secret, \
       signature = excluded.signature, lease = excluded.lease, is_legacy = excluded.is_legacy, \
       is_renewal = 0, verify_token = excluded.verify_token, token = excluded.token, due_at = excluded.due_at, \
       claim = excluded.claim, attempts = 0, reason = NULL, created_at = excluded.created_at, \
       client = excluded.client \
     WHERE requests.claim IS NULL OR requests.due_at <= {now} \
     RETURNING id",
);

static DUE: Statement = Statement::new(
    "claim",
    "UPDATE requests SET claim = $1, due_at = {now} + $2 WHERE id IN \
       (SELECT id FROM requests WHERE stage IN ('verify', 'deny') AND due_at <= {now} AND is_queued = 0 \
         AND host NOT IN {texts $3} ORDER BY due_at LIMIT $4 {skip locked}) \
     RETURNING id, mode, stage, topic, topic_spelt, callback, host, lease, is_legacy, is_renewal, verify_token, \
       attempts, {now} - created_at, reason, \
       (SELECT count(*) FROM subscriptions s JOIN topics t ON t.id = s.topic_id \
         WHERE t.url = requests.topic AND s.callback = requests.callback AND s.expires_at > {now})",
);

fn add<'c>(mut session: Session<'c>, (request, bounds, claim): &'c NewArguments) -> Outcome<'c, Admission> {
    Box::pin(async move {
        let is_subscribe = request.mode == Mode::Subscribe;
        let known = known(&mut session, request, bounds).await?;
        if known.is_claimed && request.claim_for.is_some() {
            return Ok(Admission::Busy);
        }
        if let Some(full) = known.full(is_subscribe, bounds) {
            return Ok(Admission::Full(full));
        }
        if is_subscribe && !known.has_topic && known.topics >= bounds.topics {
            let unverified = unverified(&mut session, bounds).await?;
            if known.topics.saturating_sub(unverified) >= bounds.topics {
                return Ok(Admission::Full(Bound::Topics));
            }
        }
        let mut topics = 0;
        if is_subscribe && !known.has_topic {
            topics = session.execute(&TOPIC, &[(&request.topic).into()]).await?;
        }
        let is_checked = !is_subscribe || !request.needs_check || known.is_validated;
        let hold = request.claim_for.map_or(0, millis);
        if !is_checked {
            session.execute(&CHECK, &[(&request.topic).into(), hold.into()]).await?;
        }
        let stage = if is_checked { Stage::Verify } else { Stage::Check };
        if known.has_queued && !known.is_claimed {
            let values = [(&request.topic).into(), (&request.callback).into(), request.mode.name().into()];
            session.execute(&OLDER, &values).await?;
        }
        let id = insert(&mut session, request, stage, hold, *claim, known.is_claimed).await?;
        let change = counters::Change {
            topics: counters::changed(topics),
            requests: 1 - known.replaced(),
            ..counters::Change::default()
        };
        counters::add(&mut session, change).await?;
        Ok(Admission::Accepted(Request {
            id,
            claim: *claim,
            mode: request.mode,
            stage,
            topic: request.topic.clone(),
            topic_spelt: request.topic_spelt.clone(),
            callback: request.callback.clone(),
            host: request.host.clone(),
            lease: request.lease,
            is_legacy: request.is_legacy,
            is_renewal: false,
            is_known: known.is_subscribed,
            verify_token: request.verify_token.clone(),
            attempts: 0,
            age: Duration::ZERO,
            reason: None,
        }))
    })
}

/// The existing rows.
struct Known {
    has_topic: bool,
    is_validated: bool,
    is_subscribed: bool,
    /// Whether an older request of the same mode is not finished.
    has_current: bool,
    /// Whether that request is being verified: a newer one is queued after it.
    is_claimed: bool,
    /// Whether another request is already queued.
    has_queued: bool,
    pending: u64,
    by_client: u64,
    /// Unfinished requests of the client for this host.
    share: u64,
    by_host: u64,
    topics: u64,
    subscriptions: u64,
    unfinished: u64,
}

impl Known {
    /// Returns the number of unfinished requests that the request replaces.
    fn replaced(&self) -> i64 {
        i64::from(self.has_current && !self.is_claimed) + i64::from(self.has_queued)
    }

    /// Returns the bound that the request would go beyond. Unfinished requests count as subscriptions that they may
    /// become.
    fn full(&self, is_subscribe: bool, bounds: &Bounds) -> Option<Bound> {
        // Strangers must not keep a subscriber from renewing and from ending its subscription.
        if self.replaced() > 0 || self.is_subscribed {
            return None;
        }
        if self.pending >= bounds.pending_by_host {
            return Some(Bound::PendingByHost);
        }
        let share = bounds.pending_by_host - bounds.pending_by_host / 4;
        if self.by_client >= bounds.pending_by_client || self.share >= share {
            return Some(Bound::PendingByClient);
        }
        if self.unfinished >= bounds.pending {
            return Some(Bound::Pending);
        }
        if !is_subscribe {
            return None;
        }
        if self.by_host.saturating_add(self.pending) >= bounds.subscriptions_by_host {
            return Some(Bound::SubscriptionsByHost);
        }
        let is_full = self.subscriptions.saturating_add(self.unfinished) >= bounds.subscriptions;
        is_full.then_some(Bound::Subscriptions)
    }
}

async fn known(session: &mut Session<'_>, request: &NewRequest, bounds: &Bounds) -> sqlx::Result<Known> {
    let values = [
        (&request.topic).into(),
        (&request.callback).into(),
        (&request.host).into(),
        bound(bounds.pending_by_host).into(),
        bound(bounds.subscriptions_by_host).into(),
        request.mode.name().into(),
        (&request.client).into(),
        bound(bounds.pending_by_client).into(),
    ];
    let mut row = session.row(&KNOWN, &values).await?.ok_or(sqlx::Error::RowNotFound)?;
    Ok(Known {
        has_topic: row.flag()?,
        is_validated: row.flag()?,
        is_subscribed: row.flag()?,
        has_current: row.flag()?,
        is_claimed: row.flag()?,
        has_queued: row.flag()?,
        pending: row.count()?,
        by_client: row.count()?,
        share: row.count()?,
        by_host: row.count()?,
        topics: row.count()?,
        subscriptions: row.count()?,
        unfinished: row.count()?,
    })
}

/// Returns the number of topics without a subscription, up to the bound of unfinished requests.
async fn unverified(session: &mut Session<'_>, bounds: &Bounds) -> sqlx::Result<u64> {
    let row = session.row(&UNVERIFIED, &[bound(bounds.pending).into()]).await?;
    row.ok_or(sqlx::Error::RowNotFound)?.count()
}

async fn insert(
    session: &mut Session<'_>,
    request: &NewRequest,
    stage: Stage,
    hold: i64,
    claim: Claim,
    is_queued: bool,
) -> sqlx::Result<i64> {
    let stage = if stage == Stage::Check { "check" } else { "verify" };
    let spelt = clean(&request.topic_spelt);
    let claim = request.claim_for.is_some().then_some(claim);
    let values = [
        request.mode.name().into(),
        stage.into(),
        (&request.topic).into(),
        (&spelt).into(),
        (&request.callback).into(),
        (&request.host).into(),
        request.secret.as_deref().map(str::as_bytes).into(),
        request.signature.name().into(),
        millis(request.lease).into(),
        request.is_legacy.into(),
        request.verify_token.as_deref().map(str::as_bytes).into(),
        (&request.token).into(),
        hold.into(),
        claim.into(),
        is_queued.into(),
        (&request.client).into(),
    ];
    session.row(&REQUEST, &values).await?.ok_or(sqlx::Error::RowNotFound)?.int()
}

fn claim<'c>(
    mut session: Session<'c>,
    (most, claim, hold, without): &'c ClaimArguments,
) -> Outcome<'c, Vec<Request>> {
    Box::pin(async move {
        let without = list(without)?;
        let values = [(*claim).into(), millis(*hold).into(), (&without).into(), i64::from(*most).into()];
        let rows = session.rows(&DUE, &values).await?;
        rows.into_iter().map(|row| read(row, *claim)).collect()
    })
}

fn read(mut row: Row, claim: Claim) -> sqlx::Result<Request> {
    Ok(Request {
        id: row.int()?,
        claim,
        mode: mode(&row.text()?),
        stage: if row.text()? == "deny" { Stage::Deny } else { Stage::Verify },
        topic: row.text()?,
        topic_spelt: row.text()?,
        callback: row.text()?,
        host: row.text()?,
        lease: duration(row.int()?),
        is_legacy: row.flag()?,
        is_renewal: row.flag()?,
        verify_token: secret(row.maybe_bytes()?),
        attempts: u32::try_from(row.int()?).unwrap_or(u32::MAX),
        age: duration(row.int()?),
        reason: row.maybe_text()?,
        is_known: row.flag()?,
    })
}

/// Returns a mode as it was stored.
pub(super) fn mode(name: &str) -> Mode {
    if name == "unsubscribe" { Mode::Unsubscribe } else { Mode::Subscribe }
}
