//! What instances ask each other about sessions, and answer, in JSON. What does not have this shape is not answered.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::auth::{self, Cookie, CredentialSnapshot, Credentials};
use crate::bayeux::{Message, Partition, Publication, StreamPosition, channel, parse};
use crate::peer::{Head, Peer, Transport};
use crate::server::request::Prepared;

/// What an instance asks the owner of a session, or the one that shall own it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Question {
    /// Give me a session: I have heard its partitions up to these numbers.
    Release { id: String, heard: Vec<(usize, u64)>, asker: Option<Asker> },
    /// I have it now, by this epoch.
    Taken { id: String, epoch: u64 },
    /// Carry this message out: its session is yours.
    Carry { asker: Asker },
    /// Take a session of mine over.
    Take { id: String },
}

/// Who asks for a session to be given away, or for something to be carried out.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Asker {
    address: Option<SocketAddr>,
    transport: String,
    secure: bool,
    is_foreign: bool,
    /// The head of the request in base64: it need not be UTF-8.
    head: String,
    target: (usize, usize),
    /// The message, a JSON object; a stream has none.
    pub(super) message: Option<String>,
    /// The message as extensions and the application left it, if they saw it before its session left the instance that
    /// forwards it. Older instances ignore it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) handled: Option<Handled>,
}

/// A message that another instance has prepared.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Handled {
    /// The message, a JSON object without credentials.
    message: String,
    /// The channels that the application was asked about; the error if it refused.
    answers: Vec<(String, Option<String>)>,
    /// Whether the rates have counted it.
    is_charged: bool,
}

impl Handled {
    /// `None` if the message has no JSON text.
    pub(super) fn of(prepared: &Prepared) -> Option<Self> {
        let answer = |(channel, answer): &(Box<str>, auth::HookDecision)| {
            let refused = match answer {
                auth::HookDecision::Allow => None,
                auth::HookDecision::Deny(error) => Some(error.clone()),
            };
            (channel.to_string(), refused)
        };
        Some(Self {
            message: text_of(&prepared.message)?,
            answers: prepared.hook_decisions.iter().map(answer).collect(),
            is_charged: prepared.rate_check.get().is_some(),
        })
    }

    /// The message with the credentials of the request that it came by. `None` if it cannot be parsed.
    pub(super) fn prepared(&self, credentials: Credentials) -> Option<Prepared> {
        let message = parse::parse_one(&Bytes::copy_from_slice(self.message.as_bytes()))?;
        let answer = |(channel, refused): &(String, Option<String>)| {
            let answer = refused.clone().map_or(auth::HookDecision::Allow, auth::HookDecision::Deny);
            (channel.as_str().into(), answer)
        };
        let answers = self.answers.iter().map(answer).collect();
        Some(Prepared::elsewhere(message, credentials, answers, self.is_charged))
    }
}

/// A message as JSON text.
pub(super) fn text_of(message: &Message) -> Option<String> {
    let mut out = Vec::with_capacity(message.size() + 64);
    message.write(&mut out, |_| true);
    String::from_utf8(out).ok()
}

/// What is answered.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The session.
    State(Box<State>),
    /// The session is put down in Redis, packed.
    PutDown,
    /// The session is not here.
    NotMine,
    /// Who asks does not show that it is the session's client.
    Unproven,
    /// The replies to a message, objects with commas between them, and a cookie.
    Carried { replies: String, cookie: Option<Cookie> },
    /// It is done.
    Done,
    /// It cannot be done now.
    Failed,
}

/// A session as it travels.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct State {
    /// What waits for it.
    pub(super) waiting: Vec<Item>,
    /// How far each of its partitions had come: up to there it has got everything, or it is in `waiting`.
    pub(super) numbers: Vec<(usize, u64)>,
    /// Its patterns.
    pub(super) patterns: Vec<String>,
    /// What it has shown.
    pub(super) luggage: Option<CredentialSnapshot>,
}

/// A publication.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Item {
    channel: String,
    number: Option<u64>,
    object: String,
}

impl Asker {
    pub(super) fn new(peer: &Peer, message: Option<String>) -> Self {
        let (text, target) = peer.head.parts_of();
        Self {
            address: peer.address,
            transport: peer.transport.name().to_owned(),
            secure: peer.secure,
            is_foreign: peer.is_foreign,
            head: data_encoding::BASE64.encode(text),
            target: (target.start, target.end),
            message,
            handled: None,
        }
    }

    /// The same with a message that was prepared already.
    pub(super) fn with(self, handled: Option<Handled>) -> Self {
        Self { handled, ..self }
    }

    /// The same, for another question.
    pub(super) fn copied(&self) -> Self {
        let (transport, head, message) = (self.transport.clone(), self.head.clone(), self.message.clone());
        Self { transport, head, message, handled: self.handled.clone(), ..*self }
    }

    /// The request as if it had come here.
    pub(super) fn peer(&self) -> Option<Arc<Peer>> {
        let text = data_encoding::BASE64.decode(self.head.as_bytes()).ok()?;
        Some(Arc::new(Peer {
            address: self.address,
            transport: Transport::named(&self.transport)?,
            secure: self.secure,
            is_foreign: self.is_foreign,
            head: Head::new(&text, self.target.0..self.target.1),
        }))
    }
}

impl Item {
    pub(super) fn new(publication: &Publication) -> Self {
        Self {
            channel: publication.channel().to_owned(),
            number: publication.position().map(|position| position.offset),
            object: String::from_utf8_lossy(publication.object()).into_owned(),
        }
    }

    /// The publication, if it is one. What the server itself says has no channel.
    pub(super) fn publication(&self) -> Option<Arc<Publication>> {
        let object = Bytes::copy_from_slice(self.object.as_bytes());
        parse::parse_one(&object)?;
        if self.channel.is_empty() {
            return Some(Arc::new(Publication::notice(&object)));
        }
        let partition = channel::is_name(&self.channel).then(|| Partition::of(&self.channel))?;
        let position = self.number.map(|number| StreamPosition { partition, offset: number });
        Some(Arc::new(Publication::encoded(&self.channel, position, &object)))
    }
}

/// Partitions with numbers as they travel.
pub(super) fn packed(numbers: &[(Partition, u64)]) -> Vec<(usize, u64)> {
    numbers.iter().map(|(partition, number)| (partition.index(), *number)).collect()
}

/// Partitions with numbers that travelled.
pub(super) fn unpacked(numbers: &[(usize, u64)]) -> Vec<(Partition, u64)> {
    numbers.iter().filter_map(|(partition, number)| Some((Partition::at(*partition)?, *number))).collect()
}
