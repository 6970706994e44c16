//! A TLS socket with non-blocking reads and writes, which the task of the connection and delivering threads share. Does not
//! interpret the bytes.
//!
//! A byte is reported as written when the system has accepted the whole record that contains it. At most one encrypted record
//! waits for the system, and its writer still has the plain bytes, so no bytes wait without an owner.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::BytesMut;
use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::net::TcpStream;

use super::tcp::{read_once, send};
use super::tls_session::{RECORD, TlsSession, WIRE};

/// The most bytes of one read.
const READ: usize = 16 * 1024;

/// Buffers of a thread, in use while it holds the lock of a session.
struct Buffers {
    /// Input.
    received: Box<[u8]>,
    /// Plain bytes of several slices.
    plain: Vec<u8>,
    /// A record.
    record: Vec<u8>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers {
        received: vec![0; WIRE + READ].into(),
        plain: Vec::new(),
        record: Vec::new(),
    });
}

/// A socket with its TLS session.
pub(crate) struct TlsStream {
    tcp: TcpStream,
    state: Mutex<State>,
    /// The peer has sent its last record. The socket may not show it.
    has_ended: AtomicBool,
}

struct State {
    session: TlsSession,
    /// Plain bytes of the record that waits for the system.
    unreported: usize,
}

impl TlsStream {
    /// # Errors
    /// rustls rejects the configuration.
    pub(super) fn new(tcp: TcpStream, config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        let state = State { session: TlsSession::new(config)?, unreported: 0 };
        Ok(Self { tcp, state: Mutex::new(state), has_ended: AtomicBool::new(false) })
    }

    pub(super) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Calls a function with the session.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut TlsSession) -> T) -> T {
        look(&mut self.state.lock().session)
    }

    /// Whether the peer has sent its last record. The stream is always readable then, to report the end.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    pub(super) fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.has_ended() {
            return Poll::Ready(Ok(()));
        }
        self.tcp.poll_read_ready(context)
    }

    /// Reads once from the socket and appends the plain bytes of its records. All whole records are returned, so that no plain
    /// bytes wait while the socket is not readable. The reply of the session is sent as far as the system accepts it.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if no byte or no whole record arrived; [`io::ErrorKind::InvalidData`] if the input is not
    /// TLS.
    pub(super) fn read(&self, into: &mut BytesMut) -> io::Result<usize> {
        let mut guard = self.state.lock();
        let session = &mut guard.session;
        if self.has_ended() {
            return Ok(0);
        }
        let before = into.len();
        let result = BUFFERS.with_borrow_mut(|Buffers { received, .. }| {
            let kept = session.resume(received);
            let room = &mut received[kept..kept + READ];
            let count = read_once(&self.tcp, READ, || self.tcp.try_read(room))?;
            if count == 0 {
                session.has_ended = true;
                return Ok(());
            }
            let result = session.receive(&mut received[..kept + count], into);
            result.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        });
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
            // An alert tells the reason, but not to a client without TLS.
            Err(error) if session.is_http() => {
                session.discard();
                return Err(error);
            }
            _ => {}
        }
        // The rest is sent before the next write.
        let _ = flush(session, &self.tcp);
        result?;
        if session.has_ended {
            self.has_ended.store(true, Ordering::Release);
        }
        match into.len() - before {
            0 if session.has_ended => Ok(0),
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }

    /// Writes at most one record. [`Stream::try_write`](super::stream::Stream::try_write) has the contract.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] while the system does not accept the whole record.
    pub(super) fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut guard = self.state.lock();
        let State { session, unreported } = &mut *guard;
        if session.is_broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        flush(session, &self.tcp)?;
        if *unreported > 0 {
            return Ok(std::mem::take(unreported));
        }
        let result = BUFFERS.with_borrow_mut(|Buffers { plain, record, .. }| {
            let plain = gather(slices, plain);
            record.clear();
            session.encrypt(plain, record)?;
            *unreported = plain.len();
            match send(&self.tcp, &[IoSlice::new(record)], false) {
                Ok(count) => session.queue(&record[count..]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => session.queue(record),
                Err(error) => return Err(error),
            }
            Ok(())
        });
        // After an error a record is missing.
        session.is_broken |= result.is_err();
        result?;
        flush(session, &self.tcp)?;
        Ok(std::mem::take(unreported))
    }

    /// Sends the encrypted bytes that wait.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if the system does not accept all of them.
    pub(super) fn flush(&self) -> io::Result<()> {
        flush(&mut self.state.lock().session, &self.tcp)
    }

    /// Encrypted bytes that are not reported as written yet.
    pub(super) fn unreported(&self) -> usize {
        self.state.lock().unreported
    }

    /// Sends the closing alert. The plain bytes of an unreported record may belong to another connection by now: the record
    /// is discarded then, and the peer sees a truncated session.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if the system has not accepted all bytes yet.
    pub(super) fn close(&self) -> io::Result<()> {
        let mut guard = self.state.lock();
        let State { session, unreported } = &mut *guard;
        if *unreported > 0 {
            session.discard();
            session.is_broken = true;
        }
        session.close();
        flush(session, &self.tcp)
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        // Closes an idle connection properly if that needs no wait.
        let _ = self.close();
    }
}

fn flush(session: &mut TlsSession, tcp: &TcpStream) -> io::Result<()> {
    while !session.outgoing().is_empty() {
        match send(tcp, &[IoSlice::new(session.outgoing())], false)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => session.advance(count),
        }
    }
    Ok(())
}

/// Returns the first bytes of several slices as one slice: at most [`RECORD`].
fn gather<'a>(slices: &'a [IoSlice<'_>], buffer: &'a mut Vec<u8>) -> &'a [u8] {
    if let [first, rest @ ..] = slices
        && (rest.is_empty() || first.len() >= RECORD)
    {
        return &first[..first.len().min(RECORD)];
    }
    buffer.clear();
    for slice in slices {
        let room = RECORD - buffer.len();
        buffer.extend_from_slice(&slice[..slice.len().min(room)]);
    }
    buffer
}
