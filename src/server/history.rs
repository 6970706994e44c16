//! The channel histories, for feeds.

use super::Server;
use crate::broker::{Appended, HistoryError, Recent, Span};

impl Server {
    /// Returns the newest stored publications of a channel.
    ///
    /// # Errors
    /// [`HistoryError`] if Redis has the history and did not reply.
    pub async fn recent(&self, channel: &str, span: Span) -> Result<Recent, HistoryError> {
        self.broker.recent(channel, span).await
    }

    /// Whether the histories are shared with other instances.
    #[must_use]
    pub fn shares_histories(&self) -> bool {
        self.broker.is_shared()
    }

    /// Sets the callback for channels whose rule has `syndicate`. It runs after a publication of this instance was
    /// appended to the history of the channel. Only the first call has an effect.
    pub fn on_appended(&self, appended: Appended) {
        // A second call is a programming error and has no effect.
        let _ = self.appended.set(appended);
    }
}
