//! The byte stream of a connection, plain or by TLS. Callers read, write and wait without a distinction between the two.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use rustls::ServerConfig;
use tokio::net::TcpStream;

use super::tcp::{read_once, send};
use super::tls_stream::TlsStream;

/// A socket, plain or with TLS.
pub(crate) enum Stream {
    Plain(TcpStream),
    /// Boxed, so that TLS does not enlarge a plain stream.
    Tls(Box<TlsStream>),
}

impl Stream {
    /// Wraps an accepted connection; with TLS if a configuration is given.
    ///
    /// # Errors
    /// rustls rejects the configuration.
    pub(crate) fn new(tcp: TcpStream, tls: Option<&Arc<ServerConfig>>) -> Result<Self, rustls::Error> {
        Ok(match tls {
            Some(config) => Self::Tls(Box::new(TlsStream::new(tcp, Arc::clone(config))?)),
            None => Self::Plain(tcp),
        })
    }

    /// Returns the TCP socket.
    pub(crate) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.tcp(),
        }
    }

    /// Returns the TLS stream; `None` for a plain one.
    pub(crate) fn tls(&self) -> Option<&TlsStream> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(tls) => Some(tls),
        }
    }

    /// Ready when a read returns bytes, the end, or an error.
    pub(crate) fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(tcp) => tcp.poll_read_ready(context),
            Self::Tls(tls) => tls.poll_read_ready(context),
        }
    }

    /// Ready when the system accepts bytes.
    pub(crate) fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tcp().poll_write_ready(context)
    }

    /// Reads once. Returns `Ok(0)` at the end, and [`io::ErrorKind::WouldBlock`] if there are no bytes. By TLS, a read may
    /// exceed the capacity of `into`, at most by the contents of the records that one system call returned.
    pub(crate) fn read(&self, into: &mut BytesMut) -> io::Result<usize> {
        let tcp = match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => return tls.read(into),
        };
        read_once(tcp, into.capacity() - into.len(), || tcp.try_read_buf(into))
    }

    /// Writes the bytes that the system accepts; [`io::ErrorKind::WouldBlock`] if it accepts none.
    ///
    /// By TLS, encrypted bytes may be unreported ([`Stream::unreported`]): they are reported once the system has accepted
    /// all of their record. The next call has to begin with the unreported bytes.
    pub(crate) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => match slices {
                [one] => tcp.try_write(one),
                several => tcp.try_write_vectored(several),
            },
            Self::Tls(tls) => tls.write(slices),
        }
    }

    /// Writes as [`Stream::try_write`] does, for a thread that delivers to many connections. It calls the system without
    /// asking the runtime first, which would touch more memory for each receiver. `is_blocked` marks a socket that accepted
    /// no bytes before; the runtime watches such a socket.
    pub(crate) fn send(&self, slices: &[IoSlice<'_>], is_blocked: bool) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => send(tcp, slices, is_blocked),
            Self::Tls(tls) => tls.write(slices),
        }
    }

    /// Returns the memory of unfinished TLS records in bytes.
    pub(crate) fn kept(&self) -> usize {
        self.tls().map_or(0, |tls| tls.with(|session| session.kept()))
    }

    /// Encrypted bytes that are not reported as written yet: at most one record. They must not be written to another
    /// connection, unless this one is never written to again.
    pub(crate) fn unreported(&self) -> usize {
        self.tls().map_or(0, TlsStream::unreported)
    }
}
