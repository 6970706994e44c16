//! A session with subscriptions, over a WebSocket. It knows nothing of what is done with the messages.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message as Frame;

use super::refusal::interval;
use super::socket::{Socket, connect};
use super::{Failure, Reconnect, Refusal};
use crate::bayeux::parse::parse;
use crate::bayeux::{Field, Message, json};

/// Messages that one frame may hold.
const BATCH: usize = 100_000;
/// How long the server may take to answer what is not held.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long it may take to say that the session is over.
const FAREWELL: Duration = Duration::from_secs(2);
/// After how long without a word a server is given up. Servers answer connects and ping more often than that.
const SILENCE: Duration = Duration::from_secs(150);
/// Asks that a connect is answered at once.
const AT_ONCE: &str = r#","advice":{"timeout":0}"#;

/// A session that is subscribed.
pub struct Subscription {
    socket: Socket,
    url: String,
    /// The credentials as a field of a message, or nothing.
    ext: String,
    client: String,
    number: u64,
    /// Messages that came before they were asked for.
    waiting: VecDeque<Message>,
    /// How long the server advised last to wait before the next connect.
    interval: Duration,
    /// When the next connect is due, if it waits.
    connect_at: Option<Instant>,
    /// When the last frame came.
    last_frame: Instant,
}

impl Subscription {
    /// Begins a session and subscribes it to channels or patterns. `ext` is a JSON object with the credentials that the
    /// server asks for.
    ///
    /// # Errors
    /// [`Failure`] if the server cannot be reached, or refuses.
    pub async fn open(url: &str, patterns: &[String], ext: Option<&str>) -> Result<Self, Failure> {
        let socket = connect(url, PATIENCE).await?;
        let ext = ext.map(|ext| format!(r#","ext":{ext}"#)).unwrap_or_default();
        let (url, waiting) = (url.to_owned(), VecDeque::new());
        let mut this = Self {
            socket,
            url,
            ext,
            client: String::new(),
            number: 0,
            waiting,
            interval: Duration::ZERO,
            connect_at: None,
            last_frame: Instant::now(),
        };
        let types = r#""supportedConnectionTypes":["websocket"]"#;
        let ext = this.ext.clone();
        this.ask(&format!(r#""channel":"/meta/handshake","version":"1.0",{types}{ext}"#)).await?;
        let reply = this.reply("/meta/handshake").await?;
        this.client = reply.text(Field::ClientId).unwrap_or_default().into_owned();
        this.attach().await?;
        for pattern in patterns {
            let mut quoted = Vec::new();
            json::write_string(&mut quoted, pattern);
            let quoted = String::from_utf8_lossy(&quoted).into_owned();
            this.ask(&format!(r#""channel":"/meta/subscribe","subscription":{quoted}{ext}"#)).await?;
            this.reply("/meta/subscribe").await?;
        }
        Ok(this)
    }

    /// Continues over a new connection when the old one is lost. True if the server still has the session: then what was
    /// published in between comes too. False if it does not; only [`Subscription::open`] helps then.
    ///
    /// # Errors
    /// [`Failure`] if the server cannot be reached, or cannot answer for the session now.
    pub async fn resume(&mut self) -> Result<bool, Failure> {
        self.socket = connect(&self.url, PATIENCE).await?;
        match self.attach().await {
            Ok(()) => Ok(true),
            Err(Failure::Refused(refusal)) if refusal.reconnect != Reconnect::Retry => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// How long the server advised last to wait before the next connect.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// When the server last said something.
    #[must_use]
    pub fn last_frame(&self) -> Instant {
        self.last_frame
    }

    /// The next message.
    ///
    /// # Errors
    /// [`Failure`] if the connection or the session is no more.
    pub async fn next(&mut self) -> Result<Message, Failure> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Ok(message);
            }
            let replies = match self.connect_at {
                None => self.receive().await?,
                Some(at) => tokio::select! {
                    replies = self.receive() => replies?,
                    () = tokio::time::sleep_until(at) => {
                        self.connect_at = None;
                        self.connect("").await?;
                        continue;
                    }
                },
            };
            for reply in replies {
                if reply.text(Field::Channel).as_deref() == Some("/meta/connect") {
                    self.connect_again(&reply).await?;
                }
            }
        }
    }

    /// Connects after the reply to a connect, as the server advises.
    async fn connect_again(&mut self, reply: &Message) -> Result<(), Failure> {
        if reply.get(Field::Successful) != Some(b"true") {
            let refusal = Refusal::of(reply);
            if refusal.reconnect != Reconnect::Retry {
                return Err(Failure::Refused(refusal));
            }
        }
        self.interval = interval(reply);
        if self.interval.is_zero() {
            return self.connect("").await;
        }
        self.connect_at = Some(Instant::now() + self.interval);
        Ok(())
    }

    /// Takes the messages that have arrived and were not returned yet.
    pub fn take_waiting(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.waiting).into()
    }

    /// Puts messages of an earlier session before those of this one.
    pub fn prepend(&mut self, earlier: Vec<Message>) {
        for message in earlier.into_iter().rev() {
            self.waiting.push_front(message);
        }
    }

    /// Ends the session. Gives the messages that had come by then.
    pub async fn close(mut self) -> Vec<Message> {
        let farewell = async {
            let ext = self.ext.clone();
            self.ask(&format!(r#""channel":"/meta/disconnect"{ext}"#)).await?;
            self.reply("/meta/disconnect").await
        };
        // Whether the server has understood it or not, nothing more is read.
        let _ = tokio::time::timeout(FAREWELL, farewell).await;
        self.waiting.into()
    }

    /// Has the messages come by this socket. Faye holds the first connect unless it is asked not to.
    async fn attach(&mut self) -> Result<(), Failure> {
        self.connect_at = None;
        let shown = format!("{AT_ONCE}{}", self.ext);
        self.connect(&shown).await?;
        self.reply("/meta/connect").await?;
        self.connect("").await
    }

    async fn connect(&mut self, more: &str) -> Result<(), Failure> {
        self.ask(&format!(r#""channel":"/meta/connect","connectionType":"websocket"{more}"#)).await
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
        Err(Failure::Refused(Refusal::of(&reply)))
    }

    /// Reads one frame: messages are kept, replies returned.
    async fn receive(&mut self) -> Result<Vec<Message>, Failure> {
        loop {
            let next = tokio::time::timeout(SILENCE, self.socket.next()).await;
            if let Ok(Some(Ok(_))) = next {
                self.last_frame = Instant::now();
            }
            let text = match next.map_err(|_| Failure::Lost("the server is silent".to_owned()))? {
                Some(Ok(Frame::Text(text))) => Bytes::copy_from_slice(text.as_bytes()),
                Some(Ok(Frame::Close(_))) => return Err(Failure::Closed),
                None => return Err(Failure::Lost("the server closed it".to_owned())),
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(Failure::Lost(error.to_string())),
            };
            let parsed = parse(&text, BATCH).map_err(|error| self.not_bayeux(&error.to_string()))?;
            let (replies, messages): (Vec<_>, Vec<_>) =
                parsed.messages.into_iter().partition(|message| message.get(Field::Successful).is_some());
            self.waiting.extend(messages);
            return Ok(replies);
        }
    }

    fn not_bayeux(&self, why: &str) -> Failure {
        Failure::NotBayeux { url: self.url.clone(), why: why.to_owned() }
    }
}
