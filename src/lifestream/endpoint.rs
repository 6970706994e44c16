//! The routes of the lifestream.
//!
//! It must not know the presentation of entries.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER,
};
use hyper::{Response, StatusCode};
use serde_json::json;

use super::guard;
use super::list_page::List;
use super::listing::{self, Listing};
use super::message::Message;
use super::query::{self, Place, Query, Wrong};
use super::response::{HTML, JSON, preflight, put, refused_method, shared, tagged, typed};
use super::stream::{self, Stream};
use super::{Lifestream, list_json};
use crate::metrics::Reason;
use crate::store::{Change, StoreError};
use crate::transport::{Endpoint, Method, Route, RouteFuture, RouteLimits, RouteRequest};
use crate::web::feed;

/// Requests have no body.
const LIMITS: RouteLimits = RouteLimits { body: 1024, body_time: Duration::from_secs(5) };
/// The deadline for the store.
const PATIENCE: Duration = Duration::from_secs(10);
/// Entries of an embedded page.
const EMBEDDED: u32 = 20;
/// The script for other sites.
const EMBED: &str = include_str!("page/embed.js");
/// How long a browser may use the script for other sites without asking.
const HOUR: &str = "public, max-age=3600";

/// The target of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target<'a> {
    List,
    Entry(&'a str),
    Entries,
    Embed,
    Stream(Format),
}

/// The format of a stream for readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Atom (RFC 4287).
    Atom,
    /// JSON Feed 1.1.
    Json,
}

/// Why a request has no ordinary response.
pub(super) enum Problem {
    /// The request is wrong.
    Bad(Wrong),
    /// Unknown, or not public.
    Missing(&'static str),
    /// There was an entry of that name.
    Gone,
    /// The client has sent too many requests, and when it may send the next one.
    Rate(Duration),
    /// The store cannot be read.
    Away,
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::debug!(%error, "cannot read the entries of the lifestream");
        Self::Away
    }
}

impl Endpoint for Lifestream {
    fn route(&self, method: Method, path: &str) -> Option<Route> {
        let rest = path.strip_prefix(self.site.path.as_str())?;
        let is_read = matches!(method, Method::Get | Method::Head);
        let file = rest.strip_prefix("/files/").and_then(|file| self.files.get(file));
        let script = (rest == "/embed.js").then(|| self.script());
        if let Some(response) = file.or(script) {
            return Some(Route::Response(if is_read { response } else { refused_method(false) }));
        }
        let target = target(rest)?;
        match method {
            _ if is_read => Some(Route::Call(LIMITS)),
            Method::Options if target.is_shared() => Some(Route::Response(preflight())),
            _ => Some(Route::Response(refused_method(target.is_shared()))),
        }
    }

    fn call(&self, request: RouteRequest) -> RouteFuture<'_> {
        Box::pin(async move {
            let head = &request.head;
            let rest = head.path().strip_prefix(self.site.path.as_str()).unwrap_or_default();
            let Some(target) = target(rest) else {
                return self.problem(Target::List, &Problem::Missing("There is no such page."));
            };
            let answer = match self.acquire(&request) {
                Ok(()) => tokio::time::timeout(PATIENCE, self.answer(&request, target)).await,
                Err(wait) => Ok(Err(Problem::Rate(wait))),
            };
            let response = match answer.unwrap_or(Err(Problem::Away)) {
                Ok(response) if response.status() == StatusCode::OK => tagged(head, response),
                Ok(response) => response,
                Err(problem) => self.problem(target, &problem),
            };
            if target.is_shared() { shared(response) } else { response }
        })
    }
}

impl Target<'_> {
    /// Whether pages of all origins may read it.
    fn is_shared(self) -> bool {
        matches!(self, Self::Entries | Self::Stream(_))
    }
}

