//! Settings with another name before the first release.
//!
//! An old name is an error that names the new one, never an alias. This module knows names only, no values and no
//! files.

use super::keys::{VARIABLE_PREFIX, VARIABLE_SEPARATOR};

/// A renamed setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renamed {
    /// The section; it did not change.
    pub section: &'static str,
    /// The key that is no longer accepted.
    pub old: &'static str,
    /// The key to use.
    pub new: &'static str,
}

/// Every renamed setting, in the order of `faye.toml`.
pub const RENAMED: &[Renamed] = &[
    renamed("server", "drain", "drain_timeout"),
    renamed("advice", "retry_first", "retry_min"),
    renamed("advice", "retry_most", "retry_max"),
    renamed("extensions", "time", "cpu_limit"),
    renamed("extensions", "answer", "timeout"),
    renamed("extensions", "waiting", "max_pending"),
    renamed("redis", "authority", "tls_ca"),
    renamed("redis", "accept", "ack"),
    renamed("redis", "notice", "drain_delay"),
    renamed("acme", "directory_root", "directory_ca"),
    renamed("token", "expiry", "require_expiry"),
    renamed("hook", "waiting", "max_pending"),
    renamed("hook", "failure", "on_error"),
    renamed("hook", "failures", "breaker_threshold"),
    renamed("hook", "pause", "breaker_cooldown"),
    renamed("webhook", "waiting", "max_pending"),
    renamed("webhook", "bytes", "max_pending_bytes"),
];

const fn renamed(section: &'static str, old: &'static str, new: &'static str) -> Renamed {
    Renamed { section, old, new }
}

/// Returns the message for a key that was renamed.
pub(super) fn key(section: &str, name: &str) -> Option<String> {
    let renamed = RENAMED.iter().find(|renamed| renamed.section == section && renamed.old == name)?;
    Some(message(renamed.new))
}

/// Returns the message for a variable that sets a renamed key.
pub(super) fn variable(name: &str) -> Option<String> {
    let renamed = RENAMED.iter().find(|renamed| variable_of(renamed.section, renamed.old) == name)?;
    Some(message(&variable_of(renamed.section, renamed.new)))
}

/// Each renamed key, as its section, the old key and the variable of the new key.
pub(super) fn variables() -> impl Iterator<Item = (&'static str, &'static str, String)> {
    RENAMED.iter().map(|renamed| (renamed.section, renamed.old, variable_of(renamed.section, renamed.new)))
}

fn message(new: &str) -> String {
    format!("this setting was renamed; write {new}")
}

fn variable_of(section: &str, name: &str) -> String {
    format!("{VARIABLE_PREFIX}{section}{VARIABLE_SEPARATOR}{name}").to_ascii_uppercase()
}
