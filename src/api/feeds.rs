//! `/api/v1/feeds`: the feeds that the server follows. Feeds are added and removed here; those of the settings are removed
//! there.

mod row;
mod transfer;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use hyper::StatusCode;
use serde_json::{Map, Value, json};

use super::query::Parameters;
use super::reply::{self, Refusal};
use super::rows::Page;
use crate::config::{self, Feed};
use crate::store::{AddedFeed, FeedDescription, FeedRow, FeedSource, FeedState, Store};
use crate::transport::{Method, RouteLimits, RouteRequest};
use row::Feeds;

/// Limits of a list of feeds: its size, and the time to send it.
const LIST: RouteLimits = RouteLimits { body: 8 * 1024 * 1024, body_time: Duration::from_secs(60) };
/// Limits of a file with entries: its size, and the time to send it.
const FILE: RouteLimits = RouteLimits { body: 64 * 1024 * 1024, body_time: Duration::from_secs(120) };
/// The deadline of an import.
const IMPORT: Duration = Duration::from_secs(300);
/// In place of a name: all feeds.
const ALL: &str = "*";

/// A path of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Resource {
    /// The list.
    Feeds,
    /// The list as OPML.
    Opml,
    /// An action on one feed.
    Feed(String, Action),
    /// All feeds are due.
    PollAll,
}

/// An action on a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Remove,
    Poll,
    Resubscribe,
    Purge,
    Import,
}

impl Resource {
    /// Returns the resource at a path below the root of the API.
    pub(super) fn named(path: &str) -> Option<Self> {
        match path {
            "/feeds" => return Some(Self::Feeds),
            "/feeds.opml" => return Some(Self::Opml),
            _ => {}
        }
        let (name, action) = path.strip_prefix("/feeds/")?.split_once('/')?;
        let action = match action {
            "remove" => Action::Remove,
            "poll" if name == ALL => return Some(Self::PollAll),
            "poll" => Action::Poll,
            "resubscribe" => Action::Resubscribe,
            "purge" => Action::Purge,
            "import" => Action::Import,
            _ => return None,
        };
        let is_name =
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        (is_name && !name.is_empty()).then(|| Self::Feed(name.to_owned(), action))
    }

    pub(super) fn allows(&self, method: Method) -> bool {
        match method {
            Method::Get | Method::Head => matches!(self, Self::Feeds | Self::Opml),
            Method::Post => true,
            _ => false,
        }
    }

    pub(super) fn methods(&self) -> &'static str {
        if self.allows(Method::Get) { "GET, HEAD, POST, OPTIONS" } else { "POST, OPTIONS" }
    }

    /// Returns the limits of its body, if they are not those of other requests.
    pub(super) fn limits(&self) -> Option<RouteLimits> {
        match self {
            Self::Opml => Some(LIST),
            Self::Feed(_, Action::Import) => Some(FILE),
            _ => None,
        }
    }

    /// Returns the deadline of the response, if it differs from that of other requests.
    pub(super) fn deadline(&self) -> Option<Duration> {
        matches!(self, Self::Opml | Self::Feed(_, Action::Import)).then_some(IMPORT)
    }
}

/// The feeds as operators manage them.
pub struct ManagedFeeds {
    /// Their state.
    pub store: Store,
    /// How they are followed.
    pub settings: config::Feeds,
    /// `limits.channel`
    pub longest_channel: usize,
    /// The addresses of this server.
    pub own: config::OwnPages,
    /// Whether any client may subscribe to a channel.
    pub is_public: Box<dyn Fn(&str) -> bool + Send + Sync>,
    /// Locked by the running import: each needs a few times the memory of its file.
    pub importing: tokio::sync::Mutex<()>,
}

