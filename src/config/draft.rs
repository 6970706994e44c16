//! Settings while they are gathered: later sources override earlier ones, every problem is kept, and what the
//! sources add up to is judged as a whole at the end.
//!
//! This module knows precedence and how settings must fit together; it reads no file and no environment itself.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::keys::{Key, Kind};
use super::places::Places;
use super::problem::{Origin, Problem};
use super::secret::{self, Environment};
use super::units::format_duration;
use super::value::Given;
use super::{Config, Problems};

/// What was gathered so far.
#[derive(Default)]
pub(super) struct Draft {
    /// The right values, as a file would have them.
    values: Table,
    /// Where each key was set that was set, right or wrong, and where each element of a list begins.
    origins: BTreeMap<String, Origin>,
    problems: Vec<Problem>,
    /// Where secrets may be kept; without it, references to them are left as they are.
    environment: Option<Environment>,
    /// The sections whose references to secrets are followed; `None` means all.
    with_secrets: Option<&'static [&'static str]>,
}

/// An element of a list of tables, of which nothing is wrong so far.
pub(super) type Element = Table;

impl Draft {
    /// An empty draft, whose references to variables and files are followed.
    pub(super) fn new(environment: Environment) -> Self {
        Self { environment: Some(environment), ..Self::default() }
    }

    /// Follows the references to secrets of these sections only.
    pub(super) fn only_secrets_of(mut self, sections: &'static [&'static str]) -> Self {
        self.with_secrets = Some(sections);
        self
    }

    /// Notes a problem.
    pub(super) fn problem(&mut self, origin: Origin, key: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem { origin, key: key.into(), message: message.into() });
    }

    /// Sets a key of a section, or notes why not.
    pub(super) fn set(&mut self, key: &Key, given: &Given<'_>, origin: Origin) {
        self.origins.insert(key.path(), origin.clone());
        if let Some(value) = self.read(key, key.path(), given, origin) {
            let section = self.values.entry(key.section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(section) = section {
                section.insert(key.name.to_owned(), value);
            }
        }
    }

    /// Sets a key of an element of a list, or notes why not; `path` tells which. Returns whether it was set.
    pub(super) fn set_in(
        &mut self,
        element: &mut Element,
        key: &Key,
        path: String,
        given: &Given<'_>,
        origin: Origin,
    ) -> bool {
        self.origins.insert(path.clone(), origin.clone());
        let value = self.read(key, path, given, origin);
        let is_set = value.is_some();
        element.extend(value.map(|value| (key.name.to_owned(), value)));
        is_set
    }

    /// Adds an element, which must be complete, at the end of its list. `path` is its name, such as `channel[2]`.
    pub(super) fn add(&mut self, list: &str, path: &str, element: Element, origin: Origin) {
        self.origins.insert(path.to_owned(), origin);
        let elements = self.values.entry(list).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(elements) = elements {
            elements.push(Value::Table(element));
        }
    }

    fn read(&mut self, key: &Key, path: String, given: &Given<'_>, origin: Origin) -> Option<Value> {
        match key.kind.read(given) {
            Ok(Value::String(text)) if matches!(key.kind, Kind::Secret) => {
                let is_used = self.with_secrets.is_none_or(|sections| sections.contains(&key.section));
                let Some(environment) = self.environment.as_ref().filter(|_| is_used) else {
                    return Some(Value::String(text));
                };
                match secret::follow(&text, environment) {
                    Ok(secret) => Some(Value::String(secret)),
                    Err(message) => {
                        self.problem(origin, path, message);
                        None
                    }
                }
            }
            Ok(value) => Some(value),
            Err(wrong) => {
                let message =
                    if matches!(origin, Origin::File { .. }) { wrong.in_file() } else { wrong.bare() };
                self.problem(origin, path, message);
                None
            }
        }
    }

    /// The settings, with the defaults for what nobody set.
    ///
    /// # Errors
    ///
    /// Every problem of every source, and those of the whole.
    pub(super) fn finish(mut self) -> Result<Config, Problems> {
        let mut config = match Value::Table(std::mem::take(&mut self.values)).try_into::<Config>() {
            Ok(config) => config,
            // Only if the list of keys allows what the structs refuse; tests hold them together.
            Err(error) => {
                let message = error.to_string().trim().replace('\n', ", ");
                let origin = self.origins.values().next().cloned();
                let origin = origin.unwrap_or(Origin::File { file: "settings".to_owned(), line: None });
                self.problem(origin, "", message);
                return Err(Problems::new(self.problems));
            }
        };
        for clash in clashes(&config) {
            self.clash(&clash);
        }
        if !self.problems.is_empty() {
            return Err(Problems::new(self.problems));
        }
        // "/faye/" means what "/faye" means, and nobody behind this line has to know both.
        let length = config.server.mount.trim_end_matches('/').len().max(1);
        config.server.mount.truncate(length);
        config.places = Places::new(self.origins);
        Ok(config)
    }

    /// Notes a clash where the last of its keys was set. One with a key that is wrong by itself says nothing: what
    /// would clash is then the default.
    fn clash(&mut self, clash: &Clash) {
        let wrong = |key: &str| self.problems.iter().any(|problem| problem.key == key);
        if clash.keys.iter().any(|key| wrong(key)) {
            return;
        }
        let place = |key: &&str| self.origins.get(*key).map(|origin| (origin.clone(), (*key).to_owned()));
        if let Some((origin, key)) = clash.keys.iter().filter_map(place).max() {
            self.problem(origin, key, clash.message.clone());
        }
    }
}