fn target(rest: &str) -> Option<Target<'_>> {
    Some(match rest {
        "" | "/" => Target::List,
        ".atom" => Target::Stream(Format::Atom),
        ".json" => Target::Stream(Format::Json),
        "/entries" => Target::Entries,
        "/embed" => Target::Embed,
        _ => Target::Entry(rest.strip_prefix("/entry/")?),
    })
}

impl Lifestream {
    /// Limits the requests of one client. Programs on this machine have no limit.
    fn acquire(&self, request: &RouteRequest) -> Result<(), Duration> {
        if request.is_local { Ok(()) } else { self.rate.acquire(request.client.ip()) }
    }

    async fn answer(&self, request: &RouteRequest, target: Target<'_>) -> Result<Response<Bytes>, Problem> {
        let head = &request.head;
        match target {
            Target::List => self.list(Query::of_page(head.query()).map_err(Problem::Bad)?, false).await,
            Target::Embed => self.list(Query::of_embed(head.query()).map_err(Problem::Bad)?, true).await,
            Target::Entry(id) => self.entry(id).await,
            Target::Entries => {
                let query = Query::of_list(head.query()).map_err(Problem::Bad)?;
                let list =
                    self.read(&query, query.limit.unwrap_or(self.page_size().min(query::MOST))).await?;
                let body = list_json(&self.site.path, &query, &list.0);
                Ok(typed(StatusCode::OK, JSON, body))
            }
            Target::Stream(format) => {
                let query = Query::of_stream(head.query()).map_err(Problem::Bad)?;
                let (list, _) = self.read(&query, self.page_size()).await?;
                Ok(self.stream(request, &query, format, &list))
            }
        }
    }

    async fn list(&self, query: Query, is_embedded: bool) -> Result<Response<Bytes>, Problem> {
        let most = if is_embedded { query.limit.unwrap_or(EMBEDDED) } else { self.page_size() };
        let (list, visible) = self.read(&query, most).await?;
        let html = List {
            messages: &messages(&list),
            visible: &visible,
            feed: query.feed.as_deref(),
            from: &query.from,
            next: list.next.as_ref(),
            previous: list.previous.as_ref(),
            limit: query.limit,
            last: list.last,
            is_embedded,
        };
        if matches!(query.from, Place::AboveId(_)) && list.previous.is_none() {
            // There are no newer entries, so the newest page contains these, and stays up to date.
            let mut response = self.html(StatusCode::FOUND, String::new(), is_embedded);
            put(&mut response, LOCATION, &self.site.page_url(&html, &Place::Newest));
            return Ok(response);
        }
        Ok(self.html(StatusCode::OK, self.site.list(&html), is_embedded))
    }

    /// Returns the entries of a list for feed readers.
    fn stream(
        &self,
        request: &RouteRequest,
        query: &Query,
        format: Format,
        list: &Listing,
    ) -> Response<Bytes> {
        let origin = stream::origin(self.public_url.as_deref(), &request.head, request.is_secure);
        let stream = Stream {
            origin: &origin,
            path: &self.site.path,
            title: &self.site.title,
            intro: self.site.intro.as_deref(),
            feed: query.feed.as_deref(),
        };
        match format {
            Format::Atom => typed(StatusCode::OK, feed::atom::TYPE, stream.atom(&list.messages)),
            Format::Json => typed(StatusCode::OK, feed::json::TYPE, stream.json(&list.messages)),
        }
    }

    async fn entry(&self, id: &str) -> Result<Response<Bytes>, Problem> {
        const MISSING: Problem = Problem::Missing("There is no such entry.");
        let id = query::entry_id(id).ok_or(MISSING)?;
        let visible = self.feeds.visible(&self.store).await?;
        let mut row = self.store.entry(&id).await?.ok_or(MISSING)?;
        let info = visible.get(&row.feed).ok_or(MISSING)?;
        if row.change == Change::Deleted {
            return Err(Problem::Gone);
        }
        listing::complete(&self.store, std::slice::from_mut(&mut row)).await?;
        let message = parse(&crate::entries::message(&row, info)).ok_or(MISSING)?;
        Ok(self.html(StatusCode::OK, self.site.alone(&message), false))
    }

