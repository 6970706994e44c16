//! The TLS handshake of a connection, before its first request.

use std::io;

use tokio::time::Instant;

use super::connection::Connection;
use super::context::Context;
use super::tls_stream::TlsStream;
use super::wait::{Interest, WaitResult, is_pending};
use crate::metrics::Reason;
use crate::tls::Acme;

/// The response to a request without TLS.
const HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 24\r\n\
                      Connection: close\r\n\r\nThis port speaks HTTPS.\n";

/// The progress of a handshake.
enum Progress {
    Done,
    /// The handshake waits for the socket.
    Waits(Interest),
}

impl Connection {
    /// Performs the TLS handshake; a plain connection needs none. Returns false if there is no request to serve: the handshake
    /// failed, the peer has gone, or it was an ACME challenge.
    pub(crate) async fn secure(&mut self, context: &Context) -> bool {
        let until = Instant::now() + context.limits.header_time;
        let failure = loop {
            // Bytes after the handshake are in the input afterwards.
            let read = self.input.read(&self.stream, &context.budget);
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
                    context.metrics.tls_handshakes.inc();
                    return tls.with(|session| session.protocol() != Some(Acme::PROTOCOL));
                }
                Progress::Waits(interest) => interest,
            };
            let is_silent = tls.with(|session| session.first.is_none());
            if is_silent && self.deadline.is_draining() {
                return false;
            }
            match self.wait(interest, until, None).await {
                WaitResult::Deadline => break io::ErrorKind::TimedOut.into(),
                WaitResult::Closed => break io::ErrorKind::UnexpectedEof.into(),
                _ => {}
            }
        };
        self.refuse_handshake(context, &failure).await;
        false
    }

    async fn refuse_handshake(&mut self, context: &Context, failure: &io::Error) {
        let Some(tls) = self.stream.tls() else { return };
        // A connection without input was idle, or a health check of the port.
        if tls.with(|session| session.first.is_none()) {
            return;
        }
        context.metrics.refuse(Reason::tls);
        tracing::debug!(address = %self.address, error = %failure, "TLS handshake failed");
        if tls.with(|session| session.is_http()) {
            // Best effort: the connection ends anyway.
            let _ = tls.tcp().try_write(HTTP);
        }
        self.linger().await;
    }
}

/// Sends the bytes of the handshake that wait and returns its progress.
fn progress(tls: &TlsStream) -> Progress {
    let write = is_pending(&tls.flush());
    if write || tls.with(|session| session.is_handshaking()) {
        return Progress::Waits(Interest { read: true, write });
    }
    Progress::Done
}
