//! The engine process: reads the frames of the server from standard input and passes them to the JavaScript thread. It
//! must not know clients and messages.

use std::io::{self, BufReader, Read};
use std::process::{ExitCode, exit};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::LoadError;
use super::event::{Event, Shared};
use super::out::Out;
use super::watch::Watch;
use super::wire::{self, FromEngine, Start, ToEngine};
use super::worker::Worker;

/// The variable that marks a process as an engine process.
pub(super) const MARK: &str = "FAYE_EXTENSION_ENGINE";

/// Stack size of the JavaScript thread in bytes: the part for JavaScript, and more than that again for native code.
const THREAD_STACK: usize = 4 * 1024 * 1024;

/// Capacity of the channel between the two threads. The server has another queue.
const EVENTS: usize = 64;

/// The status of an engine that cannot go on.
pub(super) const LOST: i32 = 4;

/// Runs the JavaScript engine, until the server closes standard input, if the server started this process for that. A
/// program that embeds the server and uses `extensions.files` calls this first in `main`, and exits with the code if
/// there is one: extensions run in a separate process, which is the same program started again.
#[must_use]
pub fn engine_main() -> Option<ExitCode> {
    std::env::var_os(MARK)?;
    Some(match run() {
        Ok(()) => ExitCode::SUCCESS,
        // The server reports that the engine has ended, with its status.
        Err(_) => ExitCode::FAILURE,
    })
}

fn run() -> io::Result<()> {
    let _signals = catch_signals()?;
    let out = Arc::new(Out::new()?);
    let own = Arc::clone(&out);
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = panic.payload_as_str().unwrap_or("no text").to_owned();
        own.send_or_give_up(&FromEngine::Panicked { place, text });
    }));
    let watch = Watch::start(Arc::clone(&out))?;
    let mut input = BufReader::new(io::stdin().lock());
    let mut line = Vec::new();
    let Some(ToEngine::Start(start)) = wire::read(&mut input, &mut line)? else {
        return Err(io::Error::other("the first frame is no start"));
    };
    let (events, received) = mpsc::sync_channel(EVENTS);
    let own = Arc::clone(&watch);
    let javascript = thread::Builder::new().name("javascript".to_owned()).stack_size(THREAD_STACK);
    let javascript = javascript.spawn(move || work(start, &out, own, &received))?;
    let ended = forward(&mut input, &mut line, &events);
    watch.stop();
    // A full queue wakes the thread as well.
    let _ = events.try_send(Event::Stop);
    // A panic outside of the guarded parts was reported by the hook.
    let _ = javascript.join();
    ended
}

/// The server ends this process by closing its input. Signals are for the server, also where they reach all processes of
/// a service or all of one name.
fn catch_signals() -> io::Result<(tokio::runtime::Runtime, [Signal; 3])> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signals = {
        let _entered = runtime.enter();
        [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?]
    };
    Ok((runtime, signals))
}

fn forward(
    input: &mut BufReader<impl Read>,
    line: &mut Vec<u8>,
    events: &mpsc::SyncSender<Event>,
) -> io::Result<()> {
    loop {
        let event = match wire::read(input, line)? {
            Some(ToEngine::Call(call)) => Event::Call(call),
            Some(ToEngine::Fetched(fetched)) => Event::Fetched(fetched),
            Some(ToEngine::Start(_)) => return Err(io::Error::other("a second start")),
            None => return Ok(()),
        };
        if events.send(event).is_err() {
            return Ok(());
        }
    }
}

/// Runs the thread of JavaScript.
fn work(start: Start, out: &Arc<Out>, watch: Arc<Watch>, events: &Receiver<Event>) {
    let loaded = Shared::new(start, Arc::clone(out), watch).and_then(Worker::start);
    match loaded {
        Ok((worker, files)) => {
            let sources = worker.sources();
            out.send(&FromEngine::Loaded { files, sources });
            out.flush();
            if let Err(ending) = worker.run(events) {
                out.send_or_give_up(&ending);
                // The engine is no longer used, not even to free its memory.
                exit(LOST);
            }
            out.flush();
        }
        Err(LoadError { place, reason }) => {
            out.send_or_give_up(&FromEngine::Refused { place, reason });
            exit(LOST);
        }
    }
}
