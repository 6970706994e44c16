//! The worker for topics: claims due topics, fetches them, and records the result. It must not know callbacks.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use tokio::time::Instant;

use super::Hub;
use super::content::{self, Found};
use super::get::CONCURRENT;
use super::policy::{self, Standing};
use crate::store::{Advertisement, FetchOutcome, FinishedFetch, Recorded, TopicFetch};
use crate::web::get::Turn;
use crate::web::get_error::GetError;
use crate::web::urls;
use crate::web::workers::Tasks;

/// The times after which a failed fetch is repeated.
const RETRIES: [Duration; 4] =
    [Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120), Duration::from_secs(600)];
/// How often a fetch is repeated that only checks a topic for a request.
const CHECKS: usize = 2;
/// The upper limit for the `Retry-After` of a server.
const LONGEST: Duration = Duration::from_secs(3600);
/// Minimum delay of a topic whose host is busy.
const BUSY: Duration = Duration::from_secs(2);
/// How long a claim lasts beyond the time of a fetch: for its host, for reading the content, and for the record.
const RECORDING: Duration = Duration::from_secs(30);
/// How long finished fetches are collected before more topics are claimed.
const PAUSE: Duration = Duration::from_millis(5);
/// The polling interval while another task fetches the topic.
const AGAIN: Duration = Duration::from_millis(50);

