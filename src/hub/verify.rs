//! The worker for requests to subscribe and unsubscribe: claims requests with due callbacks, runs the verifications and
//! denials concurrently, and records the results in batches. It must not know how callbacks are contacted, nor topics
//! and deliveries.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::Hub;
use super::ask::ask;
use super::{policy, retry};
use crate::store::{FinishedRequest, Mode, Request, RequestOutcome, Stage, StoreError};
use crate::web::workers::{POLL, Tasks};

/// Maximum number of requests in one claim or one record.
const BATCH: usize = 256;
/// Maximum time that a claimed request waits for a place at its host, before another one is claimed in its place.
const PATIENCE: Duration = Duration::from_secs(2);
/// The margin of a claim beyond the maximum time of a request: for recording the result.
const RECORDING: Duration = Duration::from_secs(10);
/// Maximum delay of a request whose host is busy. Claims leave out such hosts, and the host may recover earlier.
const POSTPONED: Duration = Duration::from_secs(60);
/// How long results are collected before more requests are claimed.
const PAUSE: Duration = Duration::from_millis(10);

/// Works until the hub stops.
pub(super) async fn work(hub: Arc<Hub>) {
    let (finished, results) = mpsc::channel(BATCH);
    tokio::join!(claim(&hub, finished), record(&hub, results));
}

/// Verifies a claimed request once for `hub.verify=sync`, and records the result. Returns [`RequestOutcome::Verified`]
/// only if the store has the subscription, [`RequestOutcome::Refused`] if the callback did not confirm, and
/// [`RequestOutcome::Postponed`] or [`RequestOutcome::Retry`] if the client may retry after that time, because the host
/// is busy or the store is unavailable. It takes up to `hub.deadline`, plus the time of the store.
pub(super) async fn verify_now(hub: &Hub, request: Request) -> RequestOutcome {
    let (id, claim) = (request.id, request.claim);
    let asked = tokio::time::timeout(hub.settings.deadline, ask(hub, &request, PATIENCE)).await;
    let (outcome, recorded) = match asked.unwrap_or(Ok(retry::Answer::Unreachable)) {
        Ok(answer) => {
            let outcome = retry::last_outcome(answer);
            (outcome.clone(), outcome)
        }
        Err(time) => {
            let recorded = RequestOutcome::Refused("the host of the callback is busy".to_owned());
            (RequestOutcome::Postponed(time), recorded)
        }
    };
    count(hub, &recorded);
    match hub.store.finish_requests(&[FinishedRequest { id, claim, outcome: recorded }]).await {
        Ok(0) => outcome,
        Ok(lost) => {
            hub.metrics.hub.lose_verifications(lost);
            RequestOutcome::Refused("another request replaced this one".to_owned())
        }
        Err(error) => {
            tracing::debug!(request = id, %error, "result of a verification not recorded");
            RequestOutcome::Retry(POLL, "the store is unavailable".to_owned())
        }
    }
}

/// Returns the time of a claim.
fn hold(hub: &Hub) -> Duration {
    2 * hub.settings.deadline + PATIENCE + RECORDING
}

/// Claims requests and contacts their callbacks, until the hub stops.
async fn claim(hub: &Arc<Hub>, finished: mpsc::Sender<FinishedRequest>) {
    let most = BATCH.min(hub.settings.concurrent.max(1));
    let mut asking = Tasks::new(&hub.workers, PAUSE);
    while !hub.workers.is_stopping() {
        let room = most - asking.count();
        let busy = hub.hosts.busy();
        let claimed = match room {
            0 => Vec::new(),
            room => claim_some(hub, room, &busy).await.unwrap_or_default(),
        };
        let is_more_due = claimed.len() == room;
        for request in claimed {
            let (hub, finished) = (Arc::clone(hub), finished.clone());
            asking.spawn(async move {
                let done = finish(&hub, request).await;
                // The receiver is dropped only when the hub no longer waits for results.
                let _ = finished.send(done).await;
            });
        }
        // A request that ends makes room, or a place at a host that was busy.
        asking.wait(&hub.store.work().requests, is_more_due || !busy.is_empty()).await;
    }
    drop(finished);
    asking.finish().await;
}

