//! Receives the messages of one server, and reconnects after an outage.

use tokio::sync::watch;
use tokio::time::Instant;

use super::Fault;
use super::direction::Direction;
use super::retry::Retry;
use crate::client::{Failure, Subscription};

/// Receives messages until `stop` is true, and then the messages that have already arrived.
///
/// # Errors
/// [`Fault::MarkLost`] if messages would loop.
pub(super) async fn listen(
    direction: &Direction,
    mut subscription: Subscription,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Fault> {
    loop {
        let lost = tokio::select! {
            _ = stop.wait_for(|is_over| *is_over) => break,
            next = subscription.next() => match next {
                Ok(message) => {
                    direction.take(message)?;
                    continue;
                }
                Err(failure) => failure,
            },
        };
        let from = &direction.from.url;
        tracing::warn!(from, error = %lost, "connection to a server lost; reconnecting");
        tokio::select! {
            _ = stop.wait_for(|is_over| *is_over) => return Ok(()),
            () = find(direction, &mut subscription) => {}
        }
    }
    subscription.close().await.into_iter().try_for_each(|message| direction.take(message))
}

/// Resumes the session if the server still has it, or opens another one; retries until one of these succeeds.
async fn find(direction: &Direction, subscription: &mut Subscription) {
    let (from, ext) = (&direction.from.url, direction.from.ext.as_deref());
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
            match Subscription::open(from, &direction.patterns, ext, &direction.from.tls).await {
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
