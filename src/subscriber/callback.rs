//! The callbacks of subscriptions at `/websub/callback/ID`: hubs verify and deny subscriptions there (WebSub, section
//! 5), and push content (section 7). It must not know how entries are parsed or published.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use hyper::http::HeaderMap;
use subtle::ConstantTimeEq;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::Subscriber;
use super::ingest::{Content, IngestError, Owner, Taken};
use super::intent::{self, Intent};
use super::outcome::Outcome;
use super::signature::{self, Signature};
use crate::auth::more;
use crate::config;
use crate::metrics::Reason;
use crate::peer::Head;
use crate::store::{Callback, HubWord, StoreError, SubscriptionMode, Via};
use crate::transport::{Endpoint, Method, Route, RouteFuture, RouteLimits, RouteRequest};
use crate::web::coding::{self, CodingError};
use crate::web::rate::Rate;

/// The beginning of the path of every callback.
pub(super) const FOLDER: &str = "/websub/callback/";
/// Maximum time for a hub to send a body.
const BODY_TIME: Duration = Duration::from_secs(10);
/// The deadline for processing a request: hubs wait for about that long.
const DEADLINE: Duration = Duration::from_secs(10);
/// The time after [`DEADLINE`] in which a notification that is not processed is recorded.
const RECORDING: Duration = Duration::from_secs(3);
/// Characters of an identifier: 128 bits in Base64url.
const ID: usize = 22;

/// By which way requests reach the callbacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// From other hosts.
    Http,
    /// From the hub of this process.
    InProcess,
}

/// Serves the callbacks.
pub(super) struct Callbacks {
    subscriber: Arc<Subscriber>,
    rate: Rate,
    way: Way,
    /// [`DEADLINE`], except in tests.
    deadline: Duration,
}

impl Callbacks {
    pub(super) fn new(subscriber: &Arc<Subscriber>, way: Way) -> Self {
        let rate = Rate::new(subscriber.settings.rate);
        Self { subscriber: Arc::clone(subscriber), rate, way, deadline: DEADLINE }
    }

    async fn answer(&self, request: RouteRequest) -> Response<Bytes> {
        let method = request.method;
        let (mode, outcome) = match self.acquire(&request) {
            Err(wait) => ("none", Outcome::Rate(wait)),
            Ok(()) => match self.find(request).await {
                (mode, Ok(outcome)) => (mode, outcome),
                (mode, Err(error)) => {
                    tracing::debug!(%error, "request of a hub not answered");
                    (mode, Outcome::Away)
                }
            },
        };
        let response = outcome.response();
        if method != Method::Head {
            self.subscriber.metrics.feeds.callback(mode, response.status().as_u16());
        }
        response
    }

    /// Limits the requests of one client. The hub of this process and programs on this machine have no limit.
    fn acquire(&self, request: &RouteRequest) -> Result<(), Duration> {
        let client: Option<IpAddr> =
            (self.way == Way::Http && !request.is_local).then_some(request.client.ip());
        client.map_or(Ok(()), |client| self.rate.acquire(client))
    }

    /// Returns the kind of a request, for the metrics, and its outcome.
    async fn find(&self, request: RouteRequest) -> (&'static str, Result<Outcome, StoreError>) {
        let until = Instant::now() + self.deadline;
        let is_push = request.method == Method::Post;
        let id = request.head.path().strip_prefix(FOLDER).filter(|id| is_id(id));
        let callback = match id {
            // A malformed identifier gets the response for an unknown one.
            None => Ok(Ok(None)),
            Some(id) => timeout_at(until, self.subscriber.store.callback(id)).await,
        };
        let callback = match callback {
            Ok(Ok(Some(callback))) => callback,
            Ok(Ok(None)) => return ("none", Ok(if is_push { Outcome::Gone } else { Outcome::Unknown })),
            Ok(Err(error)) => return ("none", Err(error)),
            Err(_) => return ("none", Ok(Outcome::Away)),
        };
        if is_push {
            let outcome = match timeout_at(until, self.push(&callback, request)).await {
                Ok(outcome) => outcome,
                Err(_) => self.postpone(&callback).await,
            };
            return ("push", outcome);
        }
        let intent = intent::read(request.head.query().unwrap_or_default());
        let mode = intent.mode();
        let verified = self.verify(&callback, intent, request.method == Method::Head);
        (mode, timeout_at(until, verified).await.unwrap_or(Ok(Outcome::Away)))
    }

