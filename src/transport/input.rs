//! What came over a connection and is not used yet. Whoever waits keeps no buffer: each thread has a few that are lent
//! for the time in which something is read and handled, and only an unfinished rest is kept.

use std::cell::RefCell;
use std::io;
use std::ops::{Deref, DerefMut};

use bytes::BytesMut;

use super::stream::Stream;

/// Bytes that one read takes at the most.
const READ: usize = 16 * 1024;
/// Buffers that a thread keeps. One is in use, unless an extension makes a message wait.
const SPARE: usize = 4;

thread_local! {
    static SPARES: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// The bytes of one connection that have not been used.
#[derive(Debug, Default)]
pub(super) struct Input(BytesMut);

impl Input {
    /// Reads what is there, once. `Ok(0)` at the end; [`io::ErrorKind::WouldBlock`] if nothing is there.
    pub(super) fn read(&mut self, stream: &Stream) -> io::Result<usize> {
        if self.0.capacity() == 0 {
            self.0 = SPARES.with_borrow_mut(Vec::pop).unwrap_or_default();
        }
        self.0.reserve(if self.0.is_empty() { READ } else { READ / 2 });
        let result = stream.read(&mut self.0);
        if result.is_err() {
            self.rest();
        }
        result
    }

    /// Gives the buffer back before a wait; an unfinished rest moves to one of its own size.
    pub(super) fn rest(&mut self) {
        if self.0.capacity() == 0 {
            return;
        }
        let rest = match self.0.len() {
            0 => BytesMut::new(),
            length if length <= READ / 4 && self.0.capacity() >= READ => BytesMut::from(&self.0[..]),
            _ => return,
        };
        let mut used = std::mem::replace(&mut self.0, rest);
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
        &self.0
    }
}

impl DerefMut for Input {
    fn deref_mut(&mut self) -> &mut BytesMut {
        &mut self.0
    }
}
