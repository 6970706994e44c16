//! Ends the sessions of a load, so that the server keeps no state of them. It must not know the load.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};

use super::target::Target;
use super::{Failure, http, message};

/// Sessions per request.
const BATCH: usize = 50;
/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ends sessions, given as JSON, over a new connection. Sessions that have ended already are no error.
pub(super) fn leave(target: &Target, clients: &[Box<str>]) -> Result<(), Failure> {
    if clients.is_empty() {
        return Ok(());
    }
    let failed = |error: std::io::Error| {
        let why =
            if error.kind() == ErrorKind::WouldBlock { "no response".to_owned() } else { error.to_string() };
        Failure::Lost { who: "the connection that ends the sessions".to_owned(), why }
    };
    let socket = TcpStream::connect_timeout(&target.address, PATIENCE).map_err(failed)?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    socket.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
    let Some(tls) = &target.tls else { return disconnect(socket, target, clients, failed) };
    let session = ClientConnection::new(Arc::clone(&tls.config), tls.name.clone());
    let session = session.map_err(|error| failed(std::io::Error::other(error)))?;
    disconnect(StreamOwned::new(session, socket), target, clients, failed)
}

/// Sends the disconnects over an open connection.
fn disconnect(
    mut stream: impl Read + Write,
    target: &Target,
    clients: &[Box<str>],
    failed: impl Fn(std::io::Error) -> Failure + Copy,
) -> Result<(), Failure> {
    let mut input = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    for batch in clients.chunks(BATCH) {
        let text = message::disconnects(batch, &target.ext);
        stream.write_all(&http::post(target, text.as_bytes())).map_err(failed)?;
        loop {
            if let Some(answer) = http::answer(&input)? {
                message::check_disconnects(&answer.body)?;
                let end = answer.end;
                input.drain(..end);
                break;
            }
            match stream.read(&mut buffer).map_err(failed)? {
                0 => return Err(failed(ErrorKind::UnexpectedEof.into())),
                count => input.extend_from_slice(&buffer[..count]),
            }
        }
    }
    Ok(())
}
