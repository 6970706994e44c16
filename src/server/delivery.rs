//! Delivers publications to the sessions of this instance.

use std::sync::Arc;

use arc_swap::ArcSwap;

#[cfg(not(feature = "redis"))]
use super::alone::Unflushed;
#[cfg(feature = "redis")]
use super::unflushed::Unflushed;
use crate::auth::Policy;
use crate::bayeux::{Partition, Publication, parse};
use crate::broker::Deliver;
use crate::config::{History, Overflow};
use crate::extension::{Pipeline, Receiver};
use crate::router::{Adapt, PendingFlush, Session, Trie};

/// The subscribers of this instance.
#[derive(Clone)]
pub(super) struct LocalSubscribers {
    pub(super) trie: Arc<Trie>,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) policy: Arc<ArcSwap<Policy>>,
    /// Collects the sessions that received publications from Redis; `None` without a cluster.
    pub(super) unflushed: Option<Arc<Unflushed>>,
}

impl LocalSubscribers {
    fn enqueue(&self, publication: &Arc<Publication>, overflow: Overflow, pending: &mut PendingFlush) {
        let adapt =
            |session: &Session, publication: &Arc<Publication>| adapt(&self.pipeline, session, publication);
        let adapt: Option<Adapt<'_>> = if self.pipeline.sees_deliveries() { Some(&adapt) } else { None };
        self.trie.deliver(publication, overflow, pending, adapt);
    }
}

impl Deliver for LocalSubscribers {
    type Pending = PendingFlush;

    fn deliver(&self, publication: &Arc<Publication>, overflow: Overflow, pending: &mut PendingFlush) {
        self.enqueue(publication, overflow, pending);
    }

    fn receive(&self, publications: &[Arc<Publication>], is_shared: bool) {
        let mut pending = PendingFlush::default();
        let policy = self.policy.load();
        for publication in publications {
            let overflow = policy.rule(publication.channel()).overflow;
            self.enqueue(publication, overflow, &mut pending);
        }
        if let Some(unflushed) = &self.unflushed {
            unflushed.add(pending, is_shared);
        }
    }

    fn is_interested_in(&self, partition: Partition) -> bool {
        self.trie.is_interested_in(partition)
    }

    fn history(&self, channel: &str) -> Option<History> {
        self.policy.load().rule(channel).history
    }

    fn has_replay_id(&self, channel: &str) -> bool {
        self.policy.load().has_replay_id(channel)
    }

    fn lost(&self, partition: Partition) {
        let mut pending = PendingFlush::default();
        self.trie.tell_gap(partition, &mut pending);
        if let Some(unflushed) = &self.unflushed {
            unflushed.add(pending, true);
        }
    }
}

/// Passes a publication for one receiver through the extensions that see deliveries. Returns `None` if one drops it.
pub(super) fn adapt(
    pipeline: &Pipeline,
    session: &Session,
    publication: &Arc<Publication>,
) -> Option<Arc<Publication>> {
    let object = publication.array().slice(1..publication.array().len() - 1);
    let message = parse::parse_one(&object)?;
    let receiver = Receiver { client: session.id(), peer: session.peer() };
    let message = pipeline.delivery(message, &receiver)?;
    Some(Arc::new(Publication::new(publication.channel(), message).in_place_of(publication)))
}
