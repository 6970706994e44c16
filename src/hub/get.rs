//! The content of a topic, by GET. Every redirect passes the rules for URLs and the guard like the topic itself. This module
//! must not know what the content is for.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION, USER_AGENT,
};
use hyper::http::HeaderMap;
use hyper::{Request, StatusCode};
use ipnet::IpNet;
use tokio::time::{Instant, timeout};
use url::Url;

use super::Hub;
use super::coding::{self, CodingError};
use super::discover::Hop;
use super::freshness::retry_after;
use super::hosts::{Busy, Hosts, Place};
use super::urls::{self, WebUrl};
use crate::config::{self, TopicPolicy};
use crate::fetch::{Class, Fetch, FetchError, Reach, Repeat};
use crate::metrics::Metrics;
use crate::store::Validators;

/// Redirects that are followed.
const REDIRECTS: usize = 5;
/// Requests at one time to all topics.
pub(super) const CONCURRENT: usize = crate::config::Hub::FETCHES;
/// How long a request waits for a place at its host, and how often it looks for one.
const PATIENCE: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_millis(20);
/// The types that feeds have, and then others (WebSub, section 4).
const TYPES: &str =
    "application/atom+xml, application/rss+xml, application/feed+json, text/html;q=0.8, */*;q=0.5";

/// Requests to topics.
pub(super) struct Topics {
    /// To public addresses.
    public: Fetch,
    /// To public addresses and those of `hub.topic_networks`.
    networks: Fetch,
    hosts: Arc<Hosts>,
}

impl Topics {
    pub(super) fn new(settings: &config::Hub, metrics: &Metrics) -> Self {
        let fetch = |networks: &[IpNet]| {
            let reach = Reach::Networks(networks.into());
            Fetch::of_class(Class::Topics, reach, Repeat::Idempotent, metrics)
        };
        Self {
            public: fetch(&[]),
            networks: fetch(&settings.topic_networks),
            hosts: Arc::new(Hosts::new(settings.per_host, CONCURRENT)),
        }
    }

    /// Limits of the requests.
    pub(super) fn hosts(&self) -> &Arc<Hosts> {
        &self.hosts
    }
}

#[cfg(test)]
impl Topics {
    /// Requests to any address, for tests with topics on this machine that are not listed.
    pub(super) fn anywhere() -> Self {
        let fetch = Fetch::new(Reach::Everywhere, Repeat::Idempotent);
        Self { public: fetch.clone(), networks: fetch, hosts: Arc::new(Hosts::new(4, CONCURRENT)) }
    }
}

/// How a fetch gets a place at the host of its topic.
#[derive(Debug)]
pub(super) enum Turn {
    /// It has one.
    Place(Place),
    /// There is none.
    None,
    /// It waits for one, and for one at each host that the topic redirects to.
    Wait,
}

/// A response with content, or that there is none new.
#[derive(Debug)]
pub(super) struct Fetched {
    /// All responses; the last one is that of the content.
    pub(super) hops: Vec<Hop>,
    /// The URL of the content.
    pub(super) url: Url,
    /// Still coded; `None` if the content has not changed.
    pub(super) body: Option<Bytes>,
}

impl Fetched {
    /// The headers of the content.
    pub(super) fn headers(&self) -> &HeaderMap {
        static NONE: std::sync::LazyLock<HeaderMap> = std::sync::LazyLock::new(HeaderMap::new);
        self.hops.last().map_or(&NONE, |hop| &hop.headers)
    }
}

/// Why there is no content. The texts are for strangers, so they do not say how far a connection came.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum GetError {
    /// The address is not allowed.
    #[error("the topic cannot be fetched")]
    Refused,
    /// There was no response.
    #[error("the topic cannot be fetched")]
    Unreachable,
    /// As many requests as allowed are under way to the host.
    #[error("the host of the topic is busy")]
    Busy,
    /// A redirect does not lead to a URL that may be fetched.
    #[error("the topic redirects to a URL that is not allowed")]
    Redirect,
    #[error("the topic redirects more than 5 times")]
    Redirects,
    /// Any status but 200, and the time of `Retry-After`.
    #[error("the topic responds with status {}", .0.as_u16())]
    Status(StatusCode, Option<Duration>),
    #[error("the topic is larger than {0} bytes")]
    Size(usize),
    #[error("the topic has a content coding that was not accepted")]
    Coding,
    #[error("the content of the topic does not match its content coding")]
    Invalid,
    #[error("the topic is empty")]
    Empty,
}

