//! Paths that two parts of the server would serve.

use super::{Clash, feeds, followed};
use crate::config::Config;

/// Paths of health and metrics. Without `admin.listen` they are on `server.listen`.
const ENDPOINTS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// The folders of the files of the page at `/`; the second is for a mount that begins with the first.
const PAGE: [&str; 2] = ["/page", "/start"];

pub(super) fn clashes(config: &Config) -> Vec<Clash> {
    let mount = config.server.mount.trim_end_matches('/');
    let hub = config.hub.enabled.then(|| config.hub.path.trim_end_matches('/'));
    let lifestream = config.serves_lifestream().then(|| config.lifestream.path.trim_end_matches('/'));
    let mut found = Vec::new();
    if hub == Some("") {
        let message = "the hub needs a path such as \"/hub\"; POST requests to / are a matter of hub.root";
        found.push(Clash::new(["hub.path"], message));
    }
    if lifestream == Some("") {
        let message = "the page of feeds needs a path such as \"/lifestream\"; write one";
        found.push(Clash::new(["lifestream.path"], message));
    }
    if !found.is_empty() {
        return found;
    }
    if mount.is_empty() && hub.is_some() && config.hub.root {
        let message =
            "POST requests to / are for the mount and for the hub; write hub.root = false, or another path";
        found.push(Clash::new(["server.mount", "hub.root"], message));
    }
    // With the mount "/", every other route takes precedence, so nothing else collides.
    let paths = [
        ("server.mount", Some(mount).filter(|mount| !mount.is_empty())),
        ("hub.path", hub),
        ("lifestream.path", lifestream),
    ];
    let paths: Vec<_> = paths.iter().filter_map(|(key, path)| Some((*key, (*path)?))).collect();
    for (at, (key, path)) in paths.iter().enumerate() {
        for (other_key, other) in paths[at + 1..].iter().filter(|(_, other)| overlap(path, other)) {
            let message = format!(
                "{key} ({path}) and {other_key} ({other}) overlap; write another path for one of them"
            );
            found.push(Clash::new([*key, *other_key], message));
        }
    }
    let reserved = reserved(config);
    for (key, path) in &paths {
        for (route, by) in reserved.iter().filter(|(route, _)| overlap(path, route)) {
            let message =
                format!("{key} ({path}) overlaps with {route}, a route of {by}; write another path");
            found.push(Clash::new([*key, by.as_str()], message));
        }
        if config.admin.listen.is_none() && ENDPOINTS.contains(path) {
            let message =
                format!("the server answers {path} itself; write another path, or set admin.listen");
            found.push(Clash::new([*key, "admin.listen"], message));
        }
    }
    let folder = PAGE[usize::from(mount.starts_with(PAGE[0]))];
    let others = paths.iter().filter(|(key, path)| *key != "server.mount" && overlap(path, folder));
    for (key, path) in others.filter(|_| config.serves_page()) {
        let message = format!(
            "{key} ({path}) overlaps with {folder}, a route of server.page; write another path, or server.page = \"off\""
        );
        found.push(Clash::new([*key, "server.page"], message));
    }
    found
}

/// Routes of features that are on, with the setting that turns each on.
fn reserved(config: &Config) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let hub = config.hub.enabled.then_some("hub.enabled");
    let feeds = hub.map(str::to_owned).or_else(|| Some(feeds::syndicated(config).next()?.0));
    found.extend(feeds.map(|key| ("/feeds", key)));
    let callbacks = hub.or(followed::key(config));
    found.extend(callbacks.map(|key| ("/websub/callback", key.to_owned())));
    if config.api.key.is_some() && config.admin.listen.is_none() {
        found.push(("/api/v1", "api.key".to_owned()));
    }
    found
}

/// Whether a path is the other, or below it, or the reverse. A mount has endings too: `/faye.html` is a path of `/faye`.
fn overlap(one: &str, other: &str) -> bool {
    let is_within = |inner: &str, outer: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
    };
    is_within(one, other) || is_within(other, one)
}
