//! The worker for feeds: claims due feeds, fetches them, records their entries, and schedules the next fetch. It must
//! not know the requests to hubs.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, LINK};
use sha2::{Digest, Sha256};

use super::Subscriber;
use super::discover::{self, Found};
use super::ingest::{Content, IngestError, Owner, Taken};
use super::reach::authorization;
use super::schedule::{self, Missed, Seen};
use crate::store::{FeedFetch, FeedState, FetchReason, FinishedPoll, PollOutcome, PollRead, Via};
use crate::web::discover::discover as find;
use crate::web::freshness::{fresh_for, validators};
use crate::web::get::{self, Fetched, Get, Turn};
use crate::web::get_error::GetError;
use crate::web::links::Links;
use crate::web::urls::WebUrl;
use crate::web::workers::Tasks;
use crate::web::{coding, sniff};

/// The deadline of a fetch, including redirects and the wait for a place at the host.
const DEADLINE: Duration = Duration::from_secs(10);
/// Maximum time that a fetch waits for a place at its host.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a claim lasts beyond the time of a fetch: for reading the content, and for the records.
const RECORDING: Duration = Duration::from_secs(30);
/// How long finished fetches are collected before more feeds are claimed.
const PAUSE: Duration = Duration::from_millis(5);
/// Claimed feeds for each concurrent fetch, so that feeds of a busy host leave room for others.
const CLAIMED: usize = 4;
/// Maximum bytes of a `Content-Type` that is evaluated.
const TYPE: usize = 1024;

