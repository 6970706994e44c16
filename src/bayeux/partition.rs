//! Partitions: each channel belongs to one of a fixed number of partitions, and publications have consecutive offsets in
//! their partition. One offset for each partition is therefore the position of a receiver.
//!
//! This module must not know what assigns the offsets.

use serde::{Deserialize, Serialize};

/// The number of partitions. It is the same for all instances of a cluster and all versions of the server.
pub const PARTITIONS: usize = 64;

/// A partition: a number below [`PARTITIONS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "usize", into = "usize")]
pub struct Partition(u8);

impl TryFrom<usize> for Partition {
    type Error = &'static str;

    fn try_from(index: usize) -> Result<Self, Self::Error> {
        Self::at(index).ok_or("no partition has this index")
    }
}

impl From<Partition> for usize {
    fn from(partition: Partition) -> Self {
        partition.index()
    }
}

impl Partition {
    /// Returns the partition of a channel, which is the same for all versions of the server on all machines.
    #[must_use]
    pub fn of(channel: &str) -> Self {
        // FNV-1a: short, fixed, and even enough for so few.
        let hash = channel.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        // The low bits of FNV-1a depend on few bits of the input.
        Self(((hash >> 32) ^ hash) as u8 % PARTITIONS as u8)
    }

    /// Returns the partition with this index; `None` if it is out of range.
    #[must_use]
    pub fn at(index: usize) -> Option<Self> {
        (index < PARTITIONS).then_some(Self(index as u8))
    }

    /// Returns the index of the partition.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Returns all partitions.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..PARTITIONS as u8).map(Self)
    }

    /// Returns the partitions with the channels that a subscription matches: one, or all of them for a pattern.
    pub fn of_pattern(pattern: &str) -> impl Iterator<Item = Self> {
        let is_pattern = pattern.ends_with('*');
        let one = (!is_pattern).then(|| Self::of(pattern));
        one.into_iter().chain(Self::all().take(if is_pattern { PARTITIONS } else { 0 }))
    }
}

/// The position of a publication in its partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamPosition {
    /// The partition of the channel.
    pub partition: Partition,
    /// The offset in the partition, from one.
    pub offset: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Instances of different versions share one Redis: these must never change.
    #[test]
    fn lanes_are_the_same_for_ever() {
        let partitions =
            ["/a", "/projects/7", "/chat/room", "/ü"].map(|channel| Partition::of(channel).index());
        assert_eq!(partitions, [42, 40, 33, 54]);
    }

    #[test]
    fn channels_spread_over_all_lanes() {
        let mut counts = [0; PARTITIONS];
        for number in 0..6400 {
            counts[Partition::of(&format!("/projects/{number}")).index()] += 1;
        }
        assert!(counts.iter().all(|count| (50..200).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_pattern_needs_all_lanes() {
        assert_eq!(Partition::of_pattern("/a/*").count(), PARTITIONS);
        assert_eq!(Partition::of_pattern("/a").collect::<Vec<_>>(), [Partition::of("/a")]);
    }
}