    /// Reads the entries of a query, and the public feeds.
    async fn read(
        &self,
        query: &Query,
        most: u32,
    ) -> Result<(Listing, std::sync::Arc<super::Visible>), Problem> {
        let visible = self.feeds.visible(&self.store).await?;
        if query.feed.as_deref().is_some_and(|feed| visible.get(feed).is_none()) {
            return Err(Problem::Missing("There is no feed of this name."));
        }
        let list = listing::read(&self.store, &visible, query.feed.as_deref(), &query.from, most).await?;
        Ok((list, visible))
    }

    fn problem(&self, target: Target<'_>, problem: &Problem) -> Response<Bytes> {
        let (status, title, text) = match problem {
            Problem::Bad(wrong) => {
                self.metrics.refuse(Reason::syntax);
                (StatusCode::BAD_REQUEST, "This link is wrong", wrong.as_str())
            }
            Problem::Missing(text) => (StatusCode::NOT_FOUND, "Not found", *text),
            Problem::Gone => {
                (StatusCode::GONE, "This entry is gone", "It was deleted, or is too old to be kept.")
            }
            Problem::Rate(_) => {
                self.metrics.refuse(Reason::lifestream_rate);
                let text =
                    "Too many requests come from your network. Wait a moment, and load the page again.";
                (StatusCode::TOO_MANY_REQUESTS, "Please wait", text)
            }
            Problem::Away => {
                let text = "The entries cannot be read at the moment. Try again in a few seconds.";
                (StatusCode::SERVICE_UNAVAILABLE, "Back soon", text)
            }
        };
        let mut response = if target.is_shared() {
            typed(status, JSON, format!("{}\n", json!({ "error": text })))
        } else {
            self.html(status, self.site.problem(title, text), target == Target::Embed)
        };
        if let Problem::Rate(wait) = problem {
            // Rounded up to seconds, so that a client is not too early.
            put(&mut response, RETRY_AFTER, &(wait.as_secs() + 1).to_string());
        }
        response
    }

    fn html(&self, status: StatusCode, html: String, is_embedded: bool) -> Response<Bytes> {
        let mut response = typed(status, HTML, html);
        let policy = if is_embedded { &self.embed_policy } else { &self.policy };
        put(&mut response, CONTENT_SECURITY_POLICY, policy);
        let second = HeaderValue::from_static(guard::TRUSTED_TYPES);
        response.headers_mut().append(CONTENT_SECURITY_POLICY, second);
        response
    }

    /// Returns the script that other sites include.
    fn script(&self) -> Response<Bytes> {
        let mut response = shared(typed(StatusCode::OK, JSON, Bytes::from_static(EMBED.as_bytes())));
        put(&mut response, CONTENT_TYPE, "text/javascript; charset=utf-8");
        put(&mut response, CACHE_CONTROL, HOUR);
        response
    }

    fn page_size(&self) -> u32 {
        u32::try_from(self.site.page).unwrap_or(u32::MAX)
    }
}

/// Returns the messages of a list as the page reads them.
fn messages(list: &Listing) -> Vec<Message> {
    list.messages.iter().filter_map(|message| parse(message)).collect()
}

/// Reads a message that this server has written.
fn parse(message: &str) -> Option<Message> {
    let parsed = serde_json::from_str(message);
    parsed.inspect_err(|error| tracing::error!(%error, "cannot read the message of an entry")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(target(""), Some(Target::List));
        assert_eq!(target("/"), Some(Target::List));
        assert_eq!(target("/entry/x"), Some(Target::Entry("x")));
        assert_eq!(target("/entries"), Some(Target::Entries));
        for other in ["x", "/x", "/entries/", "/entry", ".rss", "/files/x"] {
            assert_eq!(target(other), None, "{other}");
        }
    }
}
