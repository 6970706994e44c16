//! Prepares a parsed entry for the store: sanitizes its content.
//!
//! It must not know why the entry was parsed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::{Found, sanitise};
use crate::store::NewEntry;

/// How far the clock of a feed may be ahead. A later date is not used to compare versions of an entry.
const SKEW: Duration = Duration::from_secs(600);

/// Returns the entry for the store. `id` is a UUID (version 7) that is used if the entry is new.
#[must_use]
pub fn prepare(found: Found, id: String) -> NewEntry {
    let Found { key, kind, is_deleted, fingerprint, updated, published, mut body, raw, base, .. } = found;
    let clean = raw.as_deref().map(|raw| sanitise::clean(raw, base.as_deref()));
    if clean.as_ref().is_some_and(|clean| clean.is_truncated) {
        body.insert("truncated".to_owned(), Value::Bool(true));
    }
    let html = clean.map(|clean| clean.html).filter(|html| !html.is_empty());
    // A wrong date would keep later versions of the entry out until then.
    let latest = milliseconds(SystemTime::now() + SKEW);
    let updated = updated.filter(|updated| *updated <= latest);
    NewEntry {
        key,
        id,
        kind,
        is_deleted,
        fingerprint: fingerprint.to_vec(),
        updated,
        published,
        body: Value::Object(body).to_string(),
        raw,
        base,
        html,
    }
}

fn milliseconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::EntryKind;

    fn found(raw: Option<String>) -> Found {
        Found {
            key: "k".to_owned(),
            kind: EntryKind::Entry,
            is_deleted: false,
            fingerprint: [7; 32],
            updated: Some(2),
            published: Some(1),
            topic: None,
            body: serde_json::Map::from_iter([("guid".to_owned(), Value::from("g"))]),
            raw,
            base: Some("https://a.example/b/".to_owned()),
        }
    }

    #[test]
    fn content_is_sanitised_and_kept_as_it_was() {
        let raw = "<p onclick=x><a href=c>d</a>".to_owned();
        let entry = prepare(found(Some(raw.clone())), "id".to_owned());
        let html = entry.html.unwrap();
        assert!(html.starts_with("<p><a href=\"https://a.example/b/c\""), "{html}");
        assert_eq!(entry.raw, Some(raw));
        assert_eq!((entry.id.as_str(), entry.fingerprint), ("id", vec![7; 32]));
        assert_eq!(entry.body, "{\"guid\":\"g\"}");
    }

    #[test]
    fn a_date_in_the_future_is_not_compared() {
        let at = |ahead: Duration| milliseconds(SystemTime::now() + ahead);
        for (updated, is_kept) in [(at(Duration::ZERO), true), (at(SKEW * 2), false), (i64::MAX, false)] {
            let entry = prepare(Found { updated: Some(updated), ..found(None) }, String::new());
            assert_eq!(entry.updated, Some(updated).filter(|_| is_kept));
        }
    }

    #[test]
    fn a_cut_is_noted_and_no_content_is_none() {
        let entry = prepare(found(Some("x".repeat(70_000))), String::new());
        assert_eq!(entry.html.map(|html| html.len()), Some(64 * 1024));
        assert_eq!(entry.body, "{\"guid\":\"g\",\"truncated\":true}");
        for raw in [None, Some(String::new()), Some("<script>x</script>".to_owned())] {
            assert_eq!(prepare(found(raw), String::new()).html, None);
        }
    }
}
