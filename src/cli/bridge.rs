//! `faye bridge`: carries messages between two servers, until it is stopped.

use anyhow::Context;
use clap::{Args, ValueEnum};

use super::{log_failure, object, say, stopped};
use crate::bridge::{self, Options, Server, Ways};
use crate::config::{Log, LogFormat};
use crate::telemetry;

/// Between which servers, and what.
#[derive(Args)]
pub(super) struct Bridge {
    /// The other server, such as http://old.example.com/faye
    url: String,
    /// The channels and patterns to carry, such as '/chat/**'
    #[arg(required = true, value_name = "PATTERN")]
    patterns: Vec<String>,
    /// Our server [default: where the settings say that it listens]
    #[arg(long = "url", value_name = "URL")]
    pub(super) ours: Option<String>,
    /// The ext of the messages to our server, or env:NAME for a variable with it [default: the push secret of the
    /// settings]
    #[arg(long, value_name = "JSON", value_parser = object)]
    pub(super) ext: Option<String>,
    /// The ext of the messages to the other server, or env:NAME
    #[arg(long, value_name = "JSON", value_parser = object)]
    their_ext: Option<String>,
    /// Carry in one direction only: "in" to our server, "out" to the other
    #[arg(long, value_enum, value_name = "WAY")]
    one_way: Option<Way>,
    /// How many messages may wait for a server that is away; beyond it the oldest are dropped
    #[arg(long, default_value_t = 10_000, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    queue: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum Way {
    In,
    Out,
}

/// `ours` and `ext` are what holds if the arguments do not say it.
pub(super) fn run(bridge: &Bridge, ours: String, ext: Option<String>, log: &Log) -> anyhow::Result<()> {
    let running = telemetry::start(log).context("cannot start the log")?;
    let result = log_failure(log, run_logged(bridge, ours, ext, log));
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
    let options = Options {
        theirs: Server { url: bridge.url.clone(), ext: bridge.their_ext.clone() },
        ours: Server { url: ours, ext },
        patterns: bridge.patterns.clone(),
        ways,
        queue: bridge.queue as usize,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = stopped()?;
        let ready = || {
            let said = match log.format {
                LogFormat::Text => say(&begun),
                LogFormat::Json => say(telemetry::json_line(&begun)),
            };
            if let Err(error) = said {
                tracing::debug!(%error, "the start line was not printed");
            }
        };
        Ok(bridge::run(options, ready, stop).await?)
    })
}
