//! The replays of a session that moves to another instance.

use serde::{Deserialize, Serialize};

use super::{Options, Part, Replay, Replays};
use crate::bayeux::{Compiled, Positions};

/// A replay for another instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayState {
    pub(super) pattern: String,
    pub(super) parts: Vec<Part>,
    #[serde(flatten)]
    pub(super) options: Options,
}

impl Replays {
    /// Returns the replays for another instance.
    #[must_use]
    pub fn export(&self) -> Vec<ReplayState> {
        let state = |replay: &Replay| ReplayState {
            pattern: replay.pattern.pattern().to_string(),
            parts: replay.parts.clone(),
            options: replay.options.clone(),
        };
        self.list.iter().map(state).collect()
    }

    /// Continues the replays of another instance, which has delivered everything up to `delivered` or left it to them. Replays of
    /// this instance are for single channels that the mailbox had no room for. Skips what is malformed.
    pub fn import(&mut self, states: Vec<ReplayState>, delivered: &Positions) {
        let local = std::mem::take(&mut self.list);
        for ReplayState { pattern, parts, options } in states {
            let Some(compiled) = Compiled::parse(&pattern) else { continue };
            let begun = |mut part: Part| {
                if !part.is_begun {
                    // The subscription was not in effect yet. Its reply says that publications may be missing.
                    part.begin_live();
                }
                (part.until > part.start.after).then_some(part)
            };
            let parts: Vec<_> = parts.into_iter().filter_map(begun).collect();
            if !parts.is_empty() {
                self.serial += 1;
                self.list.push(Replay { serial: self.serial, pattern: compiled, parts, options });
            }
        }
        for mut replay in local {
            let name = replay.pattern.pattern().to_string();
            replay.parts.retain_mut(|part| {
                let before = delivered.offset(part.partition).unwrap_or(0);
                part.start.after = part.start.after.max(before);
                (part.pass, part.has_page) = (None, false);
                let is_left = part.until > part.start.after;
                let other = if is_left { self.part_of(&name, part.partition) } else { None };
                if let Some(other) = other {
                    other.defer_all(part);
                    return false;
                }
                is_left
            });
            if !replay.parts.is_empty() {
                self.list.push(replay);
            }
        }
    }
}
