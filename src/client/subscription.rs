//! A session with one subscription, over a WebSocket.

use std::collections::VecDeque;
use std::fmt::Display;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use hyper::http::Uri;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message as Frame};

use super::Failure;
use crate::bayeux::parse::parse;
use crate::bayeux::{Field, Message, json};
use crate::tls::{self, Duplex};

/// Messages that one frame may hold.
const BATCH: usize = 100_000;
/// How long the server may take to answer what is not held.
const PATIENCE: Duration = Duration::from_secs(15);
/// After how long without a word a server is given up. Servers answer connects and ping more often than that.
const SILENCE: Duration = Duration::from_secs(150);

/// An open subscription.
pub struct Subscription {
    socket: WebSocketStream<Box<dyn Duplex>>,
    url: String,
    client: String,
    number: u64,
    /// Messages that came before they were asked for.
    waiting: VecDeque<Bytes>,
}

impl Subscription {
    /// Begins a session and subscribes it to a channel or pattern. `ext` is a JSON object with the credentials that the
    /// server asks for.
    ///
    /// # Errors
    /// [`Failure`] if the server cannot be reached, or refuses.
    pub async fn open(url: &str, pattern: &str, ext: Option<&str>) -> Result<Self, Failure> {
        let unreachable = |why: String| Failure::Unreachable { url: url.to_owned(), why };
        let connected = tokio::time::timeout(PATIENCE, connect(url)).await;
        let socket = connected.map_err(|_| unreachable("it does not answer".to_owned()))??;
        let waiting = VecDeque::new();
        let mut this = Self { socket, url: url.to_owned(), client: String::new(), number: 0, waiting };
        let ext = ext.map(|ext| format!(r#","ext":{ext}"#)).unwrap_or_default();
        let types = r#""supportedConnectionTypes":["websocket"]"#;
        this.ask(&format!(r#""channel":"/meta/handshake","version":"1.0",{types}{ext}"#)).await?;
        let reply = this.reply("/meta/handshake").await?;
        this.client = reply.text(Field::ClientId).unwrap_or_default().into_owned();
        this.connect().await?;
        this.reply("/meta/connect").await?;
        this.connect().await?;
        let mut quoted = Vec::new();
        json::write_string(&mut quoted, pattern);
        let quoted = String::from_utf8_lossy(&quoted).into_owned();
        this.ask(&format!(r#""channel":"/meta/subscribe","subscription":{quoted}{ext}"#)).await?;
        this.reply("/meta/subscribe").await?;
        Ok(this)
    }

    /// The next message, a JSON object in one line.
    ///
    /// # Errors
    /// [`Failure::Lost`] if the connection or the session is no more.
    pub async fn next(&mut self) -> Result<Bytes, Failure> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Ok(message);
            }
            for reply in self.receive().await? {
                if reply.text(Field::Channel).as_deref() == Some("/meta/connect") {
                    if reply.get(Field::Successful) != Some(b"true") {
                        return Err(Failure::Lost(reply.text(Field::Error).unwrap_or_default().into_owned()));
                    }
                    self.connect().await?;
                }
            }
        }
    }

    async fn connect(&mut self) -> Result<(), Failure> {
        self.ask(r#""channel":"/meta/connect","connectionType":"websocket""#).await
    }

    async fn ask(&mut self, fields: &str) -> Result<(), Failure> {
        self.number += 1;
        let client =
            if self.client.is_empty() { String::new() } else { format!(r#","clientId":"{}""#, self.client) };
        let text = format!(r#"[{{"id":"{}",{fields}{client}}}]"#, self.number);
        self.socket.send(Frame::text(text)).await.map_err(|error| Failure::Lost(error.to_string()))
    }

    /// Waits for the reply on a meta channel.
    async fn reply(&mut self, channel: &str) -> Result<Message, Failure> {
        let found = async {
            loop {
                for reply in self.receive().await? {
                    if reply.text(Field::Channel).as_deref() == Some(channel) {
                        return Ok(reply);
                    }
                }
            }
        };
        let found: Result<Message, Failure> =
            tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| Err(self.not_bayeux("no reply")));
        let reply = found?;
        if reply.get(Field::Successful) == Some(b"true") {
            return Ok(reply);
        }
        Err(Failure::Refused(reply.text(Field::Error).unwrap_or_default().into_owned()))
    }

    /// Reads one frame: messages are kept, replies returned.
    async fn receive(&mut self) -> Result<Vec<Message>, Failure> {
        loop {
            let next = tokio::time::timeout(SILENCE, self.socket.next()).await;
            let text = match next.map_err(|_| Failure::Lost("the server is silent".to_owned()))? {
                Some(Ok(Frame::Text(text))) => Bytes::copy_from_slice(text.as_bytes()),
                Some(Ok(Frame::Close(_))) | None => {
                    return Err(Failure::Lost("the server closed it".to_owned()));
                }
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(Failure::Lost(error.to_string())),
            };
            let parsed = parse(&text, BATCH).map_err(|error| self.not_bayeux(&error.to_string()))?;
            let (replies, messages): (Vec<_>, Vec<_>) =
                parsed.messages.into_iter().partition(|message| message.get(Field::Successful).is_some());
            for message in messages {
                let mut object = Vec::new();
                message.write(&mut object, |_| true);
                // Between the tokens of JSON a line break is as good as a space; inside strings there is none.
                object.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n')).for_each(|byte| *byte = b' ');
                self.waiting.push_back(object.into());
            }
            return Ok(replies);
        }
    }

    fn not_bayeux(&self, why: &str) -> Failure {
        Failure::NotBayeux { url: self.url.clone(), why: why.to_owned() }
    }
}

/// Opens a WebSocket to a server, by TLS if its URL says so.
async fn connect(url: &str) -> Result<WebSocketStream<Box<dyn Duplex>>, Failure> {
    let bad = || Failure::Url(url.to_owned());
    let unreachable = |why: &dyn Display| Failure::Unreachable { url: url.to_owned(), why: why.to_string() };
    let uri: Uri = url.parse().map_err(|_| bad())?;
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(bad());
    };
    let is_secure = scheme == "https";
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let port = authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let stream = tls::connect(host, port, is_secure).await.map_err(|error| unreachable(&error))?;
    let scheme = if is_secure { "wss" } else { "ws" };
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let upgraded = tokio_tungstenite::client_async(format!("{scheme}://{authority}{path}"), stream).await;
    let (socket, _) = upgraded.map_err(|error| match error {
        tungstenite::Error::Http(_) => Failure::NotBayeux { url: url.to_owned(), why: error.to_string() },
        _ => unreachable(&error),
    })?;
    Ok(socket)
}
