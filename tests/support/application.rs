//! An application beside the server: it answers its hooks and takes its events, over HTTP/1.1.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use serde_json::Value;

use super::WATCHDOG;

/// What the server asked or told.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// The body, JSON.
    pub(crate) body: Value,
    /// The body as it came.
    pub(crate) text: String,
}

impl Asked {
    /// A header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// A running application.
pub(crate) struct Application {
    address: SocketAddr,
    asked: Receiver<Asked>,
}

type Answer = dyn Fn(&Asked) -> Option<(u16, String)> + Send + Sync;

impl Application {
    /// Starts an application that answers as `answer` says: a status and a body, or nothing, ever.
    pub(crate) fn start(answer: impl Fn(&Asked) -> Option<(u16, String)> + Send + Sync + 'static) -> Self {
        Self::start_closing(usize::MAX, answer)
    }

    /// Starts an application that answers so many requests of a connection, and closes it when the next one has arrived.
    pub(crate) fn start_closing(
        requests: usize,
        answer: impl Fn(&Asked) -> Option<(u16, String)> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, asked) = channel();
        let answer: Arc<Answer> = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (sender, answer) = (sender.clone(), Arc::clone(&answer));
                std::thread::spawn(move || serve(&stream, &sender, &*answer, requests));
            }
        });
        Self { address, asked }
    }

    /// Where it is reached.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// The next that it was asked or told.
    #[track_caller]
    pub(crate) fn next(&self) -> Asked {
        self.asked.recv_timeout(WATCHDOG).expect("a request of the server")
    }

    /// What it was asked so far, and not yet looked at.
    pub(crate) fn so_far(&self) -> Vec<Asked> {
        self.asked.try_iter().collect()
    }
}

fn serve(stream: &TcpStream, sender: &Sender<Asked>, answer: &Answer, requests: usize) -> Option<()> {
    let mut reader = BufReader::new(stream);
    for served in 0.. {
        let mut headers = Vec::new();
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        loop {
            line.clear();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let text = String::from_utf8(body).ok()?;
        let asked = Asked { headers, body: serde_json::from_str(&text).ok()?, text };
        if served == requests {
            sender.send(asked).ok()?;
            return None;
        }
        let answered = answer(&asked);
        sender.send(asked).ok()?;
        let Some((status, body)) = answered else {
            // Until the other side gives up.
            reader.read_line(&mut line).ok()?;
            return None;
        };
        let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n\r\n", body.len());
        let mut stream = stream;
        stream.write_all(format!("{head}{body}").as_bytes()).ok()?;
    }
    None
}
