//! Writes results to standard output and errors to standard error, and maps the result of a command to its exit code.
//! It must not know any command.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::config::{Log, LogFormat};

/// The reader of standard output has closed it, for example `head -1`. This is no failure.
#[derive(Debug, thiserror::Error)]
#[error("standard output is closed")]
struct ReaderGone;

/// The command has failed, and its error is in its output or its log.
#[derive(Debug, thiserror::Error)]
#[error("the error was reported before")]
pub(super) struct Reported;

/// Writes a line to standard output.
pub(super) fn print(line: impl Display) -> anyhow::Result<()> {
    print_bytes(format!("{line}\n").as_bytes())
}

/// Writes a value to standard output as one line of JSON.
pub(super) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    print(serde_json::to_string(value)?)
}

/// Writes bytes to standard output.
pub(super) fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        printed => printed.map_err(|error| anyhow::anyhow!("cannot write to standard output: {error}")),
    }
}

/// Writes a line to standard error.
pub(super) fn warn(text: impl Display) {
    // A standard error that is closed has no reader to inform.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Logs the error that ends a command with a JSON log, so that the log has no other lines.
pub(super) fn log_failure(log: &Log, result: anyhow::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if log.format == LogFormat::Json && !error.is::<ReaderGone>() => {
            tracing::error!(error = text(&error), "command failed");
            Err(Reported.into())
        }
        result => result,
    }
}

/// Returns the exit code for the result of a command, after writing its error.
pub(super) fn exit_code(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<ReaderGone>() => ExitCode::SUCCESS,
        Err(error) if error.is::<Reported>() => ExitCode::FAILURE,
        Err(error) => {
            warn(text(&error));
            ExitCode::FAILURE
        }
    }
}

/// Returns an error with its causes, each once: many errors contain the text of their cause.
fn text(error: &anyhow::Error) -> String {
    let mut all = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !all.contains(&cause) {
            all = format!("{all}: {cause}");
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_cause_is_written_once() {
        let cause = || anyhow::anyhow!("the disk is full");
        assert_eq!(text(&cause().context("cannot write")), "cannot write: the disk is full");
        assert_eq!(
            text(&cause().context("cannot write (the disk is full)")),
            "cannot write (the disk is full)"
        );
        let nested: anyhow::Result<()> = Err(cause()).context("cannot write").context("cannot start");
        assert_eq!(text(&nested.unwrap_err()), "cannot start: cannot write: the disk is full");
    }
}
