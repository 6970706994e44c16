//! What one HTTP connection has been given to write and has not written yet, so that messages leave their mailbox only
//! when the system took them for a live connection.
//!
//! The HTTP library buffers what a body hands out and flushes the socket once its buffer is empty. So what was handed
//! out before a flush that succeeds has been written, and what was not goes back when the connection ends.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use parking_lot::Mutex;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Duration, Sleep};

use crate::metrics::Metrics;
use crate::router::Lease;

/// Leases of one connection.
#[derive(Default)]
pub(super) struct Writing {
    /// Whether there is a lease; saves the lock at most flushes.
    any: AtomicBool,
    loans: Mutex<Loans>,
    /// Somebody else waits for these messages.
    wanted: Notify,
    /// Whether bytes came since the last answer was ready.
    heard: AtomicBool,
}

struct Loan {
    lease: Lease,
    /// Messages that the body handed out.
    handed: usize,
}

#[derive(Default)]
struct Loans {
    open: Vec<Loan>,
    /// The connection has ended.
    closed: bool,
}

impl Writing {
    /// Takes a lease of which the first `handed` messages are being handed out.
    pub(super) fn lend(&self, lease: Lease, handed: usize) {
        let mut loans = self.loans.lock();
        if loans.closed {
            drop(loans);
            drop(lease);
            return;
        }
        loans.open.push(Loan { lease, handed });
        self.any.store(true, Ordering::Release);
    }

    /// Notes that one more message of the last lease was handed out.
    pub(super) fn hand(&self) {
        if let Some(loan) = self.loans.lock().open.last_mut() {
            loan.handed += 1;
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

    /// Notes that a request is answered: what comes from now on belongs to the next.
    pub(super) fn answered(&self) {
        self.heard.store(false, Ordering::Relaxed);
    }

    /// Whether a request has begun to come that is not answered yet.
    pub(super) fn has_heard(&self) -> bool {
        self.heard.load(Ordering::Relaxed)
    }

    fn flushed(&self) {
        if !self.owes() {
            return;
        }
        let mut settled = Vec::new();
        {
            let mut loans = self.loans.lock();
            for loan in &mut loans.open {
                loan.lease.written(loan.handed);
            }
            settled.extend(loans.open.extract_if(.., |loan| loan.handed == loan.lease.items().len()));
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
            std::mem::take(&mut loans.open)
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
        if written.is_ready() {
            self.blocked = None;
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