    /// Verifies an intent, or records a denial. A HEAD request changes nothing.
    async fn verify(
        &self,
        callback: &Callback,
        intent: Intent,
        is_head: bool,
    ) -> Result<Outcome, StoreError> {
        if intent.topic() != Some(callback.topic.as_str()) {
            return Ok(Outcome::Unknown);
        }
        let is_wanted = |mode| callback.is_wanted && callback.mode == mode;
        let (word, outcome) = match intent {
            Intent::Subscribe { challenge, lease, token, .. }
                if is_wanted(SubscriptionMode::Subscribe) && has_token(callback, token.as_deref()) =>
            {
                (HubWord::Verified(lease), Outcome::Confirmed(challenge))
            }
            Intent::Unsubscribe { challenge, token, .. }
                if is_wanted(SubscriptionMode::Unsubscribe) && has_token(callback, token.as_deref()) =>
            {
                (HubWord::Ended, Outcome::Confirmed(challenge))
            }
            Intent::Denied { reason, .. } if is_wanted(SubscriptionMode::Subscribe) => {
                let (feed, hub) = (&callback.feed, &callback.hub);
                tracing::info!(feed, hub, reason, "subscription denied");
                (HubWord::Denied(reason), Outcome::Noted)
            }
            Intent::Denied { .. } if is_wanted(SubscriptionMode::Unsubscribe) => {
                (HubWord::Ended, Outcome::Noted)
            }
            _ => return Ok(Outcome::Unknown),
        };
        if is_head {
            return Ok(outcome);
        }
        // Recorded before the response, since the hub relies on it.
        let is_there = self.subscriber.store.hub_said(callback.id, &word).await?;
        Ok(if is_there { outcome } else { Outcome::Unknown })
    }

    /// Records pushed content, or has the feed fetched.
    async fn push(&self, callback: &Callback, request: RouteRequest) -> Result<Outcome, StoreError> {
        if callback.mode == SubscriptionMode::Unsubscribe {
            return Ok(Outcome::Gone);
        }
        let subscriber = &self.subscriber;
        let count = |result| subscriber.metrics.feeds.push(&callback.feed, result);
        let RouteRequest { head, body, .. } = request;
        let is_signed = match self.signature(callback, &head, &body).await {
            Signature::Valid => true,
            Signature::NotNeeded => false,
            Signature::Missing => {
                count("unsigned");
                return Ok(Outcome::Unsigned);
            }
            Signature::Wrong => {
                count("forged");
                self.note_forged(callback);
                return Ok(Outcome::Ignored);
            }
        };
        let counts = match subscriber.settings.ingest {
            config::Ingest::Payload => true,
            config::Ingest::Fetch => false,
            // The request for the subscription revealed the callback on its way to a hub without the secret, so others
            // can push as well, even over HTTPS.
            config::Ingest::Auto => is_signed || self.way == Way::InProcess,
        };
        let (result, outcome) = if counts {
            match self.take(callback, head, body).await {
                Ok(_) => ("read", Outcome::Read),
                Err(PushError::Size) => {
                    count("failed");
                    subscriber.metrics.refuse(Reason::body);
                    return Ok(Outcome::Large);
                }
                Err(PushError::Unreadable(result)) => (result, Outcome::Fetch),
                Err(PushError::Store(error)) => {
                    count("failed");
                    return Err(error);
                }
            }
        } else {
            ("fetch", Outcome::Fetch)
        };
        let is_read = result == "read";
        let is_there = subscriber.store.hub_said(callback.id, &HubWord::Pushed { is_read }).await?;
        count(result);
        Ok(if is_there { outcome } else { Outcome::Gone })
    }

    /// Schedules a fetch of the feed because a notification was not processed in time: a repeated notification would
    /// take as long. The signature may be unverified, but a fetch only reads the feed itself, at most once a second.
    async fn postpone(&self, callback: &Callback) -> Result<Outcome, StoreError> {
        let subscriber = &self.subscriber;
        if let Some(suppressed) = subscriber.notices.pass(("late", callback.feed_id)) {
            let Callback { feed, hub, .. } = callback;
            let suppressed = more(suppressed);
            tracing::warn!(feed, hub, suppressed, "notification not processed in time; fetching the feed");
        }
        let word = HubWord::Pushed { is_read: false };
        let recorded = timeout(RECORDING, subscriber.store.hub_said(callback.id, &word)).await;
        let result = if matches!(recorded, Ok(Ok(_))) { "fetch" } else { "failed" };
        subscriber.metrics.feeds.push(&callback.feed, result);
        recorded.map_or(Ok(Outcome::Away), |recorded| {
            recorded.map(|is_there| if is_there { Outcome::Fetch } else { Outcome::Gone })
        })
    }

