//! Maps channels to subscribed sessions: a trie over the segments of the patterns.
//!
//! It is sharded by the first segment, so that publications to different channels do not share a lock. The patterns
//! `/*` and `/**`, which have no first segment, are stored in every shard.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use smallvec::SmallVec;

use super::mailbox::Pushed;
use super::replaying::gap_notice;
use super::subscribers::{Subscribers, each_once};
use super::weight::{CHILDREN, FIRST_SUBSCRIBER, LISTS, NODE, PATTERN, SUBSCRIBER};
use super::{PendingFlush, Session};
use crate::bayeux::{PARTITIONS, Partition, Publication, channel};
use crate::budget::Budget;
use crate::config::Overflow;
use crate::lock::{RwLock, level};
use crate::metrics::Metrics;

const SHARDS: usize = 16;

/// The result of a change to the subscriptions of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The subscription was added or removed.
    Changed,
    /// There was nothing to change.
    Unchanged,
    /// The session has reached its maximum number of subscriptions.
    Full,
    /// The session has ended.
    Ended,
    /// The session is being exported, or was exported.
    Frozen,
}

/// Returns the publication for one receiver; `None` if it receives none.
pub type Adapt<'a> = &'a dyn Fn(&Session, &Arc<Publication>) -> Option<Arc<Publication>>;

type Shard = RwLock<Node, { level::SHARD }>;

/// All subscriptions of this node.
pub struct Trie {
    shards: [Shard; SHARDS],
    hasher: RandomState,
    interest: Interest,
    budget: Arc<Budget>,
    metrics: Metrics,
}

/// The number of subscriptions to channels of each partition, and to patterns, whose channels are in all partitions.
struct Interest {
    partitions: [AtomicUsize; PARTITIONS],
    patterns: AtomicUsize,
}

impl Interest {
    fn of(&self, pattern: &str) -> &AtomicUsize {
        if pattern.ends_with('*') { &self.patterns } else { &self.partitions[Partition::of(pattern).index()] }
    }
}

/// A node of the trie. Most nodes have either children or subscribers, so the lists of subscribers are boxed. The depth
/// of the trie, and with it the recursion, is bounded by the maximum number of segments of a channel.
#[derive(Default)]
struct Node {
    children: HashMap<Box<str>, Node>,
    lists: Option<Box<Lists>>,
}

#[derive(Default)]
struct Lists {
    /// Subscribers of exactly this name.
    exact: Subscribers,
    /// Subscribers of this name followed by `/*`.
    one: Subscribers,
    /// Subscribers of this name followed by `/**`.
    many: Subscribers,
}

impl Lists {
    /// Returns the list for the end of a pattern after this name: nothing, `*` or `**`.
    fn of(&mut self, last: Option<&str>) -> &mut Subscribers {
        match last {
            None => &mut self.exact,
            Some("*") => &mut self.one,
            Some(_) => &mut self.many,
        }
    }

    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.one.is_empty() && self.many.is_empty()
    }
}

impl Trie {
    /// Creates an empty trie, whose memory is charged to a budget.
    #[must_use]
    pub fn new(budget: &Arc<Budget>, metrics: Metrics) -> Self {
        let interest = Interest {
            partitions: [const { AtomicUsize::new(0) }; PARTITIONS],
            patterns: AtomicUsize::new(0),
        };
        let (hasher, budget) = (RandomState::new(), Arc::clone(budget));
        Self { shards: Default::default(), hasher, interest, budget, metrics }
    }

    /// Subscribes a session to a valid pattern. The session may have at most `limit` subscriptions.
    pub fn subscribe(&self, session: &Arc<Session>, pattern: &str, limit: usize) -> Change {
        let mut subscriptions = session.subscriptions();
        let Some(patterns) = subscriptions.as_mut() else { return Change::Ended };
        if session.is_frozen() {
            return Change::Frozen;
        }
        if patterns.contains(pattern) {
            return Change::Unchanged;
        }
        if patterns.len() >= limit {
            return Change::Full;
        }
        patterns.insert(pattern.into());
        let mut taken = PATTERN + pattern.len();
        for shard in self.shards_of(pattern) {
            taken += shard.write().insert(channel::segments(pattern), session);
        }
        self.budget.charge(taken);
        self.interest.of(pattern).fetch_add(1, Ordering::AcqRel);
        self.metrics.subscriptions.inc();
        Change::Changed
    }

