//! Fetches the content of a topic, and compares it with the content that was delivered last. It must not know the store's
//! operations.

use std::time::SystemTime;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;

use super::fingerprint::fingerprint;
use super::get::get;
use super::{Hub, advertised, policy};
use crate::config::Change;
use crate::store::{Advertisement, Content, FetchOutcome, TopicFetch, Validators};
use crate::web::discover::discover;
use crate::web::freshness::validators;
use crate::web::get::{Fetched, Turn};
use crate::web::get_error::GetError;
use crate::web::links::Links;
use crate::web::own::OwnUrl;
use crate::web::{coding, sniff};

/// Maximum bytes of content that are parsed on the worker's thread; longer content is parsed on a blocking thread.
const INLINE: usize = 32 * 1024;
/// Bytes of a `Content-Type` that is delivered.
const TYPE: usize = 1024;

/// The outcome of a fetch, whether the topic names the hub, and the label for metrics.
pub(super) type Found = (FetchOutcome, Advertisement, &'static str);

/// Fetches a topic and compares its content with the last one.
pub(super) async fn fetch(hub: &Hub, topic: &TopicFetch, turn: Turn) -> Result<Found, GetError> {
    // Only delivered content is compared, and a check needs all of the content.
    let is_conditional = topic.is_pinged && topic.fingerprint.is_some();
    let none = Validators::default();
    let known = if is_conditional { &topic.validators } else { &none };
    let fetched = get(hub, &topic.topic, topic.readers, known, turn).await?;
    let Some(body) = fetched.body.clone() else {
        return if is_conditional {
            // Content of a topic that does not name the hub has no validators.
            Ok((FetchOutcome::Unchanged(topic.validators.clone()), Advertisement::Named, "not_modified"))
        } else {
            Err(GetError::Status(StatusCode::NOT_MODIFIED, None))
        };
    };
    let is_long = body.len() > INLINE || coding::is_coded(fetched.headers());
    // A check compares nothing.
    let change = topic.is_pinged.then_some(hub.settings.change);
    let size = hub.settings.topic_size;
    let (fetched, read) = if is_long {
        let _place = hub.reading.acquire().await.map_err(|error| GetError::Unreachable(error.to_string()))?;
        let reading = tokio::task::spawn_blocking(move || {
            let read = read(&fetched, body, change, size);
            (fetched, read)
        });
        reading.await.map_err(|error| GetError::Unreachable(error.to_string()))?
    } else {
        let read = read(&fetched, body, change, size);
        (fetched, read)
    };
    let Read { body, links, fingerprint } = read?;
    let advertisement = if policy::needs_check(hub, &topic.topic) {
        let own = OwnUrl::new(&hub.url(), hub.settings.root);
        match advertised::check(&own, &topic.topic, &links, &fetched.url) {
            Ok(()) => Advertisement::Named,
            Err(why) => Advertisement::Missing(why.to_string()),
        }
    } else {
        Advertisement::Named
    };
    if !topic.is_pinged {
        return Ok((FetchOutcome::Unchanged(topic.validators.clone()), advertisement, "unchanged"));
    }
    let validators = match &advertisement {
        Advertisement::Missing(_) => none,
        _ if fetched.hops.len() > 1 => none,
        _ => validators(fetched.headers(), SystemTime::now()),
    };
    if topic.fingerprint.as_ref() == Some(&fingerprint) {
        return Ok((FetchOutcome::Unchanged(validators), advertisement, "unchanged"));
    }
    let content = Content {
        body,
        content_type: content_type(&fetched),
        fingerprint,
        validators,
        hubs: links.hubs,
        self_url: links.self_url,
    };
    Ok((FetchOutcome::Changed(content), advertisement, "changed"))
}

/// The result of reading content.
struct Read {
    body: Bytes,
    links: Links,
    fingerprint: Vec<u8>,
}

/// Reads content, which is slow for long content. Without `change`, no fingerprint is computed.
fn read(fetched: &Fetched, body: Bytes, change: Option<Change>, size: usize) -> Result<Read, GetError> {
    let body =
        coding::decode(fetched.headers(), body, size).map_err(|error| GetError::of_coding(error, size))?;
    if body.is_empty() {
        return Err(GetError::Empty);
    }
    let document = sniff::read(&body, content_type(fetched).as_deref());
    let links = discover(&fetched.hops, &document);
    let fingerprint = change.map(|change| fingerprint(change, &body, &document, &links)).unwrap_or_default();
    drop(document);
    Ok(Read { body, links, fingerprint })
}

/// Returns the header `Content-Type`, byte for byte.
fn content_type(fetched: &Fetched) -> Option<String> {
    let value = fetched.headers().get(CONTENT_TYPE)?.as_bytes();
    let value = std::str::from_utf8(value).ok()?;
    (value.len() <= TYPE).then(|| value.to_owned())
}
