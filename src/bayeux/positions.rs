//! Positions in several partitions, at most one for each.

use serde::{Deserialize, Serialize};

use super::partition::{Partition, StreamPosition};

/// One position for each of several partitions, in the order of insertion. Serializes as an array of pairs,
/// `[[partition, offset], …]`. Deserialization skips pairs with an unknown partition, or with one that an earlier pair has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<(usize, u64)>", into = "Vec<(usize, u64)>")]
pub struct Positions(Vec<StreamPosition>);

impl Positions {
    /// Whether it contains no position.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over the positions.
    pub fn iter(&self) -> impl Iterator<Item = StreamPosition> {
        self.0.iter().copied()
    }

    /// Returns the offset in a partition.
    #[must_use]
    pub fn offset(&self, partition: Partition) -> Option<u64> {
        self.0.iter().find(|position| position.partition == partition).map(|position| position.offset)
    }

    /// Returns the offset in a partition, to change it.
    pub fn offset_mut(&mut self, partition: Partition) -> Option<&mut u64> {
        self.0
            .iter_mut()
            .find(|position| position.partition == partition)
            .map(|position| &mut position.offset)
    }

    /// Adds a position, unless its partition already has one.
    pub fn insert(&mut self, position: StreamPosition) {
        if self.offset(position.partition).is_none() {
            self.0.push(position);
        }
    }
}

impl FromIterator<StreamPosition> for Positions {
    fn from_iter<I: IntoIterator<Item = StreamPosition>>(positions: I) -> Self {
        let mut collected = Self::default();
        positions.into_iter().for_each(|position| collected.insert(position));
        collected
    }
}

impl From<Vec<(usize, u64)>> for Positions {
    fn from(pairs: Vec<(usize, u64)>) -> Self {
        let position = |(index, offset)| Some(StreamPosition { partition: Partition::at(index)?, offset });
        pairs.into_iter().filter_map(position).collect()
    }
}

impl From<Positions> for Vec<(usize, u64)> {
    fn from(positions: Positions) -> Self {
        positions.iter().map(|position| (position.partition.index(), position.offset)).collect()
    }
}

/// Where a page of a replay begins. A replay of a partition starts with an offset alone, [`PageStart::after`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct PageStart {
    /// The offset before the first one of the replay.
    pub after: u64,
    /// A broker may read channel by channel, in the order of their names: the channel of the last page and the last offset that
    /// was read of it. Channels before it were read up to the end of the replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<(String, u64)>,
    /// How many removals from the histories of the partition the pages before have judged. Only the broker that has read them knows
    /// what it counts.
    #[serde(skip)]
    pub judged: u64,
}

impl PageStart {
    /// The start of a replay of what follows an offset.
    #[must_use]
    pub fn after(offset: u64) -> Self {
        Self { after: offset, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_pairs_in_json() {
        let read: Positions = serde_json::from_str("[[3,7],[64,1],[0,2]]").unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), "[[3,7],[0,2]]");
        let repeated: Positions = serde_json::from_str("[[3,7],[3,8],[0,2],[3,7]]").unwrap();
        assert_eq!(repeated, read);
        assert_eq!(Partition::at(3).and_then(|partition| read.offset(partition)), Some(7));
    }
}
