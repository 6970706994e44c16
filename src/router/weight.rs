//! How much memory a subscription takes: what is charged for each part of it, and an estimate for a whole one.
//!
//! The figures are what the allocator gives, on average; `tests/allocations.rs` holds their sum against it.

use crate::bayeux::channel;

/// A pattern in the list of its session, besides its text.
pub(super) const PATTERN: usize = 80;
/// A node of the trie, besides its name: its place in the table of its parent.
pub(super) const NODE: usize = 128;
/// The table of a node that has its first child.
pub(super) const CHILDREN: usize = 256;
/// The lists of subscribers of a node.
pub(super) const LISTS: usize = 192;
/// The first subscriber of a list, for which its tables are made.
pub(super) const FIRST_SUBSCRIBER: usize = 192;
/// Each further one.
pub(super) const SUBSCRIBER: usize = 48;

/// Bytes of memory that a subscription to a pattern takes if no other session shares any of its nodes.
#[must_use]
pub fn of_subscription(pattern: &str) -> usize {
    let nodes = channel::segments(pattern).count();
    PATTERN + 2 * pattern.len() + nodes * (NODE + CHILDREN) + LISTS + FIRST_SUBSCRIBER
}
