//! A WebSocket server that sends every message back, made of this crate's codec, for `make autobahn` to judge.
//!
//! The handshake, the agreement on compression, the decoder, the encoders and the answers to pings, closes and
//! violations are those of the server. Of its own it has the echo, and the loop between the socket and the codec.

#![allow(clippy::print_stdout, reason = "whoever starts it has to learn the port")]

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use faye_server::peer::Head;
use faye_server::transport::websocket::deflate::deflate_frame;
use faye_server::transport::websocket::{
    Data, Decoder, Event, Limits, OpCode, encoder, handshake, negotiation,
};

/// The suite's longest messages have 16 MiB, sixteen times what the server takes by default.
const LIMITS: Limits = Limits { frame: 16 << 20, message: 16 << 20 };
/// How hard messages are compressed; any level is read alike.
const LEVEL: u32 = 6;
/// How long the other side may take to close after our close frame; as long as in the server.
const CLOSING: Duration = Duration::from_secs(2);

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on ws://{}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        // When the client breaks the connection there is nobody left to tell; the suite notices by itself.
        thread::spawn(|| Connection { stream, input: BytesMut::new() }.serve().unwrap_or_default());
    }
    Ok(())
}

struct Connection {
    stream: TcpStream,
    /// What came and was not looked at.
    input: BytesMut,
}

impl Connection {
    fn serve(mut self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        let Some(head) = self.head()? else { return Ok(()) };
        let is_get = head.starts_with(b"GET ");
        let head = Head::new(&head, 0..0);
        match handshake::accept(is_get, &head) {
            Ok(key) => {
                write!(self.stream, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n")?;
                write!(self.stream, "Connection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n", key.0)?;
                let offers = head.all("sec-websocket-extensions");
                let agreed = negotiation::agree(offers.filter_map(|offer| std::str::from_utf8(offer).ok()));
                if let Some(agreed) = agreed {
                    write!(self.stream, "Sec-WebSocket-Extensions: {agreed}\r\n")?;
                }
                write!(self.stream, "\r\n")?;
                self.echo(agreed.is_some())
            }
            Err(refusal) => write!(self.stream, "HTTP/1.1 {}\r\n\r\n{refusal}", refusal.status()),
        }
    }

    /// Reads the head of the request, lines with their ends; `None` if the client went away.
    fn head(&mut self) -> io::Result<Option<BytesMut>> {
        loop {
            if let Some(end) = self.input.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                let mut head = self.input.split_to(end + 4);
                head.truncate(end + 2);
                return Ok(Some(head));
            }
            if self.read()? == 0 {
                return Ok(None);
            }
        }
    }

    /// Serves the WebSocket to its end; `deflate` says whether compression was agreed on.
    fn echo(mut self, deflate: bool) -> io::Result<()> {
        let mut decoder = Decoder::new(LIMITS).with_deflate(deflate);
        loop {
            match decoder.decode(&mut self.input) {
                Ok(None) => {
                    if self.read()? == 0 {
                        return Ok(());
                    }
                }
                Ok(Some(Event::Message { payload, text })) => {
                    self.stream.write_all(&message(&payload, text, deflate))?;
                }
                Ok(Some(Event::Ping(payload))) => self.stream.write_all(&encoder::pong(&payload))?,
                Ok(Some(Event::Pong(_))) => {}
                Ok(Some(Event::Close { code, reason })) => {
                    return self.close(&encoder::close_answer(code, &reason));
                }
                Err(error) => return self.close(&encoder::close(error.close_code(), &error.to_string())),
            }
        }
    }

    /// Sends our close frame, ends our side, and waits for the other's end for a while, as the server does.
    fn close(mut self, frame: &Bytes) -> io::Result<()> {
        self.stream.write_all(frame)?;
        self.stream.shutdown(Shutdown::Write)?;
        self.stream.set_read_timeout(Some(CLOSING))?;
        while self.read()? > 0 {
            self.input.clear();
        }
        Ok(())
    }

    fn read(&mut self) -> io::Result<usize> {
        let mut piece = [0; 8 * 1024];
        let length = self.stream.read(&mut piece)?;
        self.input.extend_from_slice(&piece[..length]);
        Ok(length)
    }
}

/// The frame of a message. The server sends text only, so a binary message is one of text with the other opcode.
fn message(payload: &[u8], text: bool, deflate: bool) -> Vec<u8> {
    let compressed = if deflate { deflate_frame(payload, LEVEL) } else { None };
    let mut frame = compressed.unwrap_or_else(|| encoder::text_frame(payload)).to_vec();
    if !text {
        frame[0] ^= u8::from(OpCode::Data(Data::Text)) ^ u8::from(OpCode::Data(Data::Binary));
    }
    frame
}
