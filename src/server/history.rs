//! What is kept of channels, for feeds.

use super::Server;
use crate::broker::{Appended, Away, Recent, Span};

impl Server {
    /// The newest publications of a channel that are kept.
    ///
    /// # Errors
    /// [`Away`] if Redis keeps them and did not answer.
    pub async fn recent(&self, channel: &str, span: Span) -> Result<Recent, Away> {
        match &self.cluster {
            Some(cluster) => cluster.redis.recent(channel, span).await,
            None => Ok(self.broker.recent(channel, span)),
        }
    }

    /// Whether histories are shared with other instances.
    #[must_use]
    pub fn shares_histories(&self) -> bool {
        self.cluster.is_some()
    }

    /// Has `appended` called with each channel whose rule has `syndicate`, after a publication of this instance was added
    /// to its history. Only the first call has an effect.
    pub fn on_appended(&self, appended: Appended) {
        // A second caller would be a mistake of the program; it gets no calls.
        let _ = self.appended.set(appended);
    }
}
