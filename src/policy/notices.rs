//! Log lines about refusals, one for each origin or address in a while, so that a flood of requests is no flood of lines.
//! Every refusal is counted elsewhere.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::SocketAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Policy, household};
use crate::bayeux::ClientId;
use crate::peer::{Head, Peer};

/// Keys that are remembered. While there are as many, no line is written about others.
const MOST: usize = 4096;
/// How often keys are forgotten whose pause is over, if there are as many.
const SWEEP: Duration = Duration::from_secs(1);
/// Bytes of a text of a client that a line shows.
const EXCERPT: usize = 200;

/// Log lines of one kind.
#[derive(Debug)]
pub struct Notices {
    pause: Duration,
    /// Lines about all keys in this time.
    most: usize,
    hasher: RandomState,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// By the hash of a key: when its last line was written, and how many were not since.
    lines: HashMap<u64, (Instant, u64)>,
    swept: Option<Instant>,
    /// When the present time began, the lines in it, and those that were left out because of their number.
    begun: Option<Instant>,
    written: usize,
    left_out: u64,
}

impl Notices {
    /// At most one line a key in this time.
    #[must_use]
    pub fn every(pause: Duration) -> Self {
        Self::limited(pause, usize::MAX)
    }

    /// The same, and at most so many lines about all keys, for keys that strangers choose. A line says then how many were
    /// left out.
    #[must_use]
    pub fn limited(pause: Duration, most: usize) -> Self {
        Self { pause, most, hasher: RandomState::new(), kept: Mutex::default() }
    }

    /// Whether a line about a key may be written now, and then how many were not since its last one.
    pub fn pass(&self, key: impl Hash) -> Option<u64> {
        self.pass_at(Instant::now(), key)
    }

    fn pass_at(&self, now: Instant, key: impl Hash) -> Option<u64> {
        let key = self.hasher.hash_one(key);
        let is_over = |last: Instant| now.duration_since(last) >= self.pause;
        let mut kept = self.kept.lock();
        if kept.begun.is_none_or(is_over) {
            kept.begun = Some(now);
            kept.written = 0;
            let left_out = std::mem::take(&mut kept.left_out);
            if left_out > 0 {
                tracing::warn!(
                    left_out,
                    "lines like the next one were left out, because there were too many"
                );
            }
        }
        if kept.written >= self.most {
            kept.left_out += 1;
            return None;
        }
        if let Some((last, suppressed)) = kept.lines.get_mut(&key) {
            if !is_over(*last) {
                *suppressed += 1;
                return None;
            }
            *last = now;
            let suppressed = std::mem::take(suppressed);
            kept.written += 1;
            return Some(suppressed);
        }
        if kept.lines.len() >= MOST && kept.swept.is_none_or(|swept| now.duration_since(swept) >= SWEEP) {
            kept.swept = Some(now);
            kept.lines.retain(|_, (last, _)| !is_over(*last));
        }
        if kept.lines.len() >= MOST {
            return None;
        }
        kept.written += 1;
        kept.lines.insert(key, (now, 0));
        Some(0)
    }
}

/// The number of suppressed lines as a field of a log line, which has no such field for 0.
#[must_use]
pub fn more(suppressed: u64) -> Option<u64> {
    (suppressed > 0).then_some(suppressed)
}

impl Policy {
    /// Logs that a page was refused, once a minute an origin.
    pub fn note_refused_page(&self, head: &Head, address: SocketAddr) {
        let text = |name| head.get(name).and_then(|value| std::str::from_utf8(value).ok());
        let origin = text("origin").filter(|origin| !origin.is_empty());
        let origin = excerpt(origin.or_else(|| text("referer")).unwrap_or("unknown"));
        if let Some(suppressed) = self.refused_pages.pass(origin) {
            let address = self.proxies.client(address, head).ip();
            tracing::info!(
                origin,
                %address,
                suppressed = more(suppressed),
                "page refused: origin not in browsers.origins"
            );
        }
    }

    /// Logs that a session ended because its mailbox was full, once a second.
    pub fn note_full_mailbox(&self, client: &ClientId, channel: &str) {
        if let Some(suppressed) = self.full_mailboxes.pass(()) {
            tracing::warn!(%client, channel = excerpt(channel), suppressed = more(suppressed), "mailbox full; ending the session");
        }
    }

    /// Logs that a wrong push secret was shown, once a second an address.
    pub(super) fn note_wrong_secret(&self, peer: &Peer) {
        let Some(address) = peer.address.map(|address| address.ip()) else { return };
        if let Some(suppressed) = self.wrong_secrets.pass(household(address)) {
            tracing::warn!(%address, suppressed = more(suppressed), "wrong push secret");
        }
    }
}

/// The beginning of a text that a client sent, for a line of the log.
#[must_use]
pub fn excerpt(text: &str) -> &str {
    &text[..text.floor_char_boundary(EXCERPT)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_key_in_a_while() {
        let notices = Notices::every(Duration::from_secs(60));
        let begin = Instant::now();
        let pass = |second, key: &str| notices.pass_at(begin + Duration::from_secs(second), key);
        assert_eq!(pass(0, "a"), Some(0));
        assert_eq!(pass(0, "a"), None);
        assert_eq!(pass(0, "b"), Some(0));
        assert_eq!(pass(59, "a"), None);
        assert_eq!(pass(60, "a"), Some(2));
        assert_eq!(pass(60, "a"), None);
    }

    #[test]
    fn lines_about_all_keys_are_bounded() {
        let notices = Notices::limited(Duration::from_secs(60), 20);
        let begin = Instant::now();
        let passed = |second, keys: std::ops::Range<u32>| {
            let now = begin + Duration::from_secs(second);
            keys.filter(|key| notices.pass_at(now, key).is_some()).count()
        };
        assert_eq!(passed(0, 0..300), 20);
        assert_eq!(passed(59, 300..600), 0);
        assert_eq!(notices.kept.lock().left_out, 580);
        assert_eq!(passed(60, 0..5), 5);
        assert_eq!(notices.kept.lock().left_out, 0);
    }

    #[test]
    fn keys_are_bounded() {
        let notices = Notices::every(Duration::from_secs(60));
        let begin = Instant::now();
        let passed = |second, from: usize| {
            let now = begin + Duration::from_secs(second);
            (from..from + 2 * MOST).filter(|key| notices.pass_at(now, key).is_some()).count()
        };
        assert_eq!(passed(0, 0), MOST);
        assert_eq!(notices.kept.lock().lines.len(), MOST);
        assert_eq!(passed(60, 10 * MOST), MOST);
        assert_eq!(notices.kept.lock().lines.len(), MOST);
    }

    #[test]
    fn an_excerpt_ends_between_characters() {
        assert_eq!(excerpt("short"), "short");
        assert_eq!(excerpt(&"é".repeat(500)).len(), EXCERPT);
        assert_eq!(excerpt(&format!("x{}", "é".repeat(500))).len(), EXCERPT - 1);
    }
}
