//! The rows to write for a batch, with their numbers.
//!
//! It must not know statements.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::Serialize;

use super::classify::{Last, Stored, Verdict, hexadecimal};
use crate::store::operations::clean;
use crate::store::records::{Change, Ingested, NewEntry};

#[derive(Serialize)]
pub(super) struct Created<'e> {
    pub(super) seq: i64,
    pub(super) uuid: &'e str,
    pub(super) key: &'e str,
    #[serde(flatten)]
    pub(super) content: Content<'e>,
    pub(super) change: &'static str,
    pub(super) is_shown: i64,
    pub(super) is_published: i64,
}

#[derive(Serialize)]
pub(super) struct Changed<'e> {
    pub(super) id: i64,
    pub(super) seq: Option<i64>,
    #[serde(flatten)]
    pub(super) content: Content<'e>,
    pub(super) change: Option<&'static str>,
    pub(super) is_published: Option<i64>,
}

#[derive(Serialize)]
pub(super) struct Deleted {
    pub(super) id: i64,
    pub(super) seq: i64,
    pub(super) updated: Option<i64>,
    pub(super) is_published: i64,
    pub(super) body: String,
}

#[derive(Serialize)]
pub(super) struct Dated {
    pub(super) id: i64,
    pub(super) updated: Option<i64>,
}

#[derive(Serialize)]
pub(super) struct Content<'e> {
    pub(super) fingerprint: String,
    pub(super) updated: Option<i64>,
    pub(super) published: Option<i64>,
    pub(super) kind: &'static str,
    pub(super) base: Option<Cow<'e, str>>,
    pub(super) body: Cow<'e, str>,
    pub(super) html: Option<Cow<'e, str>>,
    pub(super) raw: Option<Cow<'e, str>>,
}

impl<'e> Content<'e> {
    fn of(entry: &'e NewEntry) -> Self {
        Self {
            fingerprint: hexadecimal(&entry.fingerprint),
            updated: entry.updated,
            published: entry.published,
            kind: entry.kind.name(),
            base: entry.base.as_deref().map(storable),
            body: storable(&entry.body),
            html: entry.html.as_deref().map(storable),
            raw: entry.raw.as_deref().map(storable),
        }
    }

    /// Returns the stored form of an entry that is only remembered.
    fn remembered(entry: &NewEntry) -> Self {
        Self {
            fingerprint: hexadecimal(&entry.fingerprint),
            updated: None,
            published: None,
            kind: entry.kind.name(),
            base: None,
            body: Cow::Borrowed("{}"),
            html: None,
            raw: None,
        }
    }
}

/// The rows to write, as lists.
#[derive(Default)]
pub(super) struct Plan<'e> {
    pub(super) created: Vec<Created<'e>>,
    pub(super) changed: Vec<Changed<'e>>,
    pub(super) deleted: Vec<Deleted>,
    pub(super) dated: Vec<Dated>,
    /// Created entries that are only remembered.
    pub(super) remembered: i64,
    /// Entries that are shown again.
    pub(super) restored: i64,
    /// Unpublished events.
    pub(super) waiting: u64,
    pub(super) counts: Ingested,
}

impl<'e> Plan<'e> {
    /// `kept` is the number of new entries of a backfill that are shown, and `None` for other batches.
    pub(super) fn new(
        kept: Option<usize>,
        pairs: &[(&'e NewEntry, Option<&Stored>)],
        keys: &'e [Cow<'_, str>],
        verdicts: &[Verdict],
        first: i64,
        bodies: &HashMap<i64, String>,
    ) -> Self {
        let mut plan = Self::default();
        let mut seq = first;
        let news = verdicts.iter().filter(|verdict| is_event(**verdict) && **verdict != Verdict::Deleted);
        // The oldest of too many new entries of a backfill are only remembered.
        let mut quiet = kept.map_or(0, |kept| news.count().saturating_sub(kept));
        for ((&(entry, stored), key), &verdict) in pairs.iter().zip(keys).zip(verdicts) {
            let is_quiet = is_event(verdict) && verdict != Verdict::Deleted && quiet > 0;
            quiet -= usize::from(is_quiet);
            // An unpublished event is not lost.
            let is_waiting = stored.is_some_and(|stored| !stored.is_published);
            let is_published = i64::from(kept.is_some() && !is_waiting);
            if is_event(verdict) {
                plan.waiting += u64::from(is_published == 0);
            }
            match (verdict, stored) {
                (Verdict::Created, _) if is_quiet => {
                    let (uuid, content) = (entry.id.as_str(), Content::remembered(entry));
                    let (change, is_shown) = ("swept", 0);
                    plan.created.push(Created { seq, uuid, key, content, change, is_shown, is_published });
                    plan.remembered += 1;
                    plan.counts.known += 1;
                }
                (Verdict::Created, _) => {
                    let (uuid, content) = (entry.id.as_str(), Content::of(entry));
                    let (change, is_shown) = (Change::Created.name(), 1);
                    plan.created.push(Created { seq, uuid, key, content, change, is_shown, is_published });
                    plan.counts.created += 1;
                }
                (Verdict::Updated { .. } | Verdict::Restored, Some(stored)) => {
                    let is_new = is_waiting && stored.last == Last::Created;
                    plan.changed.push(Changed {
                        id: stored.id,
                        seq: Some(seq),
                        content: Content::of(entry),
                        change: Some(if is_new { Change::Created } else { Change::Updated }.name()),
                        is_published: Some(is_published),
                    });
                    plan.restored += i64::from(verdict == Verdict::Restored);
                    plan.counts.updated += 1;
                }
                (Verdict::Rewritten, Some(stored)) => {
                    let content = Content::of(entry);
                    let (id, seq, change, is_published) = (stored.id, None, None, None);
                    plan.changed.push(Changed { id, seq, content, change, is_published });
                    plan.counts.rewritten += 1;
                }
                (Verdict::Deleted, Some(stored)) => {
                    let body = bodies.get(&stored.id).map_or_else(|| "{}".to_owned(), |body| remains(body));
                    let (id, updated) = (stored.id, entry.updated);
                    plan.deleted.push(Deleted { id, seq, updated, is_published, body });
                    plan.counts.deleted += 1;
                }
                (Verdict::Dated, Some(stored)) => {
                    plan.dated.push(Dated { id: stored.id, updated: entry.updated });
                    plan.counts.known += 1;
                }
                _ => plan.counts.known += 1,
            }
            seq += i64::from(is_event(verdict));
        }
        plan
    }
}

/// Whether the verdict produces an event with a number.
pub(super) fn is_event(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Created | Verdict::Updated { .. } | Verdict::Restored | Verdict::Deleted)
}

/// Returns the part of the body of a deleted entry that stays: its identity in the feed.
fn remains(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    match body.get("guid") {
        Some(guid) => serde_json::json!({ "guid": guid }).to_string(),
        None => "{}".to_owned(),
    }
}

/// Returns text that both databases can store; copies it only if it has to be changed.
pub(super) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(clean(text)) } else { Cow::Borrowed(text) }
}
