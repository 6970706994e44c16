//! A plain HTTP/1.1 client: one connection, bytes as they are, nothing hidden.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use serde_json::Value;

use super::WATCHDOG;

/// One connection.
pub(crate) struct Http {
    pub(super) reader: BufReader<TcpStream>,
    address: SocketAddr,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("the body is UTF-8")
    }

    /// The array of messages in the body.
    #[track_caller]
    pub(crate) fn messages(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

impl Http {
    /// Opens a connection.
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the server accepts connections");
        stream.set_read_timeout(Some(WATCHDOG)).expect("a timeout");
        stream.set_write_timeout(Some(WATCHDOG)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Self { reader: BufReader::new(stream), address }
    }

    /// Closes the connection, and waits until the system of the server has acknowledged that. Until then the server can write.
    pub(crate) fn close(self) {
        let port = self.reader.get_ref().local_addr().expect("a connected socket").port();
        drop(self);
        let local = format!(":{port:04X}");
        // Established, or not acknowledged.
        let is_open = |line: &str| {
            let mut fields = line.split_whitespace().skip(1);
            let is_this = fields.next().is_some_and(|address| address.ends_with(&local));
            is_this && matches!(fields.nth(1), Some("01" | "04"))
        };
        while std::fs::read_to_string("/proc/net/tcp").expect("Linux").lines().any(is_open) {
            std::thread::yield_now();
        }
    }

    /// Sends bytes as they are. A connection that the server has closed takes none; what it said before is still
    /// there to be read.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        // The reason shows when the answer is read.
        let _ = self.reader.get_mut().write_all(bytes);
    }

    /// Sends a request.
    pub(crate) fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) {
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.address);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if method == "POST" {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        let mut bytes = request.into_bytes();
        bytes.extend_from_slice(body);
        self.send_raw(&bytes);
    }

    /// Sends a POST of JSON, and does not wait for the answer.
    pub(crate) fn send_json(&mut self, target: &str, messages: &Value) {
        let body = messages.to_string();
        self.send("POST", target, &[("Content-Type", "application/json")], body.as_bytes());
    }

    /// Sends a request and reads the answer.
    #[track_caller]
    pub(crate) fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        self.send(method, target, headers, body);
        if method == "HEAD" {
            let (status, headers) = self.head().expect("an answer before the connection ended");
            return Response { status, headers, body: Vec::new() };
        }
        self.response()
    }

    /// Posts JSON; the array that is answered.
    #[track_caller]
    pub(crate) fn post(&mut self, target: &str, messages: &Value) -> Vec<Value> {
        self.send_json(target, messages);
        self.response().messages()
    }

    /// Reads an answer.
    #[track_caller]
    pub(crate) fn response(&mut self) -> Response {
        self.response_or_end().expect("an answer before the connection ended")
    }

    /// Reads an answer; `None` if the connection ended before there was one.
    #[track_caller]
    pub(crate) fn response_or_end(&mut self) -> Option<Response> {
        let (status, headers) = self.head()?;
        let mut response = Response { status, headers, body: Vec::new() };
        if response.header("Transfer-Encoding").is_some_and(|coding| coding == "chunked") {
            while let Some(chunk) = self.chunk() {
                response.body.extend(chunk);
            }
        } else if let Some(length) = response.header("Content-Length") {
            let length = length.parse().expect("a length");
            response.body.resize(length, 0);
            self.reader.read_exact(&mut response.body).expect("the whole body");
        } else if !matches!(status, 101 | 204 | 304) {
            self.reader.read_to_end(&mut response.body).expect("a body up to the end");
        }
        Some(response)
    }

    /// Reads an interim answer, which has no body; its status.
    #[track_caller]
    pub(crate) fn interim(&mut self) -> u16 {
        self.head().expect("an interim answer").0
    }

    /// Reads the head of an answer, status and headers.
    #[track_caller]
    pub(crate) fn head(&mut self) -> Option<(u16, Vec<(String, String)>)> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {first:?}"));
        let mut headers = Vec::new();
        loop {
            let line = self.line().expect("headers end with an empty line");
            if line.is_empty() {
                return Some((status, headers));
            }
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}"));
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }

    /// Reads a chunk; `None` at the last one, or where the connection breaks off.
    #[track_caller]
    pub(super) fn chunk(&mut self) -> Option<Vec<u8>> {
        let size = self.line()?;
        let size = usize::from_str_radix(&size, 16).unwrap_or_else(|_| panic!("no chunk: {size:?}"));
        let mut chunk = vec![0; size];
        self.reader.read_exact(&mut chunk).ok()?;
        self.line()?;
        (size > 0).then_some(chunk)
    }

    #[track_caller]
    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        match self.reader.read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) => Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) if is_silence(&error) => panic!("nothing came in all the time"),
            Err(_) => None,
        }
    }

    /// Waits until the server has ended the connection, whatever it says before.
    #[track_caller]
    pub(crate) fn wait_for_end(&mut self) {
        let mut sink = [0; 4096];
        loop {
            match self.reader.read(&mut sink) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if is_silence(&error) => panic!("the connection does not end"),
                Err(_) => return,
            }
        }
    }

    /// Waits until the server has begun to answer. Nothing is taken.
    #[track_caller]
    pub(crate) fn wait_for_byte(&mut self) {
        let count = self.reader.get_ref().peek(&mut [0]).expect("an answer");
        assert_eq!(count, 1, "the connection ended");
    }

    /// Waits until the server has begun to answer, or has ended the connection.
    pub(crate) fn wait_for_byte_or_end(&mut self) {
        if let Err(error) = self.reader.get_ref().peek(&mut [0]) {
            assert!(!is_silence(&error), "nothing came in all the time");
        }
    }

    /// Says that no more will be sent, unless the connection has ended.
    pub(crate) fn half_close_if_open(&mut self) {
        let _ = self.reader.get_ref().shutdown(Shutdown::Write);
    }

    /// Says that no more will be sent.
    pub(crate) fn half_close(&mut self) {
        self.reader.get_ref().shutdown(Shutdown::Write).expect("an open connection");
    }

    /// The stream, to be used in other ways.
    pub(crate) fn into_reader(self) -> BufReader<TcpStream> {
        self.reader
    }
}

/// Whether a read failed because nothing came for as long as the watchdog waits.
pub(super) fn is_silence(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
