//! The output of the engine process: frames, buffered until the engine is idle.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::AsFd;
use std::process::exit;
use std::time::Duration;

use parking_lot::Mutex;

use super::wire::{self, FromEngine};

/// Maximum time to write the last frame of a process.
const LAST: Duration = Duration::from_secs(1);

/// Standard output of the engine process.
pub(super) struct Out(Mutex<BufWriter<File>>);

impl Out {
    pub(super) fn new() -> io::Result<Self> {
        let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        Ok(Self(Mutex::new(BufWriter::new(file))))
    }

    /// Writes a frame, at the latest with the next [`Out::flush`].
    pub(super) fn send(&self, frame: &FromEngine) {
        if wire::write(&mut *self.0.lock(), frame).is_err() {
            // The server has gone, and this process has no other purpose.
            exit(0);
        }
    }

    /// Writes all buffered frames to the server.
    pub(super) fn flush(&self) {
        if self.0.lock().flush().is_err() {
            exit(0);
        }
    }

    /// Writes the last frame of this process, unless another thread is blocked within a frame.
    pub(super) fn send_or_give_up(&self, frame: &FromEngine) {
        if let Some(mut out) = self.0.try_lock_for(LAST) {
            // It fails when the server has gone.
            let _ = wire::write(&mut *out, frame).and_then(|()| out.flush());
        }
    }
}
