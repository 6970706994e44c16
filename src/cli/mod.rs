//! The command line: what it looks like, and which command does what.

mod bench;
mod bridge;
mod check;
mod output;
mod publish;
mod serve;
mod subscribe;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use output::{exit_code, log_failure, say, say_error};
use tokio::signal::unix::{SignalKind, signal};

use crate::config::{Config, Override, Problems, load};

/// A publish-subscribe server for browsers, compatible with Faye.
///
/// Without a command it serves. Settings are in faye.toml, if there is one; each can be set as FAYE_SECTION__KEY.
#[derive(Parser)]
#[command(name = "faye", version)]
struct Arguments {
    /// The file of settings [default: ./faye.toml, if it is there]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address to listen on, such as localhost:8000, or :8000 for every address
    #[arg(long, global = true, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The path to serve, such as /faye
    #[arg(long, global = true, value_name = "PATH")]
    mount: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Say what is wrong with a file of settings
    Check {
        /// The file [default: that of --config, or ./faye.toml]
        file: Option<PathBuf>,
        /// Check the settings only, without a connection to Redis
        #[arg(long)]
        offline: bool,
    },
    /// Publish one message to a running server
    Publish {
        /// The channel, such as /hello
        channel: String,
        /// The data, in JSON
        data: String,
        /// The ext of the message, such as '{"password":"secret"}' [default: the push secret of the settings]
        #[arg(long, value_name = "JSON", value_parser = object)]
        ext: Option<String>,
        /// The server [default: where the settings say that it listens]
        #[arg(long)]
        url: Option<String>,
    },
    /// Print what a running server publishes, one JSON message a line
    Subscribe {
        /// A channel or pattern, such as /hello or '/chat/**'
        pattern: String,
        /// The ext of the messages, such as '{"token":"…"}'
        #[arg(long, value_name = "JSON", value_parser = object)]
        ext: Option<String>,
        /// The server [default: where the settings say that it listens]
        #[arg(long)]
        url: Option<String>,
    },
    /// Carry messages between another server and ours, both ways, while both run
    Bridge(bridge::Bridge),
    /// Make tokens and read them
    #[command(subcommand)]
    Token(token::Token),
    /// Load a Bayeux server and say what that cost
    #[command(subcommand)]
    Bench(bench::Bench),
}

/// Runs the command of the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.command {
        None => arguments
            .settings()
            .map_err(Into::into)
            .and_then(|config| serve::run(&config, || arguments.settings())),
        Some(Command::Check { file, offline }) => {
            check::run(file.as_ref().or(arguments.config.as_ref()), *offline)
        }
        Some(Command::Publish { channel, data, ext, url }) => {
            arguments.url(url.as_ref()).and_then(|server| {
                let ext = ext.clone().or_else(|| arguments.push_secret(url.as_ref()));
                publish::run(&server, channel, data, ext.as_deref())
            })
        }
        Some(Command::Subscribe { pattern, ext, url }) => {
            arguments.url(url.as_ref()).and_then(|url| subscribe::run(&url, pattern, ext.as_deref()))
        }
        Some(Command::Bridge(bridge)) => arguments.url(bridge.ours.as_ref()).and_then(|ours| {
            let ext = bridge.ext.clone().or_else(|| arguments.push_secret(bridge.ours.as_ref()));
            bridge::run(bridge, ours, ext, &arguments.settings()?.log)
        }),
        Some(Command::Token(token)) => {
            arguments.settings().map_err(Into::into).and_then(|config| token::run(token, &config))
        }
        Some(Command::Bench(bench)) => {
            bench::run(bench, arguments.listen.as_deref(), |given| arguments.url(given))
        }
    };
    exit_code(result)
}

impl Arguments {
    fn settings(&self) -> Result<Config, Problems> {
        let mut overrides = Vec::new();
        for (flag, key, value) in
            [("--listen", "server.listen", &self.listen), ("--mount", "server.mount", &self.mount)]
        {
            if let Some(value) = value {
                overrides.push(Override { flag, key, value: value.clone() });
            }
        }
        load(self.config.as_deref(), std::env::vars_os(), &overrides)
    }

    /// The `ext` with the push secret of the settings, for their own server only.
    fn push_secret(&self, url: Option<&String>) -> Option<String> {
        let push = self.settings().ok().filter(|_| url.is_none())?.push;
        let secret = push.secret?;
        Some(serde_json::json!({ push.field: secret.expose() }).to_string())
    }

    /// The server that a client command talks to.
    fn url(&self, given: Option<&String>) -> anyhow::Result<String> {
        if let Some(url) = given {
            return Ok(url.clone());
        }
        let config = self.settings()?;
        let scheme = if config.speaks_tls() { "https" } else { "http" };
        Ok(format!("{scheme}://{}{}", config.server.listen.reachable(), config.server.mount))
    }
}

/// A JSON object, as an argument, or in the variable that `env:NAME` names: arguments can be seen by others on the machine.
fn object(text: &str) -> Result<String, String> {
    let variable = text.strip_prefix("env:").map(std::env::var);
    let text = match variable {
        None => text,
        Some(Ok(ref value)) => value,
        Some(Err(error)) => return Err(format!("{error}; set it to a JSON object")),
    };
    let is_object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text).is_ok();
    is_object.then(|| text.to_owned()).ok_or_else(|| "write a JSON object".to_owned())
}

/// Ends when the process is asked to stop, by SIGTERM or Ctrl-C.
fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
