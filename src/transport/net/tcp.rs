//! Non-blocking reads and writes of a TCP socket with few system calls.

use std::io::{self, IoSlice};

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Reads with a function that requests at most `room` bytes from the system. A shorter read has emptied the socket:
/// reporting this to the runtime saves the next system call.
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

/// Writes bytes without asking the runtime first. If the system accepts none, the runtime watches the socket. A blocked
/// socket (`is_blocked`) costs no system call before the runtime reports it as writable.
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