impl ManagedFeeds {
    pub(super) async fn answer(
        &self,
        resource: &Resource,
        request: &RouteRequest,
    ) -> Result<Response<Bytes>, Refusal> {
        let query = request.head.query();
        let is_read = request.method != Method::Post;
        match resource {
            Resource::Feeds if is_read => self.list(&Parameters::of_query(query, &["after", "limit"])?).await,
            Resource::Feeds => {
                Parameters::of_query(query, &[])?;
                self.add(&request.body).await
            }
            Resource::Opml => {
                Parameters::of_query(query, &[])?;
                if is_read { self.export().await } else { self.import_list(&request.body).await }
            }
            Resource::PollAll => {
                Parameters::of_query(query, &[])?;
                Ok(reply::ok(&json!({ "due": self.store.poll_feeds(None).await? })))
            }
            Resource::Feed(name, action) => {
                Parameters::of_query(query, &[])?;
                self.act(name, *action, &request.body).await
            }
        }
    }

    async fn list(&self, asked: &Parameters) -> Result<Response<Bytes>, Refusal> {
        let rows = self.store.feed_rows().await?;
        let after = asked.after.as_deref();
        let mut rows =
            rows.into_iter().filter(|row| after.is_none_or(|after| row.feed.name.as_str() > after));
        let feeds: Vec<_> = rows.by_ref().take(asked.limit() as usize).collect();
        let next = rows.next().and(feeds.last()).map(|row| row.feed.name.clone());
        let elements = Feeds::new(feeds, &self.settings);
        Ok(reply::ok(&Page { elements, next }))
    }

    async fn add(&self, body: &[u8]) -> Result<Response<Bytes>, Refusal> {
        let feed = self.description(&fields(body)?)?;
        match self.put(&feed).await? {
            AddedFeed::Added => {
                let added = json!({ "name": feed.name, "channel": self.settings.channel_of(&feed.name) });
                Ok(reply::with_status(StatusCode::CREATED, &added))
            }
            outcome => Err(Refusal::Conflict(self.not_added(outcome, &feed.name).await?)),
        }
    }

    /// Returns why a feed was not added.
    async fn not_added(&self, outcome: AddedFeed, name: &str) -> Result<String, Refusal> {
        Ok(match outcome {
            AddedFeed::Added => String::new(),
            AddedFeed::Full => {
                format!(
                    "there are {} feeds, the most that one server follows; remove some",
                    config::Feeds::MOST
                )
            }
            AddedFeed::Exists => match self.row(name).await?.map(|row| row.source) {
                Some(FeedSource::Config) => {
                    format!("{name} is a [[feed]] of the settings; write another name, or change it there")
                }
                _ => format!("there is a feed {name}; remove it first, or write another name"),
            },
        })
    }

    /// Returns the description of a feed in these fields.
    fn description(&self, fields: &BTreeMap<String, String>) -> Result<FeedDescription, Refusal> {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let feed = config::read_feed(&fields).map_err(Refusal::Bad)?;
        if let Some(why) = self.own.refuse(&feed.url) {
            return Err(Refusal::Bad(format!("url: {why}")));
        }
        let channel = self.settings.channel_of(&feed.name);
        if channel.len() > self.longest_channel {
            return Err(Refusal::Bad(format!(
                "name: {channel} has {} bytes, and limits.channel is {}; write a shorter name",
                channel.len(),
                self.longest_channel
            )));
        }
        if feed.username.is_some() && !feed.public && (self.is_public)(&channel) {
            return Err(Refusal::Bad(format!(
                "username: any client may subscribe to {channel}; write public = true, or a [[channel]] rule for it in the \
                 settings"
            )));
        }
        Ok(description(feed))
    }

    async fn put(&self, feed: &FeedDescription) -> Result<AddedFeed, Refusal> {
        let most = u64::try_from(config::Feeds::MOST).unwrap_or(u64::MAX);
        Ok(self.store.add_feed(feed, most).await?)
    }

