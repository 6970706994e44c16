//! `faye check`: says what is wrong with a file of settings, by line and key.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};

use super::say;
use crate::app::App;
use crate::config::{DEFAULT_FILE, check, load, unused_variables};

pub(super) fn run(file: Option<&PathBuf>, offline: bool) -> anyhow::Result<()> {
    let file = file.map_or(Path::new(DEFAULT_FILE), PathBuf::as_path);
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read {name}; name the file: faye check FILE"))?;
    let problems = check(&text, &name);
    if !problems.is_empty() {
        bail!("{problems}");
    }
    // With the variables and the files that it names, as the server would have it.
    let config = load(Some(file), std::env::vars_os(), &[])?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let checked = runtime.block_on(async {
        if offline { App::check_offline(&config).map(|()| Vec::new()) } else { App::check(&config).await }
    });
    let mut warnings = unused_variables(&config, std::env::vars_os());
    warnings.extend(App::warnings(&config));
    warnings.extend(checked.map_err(|problem| anyhow!("{problem}"))?);
    for warning in warnings {
        say(format_args!("warning: {warning}"))?;
    }
    say(format_args!("{name} is good"))
}
