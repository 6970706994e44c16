//! Prints the failures of feeds on standard error: each at its start, on a change of its text, and at its end. It must
//! not know how feeds are fetched.

use std::collections::HashMap;
use std::time::Duration;

use crate::cli::output::warn;
use crate::store::{FeedRow, Store};

/// The polling interval.
const EVERY: Duration = Duration::from_millis(200);

/// Prints failures until it is dropped.
pub(super) async fn print(store: Store) {
    let mut known = Failures::default();
    loop {
        // A store in memory fails only when the server stops.
        if let Ok(rows) = store.feed_rows().await {
            known.lines(&rows).into_iter().for_each(warn);
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// The texts that were printed, by feed.
#[derive(Default)]
struct Failures(HashMap<String, String>);

impl Failures {
    /// Returns a line for each change.
    fn lines(&mut self, rows: &[FeedRow]) -> Vec<String> {
        let line = |row: &FeedRow| {
            let name = &row.feed.name;
            match &row.failure {
                Some(why) => {
                    let is_new = self.0.insert(name.clone(), why.clone()).as_ref() != Some(why);
                    is_new.then(|| format!("{name}: {why}"))
                }
                None => self.0.remove(name).map(|_| format!("{name}: the feed is read again")),
            }
        };
        rows.iter().filter_map(line).collect()
    }
}
