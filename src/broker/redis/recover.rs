//! Recovery of missed publications from the histories in Redis.

use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, Value};

use super::gap::{Delivery, Epoch};
use super::history::offset_of;
use super::{Redis, frame};
use crate::bayeux::{Partition, Publication, StreamPosition};
use crate::broker::Deliver;
use crate::redis::{FILL, NodeId, RedisError, with_jitter};

/// The maximum number of channels of a partition that are read.
const CHANNELS: &[u8] = b"10000";
/// About how many bytes are read.
const BYTES: &[u8] = b"16777216";
/// Attempts to read before a gap is abandoned.
const ATTEMPTS: usize = 20;
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(200);

/// A message in the reply of [`FILL`]: channel, identifier, object, publisher, counter.
type Found = (Vec<u8>, String, Vec<u8>, String, u64);

impl<D: Deliver> Redis<D> {
    /// Spawns a task that recovers the gap of a partition.
    pub(super) fn recover(self: &Arc<Self>, partition: Partition) {
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let consumer = &this.partitions[partition.index()].consumer;
            let mut attempts = 0;
            while let Some((since, until)) = consumer.gap() {
                match this.kept_since(partition, consumer.epoch(), since).await {
                    Ok((_, Some(newest), _)) if newest < since && attempts < ATTEMPTS => {
                        // Redis has lost data, and its clock is behind. The probe starts an epoch above the known offset.
                        attempts += 1;
                        let probe = frame::probe(this.shared.client.me(), 0);
                        let _ = this.shared.send_probe(partition, since, &probe, false).await;
                    }
                    Ok((epoch, ..)) if epoch.base.is_some_and(|base| base > until) && attempts < ATTEMPTS => {
                        // The probe follows what was published in the epoch before.
                        attempts += 1;
                        tokio::time::sleep(with_jitter(PAUSE)).await;
                    }
                    Ok((epoch, _, found)) => consumer.recover(epoch, until, found),
                    Err(RedisError::Disconnected | RedisError::Broken(_)) => {
                        tokio::time::sleep(with_jitter(PAUSE)).await;
                    }
                    // Redis hangs. Otherwise the reply is too large for `redis.deadline`, and so is the next one.
                    Err(RedisError::Timeout) if !this.replies().await => {
                        tokio::time::sleep(with_jitter(PAUSE)).await;
                    }
                    Err(error) if attempts < ATTEMPTS => {
                        attempts += 1;
                        tracing::debug!(
                            partition = partition.index(),
                            %error,
                            "cannot recover missed publications yet"
                        );
                        tokio::time::sleep(with_jitter(PAUSE)).await;
                    }
                    Err(error) => {
                        tracing::warn!(
                            partition = partition.index(),
                            %error,
                            "cannot recover missed publications"
                        );
                        consumer.abandon(until);
                    }
                }
            }
        });
    }

    /// Whether Redis replies to a small command.
    async fn replies(&self) -> bool {
        self.shared.client.run(&redis::cmd("PING")).await.is_ok()
    }

    /// Returns the publications of all channels of a partition after an offset that are kept, in order.
    ///
    /// # Errors
    /// [`RedisError`] if Redis did not reply.
    pub async fn kept(&self, partition: Partition, since: u64) -> Result<Vec<Arc<Publication>>, RedisError> {
        let (_, _, mut found) = self.kept_since(partition, None, since).await.map_err(RedisError::logged)?;
        found.sort_by_key(|delivery| delivery.offset);
        let publication = |delivery: Delivery| {
            let position = StreamPosition { partition, offset: delivery.offset };
            Arc::new(Publication::encoded(&delivery.item.channel, Some(position), &delivery.item.object))
        };
        Ok(found.into_iter().map(publication).collect())
    }

    /// Reads the publications of a partition after an offset of an epoch, or of any epoch that has this offset. They may
    /// have lower offsets, if Redis did not know this one. Returns the epoch of the partition and its newest offset, too.
    async fn kept_since(
        &self,
        partition: Partition,
        epoch: Option<u64>,
        since: u64,
    ) -> Result<(Epoch, Option<u64>, Vec<Delivery>), RedisError> {
        // Large replies must not delay the publications and heartbeats on the same connection.
        let _reading = self.shared.reading.acquire().await;
        let keys = self.shared.client.keys();
        let prefix = keys.histories(partition);
        let keys = [keys.partition(partition), keys.recent(partition)];
        let since = since.to_string();
        let epoch = epoch.map(|epoch| format!("{epoch:x}")).unwrap_or_default();
        let arguments = [prefix.as_bytes(), since.as_bytes(), CHANNELS, BYTES, epoch.as_bytes()];
        let keys = keys.each_ref().map(String::as_str);
        let reply = self.shared.client.run_script(&FILL, &keys, &arguments).await?;
        let Value::Array(parts) = reply else { return Err(RedisError::Unexpected) };
        let mut parts = parts.into_iter();
        let epoch = parts.next().and_then(|part| String::from_redis_value(part).ok());
        let epoch = epoch.ok_or(RedisError::Unexpected)?;
        let mut number = || parts.next().and_then(|part| String::from_redis_value(part).ok()?.parse().ok());
        let (base, newest) = (number(), number());
        let epoch = Epoch { id: u64::from_str_radix(&epoch, 16).unwrap_or(0), base };
        let found: Vec<Delivery> = parts.filter_map(|part| self.found(part)).collect();
        Ok((epoch, newest, found))
    }

    /// Reads one message. Counts a malformed one.
    fn found(&self, part: Value) -> Option<Delivery> {
        let read = Found::from_redis_value(part).ok();
        let delivery = read.and_then(|(channel, id, object, publisher, counter)| {
            let offset = offset_of(&id)?;
            let item = frame::item(&channel, &object).filter(|_| object.len() <= self.shared.longest)?;
            Some(Delivery { offset, publisher: NodeId::parse(&publisher)?, counter, item })
        });
        if delivery.is_none() {
            self.shared.client.metrics().redis.malformed.inc();
        }
        delivery
    }
}
