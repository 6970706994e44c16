//! The JavaScript thread: handles one event after the other and fires timers, until the server stops or the engine is
//! lost.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::time::Instant;

use super::LoadError;
use super::answer::Answer;
use super::event::{Event, Shared};
use super::host::Host;
use super::machine::{Fault, LOADING, Machine};
use super::wire::{Call, Ending, Failure, Fetched, FromEngine, Has, Sources};

/// The margin for a function that cannot be interrupted, beyond the time limit that the engine checks itself.
const GRACE: Duration = Duration::from_secs(1);

/// Bytes of memory that add one millisecond to the time limit for the garbage collector, which cannot be interrupted
/// either.
const COLLECTED: usize = 256 * 1024;

/// The engine cannot go on.
struct Lost;

/// The state of the thread.
pub(super) struct Worker {
    shared: Rc<Shared>,
    host: Rc<Host>,
    machine: Machine,
}

impl Worker {
    /// Starts the engine.
    pub(super) fn start(shared: Shared) -> Result<(Self, Vec<Has>), LoadError> {
        let shared = Rc::new(shared);
        let host = Rc::new(Host::new(Rc::clone(&shared)));
        let files = u32::try_from(shared.folders.len()).unwrap_or(u32::MAX);
        shared.watch.begin(0, LOADING.saturating_mul(files) + grace(&shared));
        let started = Machine::start(&host);
        shared.watch.end();
        let (machine, has) = started?;
        Ok((Self { shared, host, machine }, has))
    }

    /// Returns the texts that were read for each file.
    pub(super) fn sources(&self) -> Vec<Sources> {
        self.shared.sources()
    }

    /// Works until the server stops. The error is the last frame of an engine that cannot go on.
    pub(super) fn run(self, events: &Receiver<Event>) -> Result<(), FromEngine> {
        let ran = self.serve(events);
        for reporter in &self.shared.reporters {
            reporter.finish();
        }
        ran.map_err(|Lost| FromEngine::Ending { begun: self.shared.watch.begun(), why: Ending::Lost })
    }

    fn serve(&self, events: &Receiver<Event>) -> Result<(), Lost> {
        while !self.shared.watch.is_stopping() {
            let now = Instant::now();
            self.host.pending.borrow_mut().expire(now);
            let due = self.host.timers.borrow_mut().due(now);
            for (file, timer) in due {
                self.turn(file, None, |machine| machine.enter(file, |world| world.fire(timer)))?;
            }
            let event = match events.try_recv() {
                Ok(event) => event,
                Err(_) => {
                    for reporter in &self.shared.reporters {
                        reporter.settle(Instant::now());
                    }
                    self.shared.out.flush();
                    let received = match self.next() {
                        Some(at) => events.recv_timeout(at.saturating_duration_since(Instant::now())),
                        None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
                    };
                    match received {
                        Ok(event) => event,
                        Err(RecvTimeoutError::Timeout) => continue,
                        Err(RecvTimeoutError::Disconnected) => break,
                    }
                }
            };
            match event {
                Event::Call(call) => self.call(&call)?,
                Event::Fetched(fetched) => self.fetched(&fetched)?,
                Event::Stop => {}
            }
        }
        self.guarded(0, Machine::remove)
    }

    /// Returns when the next work without an event is due.
    fn next(&self) -> Option<Instant> {
        let (timer, pending) = (self.host.timers.borrow().next(), self.host.pending.borrow().next());
        let reports = self.shared.reporters.iter().filter_map(|reporter| reporter.next());
        timer.into_iter().chain(pending).chain(reports).min()
    }

    fn call(&self, call: &Call) -> Result<(), Lost> {
        // The server has stopped waiting for it.
        if call.until <= Instant::now() {
            return Ok(());
        }
        self.shared.watch.call(call.number);
        self.host.pending.borrow_mut().add(call.number, call.until);
        self.host.request.replace(call.request.clone());
        let turned = self.turn(call.file, Some(call.number), |machine| {
            machine.enter(call.file, |world| world.call(call.number, call.stage, &call.message))
        });
        self.host.request.take();
        turned
    }

    fn fetched(&self, fetched: &Fetched) -> Result<(), Lost> {
        let Fetched { file, number, ref answer } = *fetched;
        self.shared.fetching.set(self.shared.fetching.get().saturating_sub(1));
        self.turn(file, None, |machine| machine.enter(file, |world| world.fetched(number, answer)))
    }

    /// Runs a function and handles its failure: the message with that number fails, if there is one.
    fn turn(
        &self,
        file: usize,
        number: Option<u64>,
        run: impl FnOnce(&Machine) -> Result<(), Fault>,
    ) -> Result<(), Lost> {
        let Err(fault) = self.guarded(file, run)? else { return Ok(()) };
        let is_full = matches!(fault, Fault::Memory) && self.guarded(file, Machine::is_full)?;
        let is_lost = is_full || matches!(fault, Fault::Endless);
        if let Some(reporter) = self.shared.reporters.get(file) {
            reporter.fail(match fault {
                Fault::Threw(thrown) => Failure::Error(thrown.text),
                Fault::Time | Fault::Endless => Failure::Time,
                Fault::Memory => Failure::Memory,
            });
        }
        if let Some(number) = number {
            self.host.answer(number, Answer::Failed);
        }
        if is_lost { Err(Lost) } else { Ok(()) }
    }

    /// Runs a function with the engine. After a panic of our code the engine is lost.
    fn guarded<R>(&self, file: usize, run: impl FnOnce(&Machine) -> R) -> Result<R, Lost> {
        self.shared.watch.begin(file, self.shared.start.time + grace(&self.shared));
        let ran = catch_unwind(AssertUnwindSafe(|| run(&self.machine)));
        self.shared.watch.end();
        ran.map_err(|_| Lost)
    }
}

fn grace(shared: &Shared) -> Duration {
    let collector = u64::try_from(shared.start.memory / COLLECTED).unwrap_or(u64::MAX);
    GRACE + Duration::from_millis(collector)
}
