//! Pages of a replay: the publications in the histories of one partition that match a pattern, from an offset on, in parts. The
//! types are shared by both brokers. This module must not know sessions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

pub use crate::bayeux::PageStart;
use crate::bayeux::{Partition, Publication};

/// Returns how many of the newest publications of a channel are replayed.
pub type Newest<'a> = &'a (dyn Fn(&str) -> usize + Send + Sync);

/// Returns the maximum age in the history of a channel; zero without a history.
pub type Age<'a> = &'a (dyn Fn(&str) -> Duration + Send + Sync);

/// What a page is read from.
#[derive(Clone, Copy)]
pub struct PageRequest<'a> {
    /// The partition.
    pub partition: Partition,
    /// A channel or pattern.
    pub pattern: &'a str,
    /// Where the page begins.
    pub start: &'a PageStart,
    /// The last offset of the replay.
    pub until: u64,
    /// Returns the maximum age of the publications of a channel; zero for a channel without a history.
    pub age: Age<'a>,
    /// Only so many of the newest publications of each channel, if it is given.
    pub newest: Option<Newest<'a>>,
    /// The offsets up to which the receiver has seen a channel, where it has seen more than the start tells.
    pub seen: &'a HashMap<String, u64>,
    /// Whether it is the first page of a pass.
    pub is_first: bool,
    /// The largest page in messages and bytes. One publication may be larger.
    pub messages: usize,
    /// See `messages`.
    pub bytes: usize,
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
    /// The lowest offset from which a replay may be complete now.
    pub complete_from: u64,
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
