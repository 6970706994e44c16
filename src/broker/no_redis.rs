//! The place of the broker on Redis in a program without the feature `redis`.

use std::convert::Infallible;
use std::marker::PhantomData;

use super::{
    Deliver, HistoryError, HistorySize, Page, PageRequest, PartitionState, PublishOptions, Receipt, Recent,
    Span,
};
use crate::bayeux::{Partition, Publication};

/// Never constructed.
pub struct Redis<D> {
    never: Infallible,
    deliver: PhantomData<D>,
}

impl<D: Deliver> Redis<D> {
    pub(super) fn publish(&self, _: Publication, _: PublishOptions<'_>) -> Receipt {
        match self.never {}
    }

    pub(super) async fn join<'a>(&self, _: impl Iterator<Item = &'a str>) -> bool {
        match self.never {}
    }

    pub(super) async fn page(&self, _: PageRequest<'_>) -> Result<Page, HistoryError> {
        match self.never {}
    }

    pub(super) fn state(&self, _: Partition) -> PartitionState {
        match self.never {}
    }

    pub(super) fn history_size(&self) -> HistorySize {
        match self.never {}
    }

    pub(super) fn sweep(&self) {
        match self.never {}
    }

    pub(super) fn set_rules(&self, _: u64) {
        match self.never {}
    }

    pub(super) async fn recent(&self, _: &str, _: Span) -> Result<Recent, HistoryError> {
        match self.never {}
    }
}
