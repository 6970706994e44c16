//! The `advice` of handshake and connect replies (Bayeux 1.0, section 3.7). It is always complete, since some clients
//! replace all earlier advice by what they get.

use std::io::Write;

/// What the client shall do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advice {
    /// `retry` if true, `handshake` if false.
    pub retry: bool,
    /// Milliseconds to wait before the next connect or handshake.
    pub interval: u64,
    /// Milliseconds for which the server holds a connect.
    pub timeout: u64,
}

impl Advice {
    /// Appends the advice as a JSON object, keys in Faye's order.
    pub fn write(&self, out: &mut Vec<u8>) {
        let reconnect = if self.retry { "retry" } else { "handshake" };
        // Writing to a Vec cannot fail.
        let _ = write!(
            out,
            r#"{{"reconnect":"{reconnect}","interval":{},"timeout":{}}}"#,
            self.interval, self.timeout
        );
    }
}
