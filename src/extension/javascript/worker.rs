//! The thread of JavaScript: takes one event after the other, lets timers fire, and starts the engine anew when it is
//! of no use any more.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::time::Instant;

use super::LoadError;
use super::answer::Answer;
use super::event::{Call, Event, Fetched, Shared};
use super::host::Host;
use super::machine::{Fault, Machine};
use super::world::Has;

/// How long nothing is tried after the engine could not be started anew.
const PAUSE: Duration = Duration::from_secs(1);

/// The state of the thread.
pub(super) struct Worker {
    shared: Arc<Shared>,
    host: Rc<Host>,
    machine: Option<Machine>,
    /// When starting the engine may be tried again.
    retry: Instant,
}

impl Worker {
    /// Starts the engine for the first time.
    pub(super) fn start(shared: Arc<Shared>) -> Result<(Self, Vec<Has>), LoadError> {
        let host = Rc::new(Host::new(Arc::clone(&shared), 0));
        let (machine, has) = Machine::start(&host)?;
        Ok((Self { shared, host, machine: Some(machine), retry: Instant::now() }, has))
    }

    /// Works until the server stops.
    pub(super) fn run(mut self, events: &Receiver<Event>) {
        while !self.shared.is_stopping.load(Ordering::Acquire) {
            let now = Instant::now();
            self.host.pending.borrow_mut().expire(now);
            let due = self.host.timers.borrow_mut().due(now);
            for (file, timer) in due {
                self.turn(file, None, |machine| machine.enter(file, |world| world.fire(timer)));
            }
            let received = match self.next() {
                Some(at) => events.recv_timeout(at.saturating_duration_since(Instant::now())),
                None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match received {
                Ok(Event::Call(call)) => self.call(*call),
                Ok(Event::Fetched(fetched)) => self.fetched(*fetched),
                Ok(Event::Stop) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.guarded(Machine::remove);
    }

    /// When there is something to do, whatever comes in.
    fn next(&self) -> Option<Instant> {
        let (timer, pending) = (self.host.timers.borrow().next(), self.host.pending.borrow().next());
        timer.into_iter().chain(pending).min()
    }

    fn call(&mut self, call: Call) {
        let Call { file, stage, message, peer, ticket } = call;
        // Whoever asked has been told that it took too long.
        if ticket.until <= Instant::now() {
            return;
        }
        if self.machine.is_none() && self.retry <= Instant::now() {
            self.restart();
        }
        let number = self.host.pending.borrow_mut().add(ticket);
        if self.machine.is_none() {
            self.host.pending.borrow_mut().answer(number, Answer::Failed);
            return;
        }
        *self.host.peer.borrow_mut() = peer;
        self.turn(file, Some(number), |machine| {
            machine.enter(file, |world| world.call(number, stage, &message))
        });
        *self.host.peer.borrow_mut() = None;
    }

    fn fetched(&mut self, fetched: Fetched) {
        let Fetched { file, number, start, answer, .. } = fetched;
        if start == self.host.start {
            self.turn(file, None, |machine| machine.enter(file, |world| world.fetched(number, &answer)));
        }
    }

    /// Runs something, and sees to what goes wrong: the message of that number fails, if there is one.
    fn turn(&mut self, file: usize, number: Option<u64>, run: impl FnOnce(&Machine) -> Result<(), Fault>) {
        if self.machine.is_none() {
            return;
        }
        let fault = match self.guarded(run) {
            Some(Ok(())) => return,
            Some(Err(fault)) => fault,
            None => return self.restart(),
        };
        if let Some(report) = self.shared.reports.get(file) {
            match &fault {
                Fault::Threw(thrown) => report.error(&thrown.text),
                Fault::Time | Fault::Endless => report.cut(),
                Fault::Memory => report.memory(),
            }
        }
        if let Some(number) = number {
            self.host.pending.borrow_mut().answer(number, Answer::Failed);
        }
        let is_lost = match fault {
            Fault::Threw(_) | Fault::Time => false,
            Fault::Endless => true,
            Fault::Memory => self.guarded(Machine::is_full).unwrap_or(true),
        };
        if is_lost {
            self.restart();
        }
    }

    /// Runs something with the engine. `None` if there is none, or if it panicked.
    fn guarded<R>(&self, run: impl FnOnce(&Machine) -> R) -> Option<R> {
        let machine = self.machine.as_ref()?;
        self.shared.busy.begin();
        let ran = catch_unwind(AssertUnwindSafe(|| run(machine)));
        self.shared.busy.end();
        if ran.is_err() {
            self.shared.metrics.panics.inc();
        }
        ran.ok()
    }

    /// Starts the engine anew with the files as they were read first. What waits fails, and variables are lost.
    fn restart(&mut self) {
        self.shared.metrics.extension_restarts.inc();
        let machine = self.machine.take();
        let host = Rc::new(Host::new(Arc::clone(&self.shared), self.host.start + 1));
        // The old host may outlive this, for the engine's functions hold it.
        self.host.pending.take();
        self.host.timers.take();
        self.host = Rc::clone(&host);
        let started = catch_unwind(AssertUnwindSafe(|| {
            drop(machine);
            Machine::start(&host)
        }));
        match started {
            Ok(Ok((machine, _))) => {
                tracing::error!("the JavaScript engine was started anew; extensions lost their variables");
                self.machine = Some(machine);
            }
            Ok(Err(error)) => tracing::error!(%error, "the JavaScript engine could not be started anew"),
            Err(_) => {
                self.shared.metrics.panics.inc();
            }
        }
        self.retry = Instant::now() + PAUSE;
    }
}
