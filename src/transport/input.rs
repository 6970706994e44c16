//! What came over a connection and is not used yet. An idle connection keeps no buffer: each thread has a few that are
//! lent for the time in which something is read and handled, and only an unfinished rest is kept, which is charged to the
//! budget of memory. Must not know what the bytes mean.

use std::cell::RefCell;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use bytes::BytesMut;

use super::buffer;
use super::stream::Stream;
use crate::budget::{Budget, BufferCharge, Exhausted};

/// Bytes that one read takes at the most.
const READ: usize = 16 * 1024;
/// Bytes that one read by TLS brings at the most: the records that were begun before it, too.
const READ_BY_TLS: usize = 3 * READ;
/// Buffers that a thread keeps. One is in use, unless an extension makes a message wait.
const SPARE: usize = 4;

thread_local! {
    static SPARES: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// The bytes of one connection that have not been used.
#[derive(Debug, Default)]
pub(super) struct Input {
    bytes: BytesMut,
    /// Bytes that were there after the last read.
    filled: u32,
    /// Whether some were used since the buffer was allocated: then it keeps more memory than it shows.
    used: bool,
    /// `None` while nothing is kept.
    kept: Option<Box<Kept>>,
}

/// What an unfinished message takes.
#[derive(Debug)]
struct Kept {
    charge: BufferCharge,
    /// Bytes that the decoder of the message holds.
    decoder: usize,
}

impl Input {
    /// Reads what is there, once. `Ok(0)` at the end.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing is there; [`io::ErrorKind::OutOfMemory`] if nothing is there and the rest
    /// that is kept exceeds the share of buffers in the budget; what the system says.
    pub(super) fn read(&mut self, stream: &Stream, budget: &Arc<Budget>) -> io::Result<usize> {
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

    /// Notes how many bytes of memory the decoder holds of an unfinished message. They are charged with the next rest.
    pub(super) fn held_by_decoder(&mut self, bytes: usize, budget: &Arc<Budget>) {
        if bytes > 0 || self.kept.is_some() {
            self.kept(budget).decoder = bytes;
        }
    }

    fn kept(&mut self, budget: &Arc<Budget>) -> &mut Kept {
        self.kept.get_or_insert_with(|| Box::new(Kept { charge: BufferCharge::new(budget), decoder: 0 }))
    }

    /// Returns the buffer before a wait. Unfinished input moves to a buffer of exactly its size, which is charged together
    /// with the memory of the stream.
    ///
    /// # Errors
    /// [`Exhausted`] if the rest has grown and the buffers of all connections take more than their share.
    pub(super) fn rest(&mut self, stream: &Stream, budget: &Arc<Budget>) -> Result<(), Exhausted> {
        self.give_back();
        let decoder = self.kept.as_ref().map_or(0, |kept| kept.decoder);
        let bytes = self.bytes.capacity() + decoder + stream.kept();
        if bytes == 0 {
            self.kept = None;
            return Ok(());
        }
        self.kept(budget).charge.set(bytes)
    }

    /// Notes whether bytes were taken off the front. Their memory is freed with the buffer.
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
        // It is free unless a message is a slice of it that is still in use.
        if used.try_reclaim(READ) && used.capacity() <= 4 * READ {
            SPARES.with_borrow_mut(|spares| {
                if spares.len() < SPARE {
                    spares.push(used);
                }
            });
        }
    }
}

impl Deref for Input {
    type Target = BytesMut;

    fn deref(&self) -> &BytesMut {
        &self.bytes
    }
}

impl DerefMut for Input {
    fn deref_mut(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }
}
