//! The operations of the store, each written once for both databases.
//!
//! An operation runs in one transaction. Every list is one parameter, so the number of statements does not depend on
//! the number of rows. This module must not know the database, nor how transactions begin and end.

pub(super) mod claims;
mod content;
mod counters;
pub(super) mod deliveries;
pub(super) mod entries;
pub(super) mod feeds;
pub(super) mod fetches;
mod finish_fetch;
mod finish_requests;
pub(super) mod listing;
pub(super) mod ping;
pub(super) mod probe;
pub(super) mod requests;
pub(super) mod status;
pub(super) mod sweep;

pub(super) use content::{PAYLOAD, PUBLISH, Published};
pub(super) use finish_fetch::{FINISH_FETCH, Finished};
pub(super) use finish_requests::FINISH_REQUESTS;

use std::time::Duration;

use serde::Serialize;

use crate::config::SignatureMethod;

/// How long the result of a request is kept, in milliseconds.
const KEEP: i64 = 24 * 60 * 60 * 1000;

/// Returns a duration as stored.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4).min(i64::MAX / 4)
}

/// Returns a duration as it was stored; a negative one is over.
fn duration(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// Returns a bound as a parameter.
fn bound(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Returns a list as one parameter.
fn list<T: Serialize>(items: &[T]) -> sqlx::Result<String> {
    serde_json::to_string(items).map_err(|problem| sqlx::Error::Encode(problem.into()))
}

/// Text that both databases store: PostgreSQL has no NUL in texts.
pub(super) fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn signature(name: &str) -> SignatureMethod {
    match name {
        "sha1" => SignatureMethod::Sha1,
        "sha384" => SignatureMethod::Sha384,
        "sha512" => SignatureMethod::Sha512,
        _ => SignatureMethod::Sha256,
    }
}

/// Returns a secret or token as text. It was stored from text.
fn secret(bytes: Option<Vec<u8>>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
