//! What instances ask each other about sessions, and answer, in JSON. What does not have this shape is not answered.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bayeux::{Lane, Position, Publication, channel, parse};
use crate::peer::{Head, Peer, Transport};
use crate::policy::Cookie;
use crate::router::Luggage;

/// What an instance asks the owner of a session, or the one that shall own it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Question {
    /// Give me a session: I have heard its lanes up to these numbers.
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
    /// How far each of its lanes had come: up to there it has got everything, or it is in `waiting`.
    pub(super) numbers: Vec<(usize, u64)>,
    /// Its patterns.
    pub(super) patterns: Vec<String>,
    /// What it has shown.
    pub(super) luggage: Option<Luggage>,
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
        }
    }

    /// The same, for another question.
    pub(super) fn copied(&self) -> Self {
        let (transport, head, message) = (self.transport.clone(), self.head.clone(), self.message.clone());
        Self { transport, head, message, ..*self }
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
            number: publication.position().map(|position| position.number),
            object: String::from_utf8_lossy(publication.object()).into_owned(),
        }
    }

    /// The publication, if it is one. What the server itself says has no channel.
    pub(super) fn publication(&self) -> Option<Arc<Publication>> {
        let object = bytes::Bytes::copy_from_slice(self.object.as_bytes());
        parse::parse_one(&object)?;
        if self.channel.is_empty() {
            return Some(Arc::new(Publication::notice(&object)));
        }
        let lane = channel::is_name(&self.channel).then(|| Lane::of(&self.channel))?;
        let position = self.number.map(|number| Position { lane, number });
        Some(Arc::new(Publication::encoded(&self.channel, position, &object)))
    }
}

/// Lanes with numbers as they travel.
pub(super) fn packed(numbers: &[(Lane, u64)]) -> Vec<(usize, u64)> {
    numbers.iter().map(|(lane, number)| (lane.index(), *number)).collect()
}

/// Lanes with numbers that travelled.
pub(super) fn unpacked(numbers: &[(usize, u64)]) -> Vec<(Lane, u64)> {
    numbers.iter().filter_map(|(lane, number)| Some((Lane::at(*lane)?, *number))).collect()
}
