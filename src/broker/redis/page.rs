//! Pages of a replay, read from the histories in Redis. A page of a pattern goes through its channels in the order of their
//! names; their order in the partition is not known without reading all of them.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use redis::{FromRedisValue, Value};

use super::history::offset_of;
use super::{Redis, frame};
use crate::bayeux::{PARTITIONS, PageStart, Partition, Pattern, Publication, StreamPosition};
use crate::broker::{Deliver, HistoryError, HistorySize, Page, PageRequest, PartitionState, with_replay_id};
use crate::redis::{CHANGED, PAGE, RedisError};

/// The maximum number of channels of a partition in a replay. The client is told of a gap if there are more.
const CHANNELS: usize = 10_000;
/// How many channels are read at once.
const AT_ONCE: usize = 8;
/// How many channels of a pattern the first page judges.
const JUDGED: usize = 64;

/// The channel, the offset, the last offset, the maximum number of messages and bytes, the maximum age, and the number of the
/// newest ones.
pub(super) type PageKey = (String, u64, u64, (usize, usize), Duration, Option<usize>);

/// The channels of a partition with new publications, and from which offset its histories are judged.
pub(super) struct Changed {
    state: PartitionState,
    complete_from: u64,
    names: Vec<String>,
}

/// A part of the history of a channel.
#[derive(Clone, Default)]
pub(super) struct ChannelPage {
    state: PartitionState,
    complete_from: u64,
    is_complete: bool,
    has_more: bool,
    /// The offset up to which the history was read.
    reached: u64,
    publications: Vec<Arc<Publication>>,
}

impl Changed {
    /// About how many bytes of memory it needs.
    pub(super) fn memory(&self) -> usize {
        self.names.iter().map(|name| name.len() + size_of::<String>()).sum()
    }
}

impl ChannelPage {
    /// About how many bytes of memory it needs.
    pub(super) fn memory(&self) -> usize {
        self.publications.iter().map(|publication| publication.memory()).sum()
    }
}

impl<D: Deliver> Redis<D> {
    /// Returns the state of a partition as this instance has delivered it, without its base.
    pub(crate) fn state(&self, partition: Partition) -> PartitionState {
        let (epoch, offset) = self.partitions[partition.index()].consumer.at().unwrap_or_default();
        PartitionState { epoch, base: 0, offset }
    }

    /// Sets the hash of the rules of the histories, which goes to Redis with each publication.
    pub(in crate::broker) fn set_rules(&self, rules: u64) {
        if self.shared.rules.swap(rules, Ordering::AcqRel) != rules {
            self.partitions.iter().for_each(|partition| partition.consumer.forget());
        }
    }

    /// Returns the size of the histories that are kept in memory.
    pub(in crate::broker) fn history_size(&self) -> HistorySize {
        self.shared.budget.size()
    }

    /// Removes expired publications from the memory of one partition. To be called about once a second.
    pub(in crate::broker) fn sweep(&self) {
        let partition = self.shared.swept.fetch_add(1, Ordering::Relaxed) % PARTITIONS;
        self.partitions[partition].consumer.sweep();
    }

    /// Reads a page of a replay, from memory if this instance has received everything since its start.
    ///
    /// # Errors
    /// [`HistoryError`] if Redis did not reply.
    pub(in crate::broker) async fn page(&self, request: PageRequest<'_>) -> Result<Page, HistoryError> {
        if let Some(page) = self.partitions[request.partition.index()].consumer.page(request) {
            return Ok(page);
        }
        match Pattern::parse(request.pattern).filter(|pattern| pattern.is_name()) {
            Some(_) => self.page_of_channel(&request).await,
            None => self.page_of_pattern(&request).await,
        }
    }

    async fn page_of_channel(&self, request: &PageRequest<'_>) -> Result<Page, HistoryError> {
        let after = request.start.after;
        let read = self.read_channel(request, request.pattern, after).await?;
        Ok(Page {
            publications: read.publications.clone(),
            next: read.has_more.then(|| PageStart::after(read.reached)),
            state: read.state,
            complete_from: read.complete_from,
            is_complete: read.is_complete,
        })
    }

