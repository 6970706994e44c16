//! `/api/v1/hub`: counts, topics and subscriptions of the hub, and the immediate retry of deliveries.

use std::str::FromStr;

use bytes::Bytes;
use hyper::Response;
use hyper::http::Uri;
use serde_json::json;

use super::query::{LARGEST_PAGE, Parameters};
use super::reply::{self, Refusal};
use super::rows::{Page, Subscriptions, Topics};
use crate::config::TopicPolicy;
use crate::store::{Store, StoreError};
use crate::transport::{Method, RouteRequest};

/// Maximum number of store pages that one filtered request reads.
const SCANNED: u32 = 20;

/// A path of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resource {
    Status,
    Topics,
    Subscriptions,
    Retry,
}

impl Resource {
    /// Returns the resource at a path below the root of the API.
    pub(super) fn named(path: &str) -> Option<Self> {
        match path {
            "/hub" => Some(Self::Status),
            "/hub/topics" => Some(Self::Topics),
            "/hub/subscriptions" => Some(Self::Subscriptions),
            "/hub/retry" => Some(Self::Retry),
            _ => None,
        }
    }

    fn is_read(self) -> bool {
        self != Self::Retry
    }

    pub(super) fn allows(self, method: Method) -> bool {
        match method {
            Method::Get | Method::Head => self.is_read(),
            Method::Post => !self.is_read(),
            _ => false,
        }
    }

    pub(super) fn methods(self) -> &'static str {
        if self.is_read() { "GET, HEAD, OPTIONS" } else { "POST, OPTIONS" }
    }
}

/// The hub as operators manage it.
pub struct ManagedHub {
    /// Its state.
    pub store: Store,
    /// Its address, which topics name.
    pub url: String,
    /// Which topics it accepts.
    pub policy: TopicPolicy,
}

impl ManagedHub {
    pub(super) async fn answer(
        &self,
        resource: Resource,
        request: &RouteRequest,
    ) -> Result<Response<Bytes>, Refusal> {
        let query = request.head.query();
        match resource {
            Resource::Status => {
                Parameters::of_query(query, &[])?;
                self.status().await
            }
            Resource::Topics => {
                self.topics(&Parameters::of_query(query, &["topic", "host", "after", "limit"])?).await
            }
            Resource::Subscriptions => {
                self.subscriptions(&Parameters::of_query(query, &["topic", "host", "after", "limit"])?).await
            }
            Resource::Retry => {
                let filter = Parameters::of_body(&request.body, query)?;
                let due = self.store.retry(filter.topic.as_deref(), filter.host.as_deref()).await?;
                Ok(reply::ok(&json!({ "due": due })))
            }
        }
    }

    async fn status(&self) -> Result<Response<Bytes>, Refusal> {
        let counts = self.store.counts().await?;
        let policy = match self.policy {
            TopicPolicy::Advertised => "advertised",
            TopicPolicy::Open => "open",
            TopicPolicy::Listed => "listed",
        };
        Ok(reply::ok(&json!({
            "url": self.url,
            "policy": policy,
            "topics": counts.topics,
            "subscriptions": counts.subscriptions,
            "verifications_pending": counts.requests,
            "deliveries_waiting": counts.deliveries,
        })))
    }

    async fn topics(&self, asked: &Parameters) -> Result<Response<Bytes>, Refusal> {
        let limit = asked.limit();
        let is_filtered = asked.topic.is_some() || asked.host.is_some();
        // The additional row shows whether there is a next page.
        let size = if is_filtered { LARGEST_PAGE } else { limit + 1 };
        // The topic sorts after the same text without its last character.
        let start =
            asked.topic.as_deref().and_then(|topic| Some(&topic[..topic.char_indices().next_back()?.0]));
        let mut after = asked.after.clone().or_else(|| start.map(str::to_owned));
        let mut topics = Vec::new();
        for _ in 0..SCANNED {
            let rows = self.store.topics(after.as_deref(), size).await?;
            let is_last = rows.len() < size as usize;
            for row in rows {
                if topics.len() == limit as usize {
                    return Ok(reply::ok(&Page { elements: Topics { topics }, next: after }));
                }
                after = Some(row.topic.clone());
                let is_topic = asked.topic.as_ref().is_none_or(|topic| *topic == row.topic);
                if is_topic
                    && asked.host.as_ref().is_none_or(|host| host_of(&row.topic).as_ref() == Some(host))
                {
                    topics.push(row.into());
                }
                if is_topic && asked.topic.is_some() {
                    return Ok(reply::ok(&Page { elements: Topics { topics }, next: None }));
                }
            }
            if is_last {
                return Ok(reply::ok(&Page { elements: Topics { topics }, next: None }));
            }
            if topics.len() == limit as usize {
                break;
            }
        }
        Ok(reply::ok(&Page { elements: Topics { topics }, next: after }))
    }

    async fn subscriptions(&self, asked: &Parameters) -> Result<Response<Bytes>, Refusal> {
        let limit = asked.limit();
        let size = if asked.host.is_some() { LARGEST_PAGE } else { limit + 1 };
        let wrong = |_| Refusal::Bad("after is not the next of a page before".to_owned());
        let mut after = asked.after.as_deref().map_or(Ok(0), i64::from_str).map_err(wrong)?;
        let mut subscriptions = Vec::new();
        let page = |subscriptions, next: Option<i64>| {
            let elements = Subscriptions { subscriptions };
            Ok(reply::ok(&Page { elements, next: next.map(|next| next.to_string()) }))
        };
        for _ in 0..SCANNED {
            let rows = self.store.subscriptions(asked.topic.as_deref(), after, size).await?;
            let is_last = rows.len() < size as usize;
            for row in rows {
                if subscriptions.len() == limit as usize {
                    return page(subscriptions, Some(after));
                }
                after = row.id;
                if asked.host.as_ref().is_none_or(|host| *host == row.host) {
                    subscriptions.push(row.into());
                }
            }
            if is_last {
                return page(subscriptions, None);
            }
            if subscriptions.len() == limit as usize {
                break;
            }
        }
        page(subscriptions, Some(after))
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::debug!(%error, "management request failed");
        Self::Unavailable
    }
}

/// Returns the host of a topic, without a port.
fn host_of(topic: &str) -> Option<String> {
    let url: Uri = topic.parse().ok()?;
    url.host().map(str::to_ascii_lowercase)
}
