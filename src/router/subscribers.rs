//! The subscribers of one pattern, in one run of memory, and the walk over several of them that visits each session
//! once.

use std::cell::RefCell;
use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::Session;

/// Sessions by their key.
#[derive(Default)]
pub struct Subscribers(IndexMap<u32, Arc<Session>, RandomState>);

impl Subscribers {
    /// Adds a session, if it is not there.
    pub fn add(&mut self, session: &Arc<Session>) {
        self.0.insert(session.key(), Arc::clone(session));
    }

    /// Takes a session away, if it is there.
    pub fn remove(&mut self, session: &Session) {
        self.0.swap_remove(&session.key());
        if self.0.is_empty() {
            // The tables keep their memory, however empty they are.
            *self = Self::default();
        }
        if self.0.capacity() > 64 && self.0.len() < self.0.capacity() / 4 {
            self.0.shrink_to_fit();
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sessions.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Session>> {
        self.0.values()
    }
}

/// Calls `visit` for each session of several lists, once, however many of the lists it is in.
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

/// In which walk a session was last visited, by its key. Kept by each thread, so that a walk allocates nothing.
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
            // After 2^32 walks the numbers begin again, so the old ones must go.
            self.last.fill(0);
            self.walk = 1;
        }
    }

    /// True if the key was not marked in this walk.
    fn mark(&mut self, key: u32) -> bool {
        let at = key as usize;
        if at >= self.last.len() {
            self.last.resize((at + 1).next_power_of_two(), 0);
        }
        std::mem::replace(&mut self.last[at], self.walk) != self.walk
    }
}
