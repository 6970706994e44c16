//! Classifies the entries of a batch against the stored ones: new, changed, deleted or known.
//!
//! It must not know statements.

use std::collections::HashMap;

use data_encoding::HEXLOWER;

use crate::store::records::NewEntry;

/// Minimum number of known entries in a batch that counts as a rewritten feed.
const CHURN: usize = 5;

/// The last change of a stored entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Created,
    Updated,
    Deleted,
    /// Removed by a sweep. It never counts as new again.
    Swept,
}

/// An entry that is stored.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) id: i64,
    /// In hexadecimal.
    pub(super) fingerprint: String,
    pub(super) updated: Option<i64>,
    pub(super) last: Last,
    pub(super) is_published: bool,
}

/// The classification of an entry in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Created,
    /// The content has changed. `is_dated`: its date in the feed is later, too.
    Updated {
        is_dated: bool,
    },
    /// It was deleted, and is back.
    Restored,
    /// The content has changed together with most of the feed, without later dates: the feed has another template.
    Rewritten,
    Deleted,
    /// Only the date has changed.
    Dated,
    Known,
}

/// Returns the last entry of each key, in the order of the batch, but never one with an earlier date than another.
pub(super) fn fold(entries: &[NewEntry]) -> Vec<&NewEntry> {
    let mut kept: Vec<Option<&NewEntry>> = Vec::with_capacity(entries.len());
    let mut places: HashMap<&str, usize> = HashMap::with_capacity(entries.len());
    for entry in entries {
        if let Some(&place) = places.get(entry.key.as_str()) {
            let is_older = kept[place].is_some_and(|other| is_earlier(entry.updated, other.updated));
            if is_older {
                continue;
            }
            kept[place] = None;
        }
        places.insert(&entry.key, kept.len());
        kept.push(Some(entry));
    }
    kept.into_iter().flatten().collect()
}

/// Returns the verdicts on entries, given their stored versions.
pub(super) fn classify(entries: &[(&NewEntry, Option<&Stored>)]) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = entries.iter().map(|(entry, stored)| one(entry, *stored)).collect();
    let is_shown =
        |stored: Option<&Stored>| stored.is_some_and(|s| matches!(s.last, Last::Created | Last::Updated));
    let known = entries.iter().filter(|(entry, stored)| !entry.is_deleted && is_shown(*stored)).count();
    let undated = Verdict::Updated { is_dated: false };
    let rewritten = verdicts.iter().filter(|verdict| **verdict == undated).count();
    if known >= CHURN && rewritten * 2 > known {
        for verdict in &mut verdicts {
            if *verdict == undated {
                *verdict = Verdict::Rewritten;
            }
        }
    }
    verdicts
}

fn one(entry: &NewEntry, stored: Option<&Stored>) -> Verdict {
    let Some(stored) = stored else {
        return if entry.is_deleted { Verdict::Known } else { Verdict::Created };
    };
    let is_gone = matches!(stored.last, Last::Deleted | Last::Swept);
    if entry.is_deleted {
        let is_known = is_gone || is_earlier(entry.updated, stored.updated);
        return if is_known { Verdict::Known } else { Verdict::Deleted };
    }
    if stored.last == Last::Swept || is_earlier(entry.updated, stored.updated) {
        return Verdict::Known;
    }
    let is_dated = is_earlier(stored.updated, entry.updated);
    let is_same = hexadecimal(&entry.fingerprint) == stored.fingerprint;
    match (is_gone, is_same) {
        (true, true) if !is_dated => Verdict::Known,
        (true, _) => Verdict::Restored,
        (false, false) => Verdict::Updated { is_dated },
        (false, true) if entry.updated.is_some() && entry.updated != stored.updated => Verdict::Dated,
        (false, true) => Verdict::Known,
    }
}

/// Returns the bytes as they are stored.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

