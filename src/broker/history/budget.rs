//! The limits of the histories of all partitions in memory. This module must not know what is kept.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::config;

/// The limits of the histories of all partitions, and their current size.
pub(in crate::broker) struct Budget {
    channels: usize,
    bytes: usize,
    kept_channels: AtomicUsize,
    kept_bytes: AtomicUsize,
    displaced: AtomicU64,
}

/// The current size of the histories.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HistorySize {
    /// The number of channels with a history.
    pub channels: usize,
    /// Their size in bytes, approximately.
    pub bytes: usize,
    /// The number of publications that were removed so far because of the limits.
    pub displaced: u64,
}

impl Budget {
    pub(in crate::broker) fn new(settings: &config::HistoryStore) -> Self {
        Self {
            channels: settings.channels,
            bytes: settings.bytes,
            kept_channels: AtomicUsize::new(0),
            kept_bytes: AtomicUsize::new(0),
            displaced: AtomicU64::new(0),
        }
    }

    /// Returns the size of all histories.
    pub(in crate::broker) fn size(&self) -> HistorySize {
        HistorySize {
            channels: self.kept_channels.load(Ordering::Relaxed),
            bytes: self.kept_bytes.load(Ordering::Relaxed),
            displaced: self.displaced.load(Ordering::Relaxed),
        }
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

    pub(super) fn note_displaced(&self, publications: usize) {
        self.displaced.fetch_add(publications as u64, Ordering::Relaxed);
    }

    pub(super) fn add_bytes(&self, bytes: usize) {
        self.kept_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn remove_bytes(&self, bytes: usize) {
        self.kept_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
