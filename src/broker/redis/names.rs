//! What the keys and channels of Redis are called. What belongs to one partition is in one slot of a cluster, by the part in
//! braces, so that one script may change it.

use super::frame::NodeId;
use crate::bayeux::{ClientId, Partition};

/// Names, all with one prefix.
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// The partition itself: a hash.
    pub(super) fn partition(&self, partition: Partition) -> String {
        format!("{}:{{lane-{}}}", self.prefix, partition.index())
    }

    /// Where the newest counter of a publisher is kept; the name of the publisher comes behind it.
    pub(super) fn publisher(&self, partition: Partition, node: NodeId) -> String {
        format!("{}:from:{node}", self.partition(partition))
    }

    /// The partition whose channel that is.
    pub(super) fn partition_of(&self, channel: &str) -> Option<Partition> {
        let rest = channel.strip_prefix(&self.prefix)?.strip_prefix(":{lane-")?;
        Partition::at(rest.strip_suffix("}:said")?.parse().ok()?)
    }

    /// What instances listen to.
    pub(super) fn channel(&self, partition: Partition) -> String {
        format!("{}:said", self.partition(partition))
    }

    /// The channels with a history, by the number of their newest message: a sorted set.
    pub(super) fn recent(&self, partition: Partition) -> String {
        format!("{}:recent", self.partition(partition))
    }

    /// What the key of a history begins with; its channel comes behind it.
    pub(super) fn histories(&self, partition: Partition) -> String {
        format!("{}:history:", self.partition(partition))
    }

    /// The instances, by the millisecond in which their lease ends: a sorted set.
    pub(super) fn nodes(&self) -> String {
        format!("{}:{{nodes}}", self.prefix)
    }

    /// The instances that leave.
    pub(super) fn leaving(&self) -> String {
        format!("{}:leaving", self.nodes())
    }

    /// How far an instance has come in each partition: a hash.
    pub(super) fn positions(&self, node: &str) -> String {
        format!("{}:{{node-{node}}}:positions", self.prefix)
    }

    /// Where an instance is called.
    pub(super) fn calls(&self, node: &str) -> String {
        format!("{}:{{node-{node}}}:calls", self.prefix)
    }

    /// A session that is packed, while it moves.
    pub(super) fn luggage(&self, id: &ClientId) -> String {
        format!("{}:luggage", self.session(id))
    }

    /// A session: a hash.
    pub(super) fn session(&self, id: &ClientId) -> String {
        format!("{}:session:{{{}}}", self.prefix, id.as_str())
    }
}
