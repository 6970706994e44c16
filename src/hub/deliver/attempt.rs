//! One attempt to deliver content to a callback, and the classification of its response.
//!
//! It must not know where deliveries come from or how outcomes are recorded.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, LINK, RETRY_AFTER, USER_AGENT};
use hyper::http::Uri;
use hyper::{Method, Request, StatusCode};
use tokio::time::Instant;

use super::PATIENCE;
use super::content::{Content, Loaded};
use super::sender::Sender;
use crate::fetch::FetchError;
use crate::store::{Delivery, DeliveryOutcome, FinishedDelivery};
use crate::web::hosts::Place;
use crate::web::sign::{SIGNATURE, sign};

/// Minimum delay of a delivery whose host has no place for one of its addresses. The delay grows with the time that the
/// delivery has waited.
const ADDRESS_BUSY: Duration = Duration::from_secs(1);
/// The delay of a delivery whose content could not be loaded.
const NOT_LOADED: Duration = Duration::from_secs(1);
/// Maximum time to load the content of a topic.
const LOAD: Duration = Duration::from_secs(5);

/// The header with the number of readers of a subscriber.
const ON_BEHALF_OF: HeaderName = HeaderName::from_static("x-hub-on-behalf-of");
/// Maximum number of readers of one subscriber that counts, because publishers show the sum.
const MOST_READERS: u32 = 1_000_000;

/// A claimed delivery.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) delivery: Delivery,
    pub(super) content: Arc<Content>,
    pub(super) claimed: Instant,
}

impl Job {
    /// Whether the claim may end before an attempt that starts now.
    pub(super) fn is_late(&self) -> bool {
        self.claimed.elapsed() >= PATIENCE
    }

    /// Returns the record of an outcome, of the version that was claimed.
    pub(super) fn finished(&self, outcome: DeliveryOutcome) -> FinishedDelivery {
        let Delivery { id, claim, version, .. } = self.delivery;
        FinishedDelivery { id, claim, version, outcome, readers: None }
    }

    /// Returns the remaining lease.
    fn lease(&self) -> Duration {
        self.delivery.expires_in.saturating_sub(self.claimed.elapsed())
    }

    /// Attempts the delivery. Returns `None` if there is nothing left to deliver.
    pub(super) async fn attempt(&self, sender: &Sender, mut place: Place) -> Option<FinishedDelivery> {
        let callback = match Uri::try_from(self.delivery.callback.as_str()) {
            Ok(callback) => callback,
            Err(error) => return Some(self.finished(DeliveryOutcome::GivenUp(error.to_string()))),
        };
        match sender.address(&callback).await {
            Ok(address) if place.reach(address.as_slice()).is_err() => {
                let wait = ADDRESS_BUSY.max((self.delivery.age + self.claimed.elapsed()) / 8);
                return Some(self.finished(DeliveryOutcome::Postponed(jitter(wait))));
            }
            Ok(_) => {}
            Err(error) => return Some(self.finished(self.unanswered(sender, place, &error))),
        }
        let loaded = tokio::time::timeout(LOAD, self.content.load(&sender.hub.store)).await;
        let Ok(Ok(loaded)) = loaded else {
            return Some(self.finished(DeliveryOutcome::Postponed(NOT_LOADED)));
        };
        let loaded = loaded?;
        if self.is_late() {
            return Some(self.finished(DeliveryOutcome::Postponed(Duration::ZERO)));
        }
        if self.lease().is_zero() {
            return Some(self.finished(DeliveryOutcome::GivenUp("the lease has ended".to_owned())));
        }
        // The clock is read for the log only.
        let begin = tracing::enabled!(tracing::Level::DEBUG).then(Instant::now);
        let response = sender.post(self.request(sender, callback, loaded)).await;
        if let Some(begin) = begin {
            self.log(&response, begin);
        }
        let readers = response.as_ref().ok().and_then(|(_, headers)| readers(headers));
        let outcome = match response {
            Ok((status, headers)) => {
                match is_failing(status) {
                    true => place.failed(),
                    false => place.succeeded(),
                }
                self.outcome(sender, status, &headers)
            }
            Err(error) => self.unanswered(sender, place, &error),
        };
        if outcome == DeliveryOutcome::Delivered {
            let seconds = (self.delivery.age + self.claimed.elapsed()).as_secs_f64();
            sender.hub.metrics.hub.delivery_seconds.observe(seconds);
        }
        Some(FinishedDelivery { version: loaded.version, readers, ..self.finished(outcome) })
    }

