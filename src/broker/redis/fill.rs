//! Looks for what was missed in a partition, in what Redis keeps of its channels.

use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, Value};

use super::Redis;
use super::consumer::Arrived;
use super::frame::{self, NodeId};
use super::link::{Unavailable, with_jitter};
use super::scripts::{FILL, RECENT, REPLAY};
use crate::bayeux::{Partition, Publication, StreamPosition};
use crate::broker::{Kept, Recent, Replay, Span};

/// Messages of a channel that one replay has at the most.
const MESSAGES: &[u8] = b"10000";
/// Channels of a partition that are looked at.
const CHANNELS: &[u8] = b"10000";
/// Bytes that are looked at.
const BYTES: &[u8] = b"16777216";
/// How often it is tried to look.
const ATTEMPTS: usize = 20;
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(200);

/// A message as [`FILL`] gives it.
type Found = (Vec<u8>, String, Vec<u8>, String, u64);

impl Redis {
    /// Fills a gap, in a task of its own, for as long as it is there.
    pub(super) fn fill(self: &Arc<Self>, partition: Partition) {
        let this = Arc::clone(self);
        tokio::spawn(async move {
            let heard = &this.partitions[partition.index()].heard;
            let mut attempts = 0;
            while let Some((behind, until)) = heard.missing() {
                match this.kept_behind(partition, behind).await {
                    Ok((epoch, found)) => heard.fill(epoch, until, found),
                    // While Redis is away, nothing more comes either.
                    Err(Unavailable::Away) => tokio::time::sleep(with_jitter(PAUSE)).await,
                    Err(error) if attempts < ATTEMPTS => {
                        attempts += 1;
                        tracing::debug!(partition = partition.index(), %error, "cannot recover missed publications yet");
                        tokio::time::sleep(with_jitter(PAUSE)).await;
                    }
                    Err(error) => {
                        tracing::warn!(partition = partition.index(), %error, "cannot recover missed publications");
                        heard.give_up(until);
                    }
                }
            }
        });
    }

    /// What is kept of a partition behind a number, with the life of the partition.
    pub(super) async fn kept_behind(
        &self,
        partition: Partition,
        behind: u64,
    ) -> Result<(u64, Vec<Arrived>), Unavailable> {
        let shared = &self.shared;
        let keys = [shared.names.partition(partition), shared.names.recent(partition)];
        let prefix = shared.names.histories(partition);
        let behind = behind.to_string();
        let arguments = [prefix.as_bytes(), behind.as_bytes(), CHANNELS, BYTES];
        let answer = FILL.run(&shared.link, &keys.each_ref().map(String::as_str), &arguments).await?;
        let Value::Array(parts) = answer else { return Err(Unavailable::Senseless) };
        let mut parts = parts.into_iter();
        let epoch = parts.next().and_then(|part| String::from_redis_value(part).ok());
        let epoch = epoch.ok_or(Unavailable::Senseless)?;
        let epoch = u64::from_str_radix(&epoch, 16).unwrap_or(0);
        let found: Vec<Arrived> = parts.filter_map(|part| self.found(part)).collect();
        Ok((epoch, found))
    }

    fn found(&self, part: Value) -> Option<Arrived> {
        let read = Found::from_redis_value(part).ok();
        let arrived = read.and_then(|(channel, id, object, publisher, counter)| {
            let number = number_of(&id)?;
            let item = frame::item(&channel, &object).filter(|_| object.len() <= self.shared.longest)?;
            Some(Arrived { number, publisher: NodeId::parse(&publisher)?, counter, item })
        });
        if arrived.is_none() {
            self.shared.metrics.redis.malformed.inc();
        }
        arrived
    }

    /// What was published to a channel behind a number of its partition and is kept, oldest first.
    pub(super) async fn replay_kept(&self, channel: &str, since: u64) -> Result<Replay, Unavailable> {
        let (shared, partition) = (&self.shared, Partition::of(channel));
        let history = shared.names.histories(partition) + channel;
        let keys = [shared.names.partition(partition), shared.names.recent(partition), history];
        let since = since.to_string();
        let arguments = [channel.as_bytes(), since.as_bytes(), MESSAGES];
        let answer = REPLAY.run(&shared.link, &keys.each_ref().map(String::as_str), &arguments).await?;
        let Value::Array(parts) = answer else { return Err(Unavailable::Senseless) };
        let mut parts = parts.into_iter();
        let is_complete = parts.next().and_then(|part| bool::from_redis_value(part).ok());
        let read = |part| {
            let (id, object) = <(String, Vec<u8>)>::from_redis_value(part).ok()?;
            let position = StreamPosition { partition, offset: number_of(&id)? };
            let item = frame::item(channel.as_bytes(), &object)?;
            Some(Arc::new(Publication::encoded(channel, Some(position), &item.object)))
        };
        let publications = parts.filter_map(read).collect();
        Ok(Replay { publications, is_complete: is_complete.unwrap_or(false) })
    }

    /// The newest publications of a channel that are kept, newest first.
    pub(super) async fn recent_kept(&self, channel: &str, span: Span) -> Result<Recent, Unavailable> {
        let (shared, partition) = (&self.shared, Partition::of(channel));
        let history = shared.names.histories(partition) + channel;
        let Span { since, history: bounds, bytes } = span;
        let arguments = [
            since.to_string(),
            bounds.messages.to_string(),
            bounds.age.as_millis().to_string(),
            bytes.to_string(),
        ];
        let arguments = arguments.each_ref().map(|argument| argument.as_bytes());
        let answer = RECENT.run(&shared.link, &[history.as_str()], &arguments).await?;
        let Value::Array(parts) = answer else { return Err(Unavailable::Senseless) };
        let mut parts = parts.into_iter();
        let oldest = parts.next().and_then(|part| String::from_redis_value(part).ok());
        let oldest = oldest.ok_or(Unavailable::Senseless)?;
        let read = |part| {
            let (id, object, at) = <(String, Vec<u8>, u64)>::from_redis_value(part).ok()?;
            let position = StreamPosition { partition, offset: number_of(&id)? };
            let item = frame::item(channel.as_bytes(), &object)?;
            let publication = Arc::new(Publication::encoded(channel, Some(position), &item.object));
            Some(Kept { at, publication })
        };
        Ok(Recent { publications: parts.filter_map(read).collect(), oldest: number_of(&oldest) })
    }
}

/// The number in the identifier of an entry of a stream, `number-0`.
fn number_of(id: &str) -> Option<u64> {
    id.strip_suffix("-0")?.parse().ok()
}
