//! What only the histories that a joined instance keeps of received publications need: they end when it misses some, and
//! a channel keeps the rule of its publications.

use super::{Budget, History};
use crate::config;

impl History {
    /// Removes everything. What is up to an offset is not known from now on.
    pub(in crate::broker) fn clear(&mut self, offset: u64, budget: &Budget) {
        let channels: Vec<usize> = self.channels.iter().map(|(id, _)| id).collect();
        for id in channels {
            while self.channels.contains(id) {
                self.pop(id, budget);
            }
        }
        self.log.clear();
        self.forgotten = offset;
    }

    /// Returns the rule of a channel that has a history.
    pub(in crate::broker) fn rule(&self, name: &str) -> Option<config::History> {
        self.names.get(name).and_then(|id| self.channels.get(*id)).map(|channel| channel.rule)
    }
}
