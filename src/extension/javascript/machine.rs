//! One start of the engine: the runtime with its limits, and a world for each file.

use std::rc::Rc;
use std::time::Duration;

use rquickjs::{Ctx, Runtime};

use super::LoadError;
use super::allowance::Allowance;
use super::host::Host;
use super::rejections::Rejections;
use super::thrown::Thrown;
use super::wire::Has;
use super::world::World;

/// Bytes of the stack of JavaScript.
const STACK: usize = 512 * 1024;

/// Maximum time to load a file.
pub(super) const LOADING: Duration = Duration::from_secs(10);

/// The failure of a call.
#[derive(Debug)]
pub(super) enum Fault {
    /// An exception that was not caught.
    Threw(Thrown),
    /// It ran for too long, and was ended.
    Time,
    /// There was no memory.
    Memory,
    /// The pending jobs do not end, so nothing else could run.
    Endless,
}

/// A running engine.
pub(super) struct Machine {
    // In this order they are dropped.
    worlds: Vec<World>,
    runtime: Runtime,
    allowance: Rc<Allowance>,
    rejections: Rc<Rejections>,
    host: Rc<Host>,
}

impl Machine {
    /// Starts the engine and loads the files.
    pub(super) fn start(host: &Rc<Host>) -> Result<(Self, Vec<Has>), LoadError> {
        let start = &host.shared.start;
        let runtime = Runtime::new().map_err(|error| LoadError::new("the engine", error.to_string()))?;
        runtime.set_memory_limit(start.memory);
        runtime.set_max_stack_size(STACK);
        let allowance = Rc::new(Allowance::default());
        let asked = Rc::clone(&allowance);
        runtime.set_interrupt_handler(Some(Box::new(move || asked.cut())));
        let rejections = Rc::new(Rejections::default());
        let noted = Rc::clone(&rejections);
        runtime.set_host_promise_rejection_tracker(Some(Box::new(
            move |ctx: Ctx<'_>, promise, reason, is_handled| noted.note(&ctx, promise, reason, is_handled),
        )));
        let mut machine = Self { worlds: Vec::new(), runtime, allowance, rejections, host: Rc::clone(host) };
        let mut all = Vec::new();
        for (file, folder) in host.shared.folders.iter().enumerate() {
            machine.allowance.begin(LOADING);
            let loaded = World::load(&machine.runtime, host, file, folder);
            let (world, has) = match loaded {
                Ok(loaded) => loaded,
                Err(_) if machine.allowance.take_cut() => {
                    let reason = format!("not loaded within {LOADING:?}");
                    return Err(LoadError::new(&start.files[file], reason));
                }
                Err(thrown) => return Err(LoadError::thrown(&start.files[file], thrown)),
            };
            machine.worlds.push(world);
            all.push(has);
            if let Err(fault) = machine.settle(file) {
                return Err(LoadError::new(&start.files[file], format!("cannot run it: {fault:?}")));
            }
        }
        Ok((machine, all))
    }

    /// Runs a function in the world of a file, and then the pending jobs.
    pub(super) fn enter(
        &self,
        file: usize,
        run: impl FnOnce(&World) -> Result<(), Thrown>,
    ) -> Result<(), Fault> {
        let Some(world) = self.worlds.get(file) else { return Ok(()) };
        self.allowance.begin(self.host.shared.start.time);
        let entered = self.classify(run(world));
        // The pending jobs belong to other messages.
        let settled = self.settle(file);
        let may_lack_memory = self.host.may_lack_memory.take();
        if self.host.lacks_memory.take() || (may_lack_memory && self.is_full()) {
            return Err(Fault::Memory);
        }
        settled.and(entered)
    }

    /// Whether the memory limit is nearly reached after a garbage collection, so that no call can succeed.
    pub(super) fn is_full(&self) -> bool {
        self.runtime.run_gc();
        let used = self.runtime.memory_usage().malloc_size;
        usize::try_from(used).unwrap_or(usize::MAX) > self.host.shared.start.memory / 4 * 3
    }

    /// Calls `removed` of the extensions.
    pub(super) fn remove(&self) {
        for file in 0..self.worlds.len() {
            // The file is gone, so its failure has no effect.
            let _ = self.enter(file, World::remove);
        }
    }

    /// Runs the promises' callbacks.
    fn settle(&self, file: usize) -> Result<(), Fault> {
        let mut first = Ok(());
        let settled = loop {
            let ran = match self.runtime.execute_pending_job() {
                Ok(ran) => ran,
                Err(failed) => {
                    let thrown = failed.0.with(|ctx| Thrown::take(&ctx, rquickjs::Error::Exception));
                    let judged = self.classify(Err(thrown));
                    first = first.and(judged);
                    true
                }
            };
            if !ran {
                break first;
            }
            if self.allowance.is_over() && self.runtime.is_job_pending() {
                break Err(Fault::Endless);
            }
        };
        for text in self.rejections.take() {
            if let Some(reporter) = self.host.shared.reporters.get(file) {
                reporter.error(text);
            }
        }
        settled
    }

    fn classify(&self, result: Result<(), Thrown>) -> Result<(), Fault> {
        let is_cut = self.allowance.take_cut();
        result.map_err(|thrown| {
            if is_cut {
                Fault::Time
            } else if thrown.is_memory {
                Fault::Memory
            } else {
                Fault::Threw(thrown)
            }
        })
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.rejections.take();
    }
}
