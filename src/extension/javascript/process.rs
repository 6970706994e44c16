//! One engine process, from the server's side: its start, the frames in both directions, and its end. It must not know
//! messages, and makes no decisions.

use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;

use parking_lot::Mutex;

use super::child::MARK;
use super::queue::Queued;
use super::wire::{self, FromEngine};

/// The inherited variables of the engine process: the time zone of `Date`, and the path of shared libraries. Other
/// variables may contain secrets.
const INHERITED: [&str; 2] = ["TZ", "LD_LIBRARY_PATH"];

/// The running binary, even if its file was replaced by another version.
const RUNNING: &str = "/proc/self/exe";

/// A running engine process.
pub(super) struct Process {
    child: Arc<Mutex<Child>>,
    output: BufReader<ChildStdout>,
    line: Vec<u8>,
}

impl Process {
    /// Starts this program again as an engine process, which reads the frames of the queue until the queue is closed.
    pub(super) fn start(queue: Receiver<Queued>) -> io::Result<Self> {
        if std::env::var_os(MARK).is_some() {
            let text = "an engine process cannot start another one; a program that embeds the server has to call \
                        faye_server::extension::javascript::engine_main first in main";
            return Err(io::Error::other(text));
        }
        let program = std::env::current_exe()?;
        let mut command = Command::new(if cfg!(target_os = "linux") { Path::new(RUNNING) } else { &program });
        command.arg0(program.file_name().unwrap_or_default()).arg("extensions").env_clear().env(MARK, "1");
        command.envs(INHERITED.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        // Ctrl-C is sent to all processes of a group.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("the engine process has no pipes"));
        };
        let process =
            Self { child: Arc::new(Mutex::new(child)), output: BufReader::new(output), line: Vec::new() };
        let writer = thread::Builder::new().name("javascript-out".to_owned());
        writer.spawn(move || forward(input, &queue))?;
        Ok(process)
    }

    /// Returns the next frame; `None` at the end of the process.
    pub(super) fn read(&mut self) -> io::Result<Option<FromEngine>> {
        wire::read(&mut self.output, &mut self.line)
    }

    /// Returns a handle that ends the process from another thread.
    pub(super) fn killer(&self) -> Killer {
        Killer(Arc::clone(&self.child))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        Killer(Arc::clone(&self.child)).end();
    }
}

/// Ends an engine process.
pub(super) struct Killer(Arc<Mutex<Child>>);

impl Killer {
    /// Ends the process if it still runs. Its status.
    pub(super) fn end(&self) -> String {
        let mut child = self.0.lock();
        // It fails for a process that has ended.
        let _ = child.kill();
        child.wait().map_or_else(|error| error.to_string(), |status| status.to_string())
    }
}

/// Writes the frames of the queue until that is closed or the process reads no more.
fn forward(input: ChildStdin, queue: &Receiver<Queued>) {
    let mut input = BufWriter::new(input);
    while let Ok(first) = queue.recv() {
        let frames = std::iter::once(first).chain(queue.try_iter());
        for Queued { order, place } in frames {
            // The place is free once the frame is on its way.
            drop(place);
            if wire::write(&mut input, &order).is_err() {
                return;
            }
        }
        if input.flush().is_err() {
            return;
        }
    }
}
