//! A session with subscriptions over long-polling. It must not know the purpose of the messages.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustls::ClientConfig;

use super::refusal::interval;
use super::subscription::AT_ONCE;
use super::{Failure, Publisher, Reconnect, Refusal};
use crate::bayeux::{Field, Message, json};

/// Maximum time for the server to hold a connect.
const HELD: Duration = Duration::from_secs(150);
/// Maximum time for the reply to a disconnect.
const DISCONNECT: Duration = Duration::from_secs(2);

/// A session that receives its messages in the responses to connects.
pub struct Polling {
    publisher: Publisher,
    client: String,
    number: u64,
    /// Messages that arrived and were not returned yet.
    waiting: VecDeque<Message>,
    /// The advised time before the next connect.
    interval: Duration,
}

impl Polling {
    /// Opens a session and subscribes it to a channel or pattern.
    ///
    /// # Errors
    /// [`Failure`] if the server cannot be reached, or refuses the session or the subscription.
    pub async fn open(url: &str, pattern: &str, tls: &Arc<ClientConfig>) -> Result<Self, Failure> {
        let publisher = Publisher::new(url, tls)?;
        let (client, waiting) = (String::new(), VecDeque::new());
        let mut this = Self { publisher, client, number: 0, waiting, interval: Duration::ZERO };
        let types = r#""supportedConnectionTypes":["long-polling"]"#;
        let handshake = format!(r#""channel":"/meta/handshake","version":"1.0",{types}"#);
        let reply = this.ask(&handshake, "/meta/handshake", HELD).await?;
        this.client = reply.text(Field::ClientId).unwrap_or_default().into_owned();
        let mut quoted = Vec::new();
        json::write_string(&mut quoted, pattern);
        let quoted = String::from_utf8_lossy(&quoted).into_owned();
        let subscribe = format!(r#""channel":"/meta/subscribe","subscription":{quoted}"#);
        this.ask(&subscribe, "/meta/subscribe", HELD).await?;
        // Faye holds the first connect unless it requests an immediate reply.
        this.connect(AT_ONCE).await?;
        Ok(this)
    }

    /// Resumes the session after a failed request. Returns `false` if the server no longer has it; the caller then
    /// needs [`Polling::open`].
    ///
    /// # Errors
    /// [`Failure`] if the server cannot be reached, or advises a later retry.
    pub async fn resume(&mut self) -> Result<bool, Failure> {
        match self.connect(AT_ONCE).await {
            Ok(()) => Ok(true),
            Err(Failure::Refused(refusal)) if refusal.reconnect != Reconnect::Retry => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// [`Failure`] if a request fails or the session has ended.
    pub async fn next(&mut self) -> Result<Message, Failure> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Ok(message);
            }
            tokio::time::sleep(self.interval).await;
            self.connect("").await?;
        }
    }

    /// Ends the session. Returns the messages that arrived before its end.
    pub async fn close(mut self) -> Vec<Message> {
        // If the disconnect fails, the session expires.
        let _ = self.ask(r#""channel":"/meta/disconnect""#, "/meta/disconnect", DISCONNECT).await;
        self.waiting.into()
    }

    async fn connect(&mut self, more: &str) -> Result<(), Failure> {
        let connect = format!(r#""channel":"/meta/connect","connectionType":"long-polling"{more}"#);
        let reply = self.ask(&connect, "/meta/connect", HELD).await?;
        self.interval = interval(&reply);
        Ok(())
    }

    /// Sends a message and returns the reply on its channel. Keeps the messages of the response.
    async fn ask(&mut self, fields: &str, channel: &str, deadline: Duration) -> Result<Message, Failure> {
        self.number += 1;
        let client =
            if self.client.is_empty() { String::new() } else { format!(r#","clientId":"{}""#, self.client) };
        let text = format!(r#"{{"id":"{}",{fields}{client}}}"#, self.number);
        let answer = self.publisher.post_within(&[Bytes::from(text)], deadline).await?;
        let (replies, messages): (Vec<_>, Vec<_>) =
            answer.into_iter().partition(|message| message.get(Field::Successful).is_some());
        self.waiting.extend(messages);
        let reply = replies.into_iter().find(|reply| reply.text(Field::Channel).as_deref() == Some(channel));
        let missing = || Failure::NotBayeux {
            url: self.publisher.url().to_owned(),
            why: format!("no reply on {channel}"),
        };
        let reply = reply.ok_or_else(missing)?;
        if reply.get(Field::Successful) == Some(b"true") {
            return Ok(reply);
        }
        Err(Failure::Refused(Refusal::of(&reply)))
    }
}
