//! `faye check`: says what is wrong with a file of settings, by line and key.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::say;
use crate::config::{DEFAULT_FILE, check};

pub(super) fn run(file: Option<&PathBuf>) -> anyhow::Result<()> {
    let file = file.map_or(Path::new(DEFAULT_FILE), PathBuf::as_path);
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read {name}; name the file: faye check FILE"))?;
    let problems = check(&text, &name);
    if problems.is_empty() {
        return say(format_args!("{name} is good"));
    }
    bail!("{problems}");
}
