//! Sends the verification or denial of one request to its callback. This module must not know the store's workers or
//! the consequences of the response.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::ACCEPT;
use hyper::http::Uri;
use tokio::time::Instant;

use super::Hub;
use super::call::{call, is_local};
use super::challenge::{self, Challenge};
use super::retry::Answer;
use crate::fetch::FetchError;
use crate::store::{Request, Stage};
use crate::web::hosts::{Busy, Place};
use crate::web::workers::POLL;

/// Bytes of a response that are read.
const CAP: usize = 1024;
/// The pause between two attempts to get a place while a host is busy.
const AGAIN: Duration = Duration::from_millis(20);

/// Verifies or denies a request once. Waits up to `patience` for a place at the host, and then up to twice
/// `hub.deadline`: for the resolution of the name and for the response.
///
/// # Errors
/// The host was busy for about that time.
pub(super) async fn ask(hub: &Hub, request: &Request, patience: Duration) -> Result<Answer, Duration> {
    let (url, challenge) = match prepare(request) {
        Ok(prepared) => prepared,
        Err(error) => {
            tracing::error!(request = request.id, %error, "no random bytes from the system; the callback is asked later");
            return Ok(Answer::Unreachable);
        }
    };
    let Some(url) = url else { return Ok(Answer::Forbidden) };
    let place = match place(hub, request, &url, patience).await {
        Ok(place) => place,
        Err(Obstacle::Busy(time)) => return Err(time),
        Err(Obstacle::Failure(answer)) => return Ok(answer),
    };
    let Ok(get) = hyper::Request::get(url).header(ACCEPT, "*/*").body(Full::<Bytes>::default()) else {
        return Ok(Answer::Forbidden);
    };
    let answer = match call(hub, get, CAP).await {
        Ok(response) => match challenge {
            Some(challenge)
                if response.status().is_success() && challenge.is_confirmed_by(response.body()) =>
            {
                Answer::Confirmed
            }
            _ => Answer::Status(response.status()),
        },
        // A long body is not the challenge.
        Err(FetchError::Size(_)) => Answer::Status(hyper::StatusCode::OK),
        Err(error) => failure(hub, request, &error),
    };
    if let Some(place) = place {
        settle(place, request, answer);
    }
    Ok(answer)
}

/// Returns the URL, unless the callback is none, and the challenge of a verification.
fn prepare(request: &Request) -> Result<(Option<Uri>, Option<Challenge>), getrandom::Error> {
    if request.stage == Stage::Deny {
        return Ok((challenge::denial(request).parse().ok(), None));
    }
    let challenge = Challenge::new()?;
    Ok((challenge::verification(request, &challenge).parse().ok(), Some(challenge)))
}

/// Why a request to a callback is not sent.
enum Obstacle {
    /// The host is busy, for about that time.
    Busy(Duration),
    /// The host cannot be requested.
    Failure(Answer),
}

/// Waits for a place for a request. A callback in this process needs none.
async fn place(
    hub: &Hub,
    request: &Request,
    url: &Uri,
    patience: Duration,
) -> Result<Option<Place>, Obstacle> {
    if is_local(hub, url) {
        return Ok(None);
    }
    let deadline = hub.settings.deadline;
    let found = tokio::time::timeout(deadline, hub.callbacks.address(url)).await;
    let found = found.unwrap_or(Err(FetchError::Deadline(deadline)));
    let address = found.map_err(|error| Obstacle::Failure(failure(hub, request, &error)))?;
    let begin = Instant::now();
    // Strangers choose the callbacks of verifications, and how slow they are.
    let spared = hub.hosts.concurrent() / 2;
    loop {
        match hub.hosts.acquire_sparing(&request.host, address.as_slice(), spared) {
            Ok(place) => return Ok(Some(place)),
            Err(Busy::Broken(time)) => return Err(Obstacle::Busy(time)),
            Err(Busy::Full) if begin.elapsed() >= patience => return Err(Obstacle::Busy(POLL)),
            Err(Busy::Full) => tokio::time::sleep(AGAIN).await,
        }
    }
}

/// Classifies a missing response. The details are logged and not shown to clients.
fn failure(hub: &Hub, request: &Request, error: &FetchError) -> Answer {
    tracing::debug!(request = request.id, host = request.host, %error, "no response of the callback");
    match error {
        FetchError::Private(address) => {
            hub.note_refused(&request.host, *address, "hub.callback_networks");
            Answer::Forbidden
        }
        FetchError::Url => Answer::Forbidden,
        _ => Answer::Unreachable,
    }
}

/// Reports an answer to the circuit breaker of the host. Any client can name a callback, so failures of callbacks
/// without a confirmed subscription must not delay other deliveries to the same host.
fn settle(place: Place, request: &Request, answer: Answer) {
    match answer {
        Answer::Status(status) if status.is_server_error() && request.is_renewal => place.failed(),
        Answer::Unreachable if request.is_renewal => place.failed(),
        Answer::Confirmed => place.succeeded(),
        Answer::Status(status) if !status.is_server_error() => place.succeeded(),
        _ => drop(place),
    }
}
