//! One direction of a bridge: selects the messages to forward, and rewrites them for the other server.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;

use super::counters::Counters;
use super::echo::fingerprint;
use super::ext;
use super::mark::{FIELD, HOPS, Mark};
use super::queue::{Item, Queue};
use super::recent::RecentIds;
use super::side::Side;
use super::{Fault, Options};
use crate::bayeux::{Field, Message, channel};

pub(super) struct Direction {
    /// `in` or `out`, for the log.
    pub(super) way: &'static str,
    pub(super) from: Arc<Side>,
    pub(super) to: Arc<Side>,
    pub(super) patterns: Vec<String>,
    pub(super) queue: Queue,
    pub(super) counters: Counters,
    secrets: HashSet<String>,
    seen: Mutex<RecentIds>,
}

impl Direction {
    pub(super) fn new(way: &'static str, from: &Arc<Side>, to: &Arc<Side>, options: &Options) -> Self {
        let shown = [&options.theirs, &options.ours].into_iter().filter_map(|server| server.ext.as_deref());
        Self {
            way,
            from: Arc::clone(from),
            to: Arc::clone(to),
            patterns: options.patterns.clone(),
            queue: Queue::new(options.queue),
            counters: Counters::default(),
            secrets: ext::secrets(shown),
            seen: Mutex::default(),
        }
    }

    /// Queues a message of one server for the other, if it has to be forwarded.
    ///
    /// # Errors
    /// [`Fault::MarkLost`] if messages would loop.
    pub(super) fn take(&self, mut message: Message) -> Result<(), Fault> {
        self.counters.received.add(1);
        let mark = Mark::of(&message);
        self.check_echo(&message, mark.is_some())?;
        let name = message.text(Field::Channel).unwrap_or_default().into_owned();
        let mark = mark.unwrap_or_else(Mark::new);
        let has_passed = mark.via.contains(&self.to.name) || mark.via.len() >= HOPS;
        // Faye delivers messages for the server only (`/service/`) to subscribers of `/**`.
        let is_public = !channel::is_meta(&name) && !channel::is_service(&name);
        if has_passed || !is_public || !self.seen.lock().insert(&mark.id) {
            self.counters.duplicates.add(1);
            return Ok(());
        }
        message.set_key(FIELD, mark.leaving(&self.from.name));
        match ext::joined(message.get(Field::Ext), &self.secrets, self.to.ext.as_deref()) {
            None => {}
            Some(empty) if empty.is_empty() => message.remove(Field::Ext),
            Some(ext) => message.set(Field::Ext, ext),
        }
        let fingerprint = self.to.echo.lock().is_open().then(|| fingerprint(&message));
        let mut object = Vec::with_capacity(message.size() + 64);
        // Without the fields of the publisher and of our session.
        message.write(&mut object, |field| matches!(field, Field::Id) || field.is_for_subscribers());
        let dropped = self.queue.push(Item { object: object.into(), fingerprint });
        if dropped > 0 {
            if self.counters.dropped.get() == 0 {
                tracing::warn!(to = self.to.url, "bridge queue full; dropping the oldest messages");
            }
            self.counters.dropped.add(dropped);
        }
        Ok(())
    }

    /// Checks whether the source server keeps marks.
    fn check_echo(&self, message: &Message, is_marked: bool) -> Result<(), Fault> {
        let mut echo = self.from.echo.lock();
        if !echo.is_open() {
            return Ok(());
        }
        if is_marked {
            echo.received_marked();
        } else if echo.received_unmarked(fingerprint(message)) {
            return Err(Fault::MarkLost(self.from.url.clone()));
        }
        Ok(())
    }

    /// Whether a message was received since the last report.
    pub(super) fn is_news(&self) -> bool {
        self.counters.is_news()
    }

    /// Logs the number of forwarded messages, in a periodic or the final report.
    pub(super) fn report(&self, is_final: bool) {
        let counters = &self.counters;
        counters.was_reported();
        tracing::info!(
            direction = self.way,
            received = counters.received.get(),
            forwarded = counters.forwarded.get(),
            duplicates = counters.duplicates.get(),
            refused = counters.refused.get(),
            dropped = counters.dropped.get(),
            queued = self.queue.waiting(),
            is_final,
            "bridge report"
        );
    }
}
