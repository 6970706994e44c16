//! One connection: its role, its progress, and bytes that are incomplete or unsent.

use std::io::ErrorKind;
use std::time::Duration;

use mio::net::TcpStream;
use socket2::SockRef;

use super::stream::{Stream, Tls};

/// The role of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It is subscribed to a channel.
    Subscriber,
    /// It publishes to a channel.
    Publisher,
}

/// The transport of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    /// Frames.
    WebSocket,
    /// Requests, of which one is held.
    Polling,
}

/// The progress of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The TCP connection is being opened.
    Connecting,
    /// The response to the upgrade is due.
    Upgrading,
    /// The reply to the handshake is due.
    Handshaking,
    /// The reply to the subscription is due.
    Subscribing,
    /// The load may begin.
    Ready,
    /// It is closed.
    Closed,
}

/// A connection to open.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// The role.
    pub(super) role: Role,
    /// The transport.
    pub(super) wire: Wire,
    /// The number of its channel.
    pub(super) channel: u32,
}

/// A connection. There may be thousands, so it is small: rare parts are boxed.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
    /// The progress.
    pub(super) stage: Stage,
    /// The role.
    pub(super) role: Role,
    /// The transport.
    pub(super) wire: Wire,
    /// The number of its channel.
    pub(super) channel: u32,
    /// The session as JSON.
    pub(super) client: Box<str>,
    /// The connect, as a request or frame.
    pub(super) connect: Box<[u8]>,
    /// The front of an incomplete frame or response.
    #[expect(
        clippy::box_collection,
        reason = "a pointer is a third of a vector, and most connections have none"
    )]
    pub(super) rest: Option<Box<Vec<u8>>>,
    /// Bytes that the system did not accept.
    #[expect(
        clippy::box_collection,
        reason = "a pointer is a third of a vector, and most connections have none"
    )]
    unsent: Option<Box<Vec<u8>>>,
}

impl Connection {
    /// Creates a connection that is being opened.
    pub(super) fn new(socket: TcpStream, tls: Option<&Tls>, plan: &Plan) -> Result<Self, rustls::Error> {
        Ok(Self {
            stream: Stream::new(socket, tls)?,
            stage: Stage::Connecting,
            role: plan.role,
            wire: plan.wire,
            channel: plan.channel,
            client: Box::default(),
            connect: Box::default(),
            rest: None,
            unsent: None,
        })
    }

    /// Returns the socket, to register it.
    pub(super) fn stream(&mut self) -> &mut TcpStream {
        self.stream.socket_mut()
    }

    /// Whether the TCP connection is open.
    pub(super) fn is_connected(&self) -> std::io::Result<bool> {
        if let Some(error) = self.stream.socket().take_error()? {
            return Err(error);
        }
        match self.stream.socket().peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes a drop reset the connection, so that its port is free at once.
    pub(super) fn reset_on_drop(&self) -> std::io::Result<()> {
        SockRef::from(self.stream.socket()).set_linger(Some(Duration::ZERO))
    }

    /// Sends the connect.
    pub(super) fn send_connect(&mut self) -> std::io::Result<()> {
        let connect = std::mem::take(&mut self.connect);
        let sent = self.send(&connect);
        self.connect = connect;
        sent
    }

    /// Reads; `None` if no bytes have arrived.
    #[inline]
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<Option<usize>> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => {
                    return Err(std::io::Error::new(
                        ErrorKind::UnexpectedEof,
                        "the server closed the connection",
                    ));
                }
                Ok(count) => return Ok(Some(count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether a read of `count` bytes into a buffer of `length` has left nothing to read.
    #[inline]
    pub(super) fn is_drained(&self, count: usize, length: usize) -> bool {
        count < length && self.stream.is_drained_by_short_read()
    }

    /// Sends bytes, now or when the system accepts them.
    pub(super) fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        if let Some(unsent) = &mut self.unsent {
            unsent.extend_from_slice(bytes);
            return Ok(());
        }
        let sent = self.write(bytes)?;
        if sent < bytes.len() {
            self.unsent = Some(Box::new(bytes[sent..].to_vec()));
        }
        Ok(())
    }

    /// Sends the bytes that the system did not accept before.
    #[inline]
    pub(super) fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()?;
        let Some(mut unsent) = self.unsent.take() else { return Ok(()) };
        let sent = self.write(&unsent)?;
        unsent.drain(..sent);
        if !unsent.is_empty() {
            self.unsent = Some(unsent);
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut sent = 0;
        while sent < bytes.len() {
            match self.stream.write(&bytes[sent..]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }
}
