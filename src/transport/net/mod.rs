//! Sockets of clients: non-blocking reads and writes, TLS, deadlines and wake-ups. Does not interpret the bytes.

pub(super) mod connection;
pub(super) mod context;
pub(super) mod deadline;
pub(super) mod notify;
pub(super) mod read_buffer;
pub(super) mod stream;
mod tcp;
mod tls_handshake;
mod tls_session;
mod tls_stream;
pub(super) mod wait;
