//! Memory of subscriptions: the charge for each part, and an estimate for a whole subscription.
//!
//! The values are averages of what the allocator reserves; `tests/allocations.rs` checks their sum.

use crate::bayeux::channel;

/// A pattern in the list of its session, without its text.
pub(super) const PATTERN: usize = 80;
/// A node of the trie in the table of its parent, without its name.
pub(super) const NODE: usize = 128;
/// The table of a node with its first child.
pub(super) const CHILDREN: usize = 256;
/// The lists of subscribers of a node.
pub(super) const LISTS: usize = 192;
/// The first subscriber of a list, including the tables of the list.
pub(super) const FIRST_SUBSCRIBER: usize = 192;
/// Each further subscriber.
pub(super) const SUBSCRIBER: usize = 48;

/// Returns the bytes of memory of a subscription that shares no node with other subscriptions.
#[must_use]
pub fn of_subscription(pattern: &str) -> usize {
    let nodes = channel::segments(pattern).count();
    PATTERN + 2 * pattern.len() + nodes * (NODE + CHILDREN) + LISTS + FIRST_SUBSCRIBER
}
