//! Secrets among the settings: text that no message and no log shows, and where it may be kept.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;

use serde::Deserialize;

/// The variables of the process.
pub(super) type Environment = HashMap<OsString, OsString>;

const VARIABLE: &str = "env:";
const FILE: &str = "file:";

/// A secret. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for whoever compares or signs with it.
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

/// The secret that a setting stands for: that of a variable (`env:NAME`), of a file (`file:PATH`), or the text itself.
/// A line end behind it is left out, since editors, `echo` and orchestrators append one.
///
/// # Errors
/// What is wrong with the place where it should be; never the secret.
pub(super) fn follow(text: &str, environment: &Environment) -> Result<String, String> {
    let secret = if let Some(name) = text.strip_prefix(VARIABLE) {
        let value = environment.get(OsString::from(name).as_os_str());
        let value = value.ok_or_else(|| {
            format!("the variable {name} is not set; set it in the environment of the server")
        })?;
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
    Ok(secret.to_owned())
}

/// A text without the line ends behind it.
pub(super) fn without_line_end(text: &str) -> &str {
    text.trim_end_matches(['\r', '\n'])
}
