//! Settings during loading: later sources override earlier ones, every problem is collected, and the combined settings
//! are checked at the end.
//!
//! This module knows the precedence and the combination of settings; it reads no file and no environment.

use std::collections::BTreeMap;

use toml::{Table, Value};

use super::checks::{self, Clash};
use super::examples;
use super::keys::Key;
use super::places::Places;
use super::problem::{Origin, Problem};
use super::secret::{self, Environment};
use super::value::Given;
use super::{Config, Problems, public_url};

/// The settings and problems so far.
#[derive(Default)]
pub(super) struct Draft {
    /// The right values, as a file would have them.
    values: Table,
    /// Where each key was set that was set, right or wrong, and where each element of a list begins.
    origins: BTreeMap<String, Origin>,
    problems: Vec<Problem>,
    /// Where secrets may be kept; without it, references to them are left as they are.
    environment: Option<Environment>,
    /// The sections whose references to secrets are resolved; `None` means all.
    with_secrets: Option<&'static [&'static str]>,
    /// Whether other sources may add settings later.
    is_part: bool,
}

/// An element of a list of tables without an error so far.
pub(super) type Element = Table;

impl Draft {
    /// Creates an empty draft, whose references to variables and files are resolved.
    pub(super) fn new(environment: Environment) -> Self {
        Self { environment: Some(environment), ..Self::default() }
    }

    /// Creates an empty draft for one of several sources.
    pub(super) fn part() -> Self {
        Self { is_part: true, ..Self::default() }
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

    /// Sets a key of an element of a list, or records the error; `path` names the element. Returns whether it was set.
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

    /// Appends a complete element to its list. `path` is its name, such as `channel[2]`.
    pub(super) fn add(&mut self, list: &str, path: &str, element: Element, origin: Origin) {
        self.origins.insert(path.to_owned(), origin);
        let elements = self.values.entry(list).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(elements) = elements {
            elements.push(Value::Table(element));
        }
    }

    fn read(&mut self, key: &Key, path: String, given: &Given<'_>, origin: Origin) -> Option<Value> {
        match key.kind.read(given) {
            Ok(Value::String(text)) if key.kind.is_secret() => {
                if let Some(message) = secret::unusable(key.kind, &text, None) {
                    self.problem(origin, path, message);
                    return None;
                }
                let is_used = self.with_secrets.is_none_or(|sections| sections.contains(&key.section));
                let Some(environment) = self.environment.as_ref().filter(|_| is_used) else {
                    return Some(Value::String(text));
                };
                let user = if self.with_secrets.is_some() { "this command" } else { "the server" };
                match secret::follow(key.kind, &text, environment, user) {
                    Ok(secret) => Some(Value::String(secret)),
                    Err(message) => {
                        self.problem(origin, path, message);
                        None
                    }
                }
            }
            Ok(value) => Some(value),
            Err(wrong) => {
                let wrong = wrong.with_example(examples::of(key));
                let message =
                    if matches!(origin, Origin::File { .. }) { wrong.in_file() } else { wrong.bare() };
                self.problem(origin, path, message);
                None
            }
        }
    }

    /// Returns the settings, with defaults for the keys that are not set.
    ///
    /// # Errors
    ///
    /// Every problem of every source, and those of the whole.
    pub(super) fn finish(mut self) -> Result<Config, Problems> {
        let mut config = match Value::Table(std::mem::take(&mut self.values)).try_into::<Config>() {
            Ok(config) => config,
            // Only if the list of keys accepts a value that the structs reject; tests compare them.
            Err(error) => {
                let message = error.to_string().trim().replace('\n', ", ");
                let origin = self.origins.values().next().cloned();
                let origin = origin.unwrap_or(Origin::File { file: "settings".to_owned(), line: None });
                self.problem(origin, "", message);
                return Err(Problems::new(self.problems));
            }
        };
        for clash in checks::clashes(&config) {
            self.clash(&clash);
        }
        if !self.problems.is_empty() {
            return Err(Problems::new(self.problems));
        }
        // "/faye/" and "/faye" are the same path; normalize it.
        for path in [&mut config.server.mount, &mut config.hub.path, &mut config.lifestream.path] {
            let length = path.trim_end_matches('/').len().max(1);
            path.truncate(length);
        }
        let public_url = config.server.public_url.take();
        config.server.public_url = public_url.map(|url| public_url::read(&url).unwrap_or(url));
        config.places = Places::new(self.origins);
        Ok(config)
    }

    /// Adds a clash as a problem, at the place where the last of its keys was set. Ignores a clash if one of its keys
    /// has an error, because its value is then the default, and if another source may add the missing value.
    fn clash(&mut self, clash: &Clash) {
        // Elements of a list that are wrong were not added, so the others have other numbers.
        let list = |key: &str| key.find('[').map(|end| key[..=end].to_owned());
        let wrong = |key: &str| {
            let list = list(key);
            let is_wrong = |problem: &Problem| {
                problem.key == key || list.as_ref().is_some_and(|list| problem.key.starts_with(list))
            };
            self.problems.iter().any(is_wrong)
        };
        if clash.is_incomplete && self.is_part || clash.keys.iter().any(|key| wrong(key)) {
            return;
        }
        let place = |key: &String| self.origins.get(key).map(|origin| (origin.clone(), key.clone()));
        if let Some((origin, key)) = clash.keys.iter().filter_map(place).max() {
            self.problem(origin, key, clash.message.clone());
        }
    }
}
