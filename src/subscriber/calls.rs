//! The worker for hubs: claims subscriptions with due requests, and sends the requests (WebSub, section 5.1;
//! PubSubHubbub 0.3, section 6.1). Hubs may verify a request before they respond to it, so the store has all data for a
//! verification before the request is sent. This module must not know feeds.

use std::sync::Arc;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;

use super::Subscriber;
use super::answer::{self, Sent};
use super::request::{self, DEADLINE};
use crate::store::{CallOutcome, FinishedCall, SubscriptionCall};
use crate::web::workers::Tasks;

/// How long a claim lasts beyond the time of a request: for the addresses of the feed, and for the record.
const RECORDING: Duration = Duration::from_secs(20);
/// How long finished requests are collected before more are claimed.
const PAUSE: Duration = Duration::from_millis(5);
/// Bytes of a `hub.verify_token`.
const TOKEN: usize = 16;

/// Works until the subscriber stops.
pub(super) async fn work(subscriber: Arc<Subscriber>) {
    let mut sending = Tasks::new(&subscriber.workers, PAUSE);
    while !subscriber.workers.is_stopping() {
        let room = subscriber.settings.concurrent.saturating_sub(sending.count());
        let claimed = match u32::try_from(room) {
            Ok(room @ 1..) => {
                let claimed = subscriber.store.claim_calls(room, DEADLINE + RECORDING).await;
                claimed.inspect_err(|error| tracing::debug!(%error, "no calls claimed")).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let is_more_due = claimed.len() == room;
        for call in claimed {
            let subscriber = Arc::clone(&subscriber);
            sending.spawn(async move { process(&subscriber, call).await });
        }
        sending.wait(&subscriber.store.work().calls, is_more_due).await;
    }
    sending.finish().await;
}

/// Sends a claimed request and records the result.
async fn process(subscriber: &Subscriber, call: SubscriptionCall) {
    let Some(answer) = request::send(subscriber, &call).await else {
        // The host is busy: the claim ends by its time, and the request is sent then.
        return;
    };
    let sent = Sent { is_legacy: call.verify_token.is_some(), attempts: call.attempts };
    let outcome = match token() {
        Ok(token) => answer::outcome(sent, answer, || token),
        Err(error) => {
            tracing::error!(%error, "no random bytes from the system; request to a hub not finished");
            return;
        }
    };
    let result = answer::result(&outcome);
    if let CallOutcome::Refused(why) | CallOutcome::Retry(_, why) = &outcome {
        let (feed, hub, mode) = (&call.feed.name, &call.hub, call.mode);
        tracing::debug!(feed, hub, ?mode, why, result, "request to a hub failed");
    }
    match subscriber.store.finish_call(&FinishedCall { id: call.id, claim: call.claim, outcome }).await {
        Ok(true) => subscriber.metrics.feeds.call(result),
        // A verification ends the claim, and may precede the response.
        Ok(false) if result == "accepted" => subscriber.metrics.feeds.call(result),
        Ok(false) => subscriber.metrics.feeds.call("lost"),
        // The claim ends, and the request is sent again.
        Err(error) => {
            tracing::warn!(feed = call.feed.name, %error, "result of a request to a hub not recorded");
        }
    }
}

/// Returns a new `hub.verify_token`.
fn token() -> Result<String, getrandom::Error> {
    let mut random = [0; TOKEN];
    getrandom::fill(&mut random)?;
    Ok(BASE64URL_NOPAD.encode(&random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_random() {
        let (one, other) = (token().unwrap(), token().unwrap());
        assert!(one != other && one.len() == 22, "{one} {other}");
    }
}
