//! Ends the sessions of a load, so that nothing waits for them on the server afterwards. Must not know what the load did.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::target::Target;
use super::{Failure, http, message};

/// Sessions that one request ends.
const BATCH: usize = 50;
/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ends sessions, which are given as JSON, over a connection of its own. Those that have ended already are no error.
pub(super) fn leave(target: &Target, clients: &[Box<str>]) -> Result<(), Failure> {
    if clients.is_empty() {
        return Ok(());
    }
    let failed = |error: std::io::Error| {
        let why =
            if error.kind() == ErrorKind::WouldBlock { "no answer".to_owned() } else { error.to_string() };
        Failure::Lost { who: "the connection that ends the sessions".to_owned(), why }
    };
    let mut stream = TcpStream::connect_timeout(&target.address, PATIENCE).map_err(failed)?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
    stream.set_write_timeout(Some(PATIENCE)).map_err(failed)?;
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
