//! `faye check`: checks a settings file and the FAYE_ variables, and reports errors by line and key.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::output::Reported;
use super::settings::Settings;
use super::{print, print_json};
use crate::app::App;
use crate::config::{Config, DEFAULT_FILE, Origin, Problems, check_part, unused_variables};

pub(super) const EXAMPLES: &str = "\
Examples:
  faye check                      ./faye.toml, or the defaults if it does not exist
  faye check /etc/faye/faye.toml
  faye check --offline            without a connection to Redis
  FAYE_SERVER__TIMEOUT=30s faye check

It does what a start does, except listening: it loads extensions and certificates, and connects to Redis if the settings
have one. With --json each line is an object whose key \"kind\" is \"error\", \"warning\" or \"result\".

Exit codes: 0 a server can start with these settings, 1 it cannot, 2 wrong arguments.";

#[derive(Args)]
pub(super) struct Check {
    /// The file [default: that of --config, or ./faye.toml if it exists, or no file]
    file: Option<PathBuf>,
    /// Check the settings only, without a connection to Redis
    #[arg(long)]
    offline: bool,
    /// Print one JSON object per error, warning and result
    #[arg(long)]
    json: bool,
}

/// An error in the settings.
enum Fault {
    Problems(Problems),
    Other(anyhow::Error),
}

pub(super) fn run(arguments: &Check, settings: &Settings) -> anyhow::Result<()> {
    let named = arguments.file.as_deref().or(settings.config.as_deref());
    let file =
        named.map(Path::to_owned).or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|file| file.exists()));
    let checked = examine(arguments, settings, file.as_deref());
    let subject = match &file {
        Some(file) => file.display().to_string(),
        None => without_file(),
    };
    if arguments.json {
        return report(checked, file.as_deref());
    }
    match checked {
        Err(Fault::Problems(problems)) => Err(problems.into()),
        Err(Fault::Other(error)) => Err(error),
        Ok(warnings) => {
            warnings.iter().try_for_each(|warning| print(format_args!("warning: {warning}")))?;
            print(if file.is_some() { format!("{subject} is valid") } else { subject })
        }
    }
}

/// Returns the warnings about the settings of a file, the variables and the arguments.
fn examine(arguments: &Check, settings: &Settings, file: Option<&Path>) -> Result<Vec<String>, Fault> {
    if let Some(file) = file {
        let name = file.display().to_string();
        // The load below reports a file that cannot be read.
        if let Ok(text) = std::fs::read_to_string(file) {
            let problems = check_part(&text, &name);
            if !problems.is_empty() {
                return Err(Fault::Problems(problems));
            }
        }
    }
    // With the variables and the files of secrets, as a server reads them.
    let config = settings.load_file(file).map_err(Fault::Problems)?;
    warnings(&config, arguments.offline).map_err(Fault::Other)
}

fn warnings(config: &Config, offline: bool) -> anyhow::Result<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let checked = runtime.block_on(async {
        if offline { App::check_offline(config).map(|()| Vec::new()) } else { App::check(config).await }
    })?;
    let mut warnings = unused_variables(config, std::env::vars_os());
    warnings.extend(App::warnings(config));
    warnings.extend(checked);
    Ok(warnings)
}

/// Returns the description of the checked settings without a file.
fn without_file() -> String {
    let folder =
        std::env::current_dir().map_or_else(|_| "this folder".to_owned(), |path| path.display().to_string());
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut names: Vec<String> =
        names.filter(|name| name.strip_prefix("FAYE_").is_some_and(|rest| rest.contains("__"))).collect();
    names.sort();
    let checked = if names.is_empty() {
        "the defaults are valid".to_owned()
    } else {
        format!("the defaults with {} are valid", names.join(", "))
    };
    format!("there is no {DEFAULT_FILE} in {folder}; {checked}")
}

/// Prints the result as JSON.
fn report(checked: Result<Vec<String>, Fault>, file: Option<&Path>) -> anyhow::Result<()> {
    let is_valid = checked.is_ok();
    match checked {
        Ok(warnings) => warnings
            .iter()
            .try_for_each(|warning| print_json(&json!({ "kind": "warning", "message": warning })))?,
        Err(Fault::Other(error)) => {
            print_json(&json!({ "kind": "error", "message": format!("{error:#}") }))?;
        }
        Err(Fault::Problems(problems)) => {
            for problem in &problems {
                let mut object = json!({ "kind": "error", "message": problem.message });
                if !problem.key.is_empty() {
                    object["key"] = problem.key.as_str().into();
                }
                match &problem.origin {
                    Origin::File { file, line } => {
                        object["file"] = file.as_str().into();
                        object["line"] = (*line).into();
                    }
                    Origin::Variable(name) => object["variable"] = name.as_str().into(),
                    Origin::Flag(name) => object["argument"] = name.as_str().into(),
                }
                print_json(&object)?;
            }
        }
    }
    let file = file.map(|file| file.display().to_string());
    print_json(&json!({ "kind": "result", "valid": is_valid, "file": file }))?;
    if is_valid { Ok(()) } else { Err(Reported.into()) }
}
