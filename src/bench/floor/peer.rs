//! A connection of the floor.

use std::io::Write;

use mio::net::TcpStream;

/// What may wait for a receiver that does not read; it is cut off then.
const UNSENT: usize = 16 * 1024 * 1024;

/// What a connection is for, and the number of its channel.
#[derive(Clone, Copy)]
pub(super) enum State {
    /// That is not known yet.
    Upgrading,
    /// Its frames are sent on.
    Publisher(usize),
    /// It gets them.
    Subscriber(usize),
}

/// A connection.
pub(super) struct Peer {
    /// The socket.
    pub(super) stream: TcpStream,
    /// What it is for.
    pub(super) state: State,
    /// The front of a frame that has not arrived as a whole.
    pub(super) rest: Vec<u8>,
    /// What the system did not take.
    unsent: Vec<u8>,
}

impl Peer {
    /// A connection that has just come.
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, state: State::Upgrading, rest: Vec::new(), unsent: Vec::new() }
    }

    /// Sends a frame, now or when the system takes it.
    #[inline]
    pub(super) fn send(&mut self, bytes: &[u8]) {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return;
        }
        // A connection that is broken shows it when it is read.
        let sent = self.stream.write(bytes).unwrap_or_default();
        if sent < bytes.len() {
            self.unsent.extend_from_slice(&bytes[sent..]);
        }
    }

    /// Sends what the system did not take before. Says whether the connection may go on.
    pub(super) fn flush(&mut self) -> bool {
        if !self.unsent.is_empty() {
            let unsent = std::mem::take(&mut self.unsent);
            self.send(&unsent);
        }
        self.unsent.len() <= UNSENT
    }
}
