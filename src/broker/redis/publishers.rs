//! The newest counter of each publisher of a partition. An instance that gets no reply sends a batch again, and a new master
//! of Redis may not know that the old one has distributed it.

use crate::redis::NodeId;

/// The number of publishers that are remembered: those that published last.
const REMEMBERED: usize = 64;

/// Publishers, the latest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Publishers(Vec<(NodeId, u64)>);

impl Publishers {
    /// Notes a publication. Returns whether it is new: the counters of a publisher grow.
    pub(super) fn is_new(&mut self, publisher: NodeId, counter: u64) -> bool {
        match self.0.iter().position(|(known, _)| *known == publisher) {
            Some(place) => {
                self.0[..=place].rotate_right(1);
                let newest = &mut self.0[0].1;
                let is_new = counter > *newest;
                *newest = counter.max(*newest);
                is_new
            }
            None => {
                self.0.truncate(REMEMBERED - 1);
                self.0.insert(0, (publisher, counter));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: usize) -> NodeId {
        NodeId([u8::try_from(number).unwrap(); 16])
    }

    #[test]
    fn a_counter_is_new_once_for_each_publisher() {
        let mut publishers = Publishers::default();
        assert!(publishers.is_new(node(1), 5));
        assert!(publishers.is_new(node(2), 5));
        assert!(!publishers.is_new(node(1), 5));
        assert!(!publishers.is_new(node(1), 4));
        assert!(publishers.is_new(node(1), 6));
        assert!(!publishers.is_new(node(2), 1));
    }

    #[test]
    fn the_publishers_are_bounded_and_the_latest_stay() {
        let mut publishers = Publishers::default();
        for number in 0..100 {
            publishers.is_new(node(number), 1);
            publishers.is_new(node(0), 1);
        }
        assert_eq!(publishers.0.len(), REMEMBERED);
        assert!(!publishers.is_new(node(0), 1));
        assert!(!publishers.is_new(node(99), 1));
        assert!(publishers.is_new(node(1), 1));
    }
}
