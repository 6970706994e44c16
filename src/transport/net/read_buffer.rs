//! The unused input of one connection. An idle connection keeps no buffer: each thread lends one of a few spare buffers while
//! input is read and handled. Only an unfinished rest is kept, and charged to the memory budget. Does not interpret the
//! bytes.

use std::cell::RefCell;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use bytes::BytesMut;

use super::stream::Stream;
use crate::budget::{Budget, BufferCharge, Exhausted};
use crate::transport::buffer;

/// The most bytes of one read.
const READ: usize = 16 * 1024;
/// The most bytes of one read by TLS, which may complete records of earlier reads.
const READ_BY_TLS: usize = 3 * READ;
/// Spare buffers of a thread. One is in use, unless an extension suspends the handling of a message.
const SPARE: usize = 4;

thread_local! {
    static SPARES: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// The bytes of one connection that were read and not used.
#[derive(Debug, Default)]
pub(crate) struct ReadBuffer {
    bytes: BytesMut,
    /// The length after the last read.
    filled: u32,
    /// Whether bytes were taken off the front since the allocation: the buffer then occupies more memory than its capacity.
    used: bool,
    /// `None` while no bytes are kept.
    kept: Option<Box<Kept>>,
}

/// The memory of an unfinished message.
#[derive(Debug)]
struct Kept {
    charge: BufferCharge,
    /// Bytes in the decoder of the message.
    decoder: usize,
}

impl ReadBuffer {
    /// Reads once. Returns `Ok(0)` at the end.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if there are no bytes; [`io::ErrorKind::OutOfMemory`] if there are no bytes and the kept
    /// rest exceeds the share of buffers in the budget; errors of the system.
    pub(crate) fn read(&mut self, stream: &Stream, budget: &Arc<Budget>) -> io::Result<usize> {
        if self.bytes.capacity() == 0 {
            self.bytes = SPARES.with_borrow_mut(Vec::pop).unwrap_or_default();
        }
        match stream {
            _ if self.bytes.is_empty() => self.bytes.reserve(READ),
            Stream::Plain(_) => buffer::reserve(&mut self.bytes, READ / 2),
            Stream::Tls(_) => buffer::reserve(&mut self.bytes, READ_BY_TLS),
        }
        self.note_used();
        let result = stream.read(&mut self.bytes);
        self.filled = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        if result.is_err() {
            self.rest(stream, budget)
                .map_err(|exhausted| io::Error::new(io::ErrorKind::OutOfMemory, exhausted))?;
        }
        result
    }

    /// Sets the bytes of memory that the decoder of an unfinished message holds. The next [`ReadBuffer::rest`] charges them.
    pub(crate) fn held_by_decoder(&mut self, bytes: usize, budget: &Arc<Budget>) {
        if bytes > 0 || self.kept.is_some() {
            self.kept(budget).decoder = bytes;
        }
    }

    fn kept(&mut self, budget: &Arc<Budget>) -> &mut Kept {
        self.kept.get_or_insert_with(|| Box::new(Kept { charge: BufferCharge::new(budget), decoder: 0 }))
    }

    /// Returns the buffer to the thread before a wait. An unfinished rest moves to a buffer of its size. The rest, the
    /// decoder and the unfinished records of the stream are charged.
    ///
    /// # Errors
    /// [`Exhausted`] if the rest has grown and the buffers of all connections exceed their share.
    pub(crate) fn rest(&mut self, stream: &Stream, budget: &Arc<Budget>) -> Result<(), Exhausted> {
        self.give_back();
        let decoder = self.kept.as_ref().map_or(0, |kept| kept.decoder);
        let bytes = self.bytes.capacity() + decoder + stream.kept();
        if bytes == 0 {
            self.kept = None;
            return Ok(());
        }
        self.kept(budget).charge.set(bytes)
    }

    /// Records whether bytes were taken off the front. Their memory is freed with the buffer.
    fn note_used(&mut self) {
        self.used |= (self.bytes.len() as u64) < u64::from(self.filled);
        self.filled = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
    }

    fn give_back(&mut self) {
        self.note_used();
        if self.bytes.capacity() == 0 {
            return;
        }
        let rest = match self.bytes.len() {
            0 => BytesMut::new(),
            length if self.used || length <= READ / 4 && self.bytes.capacity() >= READ => {
                BytesMut::from(&self.bytes[..])
            }
            _ => return,
        };
        self.used = false;
        let mut used = std::mem::replace(&mut self.bytes, rest);
        used.clear();
        // The buffer is reusable unless a message in use is a slice of it.
        if used.try_reclaim(READ) && used.capacity() <= 4 * READ {
            SPARES.with_borrow_mut(|spares| {
                if spares.len() < SPARE {
                    spares.push(used);
                }
            });
        }
    }
}

impl Deref for ReadBuffer {
    type Target = BytesMut;

    fn deref(&self) -> &BytesMut {
        &self.bytes
    }
}

impl DerefMut for ReadBuffer {
    fn deref_mut(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }
}
