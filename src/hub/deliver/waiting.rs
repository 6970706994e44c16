//! Claimed deliveries that wait for a place at their host, in round-robin order of the hosts.
//!
//! It must not know how a delivery is attempted.

use std::collections::VecDeque;
use std::time::Duration;

use indexmap::IndexMap;

use super::attempt::Job;

/// Deliveries by host.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    by_host: IndexMap<String, VecDeque<Job>>,
    count: usize,
    /// The index of the next host.
    turn: usize,
}

/// The decision about the deliveries of a host.
pub(super) enum Turn<P> {
    /// The oldest one is attempted.
    Start(P),
    /// The deliveries keep waiting.
    Wait,
    /// All of them are returned to the store, due after that time.
    Leave(Duration),
}

impl Waiting {
    /// All of them.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Those of one host.
    pub(super) fn of_host(&self, host: &str) -> usize {
        self.by_host.get(host).map_or(0, VecDeque::len)
    }

    /// The hosts with more than so many.
    pub(super) fn hosts_above(&self, count: usize) -> impl Iterator<Item = &str> {
        self.by_host.iter().filter(move |(_, jobs)| jobs.len() > count).map(|(host, _)| host.as_str())
    }

    /// Adds one.
    pub(super) fn push(&mut self, job: Job) {
        self.count += 1;
        match self.by_host.get_mut(job.delivery.host.as_str()) {
            Some(jobs) => jobs.push_back(job),
            None => {
                self.by_host.insert(job.delivery.host.clone(), VecDeque::from([job]));
            }
        }
    }

    /// Same as [`Waiting::next`], for one host.
    pub(super) fn next_of<P>(
        &mut self,
        host: &str,
        turn: impl FnOnce(&str) -> Turn<P>,
        left: &mut Vec<(Job, Duration)>,
    ) -> Option<(Job, P)> {
        let index = self.by_host.get_index_of(host)?;
        match turn(host) {
            Turn::Start(place) => self.pop(index).map(|job| (job, place)),
            Turn::Wait => None,
            Turn::Leave(time) => {
                self.leave(index, time, left);
                None
            }
        }
    }

    /// Removes and returns the next delivery whose host has a place, as decided by `turn`. Returns `None` if no host
    /// has a place. Appends the deliveries to return to the store to `left`.
    pub(super) fn next<P>(
        &mut self,
        mut turn: impl FnMut(&str) -> Turn<P>,
        left: &mut Vec<(Job, Duration)>,
    ) -> Option<(Job, P)> {
        let mut tried = 0;
        while tried < self.by_host.len() {
            self.turn %= self.by_host.len();
            let (host, _) = self.by_host.get_index(self.turn)?;
            match turn(host) {
                Turn::Start(place) => {
                    let hosts = self.by_host.len();
                    let job = self.pop(self.turn)?;
                    // Another host has the index of the removed one.
                    self.turn += usize::from(self.by_host.len() == hosts);
                    return Some((job, place));
                }
                Turn::Wait => {
                    self.turn += 1;
                    tried += 1;
                }
                Turn::Leave(time) => self.leave(self.turn, time, left),
            }
        }
        None
    }

    /// Removes the oldest of a host.
    fn pop(&mut self, index: usize) -> Option<Job> {
        let (_, jobs) = self.by_host.get_index_mut(index)?;
        let job = jobs.pop_front()?;
        if jobs.is_empty() {
            self.by_host.swap_remove_index(index);
        }
        self.count -= 1;
        Some(job)
    }

    /// Removes all of a host.
    fn leave(&mut self, index: usize, time: Duration, left: &mut Vec<(Job, Duration)>) {
        if let Some((_, jobs)) = self.by_host.swap_remove_index(index) {
            self.count -= jobs.len();
            left.extend(jobs.into_iter().map(|job| (job, time)));
        }
    }

    /// Removes and returns the deliveries for which `which` is true.
    pub(super) fn remove(&mut self, which: impl Fn(&Job) -> bool) -> Vec<Job> {
        let mut removed = Vec::new();
        self.by_host.retain(|_, jobs| {
            // The oldest are at the front.
            while jobs.front().is_some_and(&which) {
                removed.extend(jobs.pop_front());
            }
            !jobs.is_empty()
        });
        self.count -= removed.len();
        removed
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::config::SignatureMethod;
    use crate::hub::deliver::content::Contents;
    use crate::store::Delivery;

    fn waiting(hosts: &[&str]) -> Waiting {
        let mut waiting = Waiting::default();
        for (host, id) in hosts.iter().zip(0..) {
            let delivery = Delivery {
                id,
                claim: 0,
                topic_id: 0,
                version: 0,
                callback: String::new(),
                host: (*host).to_owned(),
                secret: None,
                signature: SignatureMethod::Sha256,
                attempts: 0,
                expires_in: Duration::ZERO,
                age: Duration::ZERO,
            };
            let content = Contents::new(String::new()).of(0, 0);
            waiting.push(Job { delivery, content, claimed: Instant::now() });
        }
        waiting
    }

    #[test]
    fn hosts_take_turns_and_each_is_served_in_order() {
        let mut waiting = waiting(&["a", "a", "a", "b", "c", "b"]);
        let mut ids = Vec::new();
        while let Some((job, ())) = waiting.next(|_| Turn::Start(()), &mut Vec::new()) {
            ids.push(job.delivery.id);
        }
        assert_eq!(ids, [0, 3, 4, 1, 5, 2]);
        assert_eq!(waiting.count(), 0);
    }

    #[test]
    fn hosts_without_a_place_wait_and_failing_ones_leave() {
        let mut waiting = waiting(&["full", "broken", "free", "broken"]);
        let time = Duration::from_secs(3);
        let turn = |host: &str| match host {
            "full" => Turn::Wait,
            "broken" => Turn::Leave(time),
            _ => Turn::Start(()),
        };
        let mut left = Vec::new();
        assert_eq!(waiting.next(turn, &mut left).unwrap().0.delivery.id, 2);
        assert!(waiting.next(turn, &mut left).is_none());
        assert_eq!(
            left.iter().map(|(job, time)| (job.delivery.id, *time)).collect::<Vec<_>>(),
            [(1, time), (3, time)]
        );
        assert_eq!((waiting.count(), waiting.of_host("full")), (1, 1));
        assert_eq!(waiting.hosts_above(0).collect::<Vec<_>>(), ["full"]);
        assert_eq!(waiting.remove(|_| true).len(), 1);
        assert_eq!(waiting.count(), 0);
    }
}