    async fn page_of_pattern(&self, request: &PageRequest<'_>) -> Result<Page, HistoryError> {
        let PageStart { after, channel: last, .. } = request.start;
        let (mut page, names) = self.changed(request, *after).await?;
        let (done, from) = match last {
            Some((channel, offset)) => (channel.as_str(), Some(*offset)),
            None => ("", None),
        };
        let rest: Vec<&String> = names.iter().filter(|name| name.as_str() >= done).collect();
        let mut bytes = 0;
        let mut judged = 0;
        for some in rest.chunks(AT_ONCE) {
            let start = |name: &str| from.filter(|_| name == done).unwrap_or(*after).max(*after);
            let reads = join_all(some.iter().map(|name| self.read_channel(request, name, start(name)))).await;
            for (name, read) in some.iter().zip(reads) {
                let read = read?;
                judged += 1;
                page.is_complete &= read.is_complete;
                if page.next.is_some() {
                    continue;
                }
                let mut reached = start(name);
                for publication in &read.publications {
                    let is_full = page.publications.len() >= request.messages
                        || bytes + publication.size() > request.bytes;
                    if is_full && !page.publications.is_empty() {
                        page.next = Some(PageStart {
                            channel: Some(((*name).clone(), reached)),
                            ..PageStart::after(*after)
                        });
                        break;
                    }
                    bytes += publication.size();
                    reached = publication.position().map_or(reached, |position| position.offset);
                    page.publications.push(Arc::clone(publication));
                }
                if read.has_more && page.next.is_none() {
                    reached = reached.max(read.reached);
                    page.next = Some(PageStart {
                        channel: Some(((*name).clone(), reached)),
                        ..PageStart::after(*after)
                    });
                }
            }
            if page.next.is_some() && (!request.is_first || judged >= JUDGED) {
                break;
            }
        }
        Ok(page)
    }

    /// Returns an empty page of a pattern, and its channels with new publications in the order of their names.
    async fn changed(
        &self,
        request: &PageRequest<'_>,
        after: u64,
    ) -> Result<(Page, Vec<String>), HistoryError> {
        // With the end: what is published later may be in another channel.
        let key = (request.partition, after, request.until);
        let Changed { state, complete_from, names } =
            &*self.shared.changed.get(key, self.read_changed(request.partition, after)).await?;
        let (state, complete_from) = (*state, *complete_from);
        let is_complete = after >= complete_from && after <= state.offset && names.len() <= CHANNELS;
        let pattern = Pattern::parse(request.pattern);
        let is_wanted = |name: &&String| {
            let covers = pattern.is_some_and(|pattern| {
                Pattern::parse(name).is_some_and(|name| name.is_name() && pattern.covers(name))
            });
            covers && !(request.age)(name).is_zero()
        };
        let mut names: Vec<String> = names.iter().filter(is_wanted).cloned().collect();
        names.sort_unstable();
        Ok((Page { publications: Vec::new(), next: None, state, complete_from, is_complete }, names))
    }

    async fn read_changed(&self, partition: Partition, after: u64) -> Result<Changed, RedisError> {
        let keys = self.shared.client.keys();
        let keys = [keys.partition(partition), keys.recent(partition)];
        let (since, most) = (after.to_string(), (CHANNELS + 1).to_string());
        let keys = keys.each_ref().map(String::as_str);
        let reply =
            self.shared.client.run_script(&CHANGED, &keys, &[since.as_bytes(), most.as_bytes()]).await?;
        let Value::Array(mut parts) = reply else { return Err(RedisError::Unexpected) };
        let names = parts.pop().and_then(|names| <Vec<String>>::from_redis_value(names).ok());
        let names = names.ok_or(RedisError::Unexpected)?;
        let (state, complete_from) = state_of(&mut parts.into_iter()).ok_or(RedisError::Unexpected)?;
        Ok(Changed { state, complete_from, names })
    }

