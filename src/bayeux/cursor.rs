//! Cursors: the positions of a client in several partitions, as an opaque text. Texts of clients are not trusted: a forged one
//! only chooses what is sent of that which the client may read.

use super::partition::{Partition, StreamPosition};

/// The version of the format, the first byte.
const VERSION: u8 = 1;
/// What a cursor begins with. It is a letter, so that no cursor is a number.
const PREFIX: char = 'c';

/// A position in a partition, and the tag of its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The position.
    pub position: StreamPosition,
    /// The tag of its epoch.
    pub tag: u32,
}

/// The positions of a client, at most one for each partition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cursor(Vec<Mark>);

/// Returns the tag of an epoch. Two epochs of one partition have different tags, but for one of 2^32.
#[must_use]
pub fn tag(epoch: u64) -> u32 {
    ((epoch >> 32) ^ epoch) as u32
}

impl Cursor {
    /// Adds a position, unless its partition has one.
    pub fn insert(&mut self, mark: Mark) {
        if self.mark(mark.position.partition).is_none() {
            self.0.push(mark);
        }
    }

    /// Returns the position in a partition.
    #[must_use]
    pub fn mark(&self, partition: Partition) -> Option<Mark> {
        self.0.iter().find(|mark| mark.position.partition == partition).copied()
    }

    /// Returns the text: `c` and base64 of the version, the number of tags, the tags, the lowest offset, and for each position the
    /// partition, the index of its tag and the distance of its offset from the lowest.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut tags: Vec<u32> = Vec::new();
        for mark in &self.0 {
            if !tags.contains(&mark.tag) {
                tags.push(mark.tag);
            }
        }
        let lowest = self.0.iter().map(|mark| mark.position.offset).min().unwrap_or(0);
        let mut out = vec![VERSION, tags.len() as u8];
        tags.iter().for_each(|tag| out.extend_from_slice(&tag.to_be_bytes()));
        out.extend_from_slice(&lowest.to_be_bytes());
        for mark in &self.0 {
            let at = tags.iter().position(|tag| *tag == mark.tag).unwrap_or(0);
            out.extend_from_slice(&[mark.position.partition.index() as u8, at as u8]);
            let mut distance = mark.position.offset - lowest;
            while distance >= 0x80 {
                out.push(distance as u8 | 0x80);
                distance >>= 7;
            }
            out.push(distance as u8);
        }
        format!("{PREFIX}{}", data_encoding::BASE64URL_NOPAD.encode(&out))
    }

    /// Parses a text; `None` if it is not a cursor.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = data_encoding::BASE64URL_NOPAD.decode(text.strip_prefix(PREFIX)?.as_bytes()).ok()?;
        let rest = bytes.strip_prefix(&[VERSION])?;
        let (count, rest) = rest.split_first()?;
        let (tags, rest) = rest.split_at_checked(usize::from(*count) * 4)?;
        let (tags, _) = tags.as_chunks::<4>();
        let (lowest, mut rest) = rest.split_first_chunk::<8>()?;
        let lowest = u64::from_be_bytes(*lowest);
        let mut cursor = Self::default();
        while let [partition, at, behind @ ..] = rest {
            rest = behind;
            let partition = Partition::at(usize::from(*partition))?;
            let tag = u32::from_be_bytes(*tags.get(usize::from(*at))?);
            let mut distance = 0_u64;
            for shift in (0..).step_by(7) {
                let (byte, behind) = rest.split_first()?;
                rest = behind;
                if shift > 56 {
                    return None;
                }
                distance |= u64::from(byte & 0x7f) << shift;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let offset = lowest.checked_add(distance)?;
            if cursor.mark(partition).is_some() {
                return None;
            }
            cursor.insert(Mark { position: StreamPosition { partition, offset }, tag });
        }
        rest.is_empty().then_some(cursor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn mark(partition: usize, epoch: u64, offset: u64) -> Mark {
        let partition = Partition::at(partition).unwrap();
        Mark { position: StreamPosition { partition, offset }, tag: tag(epoch) }
    }

    #[test]
    fn the_format_does_not_change() {
        let cursor = Cursor(vec![mark(3, 7, 1_700_000_000_000_500), mark(0, 9, 1_700_000_000_000_000)]);
        let text = cursor.encode();
        assert_eq!(text, "cAQIAAAAHAAAACQAGCiQYHkAAAwD0AwABAA");
        assert_eq!(Cursor::parse(&text), Some(cursor));
    }

    #[test]
    fn a_cursor_of_all_partitions_is_short() {
        let cursor = Cursor((0..64).map(|at| mark(at, 5, 1_700_000_000_000_000 + at as u64 * 50)).collect());
        assert!(cursor.encode().len() < 450, "{}", cursor.encode().len());
    }

    proptest! {
        #[test]
        fn each_cursor_comes_back(marks in vec((0..64_usize, 0..4_u64, 0..1_u64 << 53), 0..64)) {
            let mut cursor = Cursor::default();
            marks.iter().for_each(|(partition, epoch, offset)| cursor.insert(mark(*partition, *epoch, *offset)));
            prop_assert_eq!(Cursor::parse(&cursor.encode()), Some(cursor));
        }

        #[test]
        fn no_text_of_a_client_ends_the_process(text in "c[A-Za-z0-9_-]{0,80}") {
            let _ = Cursor::parse(&text);
        }
    }
}
