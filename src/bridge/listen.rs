//! Listens to one server, and comes back to it when it was away.

use tokio::sync::watch;
use tokio::time::Instant;

use super::Fault;
use super::lane::Lane;
use super::retry::Retry;
use crate::client::{Failure, Subscription};

/// Takes what comes, until it is told to stop; then what had come by then.
///
/// # Errors
/// [`Fault::MarkLost`] if messages would go round.
pub(super) async fn listen(
    lane: &Lane,
    mut subscription: Subscription,
    mut told: watch::Receiver<bool>,
) -> Result<(), Fault> {
    loop {
        let lost = tokio::select! {
            _ = told.wait_for(|is_over| *is_over) => break,
            next = subscription.next() => match next {
                Ok(message) => {
                    lane.take(message)?;
                    continue;
                }
                Err(failure) => failure,
            },
        };
        let from = &lane.from.url;
        tracing::warn!(from, error = %lost, "connection to a server lost; reconnecting");
        tokio::select! {
            _ = told.wait_for(|is_over| *is_over) => return Ok(()),
            () = find(lane, &mut subscription) => {}
        }
    }
    subscription.close().await.into_iter().try_for_each(|message| lane.take(message))
}

/// Goes on with the session if the server still has it, or else begins another, as soon as one of both is possible.
async fn find(lane: &Lane, subscription: &mut Subscription) {
    let (from, ext) = (&lane.from.url, lane.from.ext.as_deref());
    let begin = Instant::now();
    let mut retry = Retry::new();
    let mut has_session = true;
    loop {
        let failure: Failure = if has_session {
            match subscription.resume().await {
                Ok(true) => {
                    tracing::info!(from, "reconnected; the session was kept");
                    return;
                }
                Ok(false) => {
                    has_session = false;
                    continue;
                }
                Err(failure) => failure,
            }
        } else {
            match Subscription::open(from, &lane.patterns, ext).await {
                Ok(fresh) => {
                    *subscription = fresh;
                    let seconds = begin.elapsed().as_secs();
                    tracing::warn!(
                        from,
                        seconds,
                        "reconnected with a new session; messages published during the outage are lost"
                    );
                    return;
                }
                Err(failure) => failure,
            }
        };
        if let Failure::Refused(refusal) = &failure {
            tracing::warn!(from, error = %refusal, "server refused the connection; retrying");
        }
        retry.wait().await;
    }
}
