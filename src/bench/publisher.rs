//! One publisher: its frame, and its publications in flight.

use std::collections::VecDeque;

use super::Failure;
use super::connection::Role;
use super::frame;
use super::marker::{self, Marker};
use super::message::quoted;
use super::pool::Pool;

/// A publisher with the frame that it sends each time.
pub(super) struct Publisher {
    number: u32,
    /// Its connection.
    connection: usize,
    /// The frame, with one or several publications.
    bytes: Vec<u8>,
    /// The indices of the markers in it.
    markers: Vec<usize>,
    /// Receivers of a publication.
    receivers: u32,
    /// Sent publications.
    pub(super) sent: u32,
    /// Publications that all receivers have.
    pub(super) done: u32,
    /// For each publication in flight, the receivers that do not have it yet.
    lacking: VecDeque<u32>,
}

impl Publisher {
    /// Creates the publisher on a connection. Each frame has `batch` publications with `payload` bytes of data.
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
        // The floor has no sessions.
        let client = if client.is_empty() { "\"none\"" } else { &*client };
        let ext = &pool.target.ext;
        let publication =
            |id| format!(r#"{{"channel":{name},"data":"{data}","clientId":{client},"id":"{id}"{ext}}}"#);
        let mut bytes = Vec::new();
        if pool.target.floor {
            // The floor is one write per delivery; several messages in a frame would be fewer.
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

    /// Publications that some receiver does not have yet.
    #[inline]
    pub(super) fn under_way(&self) -> usize {
        self.lacking.len()
    }

    /// Sends its publications, with their due time.
    pub(super) fn publish(&mut self, pool: &mut Pool, due: u64) -> Result<(), Failure> {
        for at in &self.markers {
            let marker = Marker { publisher: self.number, sequence: self.sent, due };
            marker.write(&mut self.bytes[*at..]);
            self.sent += 1;
            self.lacking.push_back(self.receivers);
        }
        pool.send(self.connection, &self.bytes)
    }

    /// Records that one receiver has a publication, or will not get it.
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
