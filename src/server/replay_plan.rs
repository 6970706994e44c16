//! Where the client of a subscribe wants its subscription to begin (`ext.replay`, Salesforce's replay extension with cursors). This
//! module must not know the server.

use std::collections::HashMap;

use crate::bayeux::{BayeuxError, Cursor, Field, Message, Pattern, json};
use crate::router::{Announced, Options};

/// The largest integer that is exact in JavaScript.
const HIGHEST: u64 = (1 << 53) - 1;

/// Where a subscription begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum From {
    /// With the next publication.
    New,
    /// With everything that is kept.
    All,
    /// With as many publications as the rule of each channel tells.
    Rule,
    /// After an offset.
    After(u64),
    /// After the positions of a cursor.
    Cursor(Cursor),
}

/// The replay of one subscription that is in effect.
pub(super) struct ReplayPlan {
    pub(super) pattern: String,
    pub(super) from: From,
    pub(super) options: Options,
    /// Whether there may be something to replay.
    pub(super) has_history: bool,
    /// Set while the replay is announced.
    pub(super) announced: Option<Announced>,
}

impl ReplayPlan {
    /// Whether there may be something to replay.
    pub(super) fn needs_replay(&self) -> bool {
        self.has_history && self.from != From::New
    }
}

/// Returns `ext.replay` of a message, JSON.
pub(super) fn replay_of(message: &Message) -> Option<&[u8]> {
    json::member(message.get(Field::Ext)?, "replay")
}

/// The error for a position, as Salesforce writes it.
pub(super) fn invalid(position: &str) -> BayeuxError {
    BayeuxError::ReplayInvalid(format!("{{{position}}}"))
}

/// Reads a position: an integer, as a number or a text, or a cursor.
pub(super) fn from_json(value: &[u8]) -> Result<From, BayeuxError> {
    let text = json::as_text(value);
    let text = text.as_deref().or_else(|| std::str::from_utf8(value).ok()).unwrap_or_default();
    match text {
        "-1" => return Ok(From::New),
        "-2" => return Ok(From::All),
        _ => {}
    }
    if !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(offset) = text.parse()
        && offset <= HIGHEST
    {
        return Ok(From::After(offset));
    }
    let cursor = if value.first() == Some(&b'"') { Cursor::parse(text) } else { None };
    let shown: String = json::printed(value).chars().take(40).collect();
    cursor.map(From::Cursor).ok_or_else(|| invalid(&shown))
}

/// Returns the positions of the channels that a pattern covers. Others are ignored.
pub(super) fn seen_of(wanted: &[u8], pattern: &str) -> Result<HashMap<String, u64>, BayeuxError> {
    let mut seen = HashMap::new();
    let Some(parsed) = Pattern::parse(pattern).filter(|pattern| !pattern.is_name()) else { return Ok(seen) };
    let mut failed = None;
    json::each_member(wanted, |name, value| {
        let name = name.text();
        if name != pattern
            && Pattern::parse(name).is_some_and(|other| other.is_name() && parsed.covers(other))
        {
            match from_json(value) {
                Ok(From::After(offset)) => _ = seen.insert(name.to_owned(), offset),
                Ok(_) => {}
                Err(error) => failed = Some(error),
            }
        }
    });
    failed.map_or(Ok(seen), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_integers_texts_of_integers_and_cursors() {
        for (value, from) in [
            ("-1", From::New),
            ("\"-2\"", From::All),
            ("0", From::After(0)),
            ("\"17\"", From::After(17)),
            ("9007199254740991", From::After(HIGHEST)),
            ("\"cAQAAAAAAAAAAAA\"", From::Cursor(Cursor::default())),
        ] {
            assert_eq!(from_json(value.as_bytes()).ok(), Some(from), "{value}");
        }
        for value in
            ["9007199254740992", "1.5", "1e3", "-3", "null", "true", "\"\"", "\"x\"", "[]", "\"c!\"", "+1"]
        {
            assert!(from_json(value.as_bytes()).is_err(), "{value}");
        }
    }

    #[test]
    fn foreign_keys_are_ignored() {
        let wanted = br#"{"/a/*":5,"/a/x":7,"/b":"no","/a/x/y":9,"/a/**":1,"/a/z":-1}"#;
        let seen = seen_of(wanted, "/a/*").unwrap();
        assert_eq!(seen, HashMap::from([("/a/x".to_owned(), 7)]));
        assert!(seen_of(br#"{"/a/x":1.5}"#, "/a/*").is_err());
        assert_eq!(seen_of(wanted, "/b").unwrap(), HashMap::new());
    }
}
