//! A WebSocket client that writes its frames by hand, so that it can break every rule.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

use super::http::is_silence;
use super::{Faye, Http, Response};

const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

/// The kinds of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

/// What the server sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    Text(String),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
    /// The connection ended without a close frame.
    End,
}

/// An open WebSocket.
pub(crate) struct Socket {
    reader: BufReader<TcpStream>,
}

/// The headers that ask for a WebSocket.
pub(crate) const UPGRADE: [(&str, &str); 4] = [
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

impl Socket {
    /// Opens a WebSocket at the mount.
    #[track_caller]
    pub(crate) fn open(faye: &Faye) -> Self {
        Self::open_with(faye, &[]).0
    }

    /// Opens a WebSocket at the mount with more headers; it, and the answer.
    #[track_caller]
    pub(crate) fn open_with(faye: &Faye, headers: &[(&str, &str)]) -> (Self, Response) {
        let mut http = faye.http();
        let all: Vec<_> = UPGRADE.iter().chain(headers).copied().collect();
        let response = http.request("GET", &faye.mount, &all, b"");
        assert_eq!(response.status, 101, "{response:?}");
        (Self::over(http), response)
    }

    /// A WebSocket over a connection that was upgraded.
    pub(crate) fn over(http: Http) -> Self {
        Self { reader: http.into_reader() }
    }

    /// Sends bytes as they are.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        // Why it failed shows when the next frame is read.
        let _ = self.reader.get_mut().write_all(bytes);
    }

    /// Closes the side that writes, without a close frame.
    pub(crate) fn half_close(&mut self) {
        self.reader.get_ref().shutdown(std::net::Shutdown::Write).expect("an open connection");
    }

    /// Sends a frame.
    pub(crate) fn send_frame(&mut self, opcode: Opcode, is_final: bool, payload: &[u8]) {
        self.send_raw(&frame(opcode, is_final, payload));
    }

    /// Sends messages in one frame.
    pub(crate) fn send(&mut self, messages: &Value) {
        self.send_frame(Opcode::Text, true, messages.to_string().as_bytes());
    }

    /// Sends messages, and reads the next frame of messages.
    #[track_caller]
    pub(crate) fn ask(&mut self, messages: &Value) -> Vec<Value> {
        self.send(messages);
        self.messages()
    }

    /// The next frame, whatever it is.
    #[track_caller]
    pub(crate) fn frame(&mut self) -> Frame {
        match self.read_frame() {
            Ok(frame) => frame,
            Err(error) if is_silence(&error) => panic!("nothing came in all the time"),
            Err(_) => Frame::End,
        }
    }

    fn read_frame(&mut self) -> std::io::Result<Frame> {
        let mut head = [0; 2];
        self.reader.read_exact(&mut head)?;
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.reader.read_exact(&mut length)?;
                u64::from(u16::from_be_bytes(length))
            }
            127 => {
                let mut length = [0; 8];
                self.reader.read_exact(&mut length)?;
                u64::from_be_bytes(length)
            }
            short => {
                assert!(short < 126, "a server masks nothing");
                u64::from(short)
            }
        };
        let mut payload = vec![0; usize::try_from(length).expect("a length")];
        self.reader.read_exact(&mut payload)?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Ok(match head[0] {
            0x81 => Frame::Text(text(&payload)),
            0x89 => Frame::Ping(payload),
            0x8a => Frame::Pong(payload),
            0x88 if payload.len() >= 2 => {
                Frame::Close(u16::from_be_bytes([payload[0], payload[1]]), text(&payload[2..]))
            }
            other => return Err(std::io::Error::new(ErrorKind::InvalidData, format!("frame {other:#x}"))),
        })
    }

    /// The messages of the next text frame. Pings are answered.
    #[track_caller]
    pub(crate) fn messages(&mut self) -> Vec<Value> {
        match self.frame_but_pings() {
            Frame::Text(text) => {
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
            }
            other => panic!("no messages but {other:?}"),
        }
    }

    /// The messages of the next text frame; `None` at the end of the connection, also in the middle of a frame.
    pub(crate) fn messages_or_end(&mut self) -> Option<Vec<Value>> {
        match self.frame_but_pings() {
            Frame::Text(text) => serde_json::from_str(&text).ok(),
            Frame::Pong(_) => self.messages_or_end(),
            _ => None,
        }
    }

    /// The next frame that is no ping; pings are answered.
    #[track_caller]
    pub(crate) fn frame_but_pings(&mut self) -> Frame {
        loop {
            match self.frame() {
                Frame::Ping(payload) => self.send_frame(Opcode::Pong, true, &payload),
                other => return other,
            }
        }
    }

    /// Reads up to the close frame, or the end; its code, if there was one.
    #[track_caller]
    pub(crate) fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.frame() {
                Frame::Close(code, _) => return Some(code),
                Frame::End => return None,
                _ => {}
            }
        }
    }

    /// The stream below.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        self.reader.get_mut()
    }
}

/// A frame of a client.
pub(crate) fn frame(opcode: Opcode, is_final: bool, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![opcode as u8 | if is_final { 0x80 } else { 0 }];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        medium @ 126..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend((medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}
