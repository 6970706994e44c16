//! Reads pages of replays from the histories of one partition in memory.

use std::sync::Arc;

use tokio::time::Instant;

use super::History;
use super::channel::{Channel, Entry};
use crate::bayeux::{Pattern, Publication, StreamPosition};
use crate::broker::{Page, PageRequest, PageStart, PartitionState};

impl History {
    /// Reads a page of a replay.
    pub(in crate::broker) fn page(
        &self,
        request: PageRequest<'_>,
        state: PartitionState,
        now: Instant,
    ) -> Page {
        let after = request.start.after;
        let complete_from = self.forgotten.max(state.base);
        let is_complete = after >= complete_from && after <= state.offset;
        let mut page = Page { publications: Vec::new(), next: None, state, complete_from, is_complete };
        let Some(pattern) = Pattern::parse(request.pattern) else { return page };
        if request.until <= after {
            return page;
        }
        if pattern.is_name() {
            let channel = self.names.get(request.pattern).and_then(|id| self.channels.get(*id));
            let Some(channel) = channel.filter(|channel| is_wanted(channel, &request)) else { return page };
            page.is_complete &= !self.is_missing(channel, &request, now);
            let entries = channel.after(after).map(|entry| (channel, entry));
            self.read(&mut page, &request, entries, now);
            return page;
        }
        let covers = |channel: &Channel| pattern.covers(Pattern::of_name(&channel.name));
        // Nothing was removed since the last page, unless it counts.
        if request.is_first || self.removals > request.start.judged {
            let newer = self.channels.iter().filter(|(_, channel)| channel.last > after);
            let is_missing = |channel: &Channel| self.is_missing(channel, &request, now);
            page.is_complete &= !newer
                .map(|(_, channel)| channel)
                .any(|channel| is_missing(channel) && covers(channel) && is_wanted(channel, &request));
        }
        let first = self.log.partition_point(|(offset, _)| *offset <= after);
        let entries = self.log.range(first..).filter_map(|(offset, id)| {
            let channel = self.channels.get(*id).filter(|channel| covers(channel))?;
            Some((channel, channel.at(*offset)?))
        });
        let entries = entries.filter(|(channel, _)| is_wanted(channel, &request));
        self.read(&mut page, &request, entries, now);
        page
    }

    /// Whether publications of the replay are missing that were removed since the last page was read, or are expired.
    fn is_missing(&self, channel: &Channel, request: &PageRequest<'_>, now: Instant) -> bool {
        let after = start(channel, request);
        let is_removed = channel.removed > after && channel.removal > request.start.judged;
        let first = channel.after(after).next().filter(|entry| entry.offset <= request.until);
        is_removed || first.is_some_and(|entry| channel.is_expired(entry, now))
    }

    /// Reads the entries of a page, up to its size.
    fn read<'a>(
        &self,
        page: &mut Page,
        request: &PageRequest<'_>,
        entries: impl Iterator<Item = (&'a Channel, &'a Entry)>,
        now: Instant,
    ) {
        let mut bytes = 0_usize;
        let mut last = request.start.after;
        for (channel, entry) in entries.take_while(|(_, entry)| entry.offset <= request.until) {
            let is_older = |newest| channel.is_older(entry.offset, newest);
            if entry.offset <= start(channel, request)
                || request.newest.is_some_and(|newest| is_older(newest(&channel.name)))
            {
                continue;
            }
            if channel.is_expired(entry, now) {
                page.is_complete = false;
                continue;
            }
            bytes = bytes.saturating_add(entry.array.len());
            let is_full = page.publications.len() >= request.messages || bytes > request.bytes;
            if is_full && !page.publications.is_empty() {
                page.next = Some(PageStart { judged: self.removals, ..PageStart::after(last) });
                return;
            }
            last = entry.offset;
            let position = StreamPosition { partition: request.partition, offset: entry.offset };
            let name = Arc::clone(&channel.name);
            let publication = Publication::stored(name, position, entry.array.clone());
            page.publications.push(Arc::new(publication));
        }
    }
}

/// Whether a replay includes a channel: it has a history by the rules.
fn is_wanted(channel: &Channel, request: &PageRequest<'_>) -> bool {
    !(request.age)(&channel.name).is_zero()
}

/// Returns the offset after which the publications of a channel are replayed.
fn start(channel: &Channel, request: &PageRequest<'_>) -> u64 {
    request.seen.get(&*channel.name).map_or(request.start.after, |seen| request.start.after.max(*seen))
}
