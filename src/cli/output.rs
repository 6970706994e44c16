//! What the commands print, and how they end when it cannot be printed. It must not know any command.

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use crate::config::{Log, LogFormat};

/// The reader of standard output has gone, as that of `faye subscribe /a | head -1`: no failure, and nothing to say.
#[derive(Debug, thiserror::Error)]
#[error("standard output is closed")]
struct ReaderGone;

/// The error is in the log already.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Logged(String);

/// Prints a line to standard output.
pub(super) fn say(line: impl Display) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{line}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Err(ReaderGone.into()),
        printed => printed.map_err(|error| anyhow::anyhow!("cannot write to standard output: {error}")),
    }
}

/// Prints a line to standard error.
pub(super) fn say_error(text: &str) {
    // There is nowhere to say that standard error is closed.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Logs what ends a command whose log is JSON, so that nothing else is in the log.
pub(super) fn log_failure(log: &Log, result: anyhow::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if log.format == LogFormat::Json && !error.is::<ReaderGone>() => {
            let text = told(&error);
            tracing::error!("{text}");
            Err(Logged(text).into())
        }
        result => result,
    }
}

/// The exit code for what a command came to, after its error is printed.
pub(super) fn exit_code(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<ReaderGone>() => ExitCode::SUCCESS,
        Err(error) if error.is::<Logged>() => ExitCode::FAILURE,
        Err(error) => {
            say_error(&told(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes, each of them once: many an error has the text of its cause in its own.
fn told(error: &anyhow::Error) -> String {
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
    fn a_cause_is_told_once() {
        let cause = || anyhow::anyhow!("the disk is full");
        assert_eq!(told(&cause().context("cannot write")), "cannot write: the disk is full");
        assert_eq!(
            told(&cause().context("cannot write (the disk is full)")),
            "cannot write (the disk is full)"
        );
        let nested: anyhow::Result<()> = Err(cause()).context("cannot write").context("cannot start");
        assert_eq!(told(&nested.unwrap_err()), "cannot start: cannot write: the disk is full");
    }
}
