//! One publisher: what it sends, and what is under way.

use std::collections::VecDeque;

use super::Failure;
use super::connection::Role;
use super::frame;
use super::marker::{self, Marker};
use super::message::quoted;
use super::pool::Pool;

/// A publisher, with the frame that it sends again and again.
pub(super) struct Publisher {
    number: u32,
    /// Its connection.
    connection: usize,
    /// What it sends, one or several publications.
    bytes: Vec<u8>,
    /// Where the markers are in it.
    markers: Vec<usize>,
    /// How many receive a publication.
    receivers: u32,
    /// Publications that were sent.
    pub(super) sent: u32,
    /// Those that all receivers have.
    pub(super) done: u32,
    /// For each that is under way, how many receivers it lacks.
    lacking: VecDeque<u32>,
}

impl Publisher {
    /// The publisher on a connection, that sends `batch` publications with `payload` bytes of data each at a time.
    pub(super) fn new(
        pool: &mut Pool,
        connection: usize,
        receivers: usize,
        batch: usize,
        payload: usize,
    ) -> Self {
        let channel = pool.connection(connection).channel;
        debug_assert_eq!(pool.connection(connection).role, Role::Publisher);
        let name = quoted(&pool.channel_name(channel));
        let marker = "~".repeat(marker::LENGTH.min(payload));
        let data = format!("{marker}{}", ".".repeat(payload.saturating_sub(marker::LENGTH)));
        let client = pool.connection(connection).client.clone();
        // The floor knows no sessions.
        let client = if client.is_empty() { "\"none\"" } else { &*client };
        let ext = &pool.target.ext;
        let publication =
            |id| format!(r#"{{"channel":{name},"data":"{data}","clientId":{client},"id":"{id}"{ext}}}"#);
        let mut bytes = Vec::new();
        if pool.target.floor {
            // One write for each delivery is what the floor is; several messages in a frame would be less.
            for id in 0..batch {
                frame::write_masked(&mut bytes, frame::TEXT, format!("[{}]", publication(id)).as_bytes());
            }
        } else {
            let all: Vec<String> = (0..batch).map(publication).collect();
            frame::write_masked(&mut bytes, frame::TEXT, format!("[{}]", all.join(",")).as_bytes());
        }
        let markers = memchr::memmem::find_iter(&bytes, marker.as_bytes()).collect();
        let lacking = VecDeque::with_capacity(64);
        Self {
            number: channel,
            connection,
            bytes,
            markers,
            receivers: receivers as u32,
            sent: 0,
            done: 0,
            lacking,
        }
    }

    /// Publications that somebody lacks.
    #[inline]
    pub(super) fn under_way(&self) -> usize {
        self.lacking.len()
    }

    /// Sends its publications, which were due at a time.
    pub(super) fn publish(&mut self, pool: &mut Pool, due: u64) -> Result<(), Failure> {
        for at in &self.markers {
            let marker = Marker { publisher: self.number, sequence: self.sent, due };
            marker.write(&mut self.bytes[*at..]);
            self.sent += 1;
            self.lacking.push_back(self.receivers);
        }
        pool.send(self.connection, &self.bytes)
    }

    /// Notes that one receiver need not be waited for any more.
    #[inline]
    pub(super) fn note(&mut self, sequence: u32) {
        if let Some(lacking) = self.lacking.get_mut(sequence.wrapping_sub(self.done) as usize) {
            *lacking = lacking.saturating_sub(1);
        }
        while self.lacking.front() == Some(&0) {
            self.lacking.pop_front();
            self.done += 1;
        }
    }
}