    async fn act(&self, name: &str, action: Action, body: &Bytes) -> Result<Response<Bytes>, Refusal> {
        let unknown = || Refusal::NotFound(format!("there is no feed {name}"));
        match action {
            Action::Remove => match self.store.remove_feed(name).await?.ok_or_else(unknown)? {
                FeedSource::Store => Ok(reply::ok(&json!({ "removed": name }))),
                FeedSource::Config => Err(Refusal::Conflict(format!(
                    "{name} is a [[feed]] of the settings; remove it there, and reload the settings (SIGHUP)"
                ))),
            },
            Action::Poll => match self.store.poll_feeds(Some(name)).await? {
                0 => Err(unknown()),
                due => Ok(reply::ok(&json!({ "due": due }))),
            },
            Action::Resubscribe => match self.store.resubscribe_feed(name).await? {
                true => Ok(reply::ok(&json!({ "due": 1 }))),
                false => Err(unknown()),
            },
            Action::Purge => {
                let entries = self.store.purge_feed(name).await?.ok_or_else(unknown)?;
                Ok(reply::ok(&json!({ "entries": entries })))
            }
            Action::Import => {
                let row = self.row(name).await?.ok_or_else(unknown)?;
                self.import(&row, body).await
            }
        }
    }

    /// Returns a feed that is followed.
    async fn row(&self, name: &str) -> Result<Option<FeedRow>, Refusal> {
        let rows = self.store.feed_rows().await?;
        Ok(rows.into_iter().find(|row| row.feed.name == name && row.state != FeedState::Removed))
    }
}

/// Returns the fields of a JSON object, as text.
fn fields(body: &[u8]) -> Result<BTreeMap<String, String>, Refusal> {
    let wrong = || {
        let text = "the body is not a JSON object with the keys of a [[feed]], such as {\"name\": \"blog\", \"url\": \
                    \"https://example.com/feed.xml\"}";
        Refusal::Bad(text.to_owned())
    };
    let given: Map<String, Value> = serde_json::from_slice(body).map_err(|_| wrong())?;
    let text = |value| match value {
        Value::String(text) => Ok(text),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => Err(wrong()),
    };
    let given = given.into_iter().filter(|(_, value)| !value.is_null());
    given.map(|(name, value)| Ok((name, text(value)?))).collect()
}

fn description(feed: Feed) -> FeedDescription {
    let Feed { name, url, hub, poll, username, password, public, title } = feed;
    let password = password.map(|password| password.expose().to_owned());
    FeedDescription { name, url, hub, poll, username, password, public, title }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_their_methods() {
        let feed = |action| Some(Resource::Feed("a-1".to_owned(), action));
        for (path, expected) in [
            ("/feeds", Some(Resource::Feeds)),
            ("/feeds.opml", Some(Resource::Opml)),
            ("/feeds/*/poll", Some(Resource::PollAll)),
            ("/feeds/a-1/poll", feed(Action::Poll)),
            ("/feeds/a-1/remove", feed(Action::Remove)),
            ("/feeds/a-1/resubscribe", feed(Action::Resubscribe)),
            ("/feeds/a-1/purge", feed(Action::Purge)),
            ("/feeds/a-1/import", feed(Action::Import)),
            ("/feeds/*/purge", None),
            ("/feeds//poll", None),
            ("/feeds/A/poll", None),
            ("/feeds/a-1", None),
            ("/feeds/a-1/x", None),
            ("/feeds/a/b/poll", None),
            ("/feedsx", None),
        ] {
            assert_eq!(Resource::named(path), expected, "{path}");
        }
        assert!(Resource::Feeds.allows(Method::Get) && Resource::Feeds.allows(Method::Post));
        assert!(!Resource::PollAll.allows(Method::Get) && !Resource::Feeds.allows(Method::Other));
        let import = Resource::named("/feeds/a/import").unwrap();
        assert!(import.limits().unwrap().body > Resource::Opml.limits().unwrap().body);
        assert!(Resource::Feeds.limits().is_none());
    }

    #[test]
    fn fields_are_texts_and_flags() {
        let found = fields(br#"{"name":"a","public":true,"title":null}"#).unwrap();
        let expected = [("name", "a"), ("public", "true")];
        assert!(found.iter().map(|(name, value)| (name.as_str(), value.as_str())).eq(expected));
        for bad in ["", "[]", "{\"poll\":5}", "{\"url\":[]}"] {
            assert!(matches!(fields(bad.as_bytes()), Err(Refusal::Bad(_))), "{bad}");
        }
    }
}
