//! A connection of the floor.

use std::io::Write;

use mio::net::TcpStream;

/// Unsent bytes at which a receiver is disconnected.
const UNSENT: usize = 16 * 1024 * 1024;

/// The role of a connection, and the number of its channel.
#[derive(Clone, Copy)]
pub(super) enum State {
    /// Not known yet.
    Upgrading,
    /// Its frames go to the subscribers.
    Publisher(usize),
    /// It receives them.
    Subscriber(usize),
}

/// A connection.
pub(super) struct Peer {
    /// The socket.
    pub(super) stream: TcpStream,
    /// The role.
    pub(super) state: State,
    /// The front of an incomplete frame.
    pub(super) rest: Vec<u8>,
    /// Bytes that the system did not accept.
    unsent: Vec<u8>,
}

impl Peer {
    /// Creates a new connection.
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, state: State::Upgrading, rest: Vec::new(), unsent: Vec::new() }
    }

    /// Sends a frame, now or when the system accepts it.
    #[inline]
    pub(super) fn send(&mut self, bytes: &[u8]) {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return;
        }
        // A broken connection is detected by its next read.
        let sent = self.stream.write(bytes).unwrap_or_default();
        if sent < bytes.len() {
            self.unsent.extend_from_slice(&bytes[sent..]);
        }
    }

    /// Sends the bytes that the system did not accept before. Returns whether the connection may continue.
    pub(super) fn flush(&mut self) -> bool {
        if !self.unsent.is_empty() {
            let unsent = std::mem::take(&mut self.unsent);
            self.send(&unsent);
        }
        self.unsent.len() <= UNSENT
    }
}