/// Fetches a topic, which takes `hub.fetch_deadline` at most.
///
/// # Errors
/// [`GetError`] if there is no content.
pub(super) async fn get(
    hub: &Hub,
    topic: &str,
    readers: u64,
    validators: &Validators,
    turn: Turn,
) -> Result<Fetched, GetError> {
    let end = Instant::now() + hub.settings.fetch_deadline;
    let mut url = urls::read(topic).map_err(|_| GetError::Refused)?;
    let mut hops = Vec::new();
    let waits = matches!(turn, Turn::Wait);
    let mut own_place = match turn {
        Turn::Place(place) => Some(place),
        Turn::None => return Err(GetError::Busy),
        Turn::Wait => None,
    };
    let none = Validators::default();
    loop {
        // Validators are those of the topic's own URL. Where it redirects to may change.
        let validators = if hops.is_empty() { validators } else { &none };
        let seat = Seat { own: own_place.take(), waits };
        let response = request(hub, &url, readers, validators, seat, end).await?;
        let own = Url::parse(&url.location).map_err(|_| GetError::Refused)?;
        let (head, body) = response.into_parts();
        hops.push(Hop { url: own.clone(), headers: head.headers });
        let headers = &hops[hops.len() - 1].headers;
        let target = match head.status {
            StatusCode::OK => return Ok(Fetched { hops, url: own, body: Some(body) }),
            StatusCode::NOT_MODIFIED => return Ok(Fetched { hops, url: own, body: None }),
            StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT => headers.get(LOCATION),
            _ => None,
        };
        let Some(target) = target else {
            return Err(GetError::Status(head.status, retry_after(headers, SystemTime::now())));
        };
        let next = redirect(&own, &String::from_utf8_lossy(target.as_bytes())).ok_or(GetError::Redirect)?;
        if hops.len() > REDIRECTS {
            return Err(GetError::Redirects);
        }
        url = next;
    }
}

/// The URL that a redirect leads to. From https it may not lead to http: anybody on the way could change the content.
fn redirect(own: &Url, target: &str) -> Option<WebUrl> {
    let mut next = own.join(target).ok()?;
    if own.scheme() == "https" && next.scheme() != "https" {
        return None;
    }
    next.set_fragment(None);
    urls::read(next.as_str()).ok()
}

