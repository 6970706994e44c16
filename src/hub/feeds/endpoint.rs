//! `GET /feeds/NAME.atom` and `/feeds/NAME.json`.
//!
//! It must not know how a feed is made.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hyper::header;
use hyper::http::response::Builder;
use hyper::{Response, StatusCode};

use super::super::response::{put, text};
use super::Feeds;
use super::description::Description;
use super::feed::{Document, Documents, Feed};
use crate::peer::Head;
use crate::transport::{Endpoint, Method, Route, RouteFuture, RouteLimits, RouteRequest};

/// Where feeds are.
const PREFIX: &str = "/feeds/";
/// A request for a feed has no body.
const LIMITS: RouteLimits = RouteLimits { body: 1024, body_time: Duration::from_secs(5) };
/// Seconds after which a reader may retry.
const RETRY: &str = "5";
const ALLOWED: &str = "GET, HEAD, OPTIONS";

/// A format of a feed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Atom,
    Json,
}

impl Format {
    fn of(self, documents: &Documents) -> &Document {
        match self {
            Self::Atom => &documents.atom,
            Self::Json => &documents.json,
        }
    }

    fn url(self, description: &Description) -> &str {
        match self {
            Self::Atom => &description.atom,
            Self::Json => &description.json,
        }
    }
}

impl Feeds {
    fn find(&self, path: &str) -> Option<(&Arc<Feed>, Format)> {
        let file = path.strip_prefix(PREFIX)?;
        let (name, format) = match file.strip_suffix(".atom") {
            Some(name) => (name, Format::Atom),
            None => (file.strip_suffix(".json")?, Format::Json),
        };
        Some((self.by_name.get(name)?, format))
    }

    async fn get(&self, head: &Head) -> Response<Bytes> {
        let Some((feed, format)) = self.find(head.path()) else { return plain(StatusCode::NOT_FOUND) };
        match feed.newest(&*self.channels, true).await {
            Ok(Some(documents)) => answer(head, feed, format, &documents),
            Ok(None) => plain(StatusCode::NOT_FOUND),
            Err(error) => {
                tracing::debug!(feed = feed.description.name, %error, "cannot read the history of a feed");
                let mut response = plain(StatusCode::SERVICE_UNAVAILABLE);
                put(&mut response, header::RETRY_AFTER, RETRY);
                response
            }
        }
    }
}

impl Endpoint for Feeds {
    fn route(&self, method: Method, path: &str) -> Option<Route> {
        self.find(path)?;
        match method {
            Method::Get | Method::Head => Some(Route::Call(LIMITS)),
            Method::Options => Some(Route::Response(preflight())),
            _ => {
                let mut response = plain(StatusCode::METHOD_NOT_ALLOWED);
                put(&mut response, header::ALLOW, ALLOWED);
                Some(Route::Response(response))
            }
        }
    }

    fn call(&self, request: RouteRequest) -> RouteFuture<'_> {
        Box::pin(async move { self.get(&request.head).await })
    }
}

/// Returns a document, or 304 if the reader has it.
fn answer(head: &Head, feed: &Feed, format: Format, documents: &Documents) -> Response<Bytes> {
    let document = format.of(documents);
    let description = &feed.description;
    let own = format!("<{}>; rel=\"self\"", format.url(description));
    let link = match &description.hub {
        Some(hub) => format!("<{hub}>; rel=\"hub\", {own}"),
        None => own,
    };
    let has_it = is_known(head, document, documents);
    let status = if has_it { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    let second = Duration::from_secs(u64::try_from(documents.modified).unwrap_or(0));
    let builder = builder(status)
        .header(header::LINK, link)
        .header(header::ETAG, &document.etag)
        .header(header::LAST_MODIFIED, httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + second))
        .header(header::CACHE_CONTROL, "no-cache")
        .header(header::CONTENT_SECURITY_POLICY, "default-src 'none'");
    let body = if has_it { Bytes::new() } else { document.body.clone() };
    let builder = if has_it { builder } else { builder.header(header::CONTENT_TYPE, document.content_type) };
    builder.body(body).unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR))
}

/// Whether a conditional request names the document (RFC 9110, section 13.2.2).
fn is_known(head: &Head, document: &Document, documents: &Documents) -> bool {
    let mut tags = head.all("if-none-match").peekable();
    if tags.peek().is_some() {
        let tags = tags.flat_map(|list| list.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii);
        let own = document.etag.as_bytes();
        return tags.map(|tag| tag.strip_prefix(b"W/").unwrap_or(tag)).any(|tag| tag == own || tag == b"*");
    }
    let since = head.get("if-modified-since").and_then(|date| std::str::from_utf8(date).ok());
    let since = since.and_then(|date| httpdate::parse_http_date(date).ok());
    let since = since.and_then(|date| date.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_secs()).ok()).is_some_and(|since| {
        since > documents.modified || since == documents.modified && !documents.is_ambiguous
    })
}

/// Responds to a CORS preflight for conditional requests of another origin.
fn preflight() -> Response<Bytes> {
    let response = builder(StatusCode::NO_CONTENT)
        .header(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD")
        .header(header::ACCESS_CONTROL_ALLOW_HEADERS, "If-None-Match, If-Modified-Since")
        .header(header::ACCESS_CONTROL_MAX_AGE, "86400")
        .body(Bytes::new());
    response.unwrap_or_else(|_| plain(StatusCode::INTERNAL_SERVER_ERROR))
}

/// Returns the start of any response. Feeds are public, so all pages may read them.
fn builder(status: StatusCode) -> Builder {
    Response::builder()
        .status(status)
        .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")
        .header(header::ACCESS_CONTROL_EXPOSE_HEADERS, "ETag, Last-Modified, Link")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
}

/// Returns a response with the text of its status.
fn plain(status: StatusCode) -> Response<Bytes> {
    let body = match status {
        StatusCode::NOT_FOUND => "no feed has this name\n",
        StatusCode::METHOD_NOT_ALLOWED => "a feed has GET and HEAD only\n",
        StatusCode::SERVICE_UNAVAILABLE => "the history of the channel is unavailable; try again later\n",
        _ => "internal error\n",
    };
    let mut response = text(status, body.to_owned());
    put(&mut response, header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    response
}
