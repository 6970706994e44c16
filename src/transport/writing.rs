//! What one HTTP connection has been given to write and has not written yet, so that messages leave their mailbox only
//! when the system took them for a live connection.
//!
//! The HTTP library buffers what a body hands out and flushes the socket once its buffer is empty. So what was handed
//! out before a flush that succeeds has been written, and what was not goes back when the connection ends.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use parking_lot::Mutex;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Duration, Sleep};

use crate::metrics::Metrics;
use crate::router::Lease;

/// Bytes that the HTTP library puts around a piece of a body, at the most: the length of the chunk and two line breaks.
const OVERHEAD: usize = 20;
/// Bytes of the head of an answer, at the most: it may echo a header, and none may be larger.
pub(super) const HEAD: usize = 1024 * 1024;

/// Leases of one connection.
#[derive(Default)]
pub(super) struct Writing {
    /// Whether there is a lease; saves the lock at most flushes.
    any: AtomicBool,
    /// Bytes that the system took.
    written: AtomicU64,
    /// Bytes that it will have taken, at the most, when all is written that was handed out. Exact after each flush.
    handed: AtomicU64,
    loans: Mutex<Loans>,
    /// Somebody else waits for these messages.
    wanted: Notify,
    /// Whether bytes came since the last answer was ready.
    heard: AtomicBool,
    /// Whether a request is being worked on.
    working: AtomicBool,
}

struct Loan {
    lease: Lease,
    /// For each message that the body handed out: how many bytes the connection has written, at the most, when it has
    /// written this message.
    ends: Vec<u64>,
}

#[derive(Default)]
struct Loans {
    open: Vec<Loan>,
    /// The connection has ended.
    closed: bool,
}

impl Writing {
    /// Takes a lease whose messages will be handed out.
    pub(super) fn lend(&self, lease: Lease) {
        let mut loans = self.loans.lock();
        if loans.closed {
            drop(loans);
            drop(lease);
            return;
        }
        loans.open.push(Loan { lease, ends: Vec::new() });
        self.any.store(true, Ordering::Release);
    }

    /// Notes that bytes were handed out which hold no message.
    pub(super) fn hand(&self, bytes: usize) {
        self.handed.fetch_add((bytes + OVERHEAD) as u64, Ordering::AcqRel);
    }

    /// Notes that the next message of the last lease was handed out, in so many bytes.
    pub(super) fn hand_message(&self, bytes: usize) {
        self.hand(bytes);
        if let Some(loan) = self.loans.lock().open.last_mut() {
            loan.ends.push(self.handed.load(Ordering::Acquire));
        }
    }

    /// Notes that all messages of the leases were handed out, in one piece.
    pub(super) fn hand_all(&self) {
        for loan in &mut self.loans.lock().open {
            // They are of use all together or not at all, so that is when nothing is left to be written.
            loan.ends.resize(loan.lease.items().len(), u64::MAX);
        }
    }

    /// Whether messages are out.
    pub(super) fn owes(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Asks for the messages that are out: if they are not written by the next time that the connection is looked at,
    /// it is cut.
    pub(super) fn want(&self) {
        self.wanted.notify_one();
    }

    /// Waits until somebody wants messages that are out.
    pub(super) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Notes that a request has come whole and is being worked on.
    pub(super) fn begun(&self) {
        self.working.store(true, Ordering::Relaxed);
    }

    /// Notes that a request is answered: what comes from now on belongs to the next.
    pub(super) fn answered(&self) {
        self.working.store(false, Ordering::Relaxed);
        self.heard.store(false, Ordering::Relaxed);
    }

    /// Whether a request is being worked on.
    pub(super) fn is_working(&self) -> bool {
        self.working.load(Ordering::Relaxed)
    }

    /// Whether a request has begun to come that is not answered yet.
    pub(super) fn has_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    fn flushed(&self) {
        // Also when no message is out: what was only estimated (the head, comments) must not add up.
        self.handed.store(self.written.load(Ordering::Acquire), Ordering::Release);
        if !self.owes() {
            return;
        }
        let mut settled = Vec::new();
        {
            let mut loans = self.loans.lock();
            for loan in &mut loans.open {
                loan.lease.written(loan.ends.len());
                loan.ends.fill(0);
            }
            settled.extend(loans.open.extract_if(.., |loan| loan.ends.len() == loan.lease.items().len()));
            self.any.store(!loans.open.is_empty(), Ordering::Release);
        }
        // Settling may have other transports write, so it is done without the lock.
        drop(settled);
    }
}

/// Gives back what a connection has not written, when the connection ends. It has to be done by hand: a session knows
/// who holds its lease, so the leases would keep themselves alive.
struct Closing(Arc<Writing>);

impl Drop for Closing {
    fn drop(&mut self) {
        let unwritten = {
            let mut loans = self.0.loans.lock();
            loans.closed = true;
            self.0.any.store(false, Ordering::Release);
            let written = self.0.written.load(Ordering::Acquire);
            let mut unwritten = std::mem::take(&mut loans.open);
            for loan in &mut unwritten {
                // Before the last flush all was written; since then what lies within the bytes that the system took.
                let whole = loan.ends.iter().filter(|end| **end <= written).count();
                loan.lease.written(whole);
            }
            unwritten
        };
        drop(unwritten);
    }
}

/// A socket that reports its flushes, and that breaks if the other side takes nothing for too long.
pub(super) struct Reported {
    stream: TcpStream,
    writing: Closing,
    /// How long the other side may take nothing.
    patience: Duration,
    /// Runs while the other side takes nothing.
    blocked: Option<Pin<Box<Sleep>>>,
    metrics: Metrics,
}

impl Reported {
    pub(super) fn new(
        stream: TcpStream,
        writing: Arc<Writing>,
        patience: Duration,
        metrics: Metrics,
    ) -> Self {
        Self { stream, writing: Closing(writing), patience, blocked: None, metrics }
    }

    /// The socket itself, after an upgrade.
    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// An error if messages are about to be written to a peer that has closed its side. The HTTP library notices that
    /// by itself, but not while it has unread bytes, such as a line break behind a body.
    fn check_peer(&self) -> io::Result<()> {
        if self.writing.0.owes() {
            let mut byte = [MaybeUninit::uninit()];
            if let Ok(0) = SockRef::from(&self.stream).peek(&mut byte) {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
        Ok(())
    }

    /// Passes on what a write came to; one that waits for too long is an error.
    fn judge(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(result) = &written {
            self.blocked = None;
            if let Ok(bytes) = result {
                self.writing.0.written.fetch_add(*bytes as u64, Ordering::AcqRel);
            }
            return written;
        }
        let patience = self.patience;
        let blocked = self.blocked.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        if blocked.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.metrics.write_timeouts.inc();
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client takes nothing of what is written to it",
        )))
    }
}

impl AsyncRead for Reported {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.writing.0.heard.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Reported {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check_peer()?;
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.writing.0.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_peer()?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.judge(cx, written)
    }
}
