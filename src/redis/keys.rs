//! Keys and channels in Redis. All keys of a partition, a node or a session share a hash tag (the part in braces), so that
//! they are in one slot of a Redis Cluster and one script can change them.
//!
//! Instances of several versions share the names, so they do not change after a release.

use super::node::NodeId;
use crate::bayeux::{ClientId, Partition};

/// Builds keys and channels with the prefix of the settings.
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// The state of a partition: a hash.
    pub(crate) fn partition(&self, partition: Partition) -> String {
        format!("{}:{{partition-{}}}", self.prefix, partition.index())
    }

    /// The counter of the newest publication of a publisher in a partition.
    pub(crate) fn publisher(&self, partition: Partition, node: NodeId) -> String {
        format!("{}:publisher:{node}", self.partition(partition))
    }

    /// Parses the Pub/Sub channel of a partition.
    pub(crate) fn partition_of(&self, channel: &str) -> Option<Partition> {
        let rest = channel.strip_prefix(&self.prefix)?.strip_prefix(":{partition-")?;
        Partition::at(rest.strip_suffix("}:publications")?.parse().ok()?)
    }

    /// The Pub/Sub channel of a partition.
    pub(crate) fn channel(&self, partition: Partition) -> String {
        format!("{}:publications", self.partition(partition))
    }

    /// The channels of a partition that have a history, by the offset of their newest message: a sorted set.
    pub(crate) fn recent(&self, partition: Partition) -> String {
        format!("{}:recent", self.partition(partition))
    }

    /// The prefix of the histories of a partition; the channel follows it.
    pub(crate) fn histories(&self, partition: Partition) -> String {
        format!("{}:history:", self.partition(partition))
    }

    /// The instances, by the end of their lease in milliseconds: a sorted set.
    pub(crate) fn nodes(&self) -> String {
        format!("{}:{{nodes}}", self.prefix)
    }

    /// The draining instances, by the end of their lease: a sorted set.
    pub(crate) fn draining(&self) -> String {
        format!("{}:draining", self.nodes())
    }

    /// The instances that read frames of the second version, by the end of their notes: a sorted set.
    pub(crate) fn format(&self) -> String {
        format!("{}:format-2", self.nodes())
    }

    /// The newest offset that an instance has received in each partition: a hash.
    pub(crate) fn positions(&self, node: NodeId) -> String {
        format!("{}:{{node-{node}}}:positions", self.prefix)
    }

    /// The Pub/Sub channel for requests to an instance and responses to its requests.
    pub(crate) fn rpc(&self, node: NodeId) -> String {
        format!("{}:{{node-{node}}}:rpc", self.prefix)
    }

    /// The exported state of a session that is too long for a response.
    pub(crate) fn exported(&self, id: &ClientId) -> String {
        format!("{}:export", self.session(id))
    }

    /// The directory record of a session: a hash.
    pub(crate) fn session(&self, id: &ClientId) -> String {
        format!("{}:session:{{{}}}", self.prefix, id.as_str())
    }
}
