//! Starts to open connections, without blocking.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use mio::net::TcpStream;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

/// Connections per source address. A system has about 28,000 ports for each, of which some may be in use.
const PORTS: usize = 20_000;
/// Further source addresses to try when another process uses the ports of one.
const ATTEMPTS: usize = 8;
const IN_PROGRESS: i32 = rustix::io::Errno::INPROGRESS.raw_os_error();

/// Starts to connect. `number` counts the connections: to loopback, every 20,000 use another source address.
pub(super) fn dial(address: SocketAddr, number: usize) -> std::io::Result<TcpStream> {
    let mut block = number / PORTS;
    let last = if is_loopback(address) { block + ATTEMPTS } else { block };
    loop {
        match dial_from(source(address, block), address) {
            Err(error)
                if block < last
                    && matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable) =>
            {
                block += 1;
            }
            result => return result,
        }
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.is_ipv4() && address.ip().is_loopback()
}

/// Returns the source address of a block of connections; `None` leaves it to the system.
fn source(address: SocketAddr, block: usize) -> Option<IpAddr> {
    let own = is_loopback(address) && block > 0;
    own.then(|| Ipv4Addr::new(127, 1, (block / 250) as u8, (block % 250 + 1) as u8).into())
}

fn dial_from(source: Option<IpAddr>, address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(source) = source {
        socket.bind(&SockAddr::from(SocketAddr::from((source, 0))))?;
    }
    match socket.connect(&SockAddr::from(address)) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(IN_PROGRESS) => {}
        Err(error) => return Err(error),
    }
    Ok(TcpStream::from_std(socket.into()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn many_connections_to_loopback_have_several_sources() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        for (number, expected) in [
            (0, [127, 0, 0, 1]),
            (19_999, [127, 0, 0, 1]),
            (20_000, [127, 1, 0, 2]),
            (5_000_000, [127, 1, 1, 1]),
        ] {
            let _stream = dial(listener.local_addr().unwrap(), number).unwrap();
            let (_, peer) = listener.accept().unwrap();
            assert_eq!(peer.ip(), IpAddr::from(expected), "{number}");
        }
    }
}
