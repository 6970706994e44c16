//! The broker of a single node: one order for each channel, kept by one of a number of lanes.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::bayeux::Publication;

const LANES: usize = 64;

/// Delivers on the thread that publishes.
pub struct Memory {
    lanes: Box<[Mutex<()>]>,
    hasher: RandomState,
}

impl Default for Memory {
    fn default() -> Self {
        Self { lanes: (0..LANES).map(|_| Mutex::new(())).collect(), hasher: RandomState::new() }
    }
}

impl Memory {
    /// Delivers a publication. Publications of one channel are delivered one after the other, so all subscribers see
    /// them in one order.
    pub fn publish(&self, publication: &Arc<Publication>, deliver: impl FnOnce(&Arc<Publication>)) {
        let lane = self.hasher.hash_one(publication.channel()) as usize % self.lanes.len();
        let _order = self.lanes[lane].lock();
        deliver(publication);
    }
}
