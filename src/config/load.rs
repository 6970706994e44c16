//! The sources of settings: the file, then environment variables, then flags; each overrides the previous ones.
//!
//! This module finds and names the sources; their contents are checked elsewhere. It never reads the environment of the
//! process, so that tests do not have to change it.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;

use super::draft::Draft;
use super::keys::{self, KEYS, Key, VARIABLE_PREFIX, VARIABLE_SEPARATOR};
use super::problem::Origin;
use super::value::Given;
use super::{Config, Problems, document, suggest};

/// The default file, which is read if it exists and no other file is named.
pub const DEFAULT_FILE: &str = "faye.toml";

/// A flag of the command line that sets a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The name of the flag in problems, such as `--listen`.
    pub flag: &'static str,
    /// The key with its section, such as `server.listen`.
    pub key: &'static str,
    /// The value as given, without quotes.
    pub value: String,
}

/// Returns the settings of a server: the defaults, overridden by the file, by `FAYE_SECTION__KEY` variables and by
/// `overrides`.
///
/// Without a `path`, [`DEFAULT_FILE`] in the working directory is read if it exists. Variables without `__` after
/// `FAYE_` are no settings and are ignored. Pass [`std::env::vars_os`]: [`std::env::vars`] panics on any variable that
/// is not UTF-8.
///
/// # Errors
///
/// All problems of all sources: unreadable files, unknown keys and variables, invalid values, and invalid combinations
/// of values.
pub fn load<N: Into<OsString>, V: Into<OsString>>(
    path: Option<&Path>,
    environment: impl IntoIterator<Item = (N, V)>,
    overrides: &[Override],
) -> Result<Config, Problems> {
    gather(path, environment, overrides, |draft| draft)
}

/// Returns the settings of a server for one of its clients: same as [`load`], but resolves only the references to
/// secrets in `sections`. Other references stay as written, so that a client needs none of the server's other secrets.
///
/// # Errors
/// Those of [`load`].
pub fn load_for_client<N: Into<OsString>, V: Into<OsString>>(
    path: Option<&Path>,
    environment: impl IntoIterator<Item = (N, V)>,
    overrides: &[Override],
    sections: &'static [&'static str],
) -> Result<Config, Problems> {
    gather(path, environment, overrides, |draft| draft.only_secrets_of(sections))
}

fn gather<N: Into<OsString>, V: Into<OsString>>(
    path: Option<&Path>,
    environment: impl IntoIterator<Item = (N, V)>,
    overrides: &[Override],
    limit: impl FnOnce(Draft) -> Draft,
) -> Result<Config, Problems> {
    let environment: Vec<(OsString, OsString)> =
        environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let mut draft = limit(Draft::new(environment.iter().cloned().collect()));
    file(&mut draft, path);
    for (name, value) in environment {
        variable(&mut draft, &name, value);
    }
    for Override { flag, key, value } in overrides {
        let origin = Origin::Flag((*flag).to_owned());
        match key.split_once('.').and_then(|(section, name)| keys::find(section, name)) {
            Some(key) => draft.set(key, &Given::bare(value, key.kind), origin),
            None => draft.problem(origin, *key, format!("unknown key {key}")),
        }
    }
    draft.finish()
}

/// Returns all problems of the text of a settings file, which messages call `file`. Other sources are ignored: a
/// combination that is valid only because of a variable is a problem here.
pub fn check(text: &str, file: &str) -> Problems {
    check_draft(Draft::default(), text, file)
}

/// Returns the same without problems that a variable or a flag can solve by adding a setting that is missing in the
/// file.
pub fn check_part(text: &str, file: &str) -> Problems {
    check_draft(Draft::part(), text, file)
}

fn check_draft(mut draft: Draft, text: &str, file: &str) -> Problems {
    document::read(&mut draft, text, file);
    draft.finish().err().unwrap_or_default()
}

fn file(draft: &mut Draft, path: Option<&Path>) {
    let named = path.unwrap_or(Path::new(DEFAULT_FILE));
    let name = named.display().to_string();
    let whole = |line| Origin::File { file: name.clone(), line };
    let bytes = match std::fs::read(named) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            if path.is_some() {
                let message = "no such file; name an existing file, or none for the defaults";
                draft.problem(whole(None), "", message);
            }
            return;
        }
        Err(error) => {
            return draft.problem(
                whole(None),
                "",
                format!("cannot read the file ({error}); check its path and permissions"),
            );
        }
    };
    match str::from_utf8(&bytes) {
        Ok(text) => document::read(draft, text, &name),
        Err(error) => {
            let before = bytes.iter().take(error.valid_up_to());
            let line = 1 + before.filter(|byte| **byte == b'\n').count();
            draft.problem(whole(Some(line)), "", "not UTF-8; save the file as UTF-8");
        }
    }
}

fn variable(draft: &mut Draft, name: &OsString, value: OsString) {
    // A name that is not UTF-8 is ignored unless it has our prefix; the message then shows the valid part.
    let name = name.to_string_lossy();
    let Some(rest) = name.strip_prefix(VARIABLE_PREFIX) else { return };
    if !rest.contains(VARIABLE_SEPARATOR) {
        return;
    }
    let origin = Origin::Variable(name.escape_debug().to_string());
    let Some(key) = KEYS.iter().find(|key: &&Key| key.variable().is_some_and(|own| own == name)) else {
        return draft.problem(origin, "", suggest::unknown_variable(&name));
    };
    match value.into_string() {
        Ok(text) => draft.set(key, &Given::bare(&text, key.kind), origin),
        Err(_) => {
            draft.problem(
                origin,
                key.path(),
                "not UTF-8; write for example ".to_owned() + key.kind.example(),
            );
        }
    }
}