    /// Logs a wrong signature, once a minute a feed.
    fn note_forged(&self, callback: &Callback) {
        if let Some(suppressed) = self.subscriber.notices.pass(("forged", callback.feed_id)) {
            let Callback { feed, hub, .. } = callback;
            let suppressed = more(suppressed);
            tracing::warn!(feed, hub, suppressed, "notification ignored: wrong signature");
        }
    }

    async fn signature(&self, callback: &Callback, head: &Head, body: &Bytes) -> Signature {
        // A hub over plain HTTP did not receive the secret.
        let is_sent = self.subscriber.reached.sends_secret(&callback.hub);
        let secret = callback.secret.clone().filter(|_| is_sent);
        let (head, sent) = (head.clone(), body.clone());
        let check = move || signature::check(secret.as_deref(), &head, &sent);
        self.subscriber.ingest.compute(body.len(), check).await.unwrap_or(Signature::Wrong)
    }

    /// Records the entries of pushed content.
    async fn take(&self, callback: &Callback, head: Head, body: Bytes) -> Result<Taken, PushError> {
        let ingest = &self.subscriber.ingest;
        let content_type = head.get("content-type").map(|value| String::from_utf8_lossy(value).into_owned());
        let cap = self.subscriber.settings.size;
        let codings = codings(&head);
        let body = if coding::is_coded(&codings) {
            // The length of the body says little about the duration of its decompression.
            let decoded = ingest.compute(usize::MAX, move || coding::decode(&codings, body, cap)).await;
            match decoded {
                Some(Ok(body)) => body,
                Some(Err(CodingError::Size)) => return Err(PushError::Size),
                Some(Err(CodingError::Unknown | CodingError::Invalid)) | None => {
                    return Err(PushError::Unreadable("broken"));
                }
            }
        } else {
            body
        };
        if body.trim_ascii().is_empty() {
            return Err(PushError::Unreadable("empty"));
        }
        let url = Url::parse(&callback.topic).map_err(|_| PushError::Unreadable("broken"))?;
        let owner = Owner {
            feed_id: callback.feed_id,
            feed: &callback.feed,
            is_feed: callback.is_feed,
            pushed: Some((&callback.hub, &callback.topic)),
        };
        let taken = ingest.take(owner, Content { url, content_type, body }, Via::Push).await;
        taken.map_err(|error| match error {
            IngestError::Store(error) => PushError::Store(error),
            error => {
                tracing::debug!(feed = callback.feed, %error, "pushed content not read");
                PushError::Unreadable("broken")
            }
        })
    }
}

/// Why pushed content is not recorded.
enum PushError {
    /// The decoded body is longer than `feeds.size`.
    Size,
    /// It has no entries that can be read, and the result for the metrics.
    Unreadable(&'static str),
    /// The store is unavailable.
    Store(StoreError),
}

impl Endpoint for Callbacks {
    fn route(&self, method: Method, path: &str) -> Option<Route> {
        path.strip_prefix(FOLDER)?;
        Some(match method {
            Method::Get | Method::Head | Method::Post => {
                Route::Call(RouteLimits { body: self.subscriber.settings.size, body_time: BODY_TIME })
            }
            Method::Options | Method::Other | Method::Unknown => Route::Response(Outcome::Method.response()),
        })
    }

    fn call(&self, request: RouteRequest) -> RouteFuture<'_> {
        Box::pin(self.answer(request))
    }

    fn decodes(&self) -> bool {
        true
    }
}

fn is_id(text: &str) -> bool {
    text.len() == ID && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Whether a verification has the token that was sent, if one was.
fn has_token(callback: &Callback, token: Option<&str>) -> bool {
    callback.verify_token.as_deref().is_none_or(|own| {
        let token = token.unwrap_or_default();
        bool::from(own.as_bytes().ct_eq(token.as_bytes()))
    })
}

/// Returns the headers about content codings.
fn codings(head: &Head) -> HeaderMap {
    use hyper::header::{CONTENT_ENCODING, HeaderValue};
    let values = head.all(CONTENT_ENCODING.as_str()).filter_map(|value| HeaderValue::from_bytes(value).ok());
    values.map(|value| (CONTENT_ENCODING, value)).fold(HeaderMap::new(), |mut map, (name, value)| {
        map.append(name, value);
        map
    })
}

#[cfg(test)]
mod tests;
