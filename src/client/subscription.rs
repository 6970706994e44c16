//! A session with subscriptions over a WebSocket. It must not know the purpose of the messages.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use rustls::ClientConfig;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message as Frame;

use super::refusal::interval;
use super::socket::{Socket, connect};
use super::{Failure, Reconnect, Refusal};
use crate::bayeux::parse::parse;
use crate::bayeux::{Field, Message, json};

/// Messages of one frame.
const BATCH: usize = 100_000;
/// Maximum time for the reply to a message that is not held.
const REPLY: Duration = Duration::from_secs(15);
/// Maximum time for the reply to a disconnect, or for sending a close frame.
const DISCONNECT: Duration = Duration::from_secs(2);
/// Maximum time without data of the server. Servers reply to connects and send pings more often.
const SILENCE: Duration = Duration::from_secs(150);
/// Requests an immediate reply to a connect.
pub(super) const AT_ONCE: &str = r#","advice":{"timeout":0}"#;

/// A session with subscriptions.
pub struct Subscription {
    socket: Socket,
    url: String,
    tls: Arc<ClientConfig>,
    /// The credentials as a field of a message; may be empty.
    ext: String,
    client: String,
    number: u64,
    /// Messages that arrived and were not returned yet.
    waiting: VecDeque<Message>,
    /// The advised time before the next connect.
    interval: Duration,
    /// When the next connect is due, if it is delayed.
    connect_at: Option<Instant>,
    /// When the last frame arrived.
    last_frame: Instant,
}

impl Subscription {
    /// Opens a session and subscribes it to channels or patterns. `ext` is a JSON object with the credentials that the
    /// server requires.
    ///
    /// # Errors
    /// [`Failure`] if the server cannot be reached, or refuses the session or a subscription.
    pub async fn open(
        url: &str,
        patterns: &[String],
        ext: Option<&str>,
        tls: &Arc<ClientConfig>,
    ) -> Result<Self, Failure> {
        let socket = connect(url, tls, REPLY).await?;
        let ext = ext.map(|ext| format!(r#","ext":{ext}"#)).unwrap_or_default();
        let (url, waiting) = (url.to_owned(), VecDeque::new());
        let mut this = Self {
            socket,
            url,
            tls: Arc::clone(tls),
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

    /// Resumes the session over a new connection after the old one is lost. Returns `true` if the server still has the
    /// session, which then delivers the messages published since. Returns `false` otherwise; the caller then needs
    /// [`Subscription::open`].
    ///
    /// # Errors
    /// [`Failure`] if the server cannot be reached, or advises a later retry.
    pub async fn resume(&mut self) -> Result<bool, Failure> {
        self.socket = connect(&self.url, &self.tls, REPLY).await?;
        match self.attach().await {
            Ok(()) => Ok(true),
            Err(Failure::Refused(refusal)) if refusal.reconnect != Reconnect::Retry => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Closes the connection and keeps the session, for [`Subscription::resume`].
    pub async fn hang_up(&mut self) {
        let close = async {
            // Sends the close frame, or the reply to the server's close frame.
            let sent = self.socket.close(None).await;
            let ended = self.socket.get_mut().shutdown().await;
            (sent, ended)
        };
        // The connection may already be broken, so that neither arrives.
        let _ = tokio::time::timeout(DISCONNECT, close).await;
    }

    /// Returns the advised time before the next connect.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Returns when the last frame of the server arrived.
    #[must_use]
    pub fn last_frame(&self) -> Instant {
        self.last_frame
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// [`Failure`] if the connection or the session has ended.
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

    /// Sends the next connect after the reply to one, at the advised time.
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

    /// Takes the received messages that were not returned yet.
    pub fn take_waiting(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.waiting).into()
    }

    /// Puts messages of an earlier session before those of this one.
    pub fn prepend(&mut self, earlier: Vec<Message>) {
        for message in earlier.into_iter().rev() {
            self.waiting.push_front(message);
        }
    }

    /// Ends the session. Returns the messages that arrived before its end.
    pub async fn close(mut self) -> Vec<Message> {
        let disconnect = async {
            let ext = self.ext.clone();
            self.ask(&format!(r#""channel":"/meta/disconnect"{ext}"#)).await?;
            self.reply("/meta/disconnect").await
        };
        // The connection closes in either case, and a session without one expires.
        let _ = tokio::time::timeout(DISCONNECT, disconnect).await;
        self.waiting.into()
    }

    /// Attaches the session to this socket. Faye holds the first connect unless it requests an immediate reply.
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
            tokio::time::timeout(REPLY, found).await.unwrap_or_else(|_| Err(self.not_bayeux("no reply")));
        let reply = found?;
        if reply.get(Field::Successful) == Some(b"true") {
            return Ok(reply);
        }
        Err(Failure::Refused(Refusal::of(&reply)))
    }

    /// Reads one frame. Keeps its messages and returns its replies.
    async fn receive(&mut self) -> Result<Vec<Message>, Failure> {
        loop {
            let next = tokio::time::timeout(SILENCE, self.socket.next()).await;
            if let Ok(Some(Ok(_))) = next {
                self.last_frame = Instant::now();
            }
            let text = match next
                .map_err(|_| Failure::Lost("the server has sent nothing for 150 s".to_owned()))?
            {
                Some(Ok(Frame::Text(text))) => Bytes::copy_from_slice(text.as_bytes()),
                Some(Ok(Frame::Close(_))) => return Err(Failure::Closed),
                None => return Err(Failure::Lost("the server closed it without a close frame".to_owned())),
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
