//! Opens connections without waiting for them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mio::net::TcpStream;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Connections for each source address. A system has about 28,000 ports for one; some may be in use.
const PORTS: usize = 20_000;

/// Begins to connect. `number` counts the connections: to loopback, each 20,000 have a source address of their own.
pub(super) fn dial(address: SocketAddr, number: usize) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    let block = number / PORTS;
    if let (IpAddr::V4(ip), 1..) = (address.ip(), block)
        && ip.is_loopback()
    {
        let source = Ipv4Addr::new(127, 1, (block / 250) as u8, (block % 250 + 1) as u8);
        socket.bind(&SockAddr::from(SocketAddr::from((source, 0))))?;
    }
    match socket.connect(&SockAddr::from(address)) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(IN_PROGRESS) => {}
        Err(error) => return Err(error),
    }
    Ok(TcpStream::from_std(socket.into()))
}

const IN_PROGRESS: i32 = rustix::io::Errno::INPROGRESS.raw_os_error();
