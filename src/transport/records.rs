//! One TLS session without its socket: records in, plain bytes out, and the other way round. It keeps no buffer while
//! nothing is under way: of what came only an unfinished record, of what goes only what the system did not take.

use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus, WriteTraffic,
};
use rustls::{Error, ServerConfig};

/// A session that may send.
type Traffic<'a> = WriteTraffic<'a, ServerConnectionData>;

/// The largest record on the wire (RFC 8446, section 5.2, and RFC 5246, section 6.2.3): no more is kept of what came.
pub(super) const WIRE: usize = 5 + 16 * 1024 + 2048;
/// Bytes that one record carries.
pub(super) const RECORD: usize = 16 * 1024;
/// The overhead of a record, in nearly all cases.
const EXTRA: usize = 64;

/// The state of a session.
pub(super) struct Records {
    session: UnbufferedServerConnection,
    /// The beginning of a record, or of a message of the handshake, that is not whole yet.
    rest: Box<[u8]>,
    /// Records that the system has to take, and how much of them it has taken.
    outgoing: Vec<u8>,
    sent: usize,
    /// The first byte that came.
    pub(super) first: Option<u8>,
    /// The other side has said that nothing more comes.
    pub(super) has_ended: bool,
    /// We have.
    pub(super) is_closed: bool,
    /// It is of no use any more.
    pub(super) is_broken: bool,
}

impl Records {
    /// The session of a connection that was accepted.
    ///
    /// # Errors
    /// The error of rustls for settings that it does not support.
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

    /// Bytes that are kept: of an unfinished record, and of records that the system has not taken.
    pub(super) fn kept(&self) -> usize {
        self.rest.len() + self.outgoing.capacity()
    }

    /// Whether the handshake is not through yet.
    pub(super) fn is_handshaking(&self) -> bool {
        self.session.is_handshaking()
    }

    /// The protocol that was agreed on for what is inside.
    pub(super) fn protocol(&self) -> Option<&[u8]> {
        self.session.alpn_protocol()
    }

    /// Whether what came looks like a request without TLS.
    pub(super) fn is_http(&self) -> bool {
        self.first.is_some_and(|first| first.is_ascii_uppercase())
    }

    /// Copies what is kept of an unfinished record to the front of a buffer of at least [`WIRE`] bytes; how much that is.
    pub(super) fn resume(&self, buffer: &mut [u8]) -> usize {
        buffer[..self.rest.len()].copy_from_slice(&self.rest);
        self.rest.len()
    }

    /// Takes what came, behind what [`Records::resume`] gave, and appends what was in it to `plain`. What the session has
    /// to say to it is in [`Records::outgoing`], even in case of an error: then it is an alert.
    ///
    /// # Errors
    /// What is wrong with what came.
    pub(super) fn receive(&mut self, came: &mut [u8], plain: &mut BytesMut) -> Result<(), Error> {
        self.first = self.first.or(came.first().copied());
        let used = match self.process(came, plain) {
            // Whatever comes behind its end is of no interest.
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

    /// Handles all records that are whole; how many bytes they had. After a failure the session still says its alert.
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
                // `PeerClosed` and `Closed`; there is no early data, since it is not allowed.
                Ok(_) => {
                    self.has_ended = true;
                    false
                }
                // It must not look at the same bytes again, and does not as long as there is an alert to take.
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

    /// Appends plain bytes to a buffer as records.
    ///
    /// # Errors
    /// [`io::ErrorKind::BrokenPipe`] if the session can send nothing more.
    pub(super) fn encrypt(&mut self, plain: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        self.seal(out, plain.len() + EXTRA, |traffic, out| traffic.encrypt(plain, out)).inspect_err(|_| {
            self.is_broken = true;
        })
    }

    /// Appends what is made of the session to a buffer, for which `size` bytes are mostly enough.
    fn seal(
        &mut self,
        out: &mut Vec<u8>,
        mut size: usize,
        mut make: impl FnMut(&mut Traffic<'_>, &mut [u8]) -> Result<usize, EncryptError>,
    ) -> io::Result<()> {
        loop {
            // With what is kept, because the session knows how far it has looked at that.
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

    /// Says that nothing more comes from us, once, if the session is able to.
    pub(super) fn close(&mut self) {
        if std::mem::replace(&mut self.is_closed, true) || self.is_broken || self.is_handshaking() {
            return;
        }
        let mut alert = std::mem::take(&mut self.outgoing);
        // If it cannot, the other side sees an end that was not announced.
        let _ = self.seal(&mut alert, EXTRA, |traffic, out| traffic.queue_close_notify(out));
        self.outgoing = alert;
    }

    /// What the system has not taken yet.
    pub(super) fn outgoing(&self) -> &[u8] {
        &self.outgoing[self.sent..]
    }

    /// Leaves bytes to be sent later.
    pub(super) fn leave(&mut self, bytes: &[u8]) {
        self.outgoing.extend_from_slice(bytes);
    }

    /// The system has taken so many bytes.
    pub(super) fn advance(&mut self, count: usize) {
        self.sent += count;
        if self.sent >= self.outgoing.len() {
            self.forget();
        }
    }

    /// Gives up what the system has not taken.
    pub(super) fn forget(&mut self) {
        self.outgoing = Vec::new();
        self.sent = 0;
    }
}

/// Appends what the session has to say; false if it cannot.
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
