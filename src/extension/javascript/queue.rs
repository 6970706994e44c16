//! The queue to an engine process. The number of queued calls is bounded; the other frames of the server are bounded by
//! other means.

use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::wire::{Call, Order};

/// A frame in the queue.
pub(super) struct Queued {
    pub(super) order: Order,
    pub(super) place: Option<OwnedSemaphorePermit>,
}

/// The sending end of the queue. Dropping it closes the queue.
pub(super) struct Queue {
    frames: Sender<Queued>,
    places: Arc<Semaphore>,
}

impl Queue {
    /// A queue for so many calls.
    pub(super) fn new(places: usize) -> (Self, Receiver<Queued>) {
        let (frames, received) = mpsc::channel();
        (Self { frames, places: Arc::new(Semaphore::new(places)) }, received)
    }

    /// Appends a call. Returns `false` if the queue is full.
    pub(super) fn call(&self, call: &Arc<Call>) -> bool {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return false };
        self.append(Order::Call(Arc::clone(call)), Some(place));
        true
    }

    /// Appends another frame.
    pub(super) fn send(&self, order: Order) {
        self.append(order, None);
    }

    fn append(&self, order: Order, place: Option<OwnedSemaphorePermit>) {
        // Sending fails when the process has ended, which fails its calls.
        let _ = self.frames.send(Queued { order, place });
    }
}
