//! `faye bench`: loads a server and says what that cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};

use super::{object, say, stopped};
use crate::bench::{self, Floor, Idle, Options, Publishing, Report, Storm, Subscribers};
use crate::config::ListenAddress;

/// Where the floor listens if nothing is said.
const FLOOR: &str = "127.0.0.1:8001";

#[derive(Subcommand)]
pub(super) enum Bench {
    /// One publisher to many subscribers on WebSockets
    Fanout {
        /// Subscribers
        #[arg(long, default_value_t = 100, value_name = "COUNT")]
        subscribers: usize,
        /// Subscribers beside them that read a byte a second, and are not counted
        #[arg(long, default_value_t = 0, value_name = "COUNT")]
        slow: usize,
        #[command(flatten)]
        publishing: PublishingArguments,
        #[command(flatten)]
        common: Common,
    },
    /// Publishers with a channel and a subscriber each, on WebSockets
    Pairs {
        /// Publishers, and as many subscribers
        #[arg(long, default_value_t = 100, value_name = "COUNT")]
        pairs: usize,
        #[command(flatten)]
        publishing: PublishingArguments,
        #[command(flatten)]
        common: Common,
    },
    /// One publisher to many subscribers with long-polling
    Poll {
        /// Subscribers
        #[arg(long, default_value_t = 100, value_name = "COUNT")]
        subscribers: usize,
        #[command(flatten)]
        publishing: PublishingArguments,
        #[command(flatten)]
        common: Common,
    },
    /// Sessions that do nothing: their memory, and what it costs to keep them alive
    ///
    /// Memory needs --pid. After the warm-up the replies to /meta/connect are counted for --seconds; make that a
    /// multiple of the time that the server holds a connect.
    Idle {
        /// Sessions
        #[arg(long, default_value_t = 1000, value_name = "COUNT")]
        sessions: usize,
        /// Hold requests (long-polling), not WebSockets
        #[arg(long)]
        poll: bool,
        /// Publish so many messages to all sessions before they read, and measure memory again
        #[arg(long, default_value_t = 0, value_name = "COUNT")]
        burst: usize,
        /// Bytes of data of a message of the burst
        #[arg(long, default_value_t = 4096, value_name = "BYTES")]
        payload: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Sessions that come and go: connect, upgrade, handshake, connect, subscribe, reset, again
    Storm {
        /// Sessions at a time
        #[arg(long, default_value_t = 32, value_name = "COUNT")]
        sessions: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Serve the least that a server can do, to compare with: load it with --floor
    ///
    /// It listens on --listen, or on 127.0.0.1:8001, and calls send(2) once for each receiver of a message.
    Floor,
}

#[derive(Args)]
pub(super) struct PublishingArguments {
    /// Publications that each publisher keeps under way; one is done when all its receivers have it
    #[arg(long, default_value_t = 1, value_name = "COUNT")]
    window: usize,
    /// Publications in one frame; the window is at least that
    #[arg(long, default_value_t = 1, value_name = "COUNT")]
    batch: usize,
    /// Publish so many a second, however fast they arrive, in place of a window
    #[arg(long, value_name = "NUMBER")]
    rate: Option<f64>,
    /// Bytes of data of a publication
    #[arg(long, default_value_t = 100, value_name = "BYTES")]
    payload: usize,
}

#[derive(Args)]
pub(super) struct Common {
    /// The server [default: where the settings say that it listens]
    #[arg(long)]
    url: Option<String>,
    /// The server is `faye bench floor`
    #[arg(long)]
    floor: bool,
    /// The channel, or what the channels of pairs begin with [default: /bench/ and a number of this run]
    #[arg(long)]
    channel: Option<String>,
    /// The ext of every message, such as '{"password":"secret"}'
    #[arg(long, value_name = "JSON", value_parser = object)]
    ext: Option<String>,
    /// How long to measure
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS", value_parser = seconds)]
    seconds: f64,
    /// How long to run before that
    #[arg(long, default_value_t = 1.0, value_name = "SECONDS", value_parser = seconds)]
    warmup: f64,
    /// The process of the server, to measure its use of CPU and memory (Linux)
    #[arg(long)]
    pid: Option<u32>,
    /// Print one line of JSON, not a table
    #[arg(long)]
    json: bool,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("write seconds, such as 5 or 0.5".to_owned()),
    }
}

impl Bench {
    /// The server that was named, if one was.
    fn common(&self) -> Option<&Common> {
        match self {
            Self::Fanout { common, .. }
            | Self::Pairs { common, .. }
            | Self::Poll { common, .. }
            | Self::Idle { common, .. }
            | Self::Storm { common, .. } => Some(common),
            Self::Floor => None,
        }
    }
}

/// Runs a load. `url` knows the server for what was given, `listen` is the address of the floor.
pub(super) fn run(
    bench: &Bench,
    listen: Option<&str>,
    url: impl FnOnce(Option<&String>) -> anyhow::Result<String>,
) -> anyhow::Result<()> {
    let Some(common) = bench.common() else { return floor(listen.unwrap_or(FLOOR)) };
    let url = match &common.url {
        None if common.floor => format!("http://{FLOOR}/"),
        given => url(given.as_ref())?,
    };
    let options = Options {
        url,
        floor: common.floor,
        channel: common.channel.clone().unwrap_or_else(|| format!("/bench/{}", fastrand::u32(..))),
        ext: common.ext.clone(),
        measured: Duration::from_secs_f64(common.seconds),
        warmup: Duration::from_secs_f64(common.warmup),
        stop: stop_on_signal()?,
        pid: common.pid,
    };
    let report = match bench {
        Bench::Fanout { subscribers, slow, publishing, .. } => {
            let load = Publishing { slow: *slow, ..publishing.to(Subscribers::Fanout(*subscribers)) };
            bench::publish(&options, &load)
        }
        Bench::Pairs { pairs, publishing, .. } => {
            bench::publish(&options, &publishing.to(Subscribers::Pairs(*pairs)))
        }
        Bench::Poll { subscribers, publishing, .. } => {
            bench::publish(&options, &publishing.to(Subscribers::Polls(*subscribers)))
        }
        Bench::Idle { sessions, poll, burst, payload, .. } => {
            let idle = Idle { sessions: *sessions, polls: *poll, burst: *burst, payload: *payload };
            bench::idle(&options, &idle)
        }
        Bench::Storm { sessions, .. } => bench::storm(&options, Storm { sessions: *sessions }),
        Bench::Floor => return Ok(()),
    };
    tell(&report?, common.json)
}

impl PublishingArguments {
    fn to(&self, subscribers: Subscribers) -> Publishing {
        Publishing {
            subscribers,
            window: self.window.max(self.batch),
            batch: self.batch,
            rate: self.rate,
            payload: self.payload,
            slow: 0,
        }
    }
}

/// Has SIGTERM and Ctrl-C end the load early, so that it ends its sessions.
fn stop_on_signal() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stopped = runtime.block_on(async { stopped() })?;
    std::thread::spawn(move || {
        runtime.block_on(stopped);
        told.store(true, Ordering::Relaxed);
    });
    Ok(stop)
}

fn tell(report: &Report, json: bool) -> anyhow::Result<()> {
    say(if json { report.json() } else { report.table() })?;
    match report.fault() {
        Some(fault) => bail!("{fault}"),
        None => Ok(()),
    }
}

fn floor(listen: &str) -> anyhow::Result<()> {
    let address = listen.parse::<ListenAddress>();
    let address = address.map_err(|wrong| anyhow!("--listen {wrong}; write for example {FLOOR}"))?;
    let found = address.candidates().with_context(|| format!("--listen {address}"))?;
    let first = found.first().with_context(|| format!("--listen {address}: the name has no address"))?;
    let floor = Floor::bind(*first)?;
    say(format_args!("the floor is listening on http://{}/", floor.address()?))?;
    floor.run()?;
    Ok(())
}
