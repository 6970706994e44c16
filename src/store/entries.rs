//! The operations on entries.

use std::time::Duration;

use super::operations::entries::{ingest, listing, publications};
use super::{Batch, Due, EntryQuery, EntryRow, Ingested, Result, Store};

impl Store {
    /// Records entries of a feed in one transaction: new, changed and deleted entries get the next numbers, the oldest
    /// first. An unknown or removed feed gets none.
    pub async fn ingest(&self, batch: &Batch) -> Result<Ingested> {
        let (ingested, waiting) = self.backend.write(&ingest::INGEST, batch.clone()).await?;
        self.backend.announce(Due::ENTRIES.when(waiting > 0));
        Ok(ingested)
    }

    /// Claims unpublished entries, lowest number first, for `hold`. Only one instance at a time has a claim, and it may
    /// renew the claim. The claim ends early when nothing is left to publish.
    pub async fn claim_publications(&self, most: u32, hold: Duration) -> Result<Vec<EntryRow>> {
        let arguments = (most, self.backend.claim(), hold, self.backend.claims());
        self.backend.write(&publications::CLAIM, arguments).await
    }

    /// Records the publication of events by their numbers. An entry with a later event stays unpublished.
    pub async fn finish_publications(&self, seqs: &[i64]) -> Result<()> {
        if !seqs.is_empty() {
            self.backend.write(&publications::FINISH, seqs.to_vec()).await?;
        }
        Ok(())
    }

    /// Returns entries in the order of the query, without their raw contents. Unknown feeds are ignored; the result
    /// around an unknown UUID is empty.
    pub async fn entries(&self, query: &EntryQuery) -> Result<Vec<EntryRow>> {
        self.backend.read(&listing::ENTRIES, query.clone()).await
    }

    /// Returns an entry by its UUID, without its raw content. A deleted or swept entry is [`super::Change::Deleted`].
    pub async fn entry(&self, id: &str) -> Result<Option<EntryRow>> {
        self.backend.read(&listing::ENTRY, id.to_owned()).await
    }

    /// Returns the raw contents of entries by their UUIDs, as far as they have some.
    pub async fn raw_contents(&self, ids: &[String]) -> Result<Vec<(String, String)>> {
        self.backend.read(&listing::RAW, ids.to_vec()).await
    }

    /// Returns the highest number of an event of these feeds; 0 before the first.
    pub async fn last_seq_of(&self, feeds: &[String]) -> Result<i64> {
        self.backend.read(&listing::LAST_OF, feeds.to_vec()).await
    }

    /// Returns the highest number of an event; 0 before the first.
    pub async fn last_seq(&self) -> Result<i64> {
        self.backend.read(&listing::LAST, ()).await
    }
}
