//! The socket of a connection, plain or with TLS, without blocking. It must not know what is sent.

use std::io::{ErrorKind, Read, Result, Write};
use std::sync::Arc;

use mio::net::TcpStream;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

/// What TLS needs to connect.
#[derive(Debug, Clone)]
pub(super) struct Tls {
    /// The certificate authorities to trust.
    pub(super) config: Arc<ClientConfig>,
    /// The name that the certificate must have.
    pub(super) name: ServerName<'static>,
}

/// A socket.
#[derive(Debug)]
pub(super) struct Stream {
    socket: TcpStream,
    /// The session of TLS. It is boxed because most loads have none.
    tls: Option<Box<ClientConnection>>,
}

impl Stream {
    /// Creates the socket of a TCP connection that is being opened.
    pub(super) fn new(socket: TcpStream, tls: Option<&Tls>) -> std::result::Result<Self, rustls::Error> {
        let session = |tls: &Tls| ClientConnection::new(Arc::clone(&tls.config), tls.name.clone());
        let tls = tls.map(session).transpose()?.map(Box::new);
        Ok(Self { socket, tls })
    }

    /// Returns the TCP socket.
    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Returns the TCP socket, to register it.
    pub(super) fn socket_mut(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// Whether a read that returned fewer bytes than the buffer has left nothing to read. With TLS only a read that would
    /// block shows that.
    #[inline]
    pub(super) fn is_drained_by_short_read(&self) -> bool {
        self.tls.is_none()
    }

    /// Reads; 0 at the end. Fails with `WouldBlock` if there is nothing yet.
    #[inline]
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let Some(tls) = &mut self.tls else { return self.socket.read(buffer) };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if tls.read_tls(&mut self.socket)? == 0 {
                return if tls.is_handshaking() { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(0) };
            }
            let processed = tls.process_new_packets();
            // The handshake has replies, and a failure an alert.
            match write_tls(tls, &mut self.socket) {
                Err(error) if processed.is_ok() => return Err(error),
                _ => {}
            }
            processed.map_err(|error| std::io::Error::new(ErrorKind::InvalidData, error))?;
        }
    }

    /// Writes what the system takes. With TLS the rest of the encrypted bytes is kept here, see [`Stream::flush`].
    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let Some(tls) = &mut self.tls else { return self.socket.write(bytes) };
        let count = tls.writer().write(bytes)?;
        write_tls(tls, &mut self.socket)?;
        if count == 0 && !bytes.is_empty() { Err(ErrorKind::WouldBlock.into()) } else { Ok(count) }
    }

    /// Writes encrypted bytes that the system did not take before.
    pub(super) fn flush(&mut self) -> Result<()> {
        match &mut self.tls {
            Some(tls) => write_tls(tls, &mut self.socket),
            None => Ok(()),
        }
    }
}

/// Writes as many encrypted bytes as the system takes.
fn write_tls(tls: &mut ClientConnection, socket: &mut TcpStream) -> Result<()> {
    while tls.wants_write() {
        match tls.write_tls(socket) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
