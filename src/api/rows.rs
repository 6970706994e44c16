//! The representation of topics and subscriptions in the API.

use serde::Serialize;

use crate::store::{SubscriptionRow, TopicRow};

/// A page of a list.
#[derive(Serialize)]
pub(super) struct Page<T: Serialize> {
    #[serde(flatten)]
    pub(super) elements: T,
    /// The `after` of the next page; `null` on the last.
    pub(super) next: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Topics {
    pub(super) topics: Vec<Topic>,
}

#[derive(Serialize)]
pub(super) struct Subscriptions {
    pub(super) subscriptions: Vec<Subscription>,
}

#[derive(Serialize)]
pub(super) struct Topic {
    topic: String,
    /// Active subscriptions.
    subscriptions: u64,
    /// Waiting and running deliveries.
    deliveries: u64,
    /// How often it has changed.
    version: i64,
    /// Seconds since the last fetch.
    fetched: Option<u64>,
    /// Why the last fetch failed.
    failure: Option<String>,
}

impl From<TopicRow> for Topic {
    fn from(row: TopicRow) -> Self {
        Self {
            topic: row.topic,
            subscriptions: row.subscriptions,
            deliveries: row.deliveries,
            version: row.version,
            fetched: row.fetched.map(|time| time.as_secs()),
            failure: row.failure,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Subscription {
    id: i64,
    topic: String,
    /// The host of the callback.
    host: String,
    /// Seconds until the lease ends.
    expires_in: u64,
    /// Whether it was made with `hub.verify`.
    legacy: bool,
    /// Whether deliveries are signed.
    signed: bool,
    /// Failed deliveries in a row.
    failures: u64,
    /// Why the last one failed.
    failure: Option<String>,
}

impl From<SubscriptionRow> for Subscription {
    fn from(row: SubscriptionRow) -> Self {
        Self {
            id: row.id,
            topic: row.topic,
            host: row.host,
            expires_in: row.expires_in.as_secs(),
            legacy: row.is_legacy,
            signed: row.is_signed,
            failures: row.failures,
            failure: row.failure.map(|text| without_paths(&text)),
        }
    }
}

/// Returns a text whose URLs end after the host: the path of a callback is a secret of its subscriber.
fn without_paths(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, url) = rest.split_at(at + 3);
        let is_end = |letter: char| letter.is_whitespace() || "\"'<>()`,;".contains(letter);
        let (url, behind) = url.split_at(url.find(is_end).unwrap_or(url.len()));
        let host = url.find(['/', '?', '#']).unwrap_or(url.len());
        shown.push_str(before);
        // Without the user in front of the host.
        shown.push_str(url[..host].rsplit('@').next().unwrap_or_default());
        if host < url.len() {
            shown.push_str("/...");
        }
        rest = behind;
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_end_after_the_host() {
        for (text, shown) in [
            ("503 Service Unavailable", "503 Service Unavailable"),
            (
                "cannot reach https://a.example/secret?x=1: timeout",
                "cannot reach https://a.example/... timeout",
            ),
            ("(http://u:p@a.example:80) and \"http://b/c\"", "(http://a.example:80) and \"http://b/...\""),
            ("://", "://"),
        ] {
            assert_eq!(without_paths(text), shown);
        }
    }
}
