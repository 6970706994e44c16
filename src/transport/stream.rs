//! The bytes of a connection, plain or by TLS: what the others read, write and wait for, so that they need not know which.
//! Must not know what the bytes mean.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use rustls::ServerConfig;
use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::tls::TlsStream;

/// A connection's socket, and what its bytes go through.
pub(super) enum Stream {
    Plain(TcpStream),
    /// On the heap, so that a plain one is no larger for it.
    Tls(Box<TlsStream>),
}

impl Stream {
    /// A connection that was accepted; by TLS if there are settings for it.
    ///
    /// # Errors
    /// The error of rustls for settings that it does not support.
    pub(super) fn new(tcp: TcpStream, tls: Option<&Arc<ServerConfig>>) -> Result<Self, rustls::Error> {
        Ok(match tls {
            Some(config) => Self::Tls(Box::new(TlsStream::new(tcp, Arc::clone(config))?)),
            None => Self::Plain(tcp),
        })
    }

    /// The socket below.
    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.tcp(),
        }
    }

    /// The TLS, if there is one.
    pub(super) fn tls(&self) -> Option<&TlsStream> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(tls) => Some(tls),
        }
    }

    /// Ready when a read has something to say.
    pub(super) fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(tcp) => tcp.poll_read_ready(context),
            Self::Tls(tls) => tls.poll_read_ready(context),
        }
    }

    /// Ready when the system takes bytes again.
    pub(super) fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp().poll_write_ready(context)
    }

    /// Reads what is there, once. `Ok(0)` at the end; [`io::ErrorKind::WouldBlock`] if nothing is there. By TLS more may
    /// come than there was room for, at most the contents of the records that one read of the system brought.
    pub(super) fn read(&self, into: &mut BytesMut) -> io::Result<usize> {
        let tcp = match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => return tls.read(into),
        };
        read_once(tcp, into.capacity() - into.len(), || tcp.try_read_buf(into))
    }

    /// Writes as much as the system takes; [`io::ErrorKind::WouldBlock`] if that is nothing.
    ///
    /// By TLS bytes may have been taken that are not reported yet ([`Stream::taken`]): they are reported once the system
    /// has taken all of their record. So the next call has to begin with the bytes that were not reported.
    pub(super) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => match slices {
                [one] => tcp.try_write(one),
                several => tcp.try_write_vectored(several),
            },
            Self::Tls(tls) => tls.write(slices),
        }
    }

    /// The same for deliveries to many receivers: straight to the system, unless the socket is known to be blocked, because
    /// asking the runtime first would touch more memory for each receiver. The runtime has to be told of a blocked socket,
    /// to notify when it is writable again.
    pub(super) fn send(&self, slices: &[IoSlice<'_>], is_blocked: bool) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => send(tcp, slices, is_blocked),
            Self::Tls(tls) => tls.write(slices),
        }
    }

    /// Bytes of memory that are kept of unfinished records.
    pub(super) fn kept(&self) -> usize {
        self.tls().map_or(0, |tls| tls.with(|records| records.kept()))
    }

    /// Bytes that were taken and not reported: at most a record. They must not be given to another transport, unless
    /// nothing is ever written to this connection again.
    pub(super) fn taken(&self) -> usize {
        self.tls().map_or(0, TlsStream::taken)
    }
}

/// Reads by a function that asks the system for at most so many bytes. A read of less has emptied the socket: saying so
/// to the runtime saves the next call.
pub(super) fn read_once(
    tcp: &TcpStream,
    room: usize,
    read: impl FnOnce() -> io::Result<usize>,
) -> io::Result<usize> {
    let mut count = 0;
    let result = tcp.try_io(Interest::READABLE, || {
        count = read()?;
        if (1..room).contains(&count) { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    });
    if count > 0 { Ok(count) } else { result.map(|()| 0) }
}

/// Hands bytes to the system, and has the runtime watch a socket that takes none.
pub(super) fn send(tcp: &TcpStream, slices: &[IoSlice<'_>], is_blocked: bool) -> io::Result<usize> {
    let send = || {
        let socket = SockRef::from(tcp);
        match slices {
            [one] => socket.send(one),
            several => socket.send_vectored(several),
        }
    };
    let result = if is_blocked { Err(io::ErrorKind::WouldBlock.into()) } else { send() };
    match result {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => tcp.try_io(Interest::WRITABLE, send),
        other => other,
    }
}
