//! The `advice` of handshake and connect replies (Bayeux 1.0, section 3.7). It is always complete, since some clients
//! replace all earlier advice by the new one.

/// The next action of the client.
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
        let reconnect: &[u8] = if self.retry { b"retry" } else { b"handshake" };
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(b"{\"reconnect\":\"");
        out.extend_from_slice(reconnect);
        out.extend_from_slice(b"\",\"interval\":");
        out.extend_from_slice(digits.format(self.interval).as_bytes());
        out.extend_from_slice(b",\"timeout\":");
        out.extend_from_slice(digits.format(self.timeout).as_bytes());
        out.push(b'}');
    }
}
