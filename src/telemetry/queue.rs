//! The queue of log lines between the logging threads and the writing thread: bounded in bytes, and non-blocking for
//! callers. It must not know where the lines go.

use std::cell::Cell;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use prometheus_client::metrics::counter::Counter;

/// Maximum time for the remaining lines at the end of the process.
const FLUSH: Duration = Duration::from_secs(1);

thread_local! {
    /// Whether this thread is the writer. Its own report about dropped lines always fits: there is at most one in a
    /// batch.
    static IS_WRITER: Cell<bool> = const { Cell::new(false) };
}

/// Concatenated lines, with the end of each.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) ends: Vec<usize>,
    /// Which line reports dropped ones, and how many.
    report: Option<(usize, u64)>,
}

/// The result of a batch: for each line, whether it was written.
#[derive(Default)]
pub(super) struct Written(pub(super) Vec<bool>);

/// The queued lines.
pub(super) struct Queue {
    /// Maximum bytes in the queue. The writer may hold the same amount.
    capacity: usize,
    state: Mutex<State>,
    filled: Condvar,
    written: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Batch,
    is_writing: bool,
    dropped: u64,
    /// Dropped lines that no line has reported yet.
    unreported: u64,
    /// Those of the report that the writer is about to make.
    reporting: u64,
    counter: Option<Counter>,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default(), filled: Condvar::new(), written: Condvar::new() }
    }

    /// Appends a line, or drops it if there is no room.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.state.lock();
        let fits = state.waiting.bytes.len() + line.len() <= self.capacity;
        let is_report = IS_WRITER.try_with(Cell::get).unwrap_or(false);
        if !fits && !is_report {
            return state.drop_lines(1);
        }
        if is_report {
            state.waiting.report = Some((state.waiting.ends.len(), std::mem::take(&mut state.reporting)));
        }
        state.waiting.bytes.extend_from_slice(line);
        let end = state.waiting.bytes.len();
        state.waiting.ends.push(end);
        self.filled.notify_one();
    }

    /// Makes the calling thread the writer.
    pub(super) fn begin_writing(&self) {
        IS_WRITER.set(true);
    }

    /// Waits for lines, and exchanges them for an empty batch. The previous batch is complete at that point.
    pub(super) fn next(&self, batch: &mut Batch) {
        batch.bytes.clear();
        batch.ends.clear();
        batch.report = None;
        let mut state = self.state.lock();
        if state.waiting.ends.is_empty() {
            state.is_writing = false;
            self.written.notify_all();
            self.filled.wait_while(&mut state, |state| state.waiting.ends.is_empty());
        }
        state.is_writing = true;
        std::mem::swap(&mut state.waiting, batch);
    }

    /// Records the result of a batch. If its last line was written, returns the number of dropped lines to report now.
    /// A report that was itself dropped is repeated.
    pub(super) fn done(&self, batch: &Batch, written: &Written) -> Option<u64> {
        let mut state = self.state.lock();
        let dropped = written.0.iter().filter(|is_written| !**is_written).count();
        state.drop_lines(dropped as u64);
        if let Some((line, count)) = batch.report
            && written.0.get(line) != Some(&true)
        {
            state.unreported += count;
        }
        if written.0.last() != Some(&true) || state.unreported == 0 {
            return None;
        }
        state.reporting = std::mem::take(&mut state.unreported);
        Some(state.reporting)
    }

    pub(super) fn count_in(&self, counter: Counter) {
        let mut state = self.state.lock();
        counter.inc_by(state.dropped);
        state.counter = Some(counter);
    }

    /// Waits for a bounded time until the queue is empty.
    pub(super) fn flush(&self) {
        let is_busy = |state: &mut State| state.is_writing || !state.waiting.ends.is_empty();
        // Whether it was in time or not: the process ends.
        let _ = self.written.wait_while_for(&mut self.state.lock(), is_busy, FLUSH);
    }
}

impl State {
    fn drop_lines(&mut self, count: u64) {
        self.dropped += count;
        self.unreported += count;
        if let Some(counter) = &self.counter {
            counter.inc_by(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_dropped_counted_and_reported_once() {
        let queue = Queue::new(8);
        queue.push(b"one\n");
        queue.push(b"two\n");
        queue.push(b"three\n");
        let counter = Counter::default();
        queue.count_in(counter.clone());
        queue.push(b"four\n");
        assert_eq!(counter.get(), 2);
        let mut batch = Batch::default();
        queue.next(&mut batch);
        assert_eq!((&batch.bytes[..], &batch.ends[..]), (&b"one\ntwo\n"[..], &[4, 8][..]));
        assert_eq!(queue.done(&batch, &Written(vec![true, false])), None, "writing does not work again");
        queue.push(b"five\n");
        queue.next(&mut batch);
        assert_eq!(queue.done(&batch, &Written(vec![true])), Some(3));
        assert_eq!(counter.get(), 3);
        // The report is dropped, and repeated.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                queue.begin_writing();
                queue.push(b"a report that does not fit\n");
            });
        });
        queue.next(&mut batch);
        assert_eq!(queue.done(&batch, &Written(vec![false])), None);
        queue.push(b"six\n");
        queue.next(&mut batch);
        assert_eq!(queue.done(&batch, &Written(vec![true])), Some(4));
        queue.push(b"seven\n");
        queue.next(&mut batch);
        assert_eq!(queue.done(&batch, &Written(vec![true])), None);
    }
}
