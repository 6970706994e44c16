//! `faye bridge`: copies messages between two servers, until it is stopped.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::server::{object, trust, url};
use super::settings::Settings;
use super::{log_failure, print, stopped};
use crate::bridge::{self, Options, Server, Ways};
use crate::config::{Log, LogFormat};
use crate::telemetry;

pub(super) const EXAMPLES: &str = "\
Examples:
  faye bridge http://old.example.com/faye '/**'
  faye bridge https://old.example.com/faye /news '/chat/**' --their-ext env:OLD_EXT
  faye bridge http://old.example.com/faye '/chat/**' --url http://127.0.0.1:8000/faye --one-way in

docs/bridge.md describes a move from one server to another.

Exit codes: 0 stopped by SIGTERM or Ctrl-C; 1 a server could not be reached at the start, or refused, or messages would
circulate; 2 wrong arguments.";

#[derive(Args)]
pub(super) struct Bridge {
    /// The URL of the other server
    #[arg(value_parser = url)]
    url: String,
    /// The channels and patterns to copy, such as '/chat/**'
    #[arg(required = true, value_name = "PATTERN")]
    patterns: Vec<String>,
    /// This server [default: the address of the settings]
    #[arg(long = "url", value_name = "URL", value_parser = url)]
    ours: Option<String>,
    /// The ext of the messages to this server, or env:NAME for a variable that holds it [default: the push secret of the
    /// settings]
    #[arg(long, value_name = "JSON", value_parser = object)]
    ext: Option<String>,
    /// The ext of the messages to the other server, or env:NAME
    #[arg(long, value_name = "JSON", value_parser = object)]
    their_ext: Option<String>,
    /// A PEM file with certificate authorities to trust in addition to those of the system
    #[arg(long, value_name = "FILE")]
    cacert: Option<PathBuf>,
    /// Copy in one direction only: "in" to this server, "out" to the other
    #[arg(long, value_enum, value_name = "WAY")]
    one_way: Option<Way>,
    /// Messages that may wait for a server that is away; beyond it the oldest are dropped
    #[arg(long, default_value_t = 10_000, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    queue: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum Way {
    In,
    Out,
}

pub(super) fn run(bridge: &Bridge, settings: &Settings) -> anyhow::Result<()> {
    let ours = bridge.ours.clone().map_or_else(|| settings.url(), Ok)?;
    let ext = match (&bridge.ext, &bridge.ours) {
        (None, None) => settings.push_secret()?,
        (ext, _) => ext.clone(),
    };
    let log = settings.load_for_client(&[])?.log;
    let running = telemetry::start(&log).context("cannot start the log")?;
    let result = log_failure(&log, run_logged(bridge, ours, ext, &log));
    running.flush();
    result
}

fn run_logged(bridge: &Bridge, ours: String, ext: Option<String>, log: &Log) -> anyhow::Result<()> {
    let ways = match bridge.one_way {
        None => Ways::Both,
        Some(Way::In) => Ways::In,
        Some(Way::Out) => Ways::Out,
    };
    let arrow = match ways {
        Ways::Both => "<->",
        Ways::In => "<-",
        Ways::Out => "->",
    };
    let begun = format!("carrying {}: {ours} {arrow} {}", bridge.patterns.join(" "), bridge.url);
    let tls = |url: &str| trust(bridge.cacert.as_deref(), url);
    let options = Options {
        theirs: Server { url: bridge.url.clone(), ext: bridge.their_ext.clone(), tls: tls(&bridge.url)? },
        ours: Server { tls: tls(&ours)?, url: ours, ext },
        patterns: bridge.patterns.clone(),
        ways,
        queue: bridge.queue as usize,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = stopped()?;
        let ready = || {
            let printed = match log.format {
                LogFormat::Text => print(&begun),
                LogFormat::Json => print(telemetry::json_line(&begun)),
            };
            if let Err(error) = printed {
                tracing::debug!(%error, "start line not printed");
            }
        };
        Ok(bridge::run(options, ready, stop).await?)
    })
}