    /// Removes the subscription of a session to a pattern.
    pub fn unsubscribe(&self, session: &Arc<Session>, pattern: &str) -> Change {
        let mut subscriptions = session.subscriptions();
        let Some(patterns) = subscriptions.as_mut() else { return Change::Ended };
        if session.is_frozen() {
            return Change::Frozen;
        }
        if !patterns.shift_remove(pattern) {
            return Change::Unchanged;
        }
        self.remove(session, pattern);
        session.cancel_replay(pattern, patterns);
        Change::Changed
    }

    /// Removes a pattern of a session from the trie. The list of the session no longer contains it.
    pub fn remove(&self, session: &Session, pattern: &str) {
        let mut freed = PATTERN + pattern.len();
        for shard in self.shards_of(pattern) {
            freed += shard.write().remove(channel::segments(pattern), session);
        }
        self.budget.release(freed);
        self.interest.of(pattern).fetch_sub(1, Ordering::AcqRel);
        self.metrics.subscriptions.dec();
    }

    /// Whether any subscription may match a publication of a partition.
    #[must_use]
    pub fn is_interested_in(&self, partition: Partition) -> bool {
        let Interest { partitions, patterns } = &self.interest;
        patterns.load(Ordering::Acquire) > 0 || partitions[partition.index()].load(Ordering::Acquire) > 0
    }

    /// Queues a publication in the mailbox of every session with a matching subscription, once for each session.
    pub fn deliver(
        &self,
        publication: &Arc<Publication>,
        overflow: Overflow,
        pending: &mut PendingFlush,
        adapt: Option<Adapt<'_>>,
    ) {
        let mut delivered = 0;
        let shard = self.shard_of(publication.channel()).read();
        let mut lists = SmallVec::new();
        shard.matches(publication.channel(), &mut lists);
        if !lists.is_empty() && adapt.is_none() {
            publication.charge_to(&self.budget);
        }
        each_once(&lists, |session| {
            let adapted = match adapt {
                Some(adapt) => match adapt(session, publication) {
                    Some(adapted) => {
                        adapted.charge_to(&self.budget);
                        Some(adapted)
                    }
                    None => return,
                },
                None => None,
            };
            let pushed = session.push(adapted.as_ref().unwrap_or(publication), overflow);
            let Some((pushed, first)) = pushed else { return };
            if pushed == Pushed::Deferred {
                if first {
                    session.start_replays();
                }
                return;
            }
            if first {
                pending.add(session);
            }
            match pushed {
                Pushed::Queued | Pushed::Deferred => {}
                Pushed::Displaced(count) => {
                    self.metrics.mailbox_dropped.inc_by(count as u64);
                }
                Pushed::Dropped => {
                    self.metrics.mailbox_dropped.inc();
                    return;
                }
                Pushed::Overflow => {
                    pending.add_overflowed(session, Some(publication));
                    return;
                }
            }
            delivered += 1;
        });
        self.metrics.deliveries.inc_by(delivered);
    }

    /// Queues a notice for each subscription to channels of a partition: publications may be missing.
    pub fn tell_gap(&self, partition: Partition, pending: &mut PendingFlush) {
        for shard in &self.shards {
            shard.read().each_subscription(&mut String::new(), &mut |pattern, subscribers| {
                if pattern.ends_with('*') || Partition::of(pattern) == partition {
                    let notice = gap_notice(pattern, "cluster");
                    subscribers.iter().for_each(|session| {
                        session.tell(&notice);
                        pending.add(session);
                        self.metrics.replay_gaps.inc();
                    });
                }
            });
        }
    }

