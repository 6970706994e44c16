//! The arguments that select and override settings, and the settings for client commands: the address of the server and
//! the push secret. It must not know the commands.

use std::path::{Path, PathBuf};

use clap::{Arg, Args, Command};

use crate::config::{Config, Override, Problems, load, load_for_client};

#[derive(Args)]
pub(super) struct Settings {
    /// The settings file [default: ./faye.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Settings")]
    pub(super) config: Option<PathBuf>,
    /// The address of the server, such as localhost:8000, or :8000 for every address of this machine
    #[arg(long, global = true, value_name = "ADDRESS", help_heading = "Settings")]
    pub(super) listen: Option<String>,
    /// The path of the server, such as /faye
    #[arg(long, global = true, value_name = "PATH", help_heading = "Settings")]
    pub(super) mount: Option<String>,
}

/// Returns the arguments of settings for a command that uses none of those with these names.
pub(super) fn without(names: &'static [&'static str]) -> impl Iterator<Item = Arg> {
    arguments().map(|argument| {
        let is_unused = names.contains(&argument.get_id().as_str());
        argument.hide(is_unused)
    })
}

/// Returns the arguments of settings for a command that connects to a server.
pub(super) fn for_client() -> impl Iterator<Item = Arg> {
    arguments().map(|argument| match argument.get_id().as_str() {
        "listen" => argument.help("The address to connect to, in place of server.listen"),
        _ => argument,
    })
}

fn arguments() -> impl Iterator<Item = Arg> {
    let found: Vec<_> = Settings::augment_args(Command::new("faye")).get_arguments().cloned().collect();
    found.into_iter()
}

impl Settings {
    /// Returns the settings of a server.
    pub(super) fn load(&self) -> Result<Config, Problems> {
        self.load_file(self.config.as_deref())
    }

    /// Same with another file.
    pub(super) fn load_file(&self, file: Option<&Path>) -> Result<Config, Problems> {
        load(file, std::env::vars_os(), &self.overrides())
    }

    /// Returns the settings for a client, with the secrets of these sections only.
    pub(super) fn load_for_client(&self, sections: &'static [&'static str]) -> Result<Config, Problems> {
        load_for_client(self.config.as_deref(), std::env::vars_os(), &self.overrides(), sections)
    }

    /// Returns the URL of the server of the settings.
    pub(super) fn url(&self) -> anyhow::Result<String> {
        let config = self.load_for_client(&[])?;
        let scheme = if config.speaks_tls() { "https" } else { "http" };
        Ok(format!("{scheme}://{}{}", config.server.listen.reachable(), config.server.mount))
    }

    /// Returns the `ext` with the push secret of the settings.
    pub(super) fn push_secret(&self) -> anyhow::Result<Option<String>> {
        let push = self.load_for_client(&["push"])?.push;
        let ext = |secret: &str| serde_json::json!({ push.field.as_str(): secret }).to_string();
        Ok(push.secret.as_ref().map(|secret| ext(secret.expose())))
    }

    fn overrides(&self) -> Vec<Override> {
        let given = [("--listen", "server.listen", &self.listen), ("--mount", "server.mount", &self.mount)];
        let given = given.into_iter().filter_map(|(flag, key, value)| Some((flag, key, value.clone()?)));
        given.map(|(flag, key, value)| Override { flag, key, value }).collect()
    }
}