async fn claim_some(hub: &Hub, room: usize, busy: &[String]) -> Result<Vec<Request>, StoreError> {
    let room = u32::try_from(room).unwrap_or(u32::MAX);
    let claimed = hub.store.claim_requests(room, hold(hub), busy).await;
    claimed.inspect_err(|error| tracing::debug!(%error, "no requests claimed"))
}

/// Verifies or denies a request. The settings may have changed since the request or subscription was made.
async fn finish(hub: &Hub, request: Request) -> FinishedRequest {
    let is_subscription = request.stage == Stage::Verify && request.mode == Mode::Subscribe;
    let outcome = if is_subscription && policy::is_refused(hub, &request.topic) {
        RequestOutcome::Denied(policy::REFUSED.to_owned())
    } else {
        match ask(hub, &request, PATIENCE).await {
            Ok(answer) => retry::outcome(&request, answer),
            Err(time) => RequestOutcome::Postponed(time.min(POSTPONED)),
        }
    };
    if let RequestOutcome::Refused(reason) | RequestOutcome::Retry(_, reason) = &outcome {
        tracing::debug!(request = request.id, host = request.host, reason, "callback did not confirm");
    }
    FinishedRequest { id: request.id, claim: request.claim, outcome }
}

/// Counts a recorded result: a subscription that the metric shows receives the content of the next ping.
fn count(hub: &Hub, outcome: &RequestOutcome) {
    hub.metrics.hub.verification(match outcome {
        RequestOutcome::Verified | RequestOutcome::Checked => "verified",
        RequestOutcome::Refused(_) => "refused",
        RequestOutcome::Retry(..) => "retried",
        RequestOutcome::Postponed(_) => "postponed",
        RequestOutcome::Denied(_) | RequestOutcome::Told => "denied",
    });
}

/// Records results until the channel is closed. While the store is unavailable, the pending results prevent further
/// claims.
async fn record(hub: &Hub, mut results: mpsc::Receiver<FinishedRequest>) {
    let mut batch = Vec::with_capacity(BATCH);
    while results.recv_many(&mut batch, BATCH).await > 0 {
        let begin = Instant::now();
        while !record_some(hub, &batch).await {
            if hub.store.is_up() {
                // One result is refused. It must not keep the others from the store.
                for one in batch.chunks(1) {
                    record_some(hub, one).await;
                }
                break;
            }
            // After that time the claims have ended, and the requests are due again.
            if begin.elapsed() >= hold(hub) || !hub.workers.wait(&Notify::new()).await {
                break;
            }
        }
        batch.clear();
    }
}

async fn record_some(hub: &Hub, results: &[FinishedRequest]) -> bool {
    match hub.store.finish_requests(results).await {
        Ok(lost) => {
            hub.metrics.hub.lose_verifications(lost);
            results.iter().for_each(|result| count(hub, &result.outcome));
            notify_soon(hub, results);
            true
        }
        Err(error) => {
            tracing::debug!(%error, "results of verifications not recorded");
            false
        }
    }
}

/// Notifies the worker when the first of these requests is due again, if that is before its next check: subscriptions
/// with a lease of seconds are renewed within a fraction of a second.
fn notify_soon(hub: &Hub, results: &[FinishedRequest]) {
    let again = results.iter().filter_map(|result| match &result.outcome {
        RequestOutcome::Retry(time, _) | RequestOutcome::Postponed(time) => Some(*time),
        _ => None,
    });
    if let Some(time) = again.min().filter(|time| *time < POLL) {
        let store = hub.store.clone();
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            store.work().requests.notify_one();
        });
    }
}
