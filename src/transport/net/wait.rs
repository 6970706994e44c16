//! Waits for a socket, a notification or a deadline.

use std::io;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::deadline::Deadline;
use super::notify::Notify;
use super::stream::Stream;

/// The time that a draining server allows for the rest of a request and for writing responses.
pub(crate) const UNFINISHED: Duration = Duration::from_secs(5);
/// The time that the peer has to close a connection after the server closed its side.
pub(crate) const CLOSING: Duration = Duration::from_secs(2);

/// The reason why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WaitResult {
    /// The socket is readable, or bytes were read.
    Read,
    /// The socket is writable.
    Write,
    /// The peer closed the connection, or the connection is broken.
    Closed,
    /// A notification arrived.
    Notified,
    /// The deadline passed.
    Deadline,
    /// The kept input exceeds the share of buffers in the memory budget.
    Exhausted,
    /// The server began to drain.
    Draining,
}

/// The readiness of a socket to wait for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Interest {
    pub(crate) read: bool,
    pub(crate) write: bool,
}

impl Interest {
    pub(crate) const READ: Self = Self { read: true, write: false };
    pub(crate) const WRITE: Self = Self { read: false, write: true };
}

/// Waits for the first of several events. No timer is needed: the deadline wheel wakes the task.
pub(crate) async fn wait(
    stream: &Stream,
    interest: Interest,
    notify: Option<&Notify>,
    deadline: &mut Deadline,
    until: Instant,
) -> WaitResult {
    std::future::poll_fn(|context| {
        if notify.is_some_and(|notify| notify.poll(context).is_ready()) {
            return Poll::Ready(WaitResult::Notified);
        }
        let on = |ready: Poll<io::Result<()>>, result| match ready {
            Poll::Ready(Ok(())) => Some(result),
            Poll::Ready(Err(_)) => Some(WaitResult::Closed),
            Poll::Pending => None,
        };
        let read = if interest.read { on(stream.poll_read_ready(context), WaitResult::Read) } else { None };
        let write =
            || if interest.write { on(stream.poll_write_ready(context), WaitResult::Write) } else { None };
        if let Some(result) = read.or_else(write) {
            return Poll::Ready(result);
        }
        deadline
            .poll(context, until)
            .map(|()| if until <= Instant::now() { WaitResult::Deadline } else { WaitResult::Draining })
    })
    .await
}

/// Closes the sending side after the last byte and waits until the peer closes its side, at most until `until`. A
/// connection that is closed immediately may lose bytes that the peer has not read yet.
pub(crate) async fn linger(stream: &Stream, deadline: &mut Deadline, until: Instant) {
    while stream.tls().is_some_and(|tls| is_pending(&tls.close())) {
        let result = wait(stream, Interest::WRITE, None, deadline, until).await;
        if matches!(result, WaitResult::Deadline | WaitResult::Closed) {
            break;
        }
    }
    // An error means that the peer has gone, which the next read reports.
    let _ = socket2::SockRef::from(stream.tcp()).shutdown(std::net::Shutdown::Write);
    if stream.tls().is_some_and(|tls| tls.has_ended()) {
        return;
    }
    loop {
        // The bytes are discarded without decryption. The read is a separate statement: otherwise the future of every
        // connection has room for its array across the wait.
        let read = stream.tcp().try_read(&mut [0; 512]);
        match read {
            Ok(0) => return,
            Ok(_) if Instant::now() >= until => return,
            // A peer that keeps sending must not starve other tasks.
            Ok(_) => tokio::task::yield_now().await,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let result = wait(stream, Interest::READ, None, deadline, until).await;
                if matches!(result, WaitResult::Deadline | WaitResult::Closed) {
                    return;
                }
            }
            Err(_) => return,
        }
    }
}

/// Whether an operation would block.
pub(crate) fn is_pending<T>(result: &io::Result<T>) -> bool {
    result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}
