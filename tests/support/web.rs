//! A web server beside the server under test: topics to fetch and callbacks to call, over HTTP/1.1.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::WATCHDOG;

/// A request that arrived.
#[derive(Debug, Clone)]
pub(crate) struct WebRequest {
    pub(crate) method: String,
    /// Path and query as they came.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl WebRequest {
    /// A header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The path without the query.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query, decoded.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?')?.1;
        form_urlencoded::parse(query.as_bytes())
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// A response.
#[derive(Debug, Clone)]
pub(crate) struct WebResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether the body is all that is sent, and the connection ends then.
    is_raw: bool,
}

impl WebResponse {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), is_raw: false }
    }

    /// These bytes as they are, and the end of the connection.
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { is_raw: true, ..Self::new(0, bytes) }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

type Answer = dyn Fn(&WebRequest) -> Option<WebResponse> + Send + Sync;

/// A running web server.
pub(crate) struct Web {
    pub(crate) address: SocketAddr,
    requests: Receiver<WebRequest>,
}

impl Web {
    /// Starts a server on 127.0.0.1 that answers as `answer` says; `None` never answers.
    pub(crate) fn start(answer: impl Fn(&WebRequest) -> Option<WebResponse> + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1", answer)
    }

    /// The same on another loopback address, such as 127.0.0.2.
    pub(crate) fn start_at(
        host: &str,
        answer: impl Fn(&WebRequest) -> Option<WebResponse> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((host, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, requests) = channel();
        let answer: Arc<Answer> = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (sender, answer) = (sender.clone(), Arc::clone(&answer));
                std::thread::spawn(move || serve(&stream, &sender, &*answer));
            }
        });
        Self { address, requests }
    }

    /// Starts a callback that confirms every verification and accepts every delivery.
    pub(crate) fn callback() -> Self {
        Self::start(|request| {
            Some(match request.query("hub.challenge") {
                Some(challenge) => WebResponse::new(200, challenge),
                None => WebResponse::new(204, ""),
            })
        })
    }

    /// Where a path is reached; the path begins with `/`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next request.
    #[track_caller]
    pub(crate) fn next(&self) -> WebRequest {
        self.requests.recv_timeout(WATCHDOG).expect("a request of the server")
    }

    /// The next request that fulfils `is`; others before it are dropped.
    #[track_caller]
    pub(crate) fn next_where(&self, is: impl Fn(&WebRequest) -> bool) -> WebRequest {
        loop {
            let request = self.next();
            if is(&request) {
                return request;
            }
        }
    }

    /// The requests so far that were not looked at.
    pub(crate) fn so_far(&self) -> Vec<WebRequest> {
        self.requests.try_iter().collect()
    }
}

fn serve(stream: &TcpStream, sender: &Sender<WebRequest>, answer: &Answer) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        let mut words = line.split(' ').map(str::to_owned);
        let (method, target) = (words.next()?, words.next()?);
        let mut headers = Vec::new();
        loop {
            line.clear();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let is_head = method == "HEAD";
        let request = WebRequest { method, target, headers, body };
        let response = answer(&request);
        // The test may have ended.
        let _ = sender.send(request);
        let Some(response) = response else {
            std::thread::sleep(WATCHDOG * 2);
            return None;
        };
        if response.is_raw {
            (&mut &*stream).write_all(&response.body).ok()?;
            // The thread that accepts has no other handle, so the other side sees the end now.
            return stream.shutdown(std::net::Shutdown::Both).ok();
        }
        let mut text =
            format!("HTTP/1.1 {} Status\r\nContent-Length: {}\r\n", response.status, response.body.len());
        for (name, value) in &response.headers {
            text += &format!("{name}: {value}\r\n");
        }
        text += "\r\n";
        let mut bytes = text.into_bytes();
        if !is_head {
            bytes.extend_from_slice(&response.body);
        }
        (&mut &*stream).write_all(&bytes).ok()?;
    }
}