    /// Returns a part of the history of one channel.
    async fn read_channel(
        &self,
        request: &PageRequest<'_>,
        channel: &str,
        after: u64,
    ) -> Result<Arc<ChannelPage>, HistoryError> {
        let mut after = request.seen.get(channel).map_or(after, |seen| after.max(*seen));
        let newest = request.newest.map(|newest| newest(channel));
        if newest == Some(0) {
            return Ok(Arc::new(ChannelPage { is_complete: true, reached: after, ..ChannelPage::default() }));
        }
        let mut has_expired = false;
        loop {
            let (most, age) = ((request.messages, request.bytes), (request.age)(channel));
            let key = (channel.to_owned(), after, request.until, most, age, newest);
            let page = self.shared.pages.get(key, self.read_history(request, channel, after, newest)).await?;
            // Only expired ones so far.
            if page.has_more && page.publications.is_empty() && page.reached > after {
                (after, has_expired) = (page.reached, true);
                continue;
            }
            if has_expired {
                return Ok(Arc::new(ChannelPage { is_complete: false, ..(*page).clone() }));
            }
            return Ok(page);
        }
    }

    async fn read_history(
        &self,
        request: &PageRequest<'_>,
        channel: &str,
        after: u64,
        newest: Option<usize>,
    ) -> Result<ChannelPage, RedisError> {
        let (keys, partition) = (self.shared.client.keys(), request.partition);
        let history = keys.histories(partition) + channel;
        let keys = [keys.partition(partition), keys.recent(partition), history];
        let arguments = [
            channel.to_owned(),
            after.to_string(),
            request.until.to_string(),
            request.messages.to_string(),
            request.bytes.to_string(),
            (request.age)(channel).as_millis().to_string(),
            newest.map_or_else(String::new, |newest| newest.to_string()),
        ];
        let keys = keys.each_ref().map(String::as_str);
        let arguments = arguments.each_ref().map(|argument| argument.as_bytes());
        let reply = self.shared.client.run_script(&PAGE, &keys, &arguments).await?;
        let Value::Array(parts) = reply else { return Err(RedisError::Unexpected) };
        let mut parts = parts.into_iter();
        let (state, complete_from) = state_of(&mut parts).ok_or(RedisError::Unexpected)?;
        let mut text = || parts.next().and_then(|part| String::from_redis_value(part).ok());
        let (is_complete, has_more) = (text().as_deref() == Some("1"), text().as_deref() == Some("1"));
        let reached = text().and_then(|reached| reached.parse().ok()).ok_or(RedisError::Unexpected)?;
        let read = |part| {
            let (id, object) = <(String, Vec<u8>)>::from_redis_value(part).ok()?;
            let position = StreamPosition { partition, offset: offset_of(&id)? };
            let item = frame::item(channel.as_bytes(), &object)?;
            let object = with_replay_id(&*self.deliver, channel, position, &item.object);
            Some(Arc::new(Publication::kept(channel, position, &object)))
        };
        let publications = parts.filter_map(read).collect();
        Ok(ChannelPage { state, complete_from, is_complete, has_more, reached, publications })
    }
}

/// Reads the state of a partition, and the offset from which its histories are judged.
fn state_of(parts: &mut impl Iterator<Item = Value>) -> Option<(PartitionState, u64)> {
    let epoch = String::from_redis_value(parts.next()?).ok()?;
    let mut number = || String::from_redis_value(parts.next()?).ok()?.parse::<i64>().ok();
    let (base, offset, judged) = (number()?, number()?, number()?);
    let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
    // Without an epoch Redis does not know the partition.
    let epoch = u64::from_str_radix(&epoch, 16).unwrap_or(0);
    let state = PartitionState { epoch, base: unsigned(base), offset: unsigned(offset) };
    Some((state, unsigned(judged)))
}
