//! Cache of hook decisions.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::time::{Duration, Instant};

use crate::auth::HookDecision;

/// Decisions in one generation of the cache, which has two.
const GENERATION: usize = 10_000;

/// The key of a decision. It has separate fields because one concatenated text would be ambiguous.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) operation: &'static str,
    pub(super) channel: String,
    /// A digest of the `ext` and the headers that the hook receives.
    pub(super) credential: [u8; 32],
}

/// Cached decisions.
#[derive(Default)]
pub(super) struct Cache {
    entries: Mutex<[HashMap<Key, (HookDecision, Instant)>; 2]>,
}

impl Cache {
    /// Returns a decision that has not expired.
    pub(super) fn get(&self, key: &Key) -> Option<HookDecision> {
        let entries = self.entries.lock();
        let (decision, until) = entries.iter().find_map(|entries| entries.get(key))?;
        (Instant::now() < *until).then(|| decision.clone())
    }

    /// Caches a decision for some time. A full cache drops its older generation.
    pub(super) fn insert(&self, key: Key, decision: &HookDecision, time: Duration) {
        if time.is_zero() {
            return;
        }
        let mut entries = self.entries.lock();
        if entries[0].len() >= GENERATION {
            entries[1] = std::mem::take(&mut entries[0]);
        }
        entries[0].insert(key, (decision.clone(), Instant::now() + time));
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_decision_is_valid_for_its_time() {
        let key = Key { operation: "publish", channel: "/a".into(), credential: [0; 32] };
        let other = Key { channel: "/b".into(), ..key.clone() };
        let cache = Cache::default();
        cache.insert(key.clone(), &HookDecision::Allow, Duration::from_secs(10));
        cache.insert(other.clone(), &HookDecision::Allow, Duration::ZERO);
        assert!(cache.get(&key).is_some() && cache.get(&other).is_none());
        advance(Duration::from_millis(9999)).await;
        assert!(cache.get(&key).is_some());
        advance(Duration::from_millis(1)).await;
        assert!(cache.get(&key).is_none());
    }
}
