//! Secrets in settings: text that no message and no log shows, and the places where it may be stored.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;

use serde::Deserialize;

use super::kinds::Kind;

/// The variables of the process.
pub(super) type Environment = HashMap<OsString, OsString>;

const VARIABLE: &str = "env:";
const FILE: &str = "file:";

/// A secret. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Returns the text itself, for comparing and signing.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Resolves a secret: the value of a variable (`env:NAME`), the content of a file (`file:PATH`), or the text itself.
/// Trailing line ends are removed, since editors, `echo` and orchestrators append one. `user` is the program that needs
/// the secret.
///
/// # Errors
/// A text about the place of the secret, or about the secret without showing it.
pub(super) fn follow(
    kind: Kind,
    text: &str,
    environment: &Environment,
    user: &str,
) -> Result<String, String> {
    let secret = if let Some(name) = text.strip_prefix(VARIABLE) {
        let value = environment.get(OsString::from(name).as_os_str());
        let value = value
            .ok_or_else(|| format!("the variable {name} is not set; set it in the environment of {user}"))?;
        value.to_str().ok_or_else(|| format!("the variable {name} is not UTF-8"))?.to_owned()
    } else if let Some(path) = text.strip_prefix(FILE) {
        let read = std::fs::read_to_string(path);
        read.map_err(|error| format!("cannot read {path} ({error}); check its path and permissions"))?
    } else {
        text.to_owned()
    };
    let secret = without_line_end(&secret);
    if secret.is_empty() {
        return Err(format!("{} is empty; write a secret into it", without_line_end(text)));
    }
    match unusable(kind, secret, Some(text).filter(|text| is_reference(text))) {
        Some(message) => Err(message),
        None => Ok(secret.to_owned()),
    }
}

/// Returns why a secret cannot work, if it cannot. `place` is the reference to it; without one, the text may be a
/// reference itself.
pub(super) fn unusable(kind: Kind, secret: &str, place: Option<&str>) -> Option<String> {
    if matches!(kind, Kind::Pem) {
        return None;
    }
    let secret = without_line_end(secret);
    if secret.trim() != secret {
        let place = place.map(|place| format!(" in {place}")).unwrap_or_default();
        // Headers, and forms of other programs, lose it.
        return Some(format!("there is white space around the secret{place}; write it without"));
    }
    let is_sent = matches!(kind, Kind::Bearer) && (place.is_some() || !is_reference(secret));
    (is_sent && !secret.bytes().all(|byte| byte.is_ascii_graphic())).then(|| {
        "clients send the key in a header, so it has visible ASCII characters only; generate one (openssl rand -hex 32)"
            .to_owned()
    })
}

fn is_reference(text: &str) -> bool {
    text.starts_with(VARIABLE) || text.starts_with(FILE)
}

/// Returns a text without trailing line ends.
pub(super) fn without_line_end(text: &str) -> &str {
    text.trim_end_matches(['\r', '\n'])
}
