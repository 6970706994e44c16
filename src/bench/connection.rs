//! One connection: what it is for, and what could not be read or written yet.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use mio::net::TcpStream;
use socket2::SockRef;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It gets what is published to a channel.
    Subscriber,
    /// It publishes to a channel.
    Publisher,
}

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    /// Frames.
    WebSocket,
    /// Requests, of which one is held.
    Polling,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// TCP.
    Connecting,
    /// The answer to the upgrade is awaited.
    Upgrading,
    /// The answer to the handshake is awaited.
    Handshaking,
    /// The answer to the subscription is awaited.
    Subscribing,
    /// The load may begin.
    Ready,
    /// It is closed.
    Closed,
}

/// What shall be opened.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// What the connection is for.
    pub(super) role: Role,
    /// What is spoken.
    pub(super) wire: Wire,
    /// The number of its channel.
    pub(super) channel: u32,
}

/// A connection. There may be thousands, so it is small: what is rarely there is boxed.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    /// How far it has come.
    pub(super) stage: Stage,
    /// What it is for.
    pub(super) role: Role,
    /// What is spoken.
    pub(super) wire: Wire,
    /// The number of its channel.
    pub(super) channel: u32,
    /// The session, as it is written in JSON.
    pub(super) client: Box<str>,
    /// The request or frame that asks for messages.
    pub(super) connect: Box<[u8]>,
    /// The front of something that has not arrived as a whole.
    #[expect(clippy::box_collection, reason = "a pointer is a third of a vector, and mostly there is none")]
    pub(super) rest: Option<Box<Vec<u8>>>,
    /// What the system did not take.
    #[expect(clippy::box_collection, reason = "a pointer is a third of a vector, and mostly there is none")]
    unsent: Option<Box<Vec<u8>>>,
}

impl Connection {
    /// A connection that is being opened.
    pub(super) fn new(stream: TcpStream, plan: &Plan) -> Self {
        Self {
            stream,
            stage: Stage::Connecting,
            role: plan.role,
            wire: plan.wire,
            channel: plan.channel,
            client: Box::default(),
            connect: Box::default(),
            rest: None,
            unsent: None,
        }
    }

    /// The socket, to register it.
    pub(super) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Whether TCP is connected by now.
    pub(super) fn is_connected(&self) -> std::io::Result<bool> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error);
        }
        match self.stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Has the connection reset when it is dropped, so that its port is free at once.
    pub(super) fn reset_on_drop(&self) -> std::io::Result<()> {
        SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))
    }

    /// Sends the request or frame that asks for messages.
    pub(super) fn send_connect(&mut self) -> std::io::Result<()> {
        let connect = std::mem::take(&mut self.connect);
        let sent = self.send(&connect);
        self.connect = connect;
        sent
    }

    /// Reads what is there; `None` if there is nothing.
    #[inline]
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<Option<usize>> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => {
                    return Err(std::io::Error::new(ErrorKind::UnexpectedEof, "it closed the connection"));
                }
                Ok(count) => return Ok(Some(count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Sends these bytes, now or when the system takes them.
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

    /// Sends what the system did not take before.
    #[inline]
    pub(super) fn flush(&mut self) -> std::io::Result<()> {
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
