//! One TLS session without its socket: decrypts records to plain bytes and encrypts plain bytes to records. It keeps no
//! buffer while it is idle: of the input only an unfinished record, of the output only bytes that the system did not accept.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};
use rustls::{Error, ServerConfig};

/// A session that may send data.
type Traffic<'a> = WriteTraffic<'a, ServerConnectionData>;

/// The largest record on the wire (RFC 8446, section 5.2, and RFC 5246, section 6.2.3), and so the most input that is kept.
pub(super) const WIRE: usize = 5 + 16 * 1024 + 2048;
/// The most plain bytes of a record.
pub(super) const RECORD: usize = 16 * 1024;
/// The overhead of a record, in nearly all cases.
const OVERHEAD: usize = 64;

/// A TLS session in the role of the server.
pub(crate) struct TlsSession {
    session: UnbufferedServerConnection,
    /// The beginning of an unfinished record or handshake message.
    rest: Box<[u8]>,
    /// Records for the system, and the number of bytes that it has accepted.
    outgoing: Vec<u8>,
    sent: usize,
    /// The first byte of the input.
    pub(super) first: Option<u8>,
    /// The peer has sent its last record.
    pub(super) has_ended: bool,
    /// The server has sent its last record.
    pub(super) is_closed: bool,
    /// The session is unusable.
    pub(super) is_broken: bool,
}

impl TlsSession {
    /// Creates a session for an accepted connection.
    ///
    /// # Errors
    /// rustls rejects the configuration.
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Self, Error> {
        Ok(Self {
            session: UnbufferedServerConnection::new(config)?,
            rest: Box::default(),
            outgoing: Vec::new(),
            sent: 0,
            first: None,
            has_ended: false,
            is_closed: false,
            is_broken: false,
        })
    }

    /// Returns the memory in bytes: of an unfinished record, and of records that the system has not accepted.
    pub(crate) fn kept(&self) -> usize {
        self.rest.len() + self.outgoing.capacity()
    }

