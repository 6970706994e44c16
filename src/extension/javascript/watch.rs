//! The watchdog of the engine process: ends the process when the engine runs a function that cannot be interrupted, or
//! does not stop. A thread in native code cannot be ended in any other way.

use std::process::exit;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use tokio::time::Instant;

use super::out::Out;
use super::wire::{Ending, FromEngine};

/// The status of a process that the watchdog ended.
pub(super) const STUCK: i32 = 3;

/// Maximum time for `removed` of the extensions when the server stops.
const STOPPING: Duration = Duration::from_secs(2);

/// The interval of checks while the engine runs.
const LOOK: Duration = Duration::from_millis(100);

/// The state of the engine for the watchdog.
pub(super) struct Watch {
    origin: Instant,
    /// The deadline of the running engine, in milliseconds from the origin; 0 while it is idle.
    until: AtomicU64,
    /// The deadline of stopping, in milliseconds from the origin; 0 while the process is not stopping.
    stop: AtomicU64,
    file: AtomicUsize,
    /// The newest call that has begun.
    begun: AtomicU64,
    /// Whether the watchdog is awake.
    is_awake: AtomicBool,
    dog: OnceLock<Thread>,
}

impl Watch {
    /// Starts the watchdog.
    pub(super) fn start(out: Arc<Out>) -> std::io::Result<Arc<Self>> {
        let watch = Arc::new(Self {
            origin: Instant::now(),
            until: AtomicU64::new(0),
            stop: AtomicU64::new(0),
            file: AtomicUsize::new(0),
            begun: AtomicU64::new(0),
            is_awake: AtomicBool::new(false),
            dog: OnceLock::new(),
        });
        let own = Arc::clone(&watch);
        let dog = thread::Builder::new().name("watchdog".to_owned()).spawn(move || own.look(&out))?;
        watch.dog.get_or_init(|| dog.thread().clone());
        Ok(watch)
    }

    /// The engine runs a file, for at most this time.
    pub(super) fn begin(&self, file: usize, time: Duration) {
        self.file.store(file, Ordering::Relaxed);
        self.until.store(self.at(time), Ordering::SeqCst);
        self.wake();
    }

    /// Marks the engine as idle.
    pub(super) fn end(&self) {
        self.until.store(0, Ordering::SeqCst);
    }

    /// A call begins.
    pub(super) fn call(&self, number: u64) {
        self.begun.store(number, Ordering::Relaxed);
    }

    /// Returns the newest call that has begun.
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// The server stops, or has gone.
    pub(super) fn stop(&self) {
        self.stop.store(self.at(STOPPING), Ordering::SeqCst);
        self.wake();
    }

    /// Whether the server stops.
    pub(super) fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::SeqCst) > 0
    }

    fn wake(&self) {
        if !self.is_awake.swap(true, Ordering::SeqCst)
            && let Some(dog) = self.dog.get()
        {
            dog.unpark();
        }
    }

    fn look(&self, out: &Out) {
        // It parks while the engine is idle, so that an idle process has no timer.
        loop {
            let (until, stop) = (self.until.load(Ordering::SeqCst), self.stop.load(Ordering::SeqCst));
            let now = self.now();
            if until > 0 && until < now {
                let why = Ending::Stuck { file: self.file.load(Ordering::Relaxed) };
                // The engine may hold the lock while it waits for a server that reads nothing.
                out.send_or_give_up(&FromEngine::Ending { begun: self.begun(), why });
                exit(STUCK);
            }
            if stop > 0 && stop < now {
                exit(STUCK);
            }
            if until > 0 || stop > 0 {
                thread::sleep(LOOK);
                continue;
            }
            self.is_awake.store(false, Ordering::SeqCst);
            // A call that began before this line did not unpark it.
            if self.until.load(Ordering::SeqCst) == 0 && self.stop.load(Ordering::SeqCst) == 0 {
                thread::park();
            }
            self.is_awake.store(true, Ordering::SeqCst);
        }
    }

    fn at(&self, time: Duration) -> u64 {
        let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.now().saturating_add(time).max(1)
    }

    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }
}