    fn shard_of(&self, channel: &str) -> &Shard {
        let first = channel::segments(channel).next().unwrap_or_default();
        &self.shards[self.hasher.hash_one(first) as usize % SHARDS]
    }

    fn shards_of(&self, pattern: &str) -> &[Shard] {
        match pattern {
            "/*" | "/**" => &self.shards,
            _ => std::slice::from_ref(self.shard_of(pattern)),
        }
    }
}

impl Node {
    /// Adds a subscription and the nodes that it needs. Returns the bytes of memory to charge.
    fn insert<'a>(&mut self, mut segments: impl Iterator<Item = &'a str>, session: &Arc<Session>) -> usize {
        match segments.next() {
            last @ (None | Some("*" | "**")) => {
                let lists = if self.lists.is_none() { LISTS } else { 0 };
                let list = self.lists.get_or_insert_default().of(last);
                let first = if list.is_empty() { FIRST_SUBSCRIBER } else { SUBSCRIBER };
                list.add(session);
                lists + first
            }
            Some(segment) => {
                let mut taken = 0;
                if !self.children.contains_key(segment) {
                    taken = NODE + segment.len() + if self.children.is_empty() { CHILDREN } else { 0 };
                    self.children.insert(segment.into(), Self::default());
                }
                let child = self.children.get_mut(segment);
                taken + child.map_or(0, |child| child.insert(segments, session))
            }
        }
    }

    /// Removes a subscription and the nodes that become empty. Returns the bytes that [`Node::insert`] charged for
    /// both.
    fn remove<'a>(&mut self, mut segments: impl Iterator<Item = &'a str>, session: &Session) -> usize {
        match segments.next() {
            last @ (None | Some("*" | "**")) => {
                let Some(lists) = &mut self.lists else { return 0 };
                let list = lists.of(last);
                list.remove(session);
                let freed = if list.is_empty() { FIRST_SUBSCRIBER } else { SUBSCRIBER };
                if lists.is_empty() {
                    self.lists = None;
                    return freed + LISTS;
                }
                freed
            }
            Some(segment) => {
                let Some(child) = self.children.get_mut(segment) else { return 0 };
                let mut freed = child.remove(segments, session);
                if child.is_empty() {
                    self.children.remove(segment);
                    freed += NODE + segment.len();
                    if self.children.is_empty() {
                        // An empty table keeps its memory.
                        self.children = HashMap::new();
                        freed += CHILDREN;
                    }
                }
                if self.children.capacity() > 64 && self.children.len() < self.children.capacity() / 4 {
                    self.children.shrink_to_fit();
                }
                freed
            }
        }
    }

    /// Calls a function with each pattern below this node that has subscribers.
    fn each_subscription(&self, name: &mut String, act: &mut impl FnMut(&str, &Subscribers)) {
        if let Some(lists) = &self.lists {
            for (end, list) in [("", &lists.exact), ("/*", &lists.one), ("/**", &lists.many)] {
                if !list.is_empty() {
                    let length = name.len();
                    name.push_str(end);
                    act(name, list);
                    name.truncate(length);
                }
            }
        }
        for (segment, child) in &self.children {
            let length = name.len();
            name.push('/');
            name.push_str(segment);
            child.each_subscription(name, act);
            name.truncate(length);
        }
    }

    fn is_empty(&self) -> bool {
        self.children.is_empty() && self.lists.is_none()
    }

    /// Collects the non-empty lists of subscribers that match a name.
    fn matches<'a>(&'a self, name: &str, found: &mut SmallVec<[&'a Subscribers; 8]>) {
        let mut add = |list: &'a Subscribers| {
            if !list.is_empty() {
                found.push(list);
            }
        };
        let mut node = self;
        let mut segments = channel::segments(name).peekable();
        while let Some(segment) = segments.next() {
            if let Some(lists) = &node.lists {
                add(&lists.many);
                if segments.peek().is_none() {
                    add(&lists.one);
                }
            }
            match node.children.get(segment) {
                Some(child) => node = child,
                None => return,
            }
        }
        if let Some(lists) = &node.lists {
            add(&lists.exact);
        }
    }
}
