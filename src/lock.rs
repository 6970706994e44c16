//! Locks with a level. A thread takes locks in ascending order of their levels, so that threads never wait for each other.
//!
//! Builds with debug assertions panic where the order is violated; other builds have plain locks of `parking_lot`.
//! ARCHITECTURE.md lists the levels. This module must not know what a lock protects.

use std::ops::{Deref, DerefMut};

/// The levels, in the order in which the locks are taken.
pub(crate) mod level {
    /// The choice of sessions that end to free memory.
    pub(crate) const RELIEF: u8 = 10;
    /// The subscriptions of a session.
    pub(crate) const SUBSCRIPTIONS: u8 = 20;
    /// The queue of publications of a partition that go to Redis.
    #[cfg(feature = "redis")]
    pub(crate) const QUEUE: u8 = 30;
    /// A partition. One of several partitions is taken by its number.
    pub(crate) const PARTITION: u8 = 40;
    /// A shard of the trie.
    pub(crate) const SHARD: u8 = 50;
    /// The credential of a session.
    pub(crate) const CREDENTIAL: u8 = 60;
    /// The outgoing messages of a socket.
    pub(crate) const OUTBOX: u8 = 70;
    /// The deadlines of all sessions.
    pub(crate) const EXPIRY: u8 = 80;
    /// The state of a session.
    pub(crate) const SESSION: u8 = 90;
}

/// A mutex of a level.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T, const LEVEL: u8>(parking_lot::Mutex<T>);

impl<T, const LEVEL: u8> Mutex<T, LEVEL> {
    /// An unlocked mutex.
    pub(crate) const fn new(value: T) -> Self {
        Self(parking_lot::Mutex::new(value))
    }

    /// Locks the mutex. Panics in a debug build if the thread holds a lock of this or a higher level.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.lock_of(0)
    }

    /// Locks one of several mutexes of a level, which are taken in ascending order of `number`. Panics in a debug build if
    /// the thread holds a lock of a higher level, or one of this level with this or a higher number.
    pub(crate) fn lock_of(&self, number: u8) -> MutexGuard<'_, T> {
        let place = Place::take(LEVEL, number);
        #[cfg(test)]
        let guard = schedule::acquire(|| self.0.lock(), || self.0.try_lock());
        #[cfg(not(test))]
        let guard = self.0.lock();
        Guard { place, guard }
    }

    /// The value, without a lock.
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// Locks the mutex if no thread holds it. Panics as [`Mutex::lock`] does.
    pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let place = Place::take(LEVEL, 0);
        self.0.try_lock().map(|guard| Guard { place, guard })
    }
}

/// A reader-writer lock of a level.
#[derive(Debug, Default)]
pub(crate) struct RwLock<T, const LEVEL: u8>(parking_lot::RwLock<T>);

impl<T, const LEVEL: u8> RwLock<T, LEVEL> {
    /// Locks for reading. Panics in a debug build if the thread holds a lock of this or a higher level.
    pub(crate) fn read(&self) -> Guard<parking_lot::RwLockReadGuard<'_, T>> {
        Guard { place: Place::take(LEVEL, 0), guard: self.0.read() }
    }

    /// Locks for writing. Panics as [`RwLock::read`] does.
    pub(crate) fn write(&self) -> Guard<parking_lot::RwLockWriteGuard<'_, T>> {
        Guard { place: Place::take(LEVEL, 0), guard: self.0.write() }
    }
}

/// The guard of a [`Mutex`].
pub(crate) type MutexGuard<'a, T> = Guard<parking_lot::MutexGuard<'a, T>>;

/// A lock that is held until the guard is dropped.
#[must_use]
pub(crate) struct Guard<G> {
    // The lock is released first.
    guard: G,
    #[allow(dead_code, reason = "its end counts")]
    place: Place,
}

impl<G: Deref> Deref for Guard<G> {
    type Target = G::Target;

    fn deref(&self) -> &G::Target {
        &self.guard
    }
}

impl<G: DerefMut> DerefMut for Guard<G> {
    fn deref_mut(&mut self) -> &mut G::Target {
        &mut self.guard
    }
}

/// Panics in a debug build if the thread holds a lock of this or a higher level.
pub(crate) fn assert_free(level: u8) {
    #[cfg(debug_assertions)]
    checked::assert_above(checked::place(level, 0));
    #[cfg(not(debug_assertions))]
    let _ = level;
}

/// Mutexes in the schedules of `shuttle`. The threads of a schedule are coroutines of one thread, which must never block.
#[cfg(test)]
mod schedule {
    use std::time::Duration;

    /// Whether this thread runs a schedule.
    pub(super) fn is_active() -> bool {
        shuttle::current::try_get_current_task().is_some()
    }

