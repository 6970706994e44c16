//! One partition of a replay: how far it has come, and what was left to it. This module must not know other parts.

use serde::{Deserialize, Serialize};

use crate::bayeux::{PageStart, Partition};

/// One partition of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) partition: Partition,
    pub(super) start: PageStart,
    /// The last offset of the pass; `None` between two passes.
    pub(super) pass: Option<u64>,
    /// Whether a page of the pass was read.
    pub(super) has_page: bool,
    /// The last offset of the part as known now.
    pub(super) until: u64,
    /// The first offset that was left to the replay; zero if none was.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) first: u64,
    /// The epoch of the offsets; zero if it is not known.
    pub(super) epoch: u64,
    pub(super) is_told: bool,
    pub(super) is_first_pass: bool,
    /// Whether the seam is known. Before, nothing is read.
    pub(super) is_begun: bool,
}

impl Part {
    /// Reads nothing but what was left to the replay since it was announced.
    pub(super) fn begin_live(&mut self) {
        self.start = PageStart::after(self.first.saturating_sub(1));
        self.is_begun = true;
    }

    /// Leaves a publication to the replay.
    pub(super) fn defer(&mut self, offset: u64) {
        self.until = self.until.max(offset);
        self.first = if self.first == 0 { offset } else { self.first.min(offset) };
    }

    /// Leaves to the replay what another one has not read.
    pub(super) fn defer_all(&mut self, other: &Self) {
        self.defer(other.start.after + 1);
        self.defer(other.until);
    }

    /// Reads only what was left to the replay, for subscriptions that would have received it.
    pub(super) fn keep_deferred(&self) -> Option<Self> {
        if self.first == 0 {
            return None;
        }
        let mut part = self.clone();
        if part.is_begun {
            part.start.after = part.start.after.max(part.first - 1);
        } else {
            part.begin_live();
        }
        part.is_first_pass = false;
        (part.until > part.start.after).then_some(part)
    }
}

fn is_zero(offset: &u64) -> bool {
    *offset == 0
}
