//! The deliveries of a load: counts, latencies, faults, and the publications that follow them.

use memchr::memmem;

use super::Failure;
use super::connection::{Role, Wire};
use super::latency::Latency;
use super::ledger::Ledger;
use super::marker::{Marker, Scanner};
use super::message;
use super::pool::{Load, Pool};
use super::publisher::Publisher;
use crate::bayeux::Field;

/// A load of publications, from the view of the receivers.
pub(super) struct Tally {
    scanner: Scanner,
    /// The counts.
    pub(super) counts: Counts,
}

/// The counts.
pub(super) struct Counts {
    /// The publishers, by the number of their channel.
    pub(super) publishers: Vec<Publisher>,
    /// Checks that each publication arrives.
    pub(super) ledger: Ledger,
    /// The latency of publications that were due within `span`.
    pub(super) latency: Latency,
    /// The time in which publications count for the latency.
    pub(super) span: std::ops::Range<u64>,
    /// Delivered messages.
    pub(super) delivered: u64,
    /// Publications that the server acknowledged.
    pub(super) acknowledged: u64,
    /// Replies to connects, without the first ones.
    pub(super) connects: u64,
    /// Publications to keep in flight per publisher; with 0 a delivery leads to none.
    pub(super) window: usize,
    /// Publications per frame.
    batch: usize,
    /// The failure while a frame was scanned.
    failure: Option<Failure>,
}

impl Tally {
    /// Without deliveries.
    pub(super) fn new(payload: usize, batch: usize, connections: usize) -> Self {
        let counts = Counts {
            publishers: Vec::new(),
            ledger: Ledger::new(connections),
            latency: Latency::new(),
            span: 0..0,
            delivered: 0,
            acknowledged: 0,
            connects: 0,
            window: 0,
            batch,
            failure: None,
        };
        Self { scanner: Scanner::new(payload), counts }
    }
}

impl Counts {
    /// Sent publications.
    pub(super) fn sent(&self) -> u64 {
        self.publishers.iter().map(|publisher| u64::from(publisher.sent)).sum()
    }

    /// Whether all publications have arrived.
    pub(super) fn is_done(&self) -> bool {
        self.publishers.iter().all(|publisher| publisher.under_way() == 0)
    }

    /// Counts the publications that did not arrive.
    pub(super) fn finish(&mut self, pool: &mut Pool) {
        let Self { ledger, publishers, .. } = self;
        let subscribers = (0..pool.len()).filter_map(|at| {
            let connection = pool.connection(at);
            let publisher = publishers.get(connection.channel as usize)?;
            (connection.role == Role::Subscriber).then_some((at, publisher.sent))
        });
        ledger.finish(subscribers);
    }

    #[inline]
    fn message(&mut self, pool: &mut Pool, at: usize, marker: Marker, now: u64) {
        let channel = pool.connection(at).channel;
        let publisher = self.publishers.get_mut(channel as usize);
        let (Some(publisher), true) = (publisher, channel == marker.publisher) else {
            self.ledger.faults.stray += 1;
            return;
        };
        if marker.sequence >= publisher.sent {
            self.ledger.faults.stray += 1;
            return;
        }
        self.delivered += 1;
        if self.span.contains(&marker.due) {
            self.latency.note(now.saturating_sub(marker.due));
        }
        for sequence in self.ledger.note(at, marker.sequence) {
            publisher.note(sequence);
        }
        while publisher.under_way() + self.batch <= self.window {
            let now = pool.now();
            if let Err(failure) = publisher.publish(pool, now) {
                self.failure = Some(failure);
                return;
            }
        }
    }

    /// Handles the replies to a publisher.
    fn replies(&mut self, pool: &mut Pool, at: usize, payload: &[u8]) -> Result<(), Failure> {
        let mut all_done = true;
        let mut count = 0;
        for found in memmem::find_iter(payload, b"\"successful\":") {
            let value = payload[found + b"\"successful\":".len()..].trim_ascii_start();
            all_done = all_done && value.starts_with(b"true");
            count += 1;
        }
        // A refusal, the reply to a connect, or JSON with unusual spacing.
        if !all_done || count == 0 || memmem::find(payload, b"/meta/").is_some() {
            count = 0;
            for reply in message::replies(payload)? {
                match reply.text(Field::Channel).as_deref() {
                    Some("/meta/connect") => {
                        self.connects += 1;
                        pool.send_connect(at)?;
                    }
                    _ => count += u64::from(reply.get(Field::Successful).is_some()),
                }
            }
        }
        self.acknowledged += count;
        Ok(())
    }
}

impl Load for Tally {
    #[inline]
    fn payload(&mut self, pool: &mut Pool, at: usize, payload: &[u8]) -> Result<(), Failure> {
        let Self { scanner, counts } = self;
        let connection = pool.connection(at);
        let wire = connection.wire;
        if connection.role == Role::Publisher {
            return counts.replies(pool, at, payload);
        }
        let now = pool.now();
        let before = counts.delivered;
        let is_connect = scanner.scan(payload, |marker| counts.message(pool, at, marker, now));
        if let Some(failure) = counts.failure.take() {
            return Err(failure);
        }
        if wire == Wire::Polling && counts.delivered > before {
            // A response with messages is the one to the connect.
            pool.send_connect(at)?;
            counts.connects += 1;
        } else if is_connect && pool.keep_alive(at, payload)? {
            counts.connects += 1;
        }
        Ok(())
    }
}
