//! The histories of channels, for feeds.

use super::Server;
use crate::broker::{Appended, HistoryError, Recent, Span};

impl Server {
    /// Returns the newest publications of a channel that are kept.
    ///
    /// # Errors
    /// [`HistoryError`] if Redis has the history and did not reply.
    pub async fn recent(&self, channel: &str, span: Span) -> Result<Recent, HistoryError> {
        self.broker.recent(channel, span).await
    }

    /// Whether histories are shared with other instances.
    #[must_use]
    pub fn shares_histories(&self) -> bool {
        self.broker.is_shared()
    }

    /// Sets the function that is called with each channel whose rule has `syndicate`, after a publication of this instance was
    /// added to its history. Only the first call has an effect.
    pub fn on_appended(&self, appended: Appended) {
        // A second call is a programming error and has no effect.
        let _ = self.appended.set(appended);
    }
}
