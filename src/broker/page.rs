//! Pages of a replay: the publications in the histories of one partition that match a pattern, from an offset on, in parts. The
//! types are shared by both brokers. This module must not know sessions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bayeux::{Partition, Publication};

/// What a page is read from.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest<'a> {
    /// The partition.
    pub partition: Partition,
    /// A channel or pattern.
    pub pattern: &'a str,
    /// Where the page begins.
    pub start: &'a PageStart,
    /// The last offset of the replay.
    pub until: u64,
    /// Only this number of the newest publications of each channel, if it is given.
    pub newest: Option<usize>,
    /// Whether it is the first page of the replay.
    pub is_first: bool,
    /// The largest page in messages and bytes. One publication may be larger.
    pub messages: usize,
    /// See `messages`.
    pub bytes: usize,
}

/// Where a page begins. A replay of a partition starts with an offset alone, [`PageStart::after`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PageStart {
    /// The offset before the first one of the replay.
    pub after: u64,
    /// A broker may read channel by channel, in the order of their names: the channel of the last page and the last offset that
    /// was read of it. Channels before it were read up to the end of the replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<(String, u64)>,
}

impl PageStart {
    /// The start of a replay of what follows an offset.
    #[must_use]
    pub fn after(offset: u64) -> Self {
        Self { after: offset, channel: None }
    }
}

/// A part of a replay.
#[derive(Debug)]
pub struct Page {
    /// The publications, oldest first within each channel.
    pub publications: Vec<Arc<Publication>>,
    /// Where the next page begins; `None` if everything up to the end of the replay was read.
    pub next: Option<PageStart>,
    /// The partition when the page was read.
    pub state: PartitionState,
    /// Whether no publication of the page is missing. The first page of a replay judges all of it; on Redis the first channels of
    /// a pattern.
    pub is_complete: bool,
}

/// The epoch of a partition, its base and its newest offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PartitionState {
    /// The epoch. Offsets of different epochs must not be compared.
    pub epoch: u64,
    /// The offset before the first one of the epoch.
    pub base: u64,
    /// The newest offset.
    pub offset: u64,
}
