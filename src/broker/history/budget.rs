//! The limits of the histories of all partitions in memory. This module must not know what is kept.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config;

/// The limits of the histories of all partitions, and their current size.
pub(in crate::broker) struct Budget {
    channels: usize,
    bytes: usize,
    kept_channels: AtomicUsize,
    kept_bytes: AtomicUsize,
}

impl Budget {
    pub(in crate::broker) fn new(settings: &config::HistoryStore) -> Self {
        let (kept_channels, kept_bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { channels: settings.channels, bytes: settings.bytes, kept_channels, kept_bytes }
    }

    /// Returns the size of all histories in bytes.
    pub(in crate::broker) fn kept_bytes(&self) -> usize {
        self.kept_bytes.load(Ordering::Relaxed)
    }

    /// Returns the number of channels with a history.
    #[cfg(test)]
    pub(super) fn kept_channels(&self) -> usize {
        self.kept_channels.load(Ordering::Relaxed)
    }

    pub(super) fn has_too_many_channels(&self) -> bool {
        self.kept_channels.load(Ordering::Relaxed) > self.channels
    }

    pub(super) fn has_too_many_bytes(&self) -> bool {
        self.kept_bytes.load(Ordering::Relaxed) > self.bytes
    }

    pub(super) fn add_channel(&self) {
        self.kept_channels.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn remove_channel(&self) {
        self.kept_channels.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn add_bytes(&self, bytes: usize) {
        self.kept_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn remove_bytes(&self, bytes: usize) {
        self.kept_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
