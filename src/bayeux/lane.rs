//! Lanes: every channel belongs to one of a fixed number of lanes, and the publications of a lane are numbered. So one
//! number per lane is the position of a consumer. This module does not assign the numbers.

/// How many lanes there are. All instances of a cluster, and all versions of the server, agree on it.
pub const LANES: usize = 64;

/// A lane, below [`LANES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane(u8);

impl Lane {
    /// The lane of a channel. All versions of the server, on all machines, find the same.
    #[must_use]
    pub fn of(channel: &str) -> Self {
        // FNV-1a: short, fixed, and even enough for so few.
        let hash = channel.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        // The low bits of FNV-1a hang on few bits of what is hashed.
        Self(((hash >> 32) ^ hash) as u8 % LANES as u8)
    }

    /// The lane of that number, if it is one.
    #[must_use]
    pub fn at(index: usize) -> Option<Self> {
        (index < LANES).then_some(Self(index as u8))
    }

    /// Its number.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..LANES as u8).map(Self)
    }

    /// The lanes in which publications for a subscription can come: one, or all of them for a pattern.
    pub fn of_pattern(pattern: &str) -> impl Iterator<Item = Self> {
        let is_pattern = pattern.ends_with('*');
        let one = (!is_pattern).then(|| Self::of(pattern));
        one.into_iter().chain(Self::all().take(if is_pattern { LANES } else { 0 }))
    }
}

/// The place of a publication among all of its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The lane of its channel.
    pub lane: Lane,
    /// Its number, from one.
    pub number: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Instances of different versions share one Redis: these must never change.
    #[test]
    fn lanes_are_the_same_for_ever() {
        let lanes = ["/a", "/projects/7", "/chat/room", "/ü"].map(|channel| Lane::of(channel).index());
        assert_eq!(lanes, [42, 40, 33, 54]);
    }

    #[test]
    fn channels_spread_over_all_lanes() {
        let mut counts = [0; LANES];
        for number in 0..6400 {
            counts[Lane::of(&format!("/projects/{number}")).index()] += 1;
        }
        assert!(counts.iter().all(|count| (50..200).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_pattern_needs_all_lanes() {
        assert_eq!(Lane::of_pattern("/a/*").count(), LANES);
        assert_eq!(Lane::of_pattern("/a").collect::<Vec<_>>(), [Lane::of("/a")]);
    }
}
