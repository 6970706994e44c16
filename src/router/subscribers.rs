//! The subscribers of one pattern in contiguous memory, and an iteration over several lists that visits each session
//! once.

use std::cell::RefCell;
use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::Session;

/// Sessions by key.
#[derive(Default)]
pub struct Subscribers(IndexMap<u32, Arc<Session>, RandomState>);

impl Subscribers {
    /// Adds a session; no effect if it is present.
    pub fn add(&mut self, session: &Arc<Session>) {
        self.0.insert(session.key(), Arc::clone(session));
    }

    /// Removes a session; no effect if it is absent.
    pub fn remove(&mut self, session: &Session) {
        self.0.swap_remove(&session.key());
        if self.0.is_empty() {
            // Empty tables keep their memory.
            *self = Self::default();
        }
        if self.0.capacity() > 64 && self.0.len() < self.0.capacity() / 4 {
            self.0.shrink_to_fit();
        }
    }

    /// Whether the list is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the sessions.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Session>> {
        self.0.values()
    }
}

/// Calls `visit` once for each session of several lists.
pub(super) fn each_once(lists: &[&Subscribers], mut visit: impl FnMut(&Arc<Session>)) {
    match lists {
        [] => {}
        [one] => one.iter().for_each(visit),
        several => MARKS.with_borrow_mut(|marks| {
            marks.next_walk();
            for session in several.iter().flat_map(|list| list.iter()) {
                if marks.mark(session.key()) {
                    visit(session);
                }
            }
        }),
    }
}

/// The last walk that visited each session, by key. Thread-local, so that a walk does not allocate.
#[derive(Default)]
struct Marks {
    walk: u32,
    last: Vec<u32>,
}

thread_local! {
    static MARKS: RefCell<Marks> = RefCell::default();
}

impl Marks {
    fn next_walk(&mut self) {
        self.walk = self.walk.wrapping_add(1);
        if self.walk == 0 {
            // The numbers restart after 2^32 walks, so the old marks are cleared.
            self.last.fill(0);
            self.walk = 1;
        }
    }

    /// Marks a key. Returns `true` if it was not marked in this walk.
    fn mark(&mut self, key: u32) -> bool {
        let at = key as usize;
        if at >= self.last.len() {
            self.last.resize((at + 1).next_power_of_two(), 0);
        }
        std::mem::replace(&mut self.last[at], self.walk) != self.walk
    }
}
