//! The events of the JavaScript thread, and the shared state of the engine process.

use std::cell::Cell;
use std::sync::Arc;

use super::LoadError;
use super::folder::Folder;
use super::out::Out;
use super::reporter::Reporter;
use super::watch::Watch;
use super::wire::{Call, Fetched, Sources, Start};

/// An event.
pub(super) enum Event {
    Call(Call),
    Fetched(Fetched),
    /// Checks whether to stop.
    Stop,
}

/// State that is constant while the engine runs.
pub(super) struct Shared {
    pub(super) start: Start,
    /// One for each file.
    pub(super) folders: Vec<Arc<Folder>>,
    /// One for each file.
    pub(super) reporters: Vec<Reporter>,
    pub(super) out: Arc<Out>,
    pub(super) watch: Arc<Watch>,
    /// Requests of all files that are under way.
    pub(super) fetching: Cell<usize>,
}

impl Shared {
    /// Opens the files.
    ///
    /// # Errors
    /// [`LoadError`] for the first missing file.
    pub(super) fn new(mut start: Start, out: Arc<Out>, watch: Arc<Watch>) -> Result<Self, LoadError> {
        let mut sources = std::mem::take(&mut start.sources).into_iter();
        let open = |file: &String| match sources.next() {
            Some(sources) => Ok(Folder::restore(file, sources)),
            None => Folder::open(file).map_err(|reason| LoadError::new(file, reason)),
        };
        let folders = start.files.iter().map(open).collect::<Result<_, _>>()?;
        let reporters = 0..start.files.len();
        let reporters = reporters.map(|file| Reporter::new(file, Arc::clone(&out), start.log_rate)).collect();
        Ok(Self { start, folders, reporters, out, watch, fetching: Cell::new(0) })
    }

    /// Returns the texts that were read for each file.
    pub(super) fn sources(&self) -> Vec<Sources> {
        self.folders.iter().map(|folder| folder.sources()).collect()
    }
}