/// Works until the hub stops.
pub(super) async fn work(hub: Arc<Hub>) {
    let mut fetching = Tasks::new(&hub.workers, PAUSE);
    while !hub.workers.is_stopping() {
        let room = CONCURRENT - fetching.count();
        let claimed = match u32::try_from(room) {
            Ok(room @ 1..) => {
                let by_host = u32::try_from(hub.settings.per_host).unwrap_or(u32::MAX);
                let busy = hub.topics.hosts().busy();
                let claimed = hub.store.claim_fetches(room, by_host, hold(&hub), &busy).await;
                claimed.inspect_err(|error| tracing::debug!(%error, "no topics claimed")).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let is_more_due = claimed.len() == room;
        for topic in claimed {
            // A host that has all of its places leaves the others their places here.
            let turn = match hub.topics.hosts().acquire(&topic.host, &[]) {
                Ok(place) => Turn::Place(place),
                Err(_) => Turn::None,
            };
            let hub = Arc::clone(&hub);
            fetching.spawn(async move { drop(process(&hub, topic, turn).await) });
        }
        fetching.wait(&hub.store.work().fetches, is_more_due).await;
    }
    fetching.finish().await;
}

/// Checks a topic for a synchronous request. It takes up to twice `hub.fetch_deadline`, plus the time of the store.
///
/// # Errors
/// The reason why the topic cannot be subscribed to, for the subscriber.
pub(super) async fn check_now(hub: &Hub, topic: &str) -> Result<(), String> {
    if !policy::needs_check(hub, topic) {
        return Ok(());
    }
    let begin = Instant::now();
    let claimed = loop {
        match hub.store.claim_fetch(topic, hold(hub)).await {
            Ok(Some(claimed)) => break claimed,
            // Another task fetches it.
            Ok(None) if begin.elapsed() < hub.settings.fetch_deadline => tokio::time::sleep(AGAIN).await,
            Ok(None) => return Err(text(&GetError::Busy)),
            Err(error) => {
                tracing::debug!(%error, "topic not claimed");
                return Err("the store is unavailable".to_owned());
            }
        }
    };
    let result = process(hub, claimed, Turn::Wait).await;
    match (result.advertisement, result.outcome) {
        (Advertisement::Named, _) => Ok(()),
        (Advertisement::Missing(reason) | Advertisement::Refused(reason), _)
        | (_, FetchOutcome::Failed(_, reason)) => Err(reason),
        (Advertisement::Unknown, FetchOutcome::Postponed(_)) => Err(text(&GetError::Busy)),
        (Advertisement::Unknown, _) => Err(text(&GetError::Refused(None))),
    }
}

/// The text of an error for strangers.
fn text(error: &GetError) -> String {
    format!("the topic {error}")
}

/// Returns the time of a claim.
fn hold(hub: &Hub) -> Duration {
    hub.settings.fetch_deadline + RECORDING
}

/// Fetches a claimed topic and records the result.
async fn process(hub: &Hub, topic: TopicFetch, turn: Turn) -> FinishedFetch {
    let is_local = urls::read(&topic.topic).is_ok_and(|own| policy::standing(hub, &own) == Standing::Local);
    let has_place = !matches!(turn, Turn::None);
    let begin = Instant::now();
    let (outcome, advertisement, result) = if is_local {
        // A channel of this server: its publications are its content.
        (FetchOutcome::Unchanged(topic.validators.clone()), Advertisement::Named, "unchanged")
    } else if policy::is_refused(hub, &topic.topic) {
        tracing::info!(topic = topic.topic, "ending the subscriptions of a topic that the settings refuse");
        let refused = Advertisement::Refused(policy::REFUSED.to_owned());
        (FetchOutcome::Unchanged(topic.validators.clone()), refused, "refused")
    } else {
        let found = content::fetch(hub, &topic, turn).await;
        log(&topic, &found, begin);
        match found {
            Ok(found) => found,
            Err(GetError::Busy) => {
                // Claims leave out busy hosts, but neither busy addresses nor the targets of redirects are known in
                // advance.
                let delay =
                    if has_place { BUSY.mul_f64(1.0 + 2.0 * fastrand::f64()) } else { Duration::ZERO };
                (FetchOutcome::Postponed(delay), Advertisement::Unknown, "postponed")
            }
            Err(error) => {
                let result = if matches!(error, GetError::Refused(_)) { "refused" } else { "failed" };
                let delay = retry(&topic, &error);
                (FetchOutcome::Failed(delay, text(&error)), Advertisement::Unknown, result)
            }
        }
    };
    let finished = FinishedFetch { id: topic.id, claim: topic.claim, outcome, advertisement };
    match hub.store.finish_fetch(&finished).await {
        Ok(Recorded::Done) => hub.metrics.hub.fetch(result),
        Ok(Recorded::Full) => {
            hub.metrics.hub.fetch("failed");
            hub.note_full("hub.content_size");
        }
        Ok(Recorded::Lost) => hub.metrics.hub.fetch("lost"),
        // The claim ends, and the topic is fetched again.
        Err(error) => tracing::warn!(topic = topic.topic, %error, "result of a fetch not recorded"),
    }
    finished
}

/// Logs a fetch. The URL of a topic may contain a secret, so only its host and number are logged.
fn log(topic: &TopicFetch, found: &Result<Found, GetError>, begin: Instant) {
    let seconds = begin.elapsed().as_secs_f64();
    let TopicFetch { id, host, .. } = topic;
    let attempt = topic.attempts + 1;
    match found {
        Ok((_, _, result)) => {
            let status = if *result == "not_modified" { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
            let status = status.as_u16();
            tracing::debug!(topic = id, host, result, status, attempt, seconds, "topic fetched");
        }
        Err(error) => {
            let status = match error {
                GetError::Status(status, _) => Some(status.as_u16()),
                _ => None,
            };
            tracing::debug!(
                topic = id,
                host,
                status,
                attempt,
                seconds,
                error = error.detail(),
                "topic not fetched"
            );
        }
    }
}

/// Returns when a failed fetch is repeated.
fn retry(topic: &TopicFetch, error: &GetError) -> Option<Duration> {
    let asked = match error {
        GetError::Refused(_) | GetError::Redirect | GetError::Redirects => return None,
        GetError::Status(StatusCode::GONE, _) => return None,
        GetError::Status(StatusCode::NOT_FOUND, _) if !topic.is_pinged => return None,
        GetError::Status(_, asked) => asked.unwrap_or_default(),
        _ => Duration::ZERO,
    };
    let retries = if topic.is_pinged { &RETRIES[..] } else { &RETRIES[..CHECKS] };
    let delay = retries.get(usize::try_from(topic.attempts).ok()?)?;
    Some(jitter(*delay).max(asked.min(LONGEST)))
}

/// Returns the delay with up to 20 % of jitter.
fn jitter(time: Duration) -> Duration {
    time.mul_f64(fastrand::f64().mul_add(0.4, 0.8))
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::{Config, SignatureMethod};
    use crate::hub::get::Topics;
    use crate::metrics::Metrics;
    use crate::store::{
        Admission, Bounds, FinishedRequest, Mode, NewRequest, Request, RequestOutcome, Stage, Store,
        Validators,
    };

    fn topic(attempts: u32, is_pinged: bool) -> TopicFetch {
        TopicFetch {
            id: 1,
            claim: 1,
            topic: "http://a.example/".to_owned(),
            host: "a.example".to_owned(),
            validators: Validators::default(),
            fingerprint: None,
            readers: 1,
            attempts,
            is_pinged,
        }
    }

    #[test]
    fn failed_fetches_are_repeated_a_few_times() {
        let status = |code, after| GetError::Status(StatusCode::from_u16(code).unwrap(), after);
        let is_about = |found: Option<Duration>, seconds: f64| {
            let found = found.unwrap().as_secs_f64();
            assert!((0.8 * seconds..=1.2 * seconds).contains(&found), "{found} {seconds}");
        };
        for (attempts, seconds) in [(0, 5.0), (1, 30.0), (2, 120.0), (3, 600.0)] {
            for error in [
                GetError::Unreachable(String::new()),
                status(500, None),
                status(404, None),
                GetError::Size(1),
                GetError::Empty,
            ] {
                is_about(retry(&topic(attempts, true), &error), seconds);
            }
        }
        assert_eq!(retry(&topic(4, true), &GetError::Unreachable(String::new())), None);
        assert_eq!(retry(&topic(4, true), &status(503, Some(Duration::from_secs(5)))), None);
        is_about(retry(&topic(1, false), &GetError::Unreachable(String::new())), 30.0);
        assert_eq!(retry(&topic(2, false), &GetError::Unreachable(String::new())), None);
        for error in [GetError::Refused(None), GetError::Redirect, GetError::Redirects, status(410, None)] {
            assert_eq!(retry(&topic(0, true), &error), None, "{error}");
        }
        assert_eq!(retry(&topic(0, false), &status(404, None)), None);
    }

    #[test]
    fn servers_can_ask_for_up_to_an_hour() {
        let asked = |seconds| {
            let error = GetError::Status(StatusCode::SERVICE_UNAVAILABLE, Some(Duration::from_secs(seconds)));
            retry(&topic(0, true), &error).unwrap()
        };
        assert!(asked(1) >= Duration::from_secs(4));
        assert_eq!(asked(60), Duration::from_secs(60));
        assert_eq!(asked(1_000_000), LONGEST);
    }

    const HUB: &str = "https://hub.example/hub";

    /// Returns a hub for topics that name it, wherever they are.
    async fn hub() -> Arc<Hub> {
        let mut config = Config::default();
        config.server.public_url = Some("https://hub.example".to_owned());
        config.store.url = Some("sqlite::memory:".into());
        let metrics = Metrics::default();
        let store = Store::open(&config.store, metrics.clone()).await.unwrap();
        let mut hub = Hub::new(&config, store, metrics).unwrap();
        Arc::get_mut(&mut hub).unwrap().topics = Topics::anywhere();
        hub
    }

    /// Returns a web site with one page: its URL, and its response.
    async fn site() -> (String, Arc<Mutex<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/feed", listener.local_addr().unwrap());
        let page = Arc::new(Mutex::new(String::new()));
        let served = Arc::clone(&page);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.read(&mut [0; 4096]).await.unwrap();
                let response = format!("HTTP/1.1 {}", served.lock());
                stream.write_all(response.as_bytes()).await.unwrap();
            }
        });
        (url, page)
    }

    fn naming(hub: &str, self_url: &str, text: &str) -> String {
        format!(
            "200 OK\r\nConnection: close\r\nETag: \"{text}\"\r\nLink: <{hub}>; rel=hub, <{self_url}>; rel=self\r\n\r\n{text}"
        )
    }

    /// Adds a request of a callback that waits for the check of its topic.
    async fn ask(hub: &Hub, topic: &str, callback: &str) {
        let request = NewRequest {
            mode: Mode::Subscribe,
            topic: topic.to_owned(),
            topic_spelt: topic.to_owned(),
            callback: format!("http://{callback}/"),
            host: callback.to_owned(),
            secret: None,
            signature: SignatureMethod::Sha256,
            lease: Duration::from_secs(3600),
            is_legacy: false,
            verify_token: None,
            needs_check: true,
            token: callback.to_owned(),
            claim_for: None,
            client: "192.0.2.1".to_owned(),
        };
        let bounds = Bounds {
            topics: 10,
            subscriptions: 10,
            pending: 10,
            pending_by_client: 10,
            pending_by_host: 10,
            subscriptions_by_host: 10,
        };
        let admission = hub.store.add_request(&request, &bounds).await.unwrap();
        assert!(matches!(admission, Admission::Accepted(_)), "{admission:?}");
    }

    /// Fetches the topics that are due.
    async fn fetch_due(hub: &Hub) -> Vec<FinishedFetch> {
        let mut finished = Vec::new();
        for topic in hub.store.claim_fetches(10, 10, hold(hub), &[]).await.unwrap() {
            finished.push(process(hub, topic, Turn::Wait).await);
        }
        finished
    }

    async fn due_requests(hub: &Hub) -> Vec<Request> {
        hub.store.claim_requests(10, Duration::from_secs(60), &[]).await.unwrap()
    }

    /// Confirms the requests that wait for their callbacks.
    async fn confirm(hub: &Hub) {
        for Request { id, claim, stage, .. } in due_requests(hub).await {
            assert_eq!(stage, Stage::Verify);
            let verified = FinishedRequest { id, claim, outcome: RequestOutcome::Verified };
            hub.store.finish_requests(&[verified]).await.unwrap();
        }
    }

    async fn ping(hub: &Hub, topic: &str) -> FinishedFetch {
        let pinged = hub.store.ping(&[topic.to_owned()], Duration::ZERO, Duration::ZERO).await.unwrap();
        assert_eq!(pinged, 1);
        fetch_due(hub).await.pop().unwrap()
    }

    fn is_changed(finished: &FinishedFetch) -> bool {
        matches!(finished.outcome, FetchOutcome::Changed(_))
    }

    #[tokio::test]
    async fn a_topic_that_names_the_hub_can_be_subscribed_to_and_its_first_ping_delivers() {
        let (hub, (topic, page)) = (hub().await, site().await);
        *page.lock() = naming(HUB, &topic, "one");
        ask(&hub, &topic, "a.example").await;
        let checked = fetch_due(&hub).await;
        assert_eq!(checked[0].advertisement, Advertisement::Named);
        assert!(!is_changed(&checked[0]), "a check delivers nothing");
        confirm(&hub).await;
        assert!(is_changed(&ping(&hub, &topic).await));
        assert!(!is_changed(&ping(&hub, &topic).await));
        assert_eq!(hub.store.counts().await.unwrap().deliveries, 1);
        // A result that is a few hours old holds for the next subscriber.
        ask(&hub, &topic, "b.example").await;
        assert!(fetch_due(&hub).await.is_empty());
        confirm(&hub).await;
        assert_eq!(hub.store.counts().await.unwrap().subscriptions, 2);
    }

    #[tokio::test]
    async fn other_topics_are_denied_with_the_reason() {
        let not_found = "404 Not Found\r\nConnection: close\r\n\r\nsecret details".to_owned();
        let gone = "410 Gone\r\nConnection: close\r\n\r\nsecret details".to_owned();
        let (hub, (topic, page)) = (hub().await, site().await);
        let other = "http://a.example/other";
        for (response, reason) in [
            (naming("", &topic, "x"), "the topic names no hub".to_owned()),
            (naming("https://other.example/hub", &topic, "x"), "the topic does not name this hub".to_owned()),
            (naming("https://hub.example/hub2", &topic, "x"), "the topic does not name this hub".to_owned()),
            (naming(HUB, other, "x"), format!("the topic names another URL as its own: {other}")),
            (not_found, "the topic responds with status 404".to_owned()),
            (gone, "the topic responds with status 410".to_owned()),
        ] {
            *page.lock() = response;
            ask(&hub, &topic, "a.example").await;
            fetch_due(&hub).await;
            let denied = due_requests(&hub).await;
            assert_eq!(
                (denied.len(), denied[0].stage, denied[0].reason.clone()),
                (1, Stage::Deny, Some(reason))
            );
            let told =
                FinishedRequest { id: denied[0].id, claim: denied[0].claim, outcome: RequestOutcome::Told };
            hub.store.finish_requests(&[told]).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_topic_that_does_not_respond_is_checked_again_before_the_request_is_denied() {
        let (hub, (topic, page)) = (hub().await, site().await);
        *page.lock() = "500 Oops\r\nConnection: close\r\n\r\nsecret details".to_owned();
        ask(&hub, &topic, "a.example").await;
        let failed = fetch_due(&hub).await;
        assert!(matches!(failed[0].outcome, FetchOutcome::Failed(Some(_), _)), "{failed:?}");
        assert_eq!(failed[0].advertisement, Advertisement::Unknown);
        assert!(due_requests(&hub).await.is_empty());
    }

    #[tokio::test]
    async fn a_topic_that_stops_naming_the_hub_for_a_moment_keeps_its_subscriptions() {
        let (hub, (topic, page)) = (hub().await, site().await);
        *page.lock() = naming(HUB, &topic, "0");
        ask(&hub, &topic, "a.example").await;
        fetch_due(&hub).await;
        confirm(&hub).await;
        let subscriptions = async || hub.store.counts().await.unwrap().subscriptions;
        for (text, names) in [("1", ""), ("2", ""), ("3", HUB), ("4", ""), ("5", "")] {
            *page.lock() = naming(names, &topic, text);
            assert!(
                is_changed(&ping(&hub, &topic).await),
                "{text}: the content goes to those who still subscribe"
            );
            assert_eq!(subscriptions().await, 1, "{text}");
        }
        // The content no longer changes; it is fetched completely nevertheless.
        let last = ping(&hub, &topic).await;
        assert_eq!(last.advertisement, Advertisement::Missing("the topic names no hub".to_owned()));
        assert!(!is_changed(&last));
        assert_eq!(subscriptions().await, 1);
        assert!(due_requests(&hub).await.is_empty());
    }

    #[tokio::test]
    async fn a_synchronous_request_waits_for_the_check() {
        let (hub, (topic, page)) = (hub().await, site().await);
        *page.lock() = naming("", &topic, "x");
        ask(&hub, &topic, "a.example").await;
        assert_eq!(check_now(&hub, &topic).await, Err("the topic names no hub".to_owned()));
        *page.lock() = naming(HUB, &topic, "x");
        ask(&hub, &topic, "b.example").await;
        assert_eq!(check_now(&hub, &topic).await, Ok(()));
        // The worker has it at the moment.
        ask(&hub, &topic, "c.example").await;
        let claimed = hub.store.claim_fetch(&topic, hold(&hub)).await.unwrap().unwrap();
        let (checked, _) = tokio::join!(check_now(&hub, &topic), process(&hub, claimed, Turn::Wait));
        assert_eq!(checked, Ok(()));
    }
}
