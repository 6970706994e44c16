//! The channels of the server as the source of feeds.

use std::sync::Weak;

use crate::broker::{self, Span};
use crate::config::History;
use crate::hub::feeds::{Channels, Kept, Recent, RecentFuture, Unavailable};
use crate::server::Server;

/// The histories of a server. The reference is weak, since the server refers to the feeds.
pub(super) struct Histories(pub(super) Weak<Server>);

impl Channels for Histories {
    fn history(&self, channel: &str, name: &str) -> Option<History> {
        let server = self.0.upgrade()?;
        let policy = server.policy();
        let rule = policy.rule(channel);
        // A reload may have made the channel private.
        let is_public = rule.subscribe.anyone && rule.syndicate.as_deref() == Some(name);
        rule.history.filter(|_| is_public)
    }

    fn recent<'a>(&'a self, channel: &'a str, span: Span) -> RecentFuture<'a> {
        Box::pin(async move {
            let server = self.0.upgrade().ok_or_else(|| Unavailable("the server is gone".to_owned()))?;
            let recent = server.recent(channel, span).await;
            let recent = recent.map_err(|error| Unavailable(error.to_string()))?;
            let messages = recent.publications.iter().filter_map(message).collect();
            Ok(Recent { messages, oldest: recent.oldest })
        })
    }

    fn is_shared(&self) -> bool {
        self.0.upgrade().is_some_and(|server| server.shares_histories())
    }
}

fn message(kept: &broker::Kept) -> Option<Kept> {
    let at = i64::try_from(kept.at).unwrap_or(i64::MAX);
    Some(Kept { number: kept.number(), at, data: kept.data()? })
}