    /// Locks. In a schedule, other threads may run before.
    pub(super) fn acquire<G>(lock: impl FnOnce() -> G, try_lock: impl Fn() -> Option<G>) -> G {
        if !is_active() {
            return lock();
        }
        // A switch to any thread. `yield_now` would lower the priority of this one.
        shuttle::thread::sleep(Duration::ZERO);
        loop {
            match try_lock() {
                Some(guard) => return guard,
                None => shuttle::thread::yield_now(),
            }
        }
    }
}

#[cfg(not(debug_assertions))]
struct Place;

#[cfg(not(debug_assertions))]
impl Place {
    fn take(_: u8, _: u8) -> Self {
        Self
    }
}

#[cfg(debug_assertions)]
use checked::Place;

#[cfg(debug_assertions)]
mod checked {
    use std::cell::RefCell;
    use std::marker::PhantomData;

    thread_local! {
        /// The places of the locks that this thread holds.
        static HELD: RefCell<Vec<u16>> = const { RefCell::new(Vec::new()) };
    }

    /// The place of a lock in the order.
    pub(super) fn place(level: u8, number: u8) -> u16 {
        u16::from_be_bytes([level, number])
    }

    pub(super) fn assert_above(place: u16) {
        let highest = HELD.with_borrow(|held| held.iter().max().copied());
        if let Some(highest) = highest.filter(|highest| *highest >= place) {
            let ([level, number], [held, other]) = (place.to_be_bytes(), highest.to_be_bytes());
            panic!(
                "lock order: level {level} ({number}) is taken while level {held} ({other}) is held; see src/lock.rs"
            );
        }
    }

    /// A lock that this thread holds. It stays on the thread.
    pub(super) struct Place(u16, PhantomData<*const ()>);

    impl Place {
        pub(super) fn take(level: u8, number: u8) -> Self {
            let place = place(level, number);
            // The threads of a schedule share this thread and its list.
            #[cfg(test)]
            if super::schedule::is_active() {
                return Self(place, PhantomData);
            }
            assert_above(place);
            HELD.with_borrow_mut(|held| held.push(place));
            Self(place, PhantomData)
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            HELD.with_borrow_mut(|held| {
                if let Some(at) = held.iter().rposition(|place| *place == self.0) {
                    held.remove(at);
                }
            });
        }
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Arc;

    use super::*;

    fn panics(act: impl FnOnce()) -> bool {
        catch_unwind(AssertUnwindSafe(act)).is_err()
    }

    #[test]
    fn locks_are_taken_in_ascending_order() {
        let (low, high) = (Mutex::<(), 10>::default(), RwLock::<(), 20>::default());
        {
            let _low = low.lock();
            let _high = high.read();
        }
        let held = high.write();
        assert!(panics(|| drop(low.lock())));
        assert!(panics(|| drop(low.try_lock())));
        assert!(panics(|| drop(high.read())), "the same level");
        assert!(panics(|| assert_free(20)) && !panics(|| assert_free(21)));
        drop(held);
        drop(low.lock());
        assert_free(0);
    }

    /// The mutexes of schedules are scheduling points, without the check of the order.
    #[test]
    fn a_schedule_finds_a_deadlock() {
        let schedule = || {
            let locks = Arc::new((Mutex::<(), 10>::default(), Mutex::<(), 20>::default()));
            let other = Arc::clone(&locks);
            let thread = shuttle::thread::spawn(move || {
                let _high = other.1.lock();
                let _low = other.0.lock();
            });
            {
                let _low = locks.0.lock();
                let _high = locks.1.lock();
            }
            thread.join().unwrap();
        };
        let mut config = shuttle::Config::new();
        config.max_steps = shuttle::MaxSteps::FailAfter(1000);
        let scheduler = shuttle::scheduler::RandomScheduler::new_from_seed(1, 100);
        assert!(panics(|| _ = shuttle::Runner::new(scheduler, config).run(schedule)));
    }

    #[test]
    fn locks_of_one_level_are_taken_by_their_numbers() {
        let (one, two) = (Mutex::<(), 10>::default(), Mutex::<(), 10>::default());
        {
            let _one = one.lock_of(1);
            let _two = two.lock_of(2);
        }
        let _two = two.lock_of(2);
        assert!(panics(|| drop(one.lock_of(1))));
    }

    #[test]
    fn locks_are_released_in_any_order() {
        let (low, high) = (Mutex::<(), 10>::default(), Mutex::<(), 20>::default());
        let first = low.lock();
        let second = high.lock();
        drop(first);
        assert!(panics(|| drop(low.lock())));
        drop(second);
        drop(low.lock());
    }
}
