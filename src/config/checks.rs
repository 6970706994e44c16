//! Checks of settings that are valid individually, but not in combination.
//!
//! This module knows the settings as a whole, and not where they were written.

mod feeds;
mod followed;
mod hub;
mod routes;

pub(super) use followed::credentials;

use std::time::Duration;

use super::built::left_out;
use super::units::format_duration;
use super::{Ack, Config, ReplayId};

/// An invalid combination of settings.
pub(super) struct Clash {
    /// Their keys.
    pub(super) keys: Vec<String>,
    /// The error, and a valid value.
    pub(super) message: String,
    /// Whether a setting is missing, which a variable may add to the file.
    pub(super) is_incomplete: bool,
}

impl Clash {
    /// Settings that exclude each other.
    fn new<K: Into<String>>(keys: impl IntoIterator<Item = K>, message: impl Into<String>) -> Self {
        let keys = keys.into_iter().map(Into::into).collect();
        Self { keys, message: message.into(), is_incomplete: false }
    }

    /// Returns the clash of a setting that requires another one.
    fn incomplete<K: Into<String>>(keys: impl IntoIterator<Item = K>, message: impl Into<String>) -> Self {
        Self { is_incomplete: true, ..Self::new(keys, message) }
    }
}

/// Returns all invalid combinations of settings.
pub(super) fn clashes(config: &Config) -> Vec<Clash> {
    let mut found = durations(config);
    found.extend(left_out(config).map(|(key, message)| Clash::new([key], message)));
    found.extend(routes::clashes(config));
    found.extend(listeners(config));
    found.extend(acks(config));
    found.extend(replays(config));
    found.extend(dotted(config));
    found.extend(certificate(config));
    found.extend(hub::clashes(config));
    found.extend(feeds::clashes(config));
    found.extend(followed::clashes(config));
    found
}

/// Returns a clash if the first of two durations exceeds the second.
fn not_above(keys: [&str; 2], less: Duration, more: Duration, why: &str) -> Option<Clash> {
    let [small, large] = keys;
    (less > more).then(|| {
        let (less, more) = (format_duration(less), format_duration(more));
        Clash::new(keys, format!("{small} ({less}) is more than {large} ({more}){why}; write at most {more}"))
    })
}

fn durations(config: &Config) -> Vec<Clash> {
    let (server, advice, redis, hub) = (&config.server, &config.advice, &config.redis, &config.hub);
    let found = [
        not_above(["advice.retry_min", "advice.retry_max"], advice.retry_min, advice.retry_max, ""),
        // A session expires at twice the timeout after its last connect; one timeout passes while the connect is held.
        not_above(
            ["server.interval", "server.timeout"],
            server.interval,
            server.timeout,
            ", so sessions would end while their clients wait",
        ),
        not_above(
            ["redis.heartbeat", "redis.lease"],
            2 * redis.heartbeat,
            redis.lease,
            ", so a live instance would count as dead between two heartbeats",
        ),
        not_above(["hub.lease_min", "hub.lease"], hub.lease_min, hub.lease, ""),
        not_above(["hub.lease", "hub.lease_max"], hub.lease, hub.lease_max, ""),
    ];
    found.into_iter().flatten().collect()
}

fn listeners(config: &Config) -> Option<Clash> {
    let listen = &config.server.listen;
    let admin = config.admin.listen.as_ref().filter(|admin| listen.clashes_with(admin))?;
    let keys = ["server.listen", "admin.listen"];
    Some(if admin == listen {
        Clash::new(keys, format!("server.listen and admin.listen are both {listen}; write another port"))
    } else {
        let both = format!("server.listen ({listen}) and admin.listen ({admin})");
        Clash::new(keys, format!("{both} share a port; write another port"))
    })
}

/// A history is one for all instances, so only Redis can accept a publication for it.
fn acks(config: &Config) -> impl Iterator<Item = Clash> {
    let rules = config.channel.iter().enumerate();
    let wrong = rules.filter(|(_, rule)| rule.ack == Some(Ack::Local) && rule.history.is_some());
    wrong.map(|(at, _)| {
        let keys = [format!("channel[{}].ack", at + 1), format!("channel[{}].history", at + 1)];
        let message = "a publication to a channel with history is accepted by Redis only; remove ack, or remove history";
        Clash::new(keys, message)
    })
}

/// A replay needs a history, and so do positions.
fn replays(config: &Config) -> impl Iterator<Item = Clash> {
    let rules = config.channel.iter().enumerate();
    rules.filter(|(_, rule)| rule.history.is_none()).flat_map(|(at, rule)| {
        let clash = |key: &str, why: &str| {
            let keys = [format!("channel[{}].{key}", at + 1), format!("channel[{}].history", at + 1)];
            Clash::incomplete(keys, format!("{why}; write history too, or remove {key}"))
        };
        let replay = (rule.replay > 0).then(|| clash("replay", "only what is kept can be replayed"));
        let event = rule.replay_id == ReplayId::Event;
        replay.into_iter().chain(event.then(|| clash("replay_id", "only what is kept has a position")))
    })
}

/// Without the dialect, such a rule would apply to no channel.
fn dotted(config: &Config) -> impl Iterator<Item = Clash> {
    let rules = config.channel.iter().enumerate().filter(|_| !config.dialect.dotted_channels);
    rules.filter(|(_, rule)| rule.pattern.contains('.')).map(|(at, rule)| {
        let message = format!(
            "{:?} has a dot, and channels may not; write dialect.dotted_channels = true, or a name without dots",
            rule.pattern
        );
        Clash::incomplete([format!("channel[{}].match", at + 1)], message)
    })
}

fn certificate(config: &Config) -> Vec<Clash> {
    let (tls, acme) = (&config.tls, &config.acme);
    let mut found = Vec::new();
    if tls.certificate.is_some() && !acme.domains.is_empty() {
        let message = "tls.certificate and acme.domains are both set; remove one of them";
        found.push(Clash::new(["tls.certificate", "acme.domains"], message));
    }
    if tls.certificate.is_some() != tls.key.is_some() {
        let missing = if tls.key.is_some() { "tls.certificate" } else { "tls.key" };
        let message = format!("a certificate and its key go together; write {missing} too");
        found.push(Clash::incomplete(["tls.certificate", "tls.key"], message));
    }
    found
}
