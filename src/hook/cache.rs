//! Answers of the application that hold for a while.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::time::{Duration, Instant};

use crate::policy::Answer;

/// Answers that are kept, twice at most.
const MOST: usize = 10_000;

/// What an answer holds for. A tuple, and not one text of several: two could be spelt alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) operation: &'static str,
    pub(super) channel: String,
    /// A digest of all that the application decides by.
    pub(super) credential: [u8; 32],
}

/// Answers by what they hold for.
#[derive(Default)]
pub(super) struct Cache {
    kept: Mutex<[HashMap<Key, (Answer, Instant)>; 2]>,
}

impl Cache {
    /// The answer that holds now.
    pub(super) fn get(&self, key: &Key) -> Option<Answer> {
        let kept = self.kept.lock();
        let (answer, until) = kept.iter().find_map(|kept| kept.get(key))?;
        (Instant::now() < *until).then(|| answer.clone())
    }

    /// Keeps an answer for some time. When there is no room, those that were there longest go first.
    pub(super) fn keep(&self, key: Key, answer: &Answer, time: Duration) {
        if time.is_zero() {
            return;
        }
        let mut kept = self.kept.lock();
        if kept[0].len() >= MOST {
            kept[1] = std::mem::take(&mut kept[0]);
        }
        kept[0].insert(key, (answer.clone(), Instant::now() + time));
    }
}
