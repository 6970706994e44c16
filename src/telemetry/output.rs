//! Writes batches of log lines to standard error. It must not know the source of the lines.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::io::Errno;

use super::queue::{Batch, Queue, Written};

/// Maximum bytes that a pipe accepts atomically (`PIPE_BUF` of Linux), so that lines of several processes do not mix.
const WHOLE: usize = 4096;
/// The pause while a non-blocking descriptor is full; the parent process may have set it to non-blocking.
const PAUSE: Duration = Duration::from_millis(10);

/// Writes the lines of the queue until the process ends.
pub(super) fn run(queue: &Queue) {
    queue.begin_writing();
    let stderr = io::stderr();
    // Bypasses the standard library's `write`, whose lock a stalled reader would block for the whole process.
    let mut output = Output { to: stderr.as_fd(), is_within_line: false };
    let mut batch = Batch::default();
    loop {
        queue.next(&mut batch);
        let written = output.write(&batch);
        if let Some(dropped) = queue.done(&batch, &written) {
            tracing::warn!(dropped, "log lines dropped: standard error is blocked");
        }
    }
}

struct Output<'a> {
    to: BorrowedFd<'a>,
    /// Whether the last write failed within a line.
    is_within_line: bool,
}

impl Output<'_> {
    /// Writes a batch.
    fn write(&mut self, batch: &Batch) -> Written {
        let mut written = Written::default();
        let mut begin = 0;
        let mut ends = &batch.ends[..];
        while let Some(first) = ends.first() {
            let count = ends.partition_point(|end| end - begin <= WHOLE).max(1);
            let end = ends.get(count - 1).copied().unwrap_or(*first);
            let done = begin + self.write_chunk(&batch.bytes[begin..end]);
            written.0.extend(ends[..count].iter().map(|end| *end <= done));
            ends = &ends[count..];
            begin = end;
        }
        written
    }

    /// Writes whole lines; returns how many bytes were written.
    fn write_chunk(&mut self, chunk: &[u8]) -> usize {
        if self.is_within_line && self.write_all(b"\n") == 0 {
            return 0;
        }
        let done = self.write_all(chunk);
        self.is_within_line = done > 0 && chunk.get(done - 1) != Some(&b'\n');
        done
    }

    fn write_all(&self, bytes: &[u8]) -> usize {
        let mut done = 0;
        while let Some(rest @ [_, ..]) = bytes.get(done..) {
            match rustix::io::write(self.to, rest) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => std::thread::sleep(PAUSE),
                // The reader has gone (EPIPE), the disk is full (ENOSPC), …: dropped lines are counted by the caller.
                Err(_) => break,
            }
        }
        done
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};

    use super::*;

    fn batch(lines: &[&str]) -> Batch {
        let mut batch = Batch::default();
        for line in lines {
            batch.bytes.extend_from_slice(line.as_bytes());
            batch.ends.push(batch.bytes.len());
        }
        batch
    }

    #[test]
    fn every_line_is_written_or_counted() {
        let file = tempfile::tempfile().unwrap();
        let long = format!("{}\n", "x".repeat(3 * WHOLE));
        let lines = batch(&["a\n", &long, "b\n", "c\n"]);
        let mut output = Output { to: file.as_fd(), is_within_line: false };
        assert_eq!(output.write(&lines).0, [true; 4]);
        assert_eq!(file.metadata().unwrap().len(), lines.bytes.len() as u64);
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert_eq!(Output { to: full.as_fd(), is_within_line: false }.write(&lines).0, [false; 4]);
        let closed = File::open("/dev/null").unwrap();
        assert_eq!(Output { to: closed.as_fd(), is_within_line: false }.write(&lines).0, [false; 4], "EBADF");
    }

    #[test]
    fn a_line_that_broke_off_is_ended_before_the_next() {
        let mut file = tempfile::tempfile().unwrap();
        assert_eq!(Output { to: file.as_fd(), is_within_line: true }.write(&batch(&["a\n"])).0, [true]);
        let mut text = String::new();
        io::Seek::rewind(&mut file).unwrap();
        io::Read::read_to_string(&mut file, &mut text).unwrap();
        assert_eq!(text, "\na\n");
    }
}