/// Works until the subscriber stops.
pub(super) async fn work(subscriber: Arc<Subscriber>) {
    let most = subscriber.settings.concurrent.saturating_mul(CLAIMED);
    let mut fetching = Tasks::new(&subscriber.workers, PAUSE);
    while !subscriber.workers.is_stopping() {
        let room = most.saturating_sub(fetching.count());
        let claimed = match u32::try_from(room) {
            Ok(room @ 1..) => {
                let claimed = subscriber.store.claim_polls(room, DEADLINE + RECORDING).await;
                claimed.inspect_err(|error| tracing::debug!(%error, "no feeds claimed")).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let is_more_due = claimed.len() == room;
        for feed in claimed {
            let subscriber = Arc::clone(&subscriber);
            fetching.spawn(async move { process(&subscriber, feed).await });
        }
        fetching.wait(&subscriber.store.work().polls, is_more_due).await;
    }
    fetching.finish().await;
}

/// The result of a fetch.
struct Looked {
    outcome: PollOutcome,
    seen: Seen,
    /// The delay that the server requested.
    asked: Option<Duration>,
    /// How the feed is followed from now on, as far as the next fetch depends on it.
    state: FeedState,
    /// The value of the metric.
    result: &'static str,
}

/// The reason for a missing result: the claim expires, and the feed is fetched again.
struct Postponed(String);

/// Fetches a claimed feed and records the result.
async fn process(subscriber: &Subscriber, feed: FeedFetch) {
    let name = &feed.feed.name;
    let looked = match look(subscriber, &feed).await {
        Ok(looked) => looked,
        Err(Postponed(why)) => {
            tracing::debug!(feed = name, why, "fetch postponed");
            return;
        }
    };
    let Looked { outcome, seen, asked, state, result } = looked;
    let next = schedule::next(subscriber.rates(), &feed, state, seen, asked, schedule::jitter());
    let missed = match &outcome {
        PollOutcome::Read(read) => read.missed,
        _ => 0,
    };
    let finished =
        FinishedPoll { id: feed.id, claim: feed.claim, outcome, next: next.after, interval: next.interval };
    match subscriber.store.finish_poll(&finished).await {
        Ok(true) => {
            subscriber.metrics.feeds.poll(name, result);
            subscriber.metrics.feeds.missed(name, missed);
        }
        Ok(false) => subscriber.metrics.feeds.poll(name, "lost"),
        // The claim ends, and the feed is fetched again.
        Err(error) => tracing::warn!(feed = name, %error, "result of a fetch not recorded"),
    }
}

/// Fetches a feed and records its entries.
async fn look(subscriber: &Subscriber, feed: &FeedFetch) -> Result<Looked, Postponed> {
    let fetched = match fetch(subscriber, feed).await {
        Ok(fetched) => fetched,
        Err(error) => return failed(feed, &error),
    };
    if let Some(url) = &fetched.moved {
        subscriber.note_moved(&feed.feed.name, url);
    }
    let asked = fresh_for(fetched.headers());
    let unchanged = |asked| Looked {
        outcome: PollOutcome::Unchanged,
        seen: Seen::Unchanged,
        asked,
        state: feed.state,
        result: "unchanged",
    };
    let Some(body) = fetched.body.clone() else {
        // Only a feed that was read has validators.
        return Ok(unchanged(asked));
    };
    let size = subscriber.settings.size;
    let length = if coding::is_coded(fetched.headers()) { usize::MAX } else { body.len() };
    let read = subscriber.ingest.compute(length, move || {
        let read = read(&fetched, body, size);
        (fetched, read)
    });
    let Some((fetched, read)) = read.await else {
        return Err(Postponed("the reader has failed".to_owned()));
    };
    let Read { body, content_type, fingerprint, links } = match read {
        Ok(read) => read,
        Err(error) => return failed(feed, &error),
    };
    if feed.body.as_ref() == Some(&fingerprint) {
        return Ok(unchanged(asked));
    }
    let content = Content { url: fetched.url.clone(), content_type, body };
    let taken = match take(subscriber, feed, content).await {
        Ok(taken) => taken,
        Err(IngestError::Store(error)) => return Err(Postponed(error.to_string())),
        Err(error) => return Ok(unread(feed, error.to_string(), None)),
    };
    Ok(changed(subscriber, feed, &fetched, fingerprint, links, &taken))
}

/// Returns the result of a fetch whose content differs from the last one.
fn changed(
    subscriber: &Subscriber,
    feed: &FeedFetch,
    fetched: &Fetched,
    body: Vec<u8>,
    links: Links,
    taken: &Taken,
) -> Looked {
    let Found { topic, mut hubs } = discover::choose(&feed.feed, links, &fetched.url);
    if subscriber.public_url.is_none() {
        // They could not reach the callback.
        hubs.clear();
    }
    let created = taken.ingested.created;
    let missed = schedule::missed(feed, created, taken.older_than(schedule::OLD));
    let Missed { entries, polls, resubscribe, is_unreliable } = missed;
    let read = PollRead {
        validators: validators(fetched.headers(), SystemTime::now()),
        content_url: fetched.url.to_string(),
        is_feed: !taken.is_page,
        body,
        title: taken.title.clone(),
        site: taken.site.clone(),
        topic,
        hubs,
        missed: entries,
        missed_polls: polls,
        resubscribe,
        is_unreliable,
        hint: taken
            .feed
            .as_ref()
            .map(|feed| format!("the URL is that of a page; write the URL of its feed: {feed}")),
    };
    Looked {
        outcome: PollOutcome::Read(Box::new(read)),
        seen: Seen::Read(created),
        asked: fresh_for(fetched.headers()),
        state: if is_unreliable { FeedState::Unreliable } else { feed.state },
        result: "changed",
    }
}

/// Returns the result of a failed fetch.
fn failed(feed: &FeedFetch, error: &GetError) -> Result<Looked, Postponed> {
    let asked = match error {
        GetError::Busy => return Err(Postponed(error.to_string())),
        GetError::Status(_, asked) => *asked,
        _ => None,
    };
    let why = format!("the feed {}", error.detail());
    if matches!(error, GetError::Status(StatusCode::GONE, _)) {
        let outcome = PollOutcome::Failed { why, is_gone: true };
        return Ok(Looked { outcome, seen: Seen::Gone, asked, state: feed.state, result: "failed" });
    }
    Ok(unread(feed, why, asked))
}

fn unread(feed: &FeedFetch, why: String, asked: Option<Duration>) -> Looked {
    tracing::debug!(feed = feed.feed.name, attempts = feed.attempts, why, "feed not read");
    let outcome = PollOutcome::Failed { why, is_gone: false };
    Looked { outcome, seen: Seen::Failed, asked, state: feed.state, result: "failed" }
}

async fn fetch(subscriber: &Subscriber, feed: &FeedFetch) -> Result<Fetched, GetError> {
    let authorization = authorization(&feed.feed);
    let request = Get {
        url: &feed.feed.url,
        agent: &subscriber.agent,
        validators: &feed.validators,
        validated: feed.content_url.as_deref(),
        authorization: authorization.as_ref(),
        deadline: DEADLINE,
        patience: PATIENCE,
        size: subscriber.settings.size,
        hosts: &subscriber.hosts,
    };
    let reached = &subscriber.reached;
    let client = |url: &WebUrl, redirects| reached.client_for_content(&feed.feed.url, url, redirects);
    let refused = |url: &WebUrl, address| subscriber.note_refused(&feed.feed.name, &url.host, address);
    get::get(&request, Turn::Wait, client, refused).await
}

async fn take(subscriber: &Subscriber, feed: &FeedFetch, content: Content) -> Result<Taken, IngestError> {
    let via = match feed.reason {
        _ if !feed.is_backfilled => Via::Backfill,
        FetchReason::Push => Via::Fetch,
        FetchReason::Poll => Via::Poll,
    };
    let owner = Owner { feed_id: feed.id, feed: &feed.feed.name, is_feed: feed.is_feed, pushed: None };
    subscriber.ingest.take(owner, content, via).await
}

/// The result of reading content.
struct Read {
    body: Bytes,
    content_type: Option<String>,
    fingerprint: Vec<u8>,
    links: Links,
}

/// Decodes content and finds its links. Slow for long content.
fn read(fetched: &Fetched, body: Bytes, size: usize) -> Result<Read, GetError> {
    let body =
        coding::decode(fetched.headers(), body, size).map_err(|error| GetError::of_coding(error, size))?;
    if body.trim_ascii().is_empty() {
        return Err(GetError::Empty);
    }
    let content_type = fetched.headers().get(CONTENT_TYPE).map(|value| value.as_bytes());
    let content_type = content_type.and_then(|value| std::str::from_utf8(value).ok());
    let content_type = content_type.filter(|value| value.len() <= TYPE).map(str::to_owned);
    let links = find(&fetched.hops, &sniff::read(&body, content_type.as_deref()));
    Ok(Read { fingerprint: fingerprint(fetched, &body), body, content_type, links })
}

/// Returns the SHA-256 of content and of the other inputs of the subscription: the URL, and the headers that may name
/// hubs.
fn fingerprint(fetched: &Fetched, body: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    let mut add = |part: &[u8]| {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    };
    add(fetched.url.as_str().as_bytes());
    for hop in &fetched.hops {
        hop.headers.get_all(LINK).iter().for_each(|link| add(link.as_bytes()));
    }
    add(body);
    hash.finalize().to_vec()
}