    /// Logs an attempt: no path of the callback and no secret.
    fn log(&self, response: &Result<(StatusCode, HeaderMap), FetchError>, begin: Instant) {
        let Delivery { id, topic_id, host, attempts, .. } = &self.delivery;
        let status = response.as_ref().ok().map(|(status, _)| status.as_u16());
        tracing::debug!(
            delivery = id,
            topic = topic_id,
            host,
            status,
            attempt = attempts + 1,
            seconds = begin.elapsed().as_secs_f64(),
            "delivery attempted"
        );
    }

    fn request(&self, sender: &Sender, callback: Uri, loaded: &Loaded) -> Request<Full<bytes::Bytes>> {
        let mut request = Request::new(Full::new(loaded.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = callback;
        let headers = request.headers_mut();
        headers.reserve(6);
        headers.insert(USER_AGENT, sender.user_agent.clone());
        headers.insert(LINK, loaded.link.clone());
        if let Some(content_type) = &loaded.content_type {
            headers.insert(CONTENT_TYPE, content_type.clone());
        }
        if let Some(secret) = &self.delivery.secret {
            headers.insert(SIGNATURE, sign(self.delivery.signature, secret, &loaded.body));
        }
        request
    }

    fn outcome(&self, sender: &Sender, status: StatusCode, headers: &HeaderMap) -> DeliveryOutcome {
        match status {
            _ if status.is_success() => DeliveryOutcome::Delivered,
            StatusCode::GONE => DeliveryOutcome::Gone,
            _ => {
                let reason = format!("the callback has answered {}", status.as_u16());
                let asked = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
                    .then(|| retry_after(headers))
                    .flatten();
                self.retry(&sender.hub.settings.retries, asked.unwrap_or_default(), reason)
            }
        }
    }

    /// Returns the outcome of an attempt without a response. The details are only logged, because a status page shows
    /// the reason.
    fn unanswered(&self, sender: &Sender, place: Place, error: &FetchError) -> DeliveryOutcome {
        let host = &self.delivery.host;
        tracing::debug!(host, %error, "callback not reached");
        match error {
            FetchError::Private(address) => {
                sender.hub.note_refused(host, *address, "hub.callback_networks");
            }
            _ => place.failed(),
        }
        let reason = match error {
            FetchError::Deadline(_) => "the callback has not answered in time",
            _ => "the callback cannot be reached",
        };
        self.retry(&sender.hub.settings.retries, Duration::ZERO, reason.to_owned())
    }

    /// Schedules another attempt after the configured delay or the delay that the callback requested, whichever is
    /// longer, up to the longest configured delay. Ends the delivery if the lease ends before that.
    fn retry(&self, retries: &[Duration], asked: Duration, reason: String) -> DeliveryOutcome {
        let attempts = usize::try_from(self.delivery.attempts).unwrap_or(usize::MAX);
        let Some(wait) = retries.get(attempts) else { return DeliveryOutcome::GivenUp(reason) };
        let longest = retries.iter().max().copied().unwrap_or_default();
        let wait = jitter(*wait).max(asked.min(longest));
        if wait < self.lease() {
            DeliveryOutcome::Retry(wait, reason)
        } else {
            DeliveryOutcome::GivenUp(reason)
        }
    }
}

/// Whether a response means that the host cannot serve requests now. Other failures concern one callback: otherwise a
/// client could delay the deliveries to all callbacks of a host with one failing callback.
fn is_failing(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

/// Returns the delay with up to 20 % of jitter, so that simultaneous failures are not retried simultaneously.
fn jitter(time: Duration) -> Duration {
    time.mul_f64(fastrand::f64().mul_add(0.4, 0.8))
}

/// Returns the time of `Retry-After` (RFC 9110, section 10.2.3), which is seconds or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok()
}

/// Returns the number of readers that a subscriber reports (PubSubHubbub 0.3, section 7.4).
fn readers(headers: &HeaderMap) -> Option<u32> {
    let reported: u32 = headers.get(ON_BEHALF_OF)?.to_str().ok()?.trim().parse().ok()?;
    Some(reported.clamp(1, MOST_READERS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SignatureMethod;
    use crate::hub::deliver::content::Contents;

    const MINUTE: Duration = Duration::from_secs(60);

    fn job(attempts: u32, expires_in: Duration) -> Job {
        let delivery = Delivery {
            id: 1,
            claim: 2,
            topic_id: 3,
            version: 4,
            callback: "http://a.example/".to_owned(),
            host: "a.example".to_owned(),
            secret: None,
            signature: SignatureMethod::Sha256,
            attempts,
            expires_in,
            age: Duration::ZERO,
        };
        Job { delivery, content: Contents::new(String::new()).of(3, 4), claimed: Instant::now() }
    }

    fn retry(attempts: u32, lease: Duration, asked: Duration) -> Option<Duration> {
        let retries = [MINUTE, 10 * MINUTE];
        match job(attempts, lease).retry(&retries, asked, "reason".to_owned()) {
            DeliveryOutcome::Retry(time, _) => Some(time),
            DeliveryOutcome::GivenUp(_) => None,
            outcome => panic!("{outcome:?}"),
        }
    }

    fn is_about(time: Option<Duration>, expected: Duration) -> bool {
        time.is_some_and(|time| time >= expected.mul_f64(0.8) && time <= expected.mul_f64(1.2))
    }

    #[test]
    fn retries_follow_the_settings_and_end_with_them() {
        let lease = 1000 * MINUTE;
        let times: Vec<_> = (0..100).map(|_| retry(0, lease, Duration::ZERO)).collect();
        assert!(times.iter().all(|time| is_about(*time, MINUTE)), "{times:?}");
        assert!(times.iter().any(|time| *time != times[0]), "they differ");
        assert!(is_about(retry(1, lease, Duration::ZERO), 10 * MINUTE));
        assert_eq!(retry(2, lease, Duration::ZERO), None);
        assert_eq!(retry(u32::MAX, lease, Duration::ZERO), None);
    }

    #[test]
    fn retries_end_with_the_lease() {
        assert_eq!(retry(0, MINUTE / 2, Duration::ZERO), None);
        assert_eq!(retry(0, 2 * MINUTE, 5 * MINUTE), None, "not before the time that was asked for");
        assert!(retry(0, 2 * MINUTE, Duration::ZERO).is_some());
    }

    #[test]
    fn a_callback_asks_for_a_longer_time_within_bounds() {
        let lease = 1000 * MINUTE;
        assert_eq!(retry(0, lease, 5 * MINUTE), Some(5 * MINUTE));
        assert_eq!(retry(0, lease, 500 * MINUTE), Some(10 * MINUTE));
        assert!(is_about(retry(0, lease, Duration::from_secs(1)), MINUTE));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(read("120"), Some(2 * MINUTE));
        let date = httpdate::fmt_http_date(SystemTime::now() + 10 * MINUTE);
        assert!(is_about(read(&date), 10 * MINUTE));
        assert_eq!(read("Fri, 31 Dec 1999 23:59:59 GMT"), None);
        assert_eq!(read("-1"), None);
        assert_eq!(read("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn readers_are_a_number_within_bounds() {
        let reported = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ON_BEHALF_OF, text.parse().unwrap());
            readers(&headers)
        };
        assert_eq!(readers(&HeaderMap::new()), None);
        for (text, expected) in [
            ("25", Some(25)),
            (" 7 ", Some(7)),
            ("0", Some(1)),
            ("4000000000", Some(MOST_READERS)),
            ("99999999999", None),
            ("-1", None),
            ("many", None),
        ] {
            assert_eq!(reported(text), expected, "{text}");
        }
    }

    #[test]
    fn only_failures_of_the_host_count_for_its_breaker() {
        for (status, expected) in [(200, false), (302, false), (404, false), (410, false), (408, true)] {
            assert_eq!(is_failing(StatusCode::from_u16(status).unwrap()), expected, "{status}");
        }
        for status in [429, 500, 502, 503, 599] {
            assert!(is_failing(StatusCode::from_u16(status).unwrap()), "{status}");
        }
    }
}