/// Sends one request.
async fn request(
    hub: &Hub,
    url: &WebUrl,
    readers: u64,
    validators: &Validators,
    seat: Seat,
    end: Instant,
) -> Result<hyper::Response<Bytes>, GetError> {
    let fetch = if may_use_networks(hub, &url.key) { &hub.topics.networks } else { &hub.topics.public };
    let uri = url.location.parse().map_err(|_| GetError::Refused)?;
    let address = timeout(end - Instant::now(), fetch.address(&uri)).await;
    let address = address.map_err(|_| GetError::Unreachable)?.map_err(|error| failure(hub, url, &error))?;
    let _place = seat.take(&hub.topics.hosts, &url.host, address.as_slice()).await?;
    let agent = format!("faye/{} (+{}; {readers} subscribers)", env!("CARGO_PKG_VERSION"), hub.url());
    let mut request = Request::get(uri)
        .header(USER_AGENT, agent)
        .header(ACCEPT, TYPES)
        .header(ACCEPT_ENCODING, coding::ACCEPTED);
    let conditions: [(HeaderName, &Option<String>); 2] =
        [(IF_NONE_MATCH, &validators.etag), (IF_MODIFIED_SINCE, &validators.last_modified)];
    for (name, value) in conditions {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    let request = request.body(Full::default()).map_err(|_| GetError::Refused)?;
    let size = hub.settings.topic_size;
    let sent = fetch.send_if(request, end - Instant::now(), size, |head| head.status == StatusCode::OK);
    sent.await.map_err(|error| failure(hub, url, &error))
}

/// Whether a URL may be fetched from `hub.topic_networks`: those of `hub.topics`, or all if every topic is accepted. A
/// redirect is looked at by its own URL, since a listed topic may redirect anywhere.
fn may_use_networks(hub: &Hub, key: &str) -> bool {
    hub.settings.policy == TopicPolicy::Open || hub.listed.have(key)
}

/// How one request gets a place at its host.
struct Seat {
    /// A place that was acquired without the addresses.
    own: Option<Place>,
    /// Whether to wait for a place.
    waits: bool,
}

impl Seat {
    async fn take(
        mut self,
        hosts: &Arc<Hosts>,
        host: &str,
        addresses: &[std::net::IpAddr],
    ) -> Result<Place, GetError> {
        if let Some(mut place) = self.own.take() {
            return place.reach(addresses).map(|()| place).map_err(|_| GetError::Busy);
        }
        let begin = Instant::now();
        loop {
            match hosts.acquire(host, addresses) {
                Ok(place) => return Ok(place),
                Err(Busy::Full) if self.waits && begin.elapsed() < PATIENCE => tokio::select! {
                    // It may be a place at another host.
                    () = hosts.freed() => {}
                    () = tokio::time::sleep(AGAIN) => {}
                },
                Err(_) => return Err(GetError::Busy),
            }
        }
    }
}

/// Names the setting that would allow a refused address in the log, which has all details.
fn failure(hub: &Hub, url: &WebUrl, error: &FetchError) -> GetError {
    tracing::debug!(host = url.host, %error, "topic not fetched");
    match error {
        FetchError::Private(address) => {
            let address = address.to_canonical();
            let is_in_networks = hub.settings.topic_networks.iter().any(|network| network.contains(&address));
            let setting = match (is_in_networks, may_use_networks(hub, &url.key)) {
                (true, _) => "hub.topics",
                (false, true) => "hub.topic_networks",
                (false, false) => "hub.topic_networks and hub.topics",
            };
            // Some addresses are refused whatever the settings are.
            if Reach::Networks(Arc::new([IpNet::from(address)])).allows(address) {
                hub.note_refused(&url.host, address, setting);
            }
            GetError::Refused
        }
        FetchError::Url => GetError::Refused,
        FetchError::Size(size) => GetError::Size(*size),
        _ => GetError::Unreachable,
    }
}

impl GetError {
    /// The error of content that cannot be decoded.
    pub(super) fn of_coding(error: CodingError, size: usize) -> Self {
        match error {
            CodingError::Unknown => Self::Coding,
            CodingError::Invalid => Self::Invalid,
            CodingError::Size => Self::Size(size),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_follow_the_rules_for_urls() {
        let from =
            |own: &str, target: &str| redirect(&Url::parse(own).unwrap(), target).map(|url| url.location);
        for (target, next) in [
            ("/x", "https://a.example/x"),
            ("y?z#fragment", "https://a.example/dir/y?z"),
            ("//b.example", "https://b.example/"),
            ("HTTPS://B.example:443/a b", "https://b.example/a%20b"),
            ("https://2130706433/", "https://127.0.0.1/"),
        ] {
            assert_eq!(from("https://a.example/dir/feed", target).as_deref(), Some(next), "{target}");
        }
        let long = format!("/{}", "x".repeat(3000));
        for target in [
            "http://a.example/feed",
            "ftp://a.example/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https://user@a.example/",
            "https://:@a.example:x/",
            "https://",
            &long,
        ] {
            assert_eq!(from("https://a.example/dir/feed", target), None, "{target}");
        }
        assert_eq!(from("http://a.example/", "https://a.example/").as_deref(), Some("https://a.example/"));
        assert_eq!(from("http://a.example/", "http://b.example/").as_deref(), Some("http://b.example/"));
    }
}
