//! The TLS handshake of a connection, before its first request. Must not know what is asked inside.

use std::io;

use tokio::time::Instant;

use super::connection::{CLOSING, Connection, Interest, Woken, is_pending, linger};
use super::tls::TlsStream;
use crate::metrics::Reason;
use crate::tls::Acme;

/// What who speaks HTTP to us is told.
const HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 24\r\n\
                      Connection: close\r\n\r\nThis port speaks HTTPS.\n";

/// How a handshake stands.
enum Progress {
    Done,
    /// With what it waits for.
    Waits(Interest),
}

impl Connection {
    /// Makes the connection secure; a plain one is left as it is. False if nothing is to be served: the other side has
    /// gone or made a mistake, or only looked at the certificate.
    pub(super) async fn secure(&mut self) -> bool {
        let until = Instant::now() + self.context.limits.header_time;
        let failure = loop {
            // What comes right behind the handshake is in the input then.
            let read = self.input.read(&self.stream, &self.context.budget);
            let Some(tls) = self.stream.tls() else { return true };
            let ended = match read {
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => Some(error),
                Ok(0) => Some(io::ErrorKind::UnexpectedEof.into()),
                _ => None,
            };
            if let Some(error) = ended {
                break error;
            }
            let interest = match progress(tls) {
                Progress::Done => {
                    self.context.metrics.tls_handshakes.inc();
                    return tls.with(|records| records.protocol() != Some(Acme::PROTOCOL));
                }
                Progress::Waits(interest) => interest,
            };
            let is_silent = tls.with(|records| records.first.is_none());
            if is_silent && self.alarm.is_draining() {
                return false;
            }
            match self.wait(interest, until, None).await {
                Woken::Due => break io::ErrorKind::TimedOut.into(),
                Woken::Ended => break io::ErrorKind::UnexpectedEof.into(),
                _ => {}
            }
        };
        self.refuse_handshake(&failure).await;
        false
    }

    async fn refuse_handshake(&mut self, failure: &io::Error) {
        let Some(tls) = self.stream.tls() else { return };
        // Otherwise it was only idle, or a health check of the port.
        if tls.with(|records| records.first.is_none()) {
            return;
        }
        self.context.metrics.refuse(Reason::tls);
        tracing::debug!(address = %self.address, error = %failure, "TLS handshake failed");
        if tls.with(|records| records.is_http()) {
            // If the system does not take that, the other side has to do without.
            let _ = tls.tcp().try_write(HTTP);
        }
        linger(&self.stream, &mut self.alarm, Instant::now() + CLOSING).await;
    }
}

/// Sends what waits to be sent, and says how it stands.
fn progress(tls: &TlsStream) -> Progress {
    let write = is_pending(&tls.flush());
    if write || tls.with(|records| records.is_handshaking()) {
        return Progress::Waits(Interest { read: true, write });
    }
    Progress::Done
}
