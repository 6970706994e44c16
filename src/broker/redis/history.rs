//! The histories of channels in Redis.

use std::sync::Arc;

use redis::{FromRedisValue, Value};

use super::{Redis, frame};
use crate::bayeux::{Partition, Publication, StreamPosition};
use crate::broker::{Deliver, HistoryError, Kept, Recent, Span};
use crate::redis::{RECENT, RedisError};

impl<D: Deliver> Redis<D> {
    /// Returns the newest publications of a channel that are kept, newest first.
    ///
    /// # Errors
    /// [`HistoryError`] if Redis did not reply.
    pub async fn recent(&self, channel: &str, span: Span) -> Result<Recent, HistoryError> {
        Ok(self.read_recent(channel, span).await.map_err(RedisError::logged)?)
    }

    async fn read_recent(&self, channel: &str, span: Span) -> Result<Recent, RedisError> {
        let partition = Partition::of(channel);
        let history = self.shared.client.keys().histories(partition) + channel;
        let Span { since, history: bounds, bytes } = span;
        let arguments = [
            since.to_string(),
            bounds.messages.to_string(),
            bounds.age.as_millis().to_string(),
            bytes.to_string(),
        ];
        let arguments = arguments.each_ref().map(|argument| argument.as_bytes());
        let reply = self.shared.client.run_script(&RECENT, &[history.as_str()], &arguments).await?;
        let Value::Array(parts) = reply else { return Err(RedisError::Unexpected) };
        let mut parts = parts.into_iter();
        let oldest = parts.next().and_then(|part| String::from_redis_value(part).ok());
        let oldest = oldest.ok_or(RedisError::Unexpected)?;
        let read = |part| {
            let (id, object, at) = <(String, Vec<u8>, u64)>::from_redis_value(part).ok()?;
            let position = StreamPosition { partition, offset: offset_of(&id)? };
            let item = frame::item(channel.as_bytes(), &object)?;
            let publication = Arc::new(Publication::encoded(channel, Some(position), &item.object));
            Some(Kept { at, publication })
        };
        Ok(Recent { publications: parts.filter_map(read).collect(), oldest: offset_of(&oldest) })
    }
}

/// Parses the offset in the identifier of a stream entry, `offset-0`.
pub(super) fn offset_of(id: &str) -> Option<u64> {
    id.strip_suffix("-0")?.parse().ok()
}