fn is_earlier(one: Option<i64>, other: Option<i64>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one < other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::records::EntryKind;

    fn entry(key: &str, text: &str, updated: Option<i64>) -> NewEntry {
        NewEntry {
            key: key.to_owned(),
            id: String::new(),
            kind: EntryKind::Entry,
            is_deleted: text.is_empty(),
            fingerprint: text.as_bytes().to_vec(),
            updated,
            published: None,
            body: "{}".to_owned(),
            raw: None,
            base: None,
            html: None,
        }
    }

    fn stored(text: &str, updated: Option<i64>, last: Last) -> Stored {
        let fingerprint = hexadecimal(text.as_bytes());
        Stored { id: 1, fingerprint, updated, last, is_published: true }
    }

    fn verdict(text: &str, updated: Option<i64>, stored: &Stored) -> Verdict {
        classify(&[(&entry("a", text, updated), Some(stored))])[0]
    }

    #[test]
    fn known_entries_are_compared_by_date_and_content() {
        let known = stored("a", Some(5), Last::Created);
        for (text, updated, expected) in [
            ("a", None, Verdict::Known),
            ("a", Some(5), Verdict::Known),
            ("a", Some(6), Verdict::Dated),
            ("b", Some(4), Verdict::Known),
            ("b", Some(5), Verdict::Updated { is_dated: false }),
            ("b", None, Verdict::Updated { is_dated: false }),
            ("b", Some(6), Verdict::Updated { is_dated: true }),
            ("", None, Verdict::Deleted),
            ("", Some(4), Verdict::Known),
            ("", Some(5), Verdict::Deleted),
        ] {
            assert_eq!(verdict(text, updated, &known), expected, "{text} {updated:?}");
        }
    }

    #[test]
    fn deleted_entries_come_back_with_other_content_only() {
        let deleted = stored("a", Some(5), Last::Deleted);
        assert_eq!(verdict("a", Some(5), &deleted), Verdict::Known);
        assert_eq!(verdict("b", Some(4), &deleted), Verdict::Known);
        assert_eq!(verdict("a", Some(6), &deleted), Verdict::Restored);
        assert_eq!(verdict("b", None, &deleted), Verdict::Restored);
        assert_eq!(verdict("", None, &deleted), Verdict::Known);
        assert_eq!(verdict("b", Some(9), &stored("a", Some(5), Last::Swept)), Verdict::Known);
        assert_eq!(classify(&[(&entry("a", "", None), None)])[0], Verdict::Known);
    }

    #[test]
    fn a_feed_that_is_mostly_rewritten_has_no_news() {
        let known = stored("a", Some(5), Last::Created);
        let (same, other) = (entry("a", "a", None), entry("a", "b", None));
        let dated = entry("a", "b", Some(6));
        let verdicts = |changed: usize, unchanged: usize| {
            let mut all = vec![(&other, Some(&known)); changed];
            all.extend(vec![(&same, Some(&known)); unchanged]);
            all.extend([(&other, None)]);
            classify(&all)[0]
        };
        assert_eq!(verdicts(4, 0), Verdict::Updated { is_dated: false }, "too few");
        assert_eq!(verdicts(3, 3), Verdict::Updated { is_dated: false }, "half");
        assert_eq!(verdicts(3, 2), Verdict::Rewritten);
        let mut all = vec![(&other, Some(&known)); 5];
        all.push((&dated, Some(&known)));
        assert_eq!(classify(&all)[5], Verdict::Updated { is_dated: true });
    }

    #[test]
    fn the_last_entry_of_a_key_counts() {
        let entries = [
            entry("a", "1", Some(5)),
            entry("b", "1", None),
            entry("a", "2", Some(5)),
            entry("a", "3", Some(4)),
        ];
        let kept: Vec<_> =
            fold(&entries).iter().map(|e| (e.key.as_str(), e.fingerprint.as_slice())).collect();
        assert_eq!(kept, [("b", b"1".as_slice()), ("a", b"2".as_slice())]);
    }
}