    /// Whether the handshake is unfinished.
    pub(super) fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }

    /// Returns the application protocol of the handshake (ALPN).
    pub(super) fn protocol(&self) -> Option<&[u8]> {
        self.session.alpn_protocol()
    }

    /// Whether the input looks like an HTTP request without TLS.
    pub(super) fn is_http(&self) -> bool {
        self.first.is_some_and(|first| first.is_ascii_uppercase())
    }

    /// Copies an unfinished record to the front of a buffer of at least [`WIRE`] bytes and returns its length.
    pub(super) fn resume(&self, buffer: &mut [u8]) -> usize {
        buffer[..self.rest.len()].copy_from_slice(&self.rest);
        self.rest.len()
    }

    /// Decrypts the input, which begins with the bytes of [`TlsSession::resume`], and appends the plain bytes to `plain`. The
    /// reply of the session is in [`TlsSession::outgoing`]; after an error it is an alert.
    ///
    /// # Errors
    /// The input violates the protocol.
    pub(super) fn receive(&mut self, came: &mut [u8], plain: &mut BytesMut) -> Result<(), Error> {
        self.first = self.first.or(came.first().copied());
        let used = match self.process(came, plain) {
            // Bytes after the end are ignored.
            (_, Ok(())) if self.has_ended => came.len(),
            (used, Ok(())) if came.len() - used <= WIRE => used,
            (_, result) => {
                self.is_broken = true;
                self.rest = Box::default();
                return result.and(Err(Error::General("a message of the handshake is too long".to_owned())));
            }
        };
        self.rest = came[used..].into();
        Ok(())
    }

    /// Handles all whole records and returns the number of their bytes. After an error the session still emits its alert.
    fn process(&mut self, came: &mut [u8], plain: &mut BytesMut) -> (usize, Result<(), Error>) {
        let mut used = 0;
        let mut result = Ok(());
        loop {
            let UnbufferedStatus { mut discard, state, .. } =
                self.session.process_tls_records(&mut came[used..]);
            let goes_on = match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(Ok(record)) = traffic.next_record() {
                        plain.extend_from_slice(record.payload);
                        discard += record.discard;
                    }
                    true
                }
                Ok(ConnectionState::EncodeTlsData(mut data)) => encode(&mut data, &mut self.outgoing),
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    true
                }
                Ok(ConnectionState::BlockedHandshake | ConnectionState::WriteTraffic(_)) => false,
                // `PeerClosed` and `Closed`. Early data is not allowed.
                Ok(_) => {
                    self.has_ended = true;
                    false
                }
                // The session must not process the same bytes twice, and does not while an alert waits.
                Err(error) => {
                    result = Err(error);
                    true
                }
            };
            used += discard;
            if !goes_on || result.is_err() && !self.session.wants_write() {
                return (used, result);
            }
        }
    }

    /// Encrypts plain bytes and appends the records to a buffer.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`] if the session cannot send any more.
    pub(super) fn encrypt(&mut self, plain: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        self.seal(out, plain.len() + OVERHEAD, |traffic, out| traffic.encrypt(plain, out)).inspect_err(|_| {
            self.is_broken = true;
        })
    }

    /// Appends the output of `make` to a buffer. `size` bytes are nearly always enough.
    fn seal(
        &mut self,
        out: &mut Vec<u8>,
        mut size: usize,
        mut make: impl FnMut(&mut Traffic<'_>, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> io::Result<()> {
        loop {
            // With the unfinished record, because the session remembers how many of its bytes it has processed.
            match self.session.process_tls_records(&mut self.rest).state {
                Ok(ConnectionState::WriteTraffic(mut traffic)) => loop {
                    let start = out.len();
                    out.resize(start + size, 0);
                    let made = make(&mut traffic, &mut out[start..]);
                    out.truncate(start + *made.as_ref().unwrap_or(&0));
                    match made {
                        Ok(_) => return Ok(()),
                        Err(EncryptError::InsufficientSize(needed)) if needed.required_size > size => {
                            size = needed.required_size;
                        }
                        Err(_) => return Err(io::ErrorKind::BrokenPipe.into()),
                    }
                },
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    encode(&mut data, out);
                }
                Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
                _ => return Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
    }

    /// Appends the closing alert, once, if the session can send.
    pub(super) fn close(&mut self) {
        if std::mem::replace(&mut self.is_closed, true) || self.is_broken || self.is_handshaking() {
            return;
        }
        let mut alert = std::mem::take(&mut self.outgoing);
        // Without the alert, the peer sees a truncated session.
        let _ = self.seal(&mut alert, OVERHEAD, |traffic, out| traffic.queue_close_notify(out));
        self.outgoing = alert;
    }

    /// Returns the bytes that the system has not accepted yet.
    pub(super) fn outgoing(&self) -> &[u8] {
        &self.outgoing[self.sent..]
    }

    /// Queues encrypted bytes.
    pub(super) fn queue(&mut self, bytes: &[u8]) {
        self.outgoing.extend_from_slice(bytes);
    }

    /// Removes bytes that the system has accepted.
    pub(super) fn advance(&mut self, count: usize) {
        self.sent += count;
        if self.sent >= self.outgoing.len() {
            self.discard();
        }
    }

    /// Discards the bytes that the system has not accepted.
    pub(super) fn discard(&mut self) {
        self.outgoing = Vec::new();
        self.sent = 0;
    }
}

/// Appends a message of the session; false on an error.
fn encode<Data>(data: &mut EncodeTlsData<'_, Data>, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    let mut size = 0;
    loop {
        out.resize(start + size, 0);
        match data.encode(&mut out[start..]) {
            Ok(count) => {
                out.truncate(start + count);
                return true;
            }
            Err(EncodeError::InsufficientSize(needed)) if needed.required_size > size => {
                size = needed.required_size;
            }
            Err(_) => {
                out.truncate(start);
                return false;
            }
        }
    }
}
