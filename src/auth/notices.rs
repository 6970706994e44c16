//! Rate-limited log lines about refusals, by origin or address, so that many requests do not produce as many lines.
//! Metrics count every refusal.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::SocketAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Policy, network_prefix};
use crate::bayeux::ClientId;
use crate::peer::{Head, Peer};

/// Maximum number of tracked keys. While it is reached, lines about other keys are suppressed.
const MOST: usize = 4096;
/// The pause between two sweeps for expired keys while the maximum is reached.
const SWEEP: Duration = Duration::from_secs(1);
/// Maximum length in bytes of client text in a log line.
const EXCERPT: usize = 200;

/// Limits the log lines of one kind.
#[derive(Debug)]
pub struct Notices {
    pause: Duration,
    /// Maximum number of lines about all keys in a period.
    most: usize,
    hasher: RandomState,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    /// By hash of the key: the time of the last line, and the number of lines suppressed since.
    lines: HashMap<u64, (Instant, u64)>,
    swept: Option<Instant>,
    /// The start of the current period, its lines, and the lines left out because of the maximum.
    begun: Option<Instant>,
    written: usize,
    left_out: u64,
}

impl Notices {
    /// Allows one line for each key in a period.
    #[must_use]
    pub fn every(pause: Duration) -> Self {
        Self::limited(pause, usize::MAX)
    }

    /// Limits the lines about all keys in a period as well, for keys that clients choose. A separate line states how
    /// many were left out.
    #[must_use]
    pub fn limited(pause: Duration, most: usize) -> Self {
        Self { pause, most, hasher: RandomState::new(), kept: Mutex::default() }
    }

    /// Returns `Some` if a line about a key may be written now, with the number of lines suppressed since its last
    /// one.
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

/// Returns the number of suppressed lines as an optional field of a log line; zero has no field.
#[must_use]
pub fn more(suppressed: u64) -> Option<u64> {
    (suppressed > 0).then_some(suppressed)
}

impl Policy {
    /// Logs a refused page, once a minute for each origin.
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

    /// Logs the end of a session with a full mailbox, once a second.
    pub fn note_full_mailbox(&self, client: &ClientId, channel: &str) {
        if let Some(suppressed) = self.full_mailboxes.pass(()) {
            tracing::warn!(%client, channel = excerpt(channel), suppressed = more(suppressed), "mailbox full; ending the session");
        }
    }

    /// Logs a wrong push secret, once a second for each network prefix.
    pub(super) fn note_wrong_secret(&self, peer: &Peer) {
        let Some(address) = peer.address.map(|address| address.ip()) else { return };
        if let Some(suppressed) = self.wrong_secrets.pass(network_prefix(address)) {
            tracing::warn!(%address, suppressed = more(suppressed), "wrong push secret");
        }
    }
}

/// Returns the beginning of client text for a log line.
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
