//! A client of the demo: receives the numbered messages of the ticker over one transport, counts them, and reconnects. It
//! must not know the server.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use serde::Deserialize;
use tokio::sync::watch;

use crate::bayeux::{Field, Message};
use crate::client::{Failure, Polling, Reconnect, Subscription};

/// The time before the next attempt after a failure.
const RETRY: Duration = Duration::from_millis(500);
/// Maximum time for the last messages to arrive after the ticker has stopped.
const DRAIN: Duration = Duration::from_secs(2);

/// How a client receives.
#[derive(Clone, Copy)]
pub(super) enum Transport {
    WebSocket,
    LongPolling,
}

impl Transport {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::WebSocket => "WebSocket",
            Self::LongPolling => "long-polling",
        }
    }
}

/// The counts of a client.
pub(super) struct Count {
    pub(super) transport: Transport,
    /// Messages that arrived, each number once.
    pub(super) delivered: u64,
    /// The number of reconnects and new sessions.
    pub(super) reconnects: u64,
}

/// A client that is subscribed.
pub(super) struct Receiver {
    session: Session,
    url: String,
    channel: String,
    tls: Arc<ClientConfig>,
    /// The number after the newest received one.
    next: u64,
    count: Count,
}

enum Session {
    WebSocket(Box<Subscription>),
    LongPolling(Box<Polling>),
}

#[derive(Deserialize)]
struct Tick {
    number: u64,
}

impl Receiver {
    /// Opens a session and subscribes it to a channel.
    pub(super) async fn open(
        transport: Transport,
        url: &str,
        channel: &str,
        tls: &Arc<ClientConfig>,
    ) -> Result<Self, Failure> {
        let session = Session::open(transport, url, channel, tls).await?;
        let (url, channel, tls) = (url.to_owned(), channel.to_owned(), Arc::clone(tls));
        let count = Count { transport, delivered: 0, reconnects: 0 };
        Ok(Self { session, url, channel, tls, next: 1, count })
    }

    /// Counts messages until the last one has arrived, whose number `last` contains once it is known, or for a limited
    /// time after that.
    pub(super) async fn count(mut self, mut last: watch::Receiver<Option<u64>>) -> Count {
        let mut known = last.clone();
        let late = async {
            // An error means that the demo has ended.
            let _ = known.wait_for(Option::is_some).await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::pin!(late);
        let mut is_done = false;
        while !is_done {
            let failure = {
                // A request in flight is not cancelled: its response may contain messages.
                let arriving = self.session.next();
                tokio::pin!(arriving);
                loop {
                    is_done = last.borrow_and_update().is_some_and(|end| self.next > end);
                    if is_done {
                        break None;
                    }
                    tokio::select! {
                        biased;
                        arrived = &mut arriving => match arrived {
                            Ok(message) => {
                                Self::note(&mut self.next, &mut self.count, &message);
                                break None;
                            }
                            Err(failure) => break Some(failure),
                        },
                        () = &mut late => is_done = true,
                        changed = last.changed() => is_done = changed.is_err(),
                    }
                    if is_done {
                        break None;
                    }
                }
            };
            if let Some(failure) = failure {
                tokio::select! {
                    () = &mut late => is_done = true,
                    () = self.reconnect(&failure) => {}
                }
            }
        }
        for message in self.session.close().await {
            Self::note(&mut self.next, &mut self.count, &message);
        }
        self.count
    }

    /// Counts a message, unless its number arrived before.
    fn note(next: &mut u64, count: &mut Count, message: &Message) {
        let tick = message.get(Field::Data).and_then(|data| serde_json::from_slice::<Tick>(data).ok());
        if let Some(Tick { number }) = tick.filter(|tick| tick.number >= *next) {
            *next = number.saturating_add(1);
            count.delivered += 1;
        }
    }

    /// Resumes the session, or opens another one if the server no longer has it.
    async fn reconnect(&mut self, lost: &Failure) {
        self.count.reconnects += 1;
        let mut has_session = !is_session_over(lost);
        loop {
            if has_session {
                match self.session.resume().await {
                    Ok(true) => return,
                    Ok(false) => has_session = false,
                    Err(_) => tokio::time::sleep(RETRY).await,
                }
                continue;
            }
            match Session::open(self.count.transport, &self.url, &self.channel, &self.tls).await {
                Ok(session) => {
                    self.session = session;
                    return;
                }
                Err(_) => tokio::time::sleep(RETRY).await,
            }
        }
    }
}

fn is_session_over(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused(refusal) if refusal.reconnect != Reconnect::Retry)
}

impl Session {
    async fn open(
        transport: Transport,
        url: &str,
        channel: &str,
        tls: &Arc<ClientConfig>,
    ) -> Result<Self, Failure> {
        Ok(match transport {
            Transport::WebSocket => {
                let channels = [channel.to_owned()];
                Self::WebSocket(Box::new(Subscription::open(url, &channels, None, tls).await?))
            }
            Transport::LongPolling => Self::LongPolling(Box::new(Polling::open(url, channel, tls).await?)),
        })
    }

    async fn next(&mut self) -> Result<Message, Failure> {
        match self {
            Self::WebSocket(session) => session.next().await,
            Self::LongPolling(session) => session.next().await,
        }
    }

    /// Resumes the session over a new connection. Returns `false` if the server no longer has it.
    async fn resume(&mut self) -> Result<bool, Failure> {
        match self {
            Self::WebSocket(session) => session.resume().await,
            Self::LongPolling(session) => session.resume().await,
        }
    }

    async fn close(self) -> Vec<Message> {
        match self {
            Self::WebSocket(session) => session.close().await,
            Self::LongPolling(session) => session.close().await,
        }
    }
}