/// Paths that the server answers itself, unless `admin.listen` is set.
const ENDPOINTS: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Two settings that are right, each by itself, and not together.
struct Clash {
    keys: [&'static str; 2],
    message: String,
}

fn clashes(config: &Config) -> Vec<Clash> {
    let mut found = Vec::new();
    let mut not_above =
        |keys: [&'static str; 2], less: std::time::Duration, more: std::time::Duration, why: &str| {
            if less > more {
                let [small, large] = keys;
                let (less, more) = (format_duration(less), format_duration(more));
                let message =
                    format!("{small} ({less}) is more than {large} ({more}){why}; write at most {more}");
                found.push(Clash { keys, message });
            }
        };
    let (server, advice) = (&config.server, &config.advice);
    not_above(["advice.retry_min", "advice.retry_max"], advice.retry_min, advice.retry_max, "");
    // A session ends at twice the timeout after its last connect; one timeout goes by while the connect is held.
    let why = ", so sessions would end while their clients wait";
    not_above(["server.interval", "server.timeout"], server.interval, server.timeout, why);
    let redis = &config.redis;
    let why = ", so a live instance would count as dead between two heartbeats";
    not_above(["redis.heartbeat", "redis.lease"], 2 * redis.heartbeat, redis.lease, why);
    let mount = server.mount.trim_end_matches('/');
    if config.admin.listen.is_none() && ENDPOINTS.contains(&mount) {
        let message = format!("the server answers {mount} itself; write another path, or set admin.listen");
        found.push(Clash { keys: ["server.mount", "admin.listen"], message });
    }
    if let Some(admin) = config.admin.listen.as_ref().filter(|admin| server.listen.clashes_with(admin)) {
        let keys = ["server.listen", "admin.listen"];
        let listen = &server.listen;
        let message = if admin == listen {
            format!("server.listen and admin.listen are both {listen}; write another port")
        } else {
            format!("server.listen ({listen}) and admin.listen ({admin}) share a port; write another port")
        };
        found.push(Clash { keys, message });
    }
    let (tls, acme) = (&config.tls, &config.acme);
    if tls.certificate.is_some() && !acme.domains.is_empty() {
        let message = "tls.certificate and acme.domains are both set; remove one of them";
        found.push(Clash { keys: ["tls.certificate", "acme.domains"], message: message.to_owned() });
    }
    if tls.certificate.is_some() != tls.key.is_some() {
        let missing = if tls.key.is_some() { "tls.certificate" } else { "tls.key" };
        let message = format!("a certificate and its key go together; write {missing} too");
        found.push(Clash { keys: ["tls.certificate", "tls.key"], message });
    }
    found
}
