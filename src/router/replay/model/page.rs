//! The pages of the model.

use std::cmp::Ordering;

use super::{CHANNELS, Page, PageStart, Paging, Seen, State, covers};

impl Paging {
    /// A page of one message, as `History::page` and `Redis::page` read it.
    pub(super) fn page(
        &self,
        state: &State,
        pattern: &str,
        start: &PageStart,
        until: u64,
        is_first: bool,
    ) -> Page {
        let PageStart { after, channel, judged } = start;
        let index = |name: &str| CHANNELS.iter().position(|known| *known == name).unwrap_or(0);
        let begins = |name: usize| match channel {
            None => *after,
            Some((done, reached)) => match name.cmp(&index(done)) {
                Ordering::Less => u64::MAX,
                Ordering::Equal => *after.max(reached),
                Ordering::Greater => *after,
            },
        };
        let removals = u64::from(self.trims - state.trims);
        let mut is_complete = *after >= state.forgotten;
        let (mut offsets, mut next) = (Vec::<u64>::new(), None);
        let all = (after + 1..=until).map(|offset| (state.published[offset as usize - 1], offset));
        let mut all: Vec<_> =
            all.filter(|(name, offset)| covers(pattern, *name) && *offset > begins(*name)).collect();
        if self.by_channel {
            all.sort_unstable();
        }
        for (name, offset) in all.into_iter().filter(|(name, offset)| *offset > state.trimmed[*name]) {
            let Some(last) = offsets.first().copied() else {
                offsets.push(offset);
                continue;
            };
            next = Some(if self.by_channel {
                let channel = CHANNELS[state.published[last as usize - 1]].to_owned();
                PageStart { channel: Some((channel, last)), ..PageStart::after(*after) }
            } else {
                PageStart { judged: removals, ..PageStart::after(last) }
            });
            if self.by_channel && !is_first {
                // The channels behind it are judged by their own pages.
                let missing = (0..=name).any(|name| is_missing(state, pattern, name, begins(name)));
                let seen = Seen { epoch: 1, is_complete: is_complete && !missing, is_empty: false };
                return Page { offsets, next, seen };
            }
            break;
        }
        let counts = self.by_channel || is_first || removals > *judged;
        is_complete &=
            !counts || (0..CHANNELS.len()).all(|name| !is_missing(state, pattern, name, begins(name)));
        let is_empty = offsets.is_empty();
        Page { offsets, next, seen: Seen { epoch: 1, is_complete, is_empty } }
    }
}

/// Whether publications of a channel after an offset were trimmed.
fn is_missing(state: &State, pattern: &str, name: usize, after: u64) -> bool {
    covers(pattern, name) && state.trimmed[name] > after
}
