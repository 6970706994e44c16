//! JavaScript exceptions as text, with their location.

use rquickjs::{CaughtError, Ctx, Error};

/// The prefix of the glue's files in stack traces.
pub(super) const OURS: &str = "faye:";

/// An exception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Thrown {
    /// Its text, with the stack if it has one.
    pub(super) text: String,
    /// The file and the line of the exception.
    pub(super) place: Option<(String, u32)>,
    /// Whether it may be due to missing memory.
    pub(super) is_memory: bool,
}

impl Thrown {
    /// Takes the exception from the engine.
    pub(super) fn take(ctx: &Ctx<'_>, error: Error) -> Self {
        match CaughtError::from_error(ctx, error) {
            CaughtError::Exception(exception) => {
                let name =
                    exception.as_object().get::<_, String>("name").unwrap_or_else(|_| "Error".to_owned());
                let message = exception.message().unwrap_or_default();
                let stack = exception.stack().unwrap_or_default();
                let is_memory = name == "InternalError" && message == "out of memory";
                let text = if message.is_empty() { name } else { format!("{name}: {message}") };
                let place = stack.lines().find_map(place);
                Self { text: format!("{text}\n{stack}").trim_end().to_owned(), place, is_memory }
            }
            // Without memory for an error, null is thrown.
            CaughtError::Value(value) => {
                let is_memory = value.is_null() || value.is_undefined();
                let text = value.as_string().and_then(|text| text.to_string().ok());
                let text = text.unwrap_or_else(|| format!("a value of the type {}", value.type_name()));
                Self { text, place: None, is_memory }
            }
            CaughtError::Error(error) => {
                Self { is_memory: matches!(error, Error::Allocation), text: error.to_string(), place: None }
            }
        }
    }

    /// Creates an exception for an error that the server found.
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), place: None, is_memory: false }
    }
}

/// File and line of a line of a stack: `    at name (file:line:column)` or `    at file:line:column`.
fn place(line: &str) -> Option<(String, u32)> {
    let rest = line.trim().strip_prefix("at ")?;
    let rest = rest.rsplit_once('(').map_or(rest, |(_, inner)| inner).trim_end_matches(')');
    let (rest, last) = rest.rsplit_once(':')?;
    let last = last.parse().ok()?;
    let (file, line) = match rest.rsplit_once(':').map(|(file, line)| (file, line.parse())) {
        Some((file, Ok(line))) => (file, line),
        _ => (rest, last),
    };
    (!file.starts_with(OURS)).then(|| (file.to_owned(), line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_is_the_first_that_is_not_ours() {
        for (line, expected) in [
            ("    at incoming (lib/auth.js:12:5)", Some(("lib/auth.js", 12))),
            ("    at auth.js:3:1", Some(("auth.js", 3))),
            ("    at auth.js:3", Some(("auth.js", 3))),
            ("    at pipe (faye:bridge.js:50:9)", None),
            ("    at call (native)", None),
            ("", None),
        ] {
            assert_eq!(place(line), expected.map(|(file, line)| (file.to_owned(), line)), "{line}");
        }
    }
}
