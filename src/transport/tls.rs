//! A socket that speaks TLS and behaves like one that does not: reads and writes that never block, by the task of the
//! connection and by delivering threads. Must not know what the bytes mean.
//!
//! A written byte is reported when the system has taken the whole record that it is in. What was encrypted and not taken
//! is at most one record, and its writer still has the bytes, so no pending output is forgotten.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::BytesMut;
use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::net::TcpStream;

use super::records::{RECORD, Records, WIRE};
use super::stream::{read_once, send};

/// Bytes that one read takes at the most.
const READ: usize = 16 * 1024;

/// Buffers of a thread, used while its lock on a session lasts.
struct Buffers {
    /// What came.
    came: Box<[u8]>,
    /// Plain bytes of several slices.
    plain: Vec<u8>,
    /// A record.
    record: Vec<u8>,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers {
        came: vec![0; WIRE + READ].into(),
        plain: Vec::new(),
        record: Vec::new(),
    });
}

/// A socket with its session.
pub(super) struct TlsStream {
    tcp: TcpStream,
    state: Mutex<State>,
    /// Nothing more comes, though the socket may not show it.
    has_ended: AtomicBool,
}

struct State {
    records: Records,
    /// Plain bytes of the record that waits to be sent.
    taken: usize,
}

impl TlsStream {
    /// # Errors
    /// The error of rustls for settings that it does not support.
    pub(super) fn new(tcp: TcpStream, config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        let state = State { records: Records::new(config)?, taken: 0 };
        Ok(Self { tcp, state: Mutex::new(state), has_ended: AtomicBool::new(false) })
    }

    pub(super) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// What is asked of the session before its first request.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Records) -> T) -> T {
        look(&mut self.state.lock().records)
    }

    /// Whether the other side has said that nothing more comes. Then the socket is always ready to be read, to say so.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }

    pub(super) fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.has_ended() {
            return Poll::Ready(Ok(()));
        }
        self.tcp.poll_read_ready(context)
    }

    /// Reads once from the socket, and appends what was in the records. All that came whole is given out, so that nothing
    /// waits here of which the socket shows nothing. What the session has to answer is sent as far as the system takes it.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if no byte came, or no whole record; [`io::ErrorKind::InvalidData`] if it was no TLS.
    pub(super) fn read(&self, into: &mut BytesMut) -> io::Result<usize> {
        let mut guard = self.state.lock();
        let records = &mut guard.records;
        if self.has_ended() {
            return Ok(0);
        }
        let before = into.len();
        let received = BUFFERS.with_borrow_mut(|Buffers { came, .. }| {
            let kept = records.resume(came);
            let room = &mut came[kept..kept + READ];
            let count = read_once(&self.tcp, READ, || self.tcp.try_read(room))?;
            if count == 0 {
                records.has_ended = true;
                return Ok(());
            }
            let received = records.receive(&mut came[..kept + count], into);
            received.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        });
        match received {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
            // An alert may say why; who does not speak TLS would not understand it.
            Err(error) if records.is_http() => {
                records.forget();
                return Err(error);
            }
            _ => {}
        }
        // What does not go now goes before the next write.
        let _ = flush(records, &self.tcp);
        received?;
        if records.has_ended {
            self.has_ended.store(true, Ordering::Release);
        }
        match into.len() - before {
            0 if records.has_ended => Ok(0),
            0 => Err(io::ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }

    /// Writes at most a record; what is said at [`Stream::try_write`](super::stream::Stream::try_write) holds.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] while the system does not take the whole record.
    pub(super) fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut guard = self.state.lock();
        let State { records, taken } = &mut *guard;
        if records.is_broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        flush(records, &self.tcp)?;
        if *taken > 0 {
            return Ok(std::mem::take(taken));
        }
        let left = BUFFERS.with_borrow_mut(|Buffers { plain, record, .. }| {
            let plain = gather(slices, plain);
            record.clear();
            records.encrypt(plain, record)?;
            *taken = plain.len();
            match send(&self.tcp, &[IoSlice::new(record)], false) {
                Ok(count) => records.leave(&record[count..]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => records.leave(record),
                Err(error) => return Err(error),
            }
            Ok(())
        });
        // After an error a record is missing.
        records.is_broken |= left.is_err();
        left?;
        flush(records, &self.tcp)?;
        Ok(std::mem::take(taken))
    }

    /// Sends what waits, as far as the system takes it.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if that is not all.
    pub(super) fn flush(&self) -> io::Result<()> {
        flush(&mut self.state.lock().records, &self.tcp)
    }

    /// Bytes that were taken and not reported.
    pub(super) fn taken(&self) -> usize {
        self.state.lock().taken
    }

    /// Sends the end of our output. A pending record that was not reported is dropped, because another connection has its
    /// bytes by now; the other side sees that something is missing.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if the system has not taken all yet.
    pub(super) fn close(&self) -> io::Result<()> {
        let mut guard = self.state.lock();
        let State { records, taken } = &mut *guard;
        if *taken > 0 {
            records.forget();
            records.is_broken = true;
        }
        records.close();
        flush(records, &self.tcp)
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        // Also a connection that was only idle ends in good order, if that needs no waiting.
        let _ = self.close();
    }
}

fn flush(records: &mut Records, tcp: &TcpStream) -> io::Result<()> {
    while !records.outgoing().is_empty() {
        match send(tcp, &[IoSlice::new(records.outgoing())], false)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            count => records.advance(count),
        }
    }
    Ok(())
}

/// The first bytes of some slices, in one: at most what goes into a record.
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
