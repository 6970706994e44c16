//! `faye bench`: loads a server, or two in turn, and prints what the load cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};

use super::server::{Server, object, url};
use super::settings::Settings;
use super::{print, stopped};
use crate::bench::{self, Comparison, Floor, Idle, Options, Publishing, Report, Storm, Subscribers};
use crate::config::ListenAddress;

/// The default address of the floor.
const FLOOR: &str = "127.0.0.1:8001";

pub(super) const EXAMPLES: &str = "\
Examples:
  faye bench fanout --subscribers 1000 --window 4 --pid \"$(pgrep -o -x faye)\"
  faye bench fanout --url http://127.0.0.1:8000/faye --against http://127.0.0.1:8001/bayeux
  faye bench poll --subscribers 500 --url https://example.com/faye --ext env:FAYE_EXT
  faye bench idle --sessions 10000 --pid 4711 --json

With --against the same load runs on both servers in turn, --rounds times, and one table has the medians of both. The load
runs on one thread; no message may be lost, doubled or out of order.

Exit codes: 0 the load ran and every message arrived once and in order, 1 it did not, 2 wrong arguments.";

#[derive(Subcommand)]
pub(super) enum Bench {
    /// One publisher to many subscribers over WebSockets
    #[command(after_long_help = EXAMPLES)]
    Fanout {
        /// Subscribers
        #[arg(long, default_value_t = 100, value_name = "COUNT")]
        subscribers: usize,
        /// Further subscribers that read one byte per second and are not counted
        #[arg(long, default_value_t = 0, value_name = "COUNT")]
        slow: usize,
        #[command(flatten)]
        publishing: PublishingArguments,
        #[command(flatten)]
        common: Common,
    },
    /// Publishers with one channel and one subscriber each over WebSockets
    #[command(after_long_help = EXAMPLES)]
    Pairs {
        /// Publishers, and as many subscribers
        #[arg(long, default_value_t = 100, value_name = "COUNT")]
        pairs: usize,
        #[command(flatten)]
        publishing: PublishingArguments,
        #[command(flatten)]
        common: Common,
    },
    /// One publisher to many subscribers over long-polling
    #[command(after_long_help = EXAMPLES)]
    Poll {
        /// Subscribers
        #[arg(long, default_value_t = 100, value_name = "COUNT")]
        subscribers: usize,
        #[command(flatten)]
        publishing: PublishingArguments,
        #[command(flatten)]
        common: Common,
    },
    /// Idle sessions: their memory, and the cost of keeping them alive
    ///
    /// Memory needs --pid. After the warm-up the replies to /meta/connect are counted for --seconds; take a multiple of the
    /// time for which the server holds a connect.
    #[command(after_long_help = EXAMPLES)]
    Idle {
        /// Sessions
        #[arg(long, default_value_t = 1000, value_name = "COUNT")]
        sessions: usize,
        /// Use long-polling in place of WebSockets
        #[arg(long)]
        poll: bool,
        /// Messages to all sessions before they read; memory is measured again after that
        #[arg(long, default_value_t = 0, value_name = "COUNT")]
        burst: usize,
        /// Bytes of data of a message of the burst
        #[arg(long, default_value_t = 4096, value_name = "BYTES")]
        payload: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Sessions that open and end: connect, upgrade, handshake, connect, subscribe, reset, again
    #[command(after_long_help = EXAMPLES)]
    Storm {
        /// Sessions at a time
        #[arg(long, default_value_t = 32, value_name = "COUNT")]
        sessions: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Serve the least work that a fan-out needs, as the lower bound of the cost: load it with --floor
    ///
    /// It listens on --listen, or on 127.0.0.1:8001, and calls send(2) once per receiver of a message.
    #[command(args = super::settings::without(&["config", "mount"]))]
    Floor,
}

#[derive(Args)]
pub(super) struct PublishingArguments {
    /// Publications in flight per publisher; one is done when all its receivers have it
    #[arg(long, default_value_t = 1, value_name = "COUNT")]
    window: usize,
    /// Publications per frame; the window is at least that
    #[arg(long, default_value_t = 1, value_name = "COUNT")]
    batch: usize,
    /// Publish at this rate per second in place of a window, however fast messages arrive
    #[arg(long, value_name = "NUMBER")]
    rate: Option<f64>,
    /// Bytes of data of a publication
    #[arg(long, default_value_t = 100, value_name = "BYTES")]
    payload: usize,
}

#[derive(Args)]
pub(super) struct Common {
    #[command(flatten)]
    server: Server,
    /// The server is `faye bench floor`
    #[arg(long)]
    floor: bool,
    /// The channel, or the prefix of the channels of pairs [default: /bench/ and a random number]
    #[arg(long)]
    channel: Option<String>,
    /// The measured time
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS", value_parser = seconds)]
    seconds: f64,
    /// The time before it
    #[arg(long, default_value_t = 1.0, value_name = "SECONDS", value_parser = seconds)]
    warmup: f64,
    /// The process of the server, to measure its CPU and memory (Linux)
    #[arg(long)]
    pid: Option<u32>,
    /// A second server to compare with: the same load runs on both in turn
    #[arg(long, value_name = "URL", value_parser = url, conflicts_with = "floor", help_heading = "Comparison")]
    against: Option<String>,
    /// The process of the second server
    #[arg(long, value_name = "PID", requires = "against", help_heading = "Comparison")]
    against_pid: Option<u32>,
    /// The ext of the messages to the second server, or env:NAME
    #[arg(long, value_name = "JSON", value_parser = object, requires = "against", help_heading = "Comparison")]
    against_ext: Option<String>,
    /// Rounds on each server
    #[arg(long, default_value_t = 3, value_name = "COUNT", requires = "against", help_heading = "Comparison",
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,
    /// Print JSON in place of a table: one line, or with --against one per round and server and one of the medians
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

    /// Runs the load once.
    fn load(&self, options: &Options) -> Result<Report, bench::Failure> {
        match self {
            Self::Fanout { subscribers, slow, publishing, .. } => {
                let load = Publishing { slow: *slow, ..publishing.to(Subscribers::Fanout(*subscribers)) };
                bench::publish(options, &load)
            }
            Self::Pairs { pairs, publishing, .. } => {
                bench::publish(options, &publishing.to(Subscribers::Pairs(*pairs)))
            }
            Self::Poll { subscribers, publishing, .. } => {
                bench::publish(options, &publishing.to(Subscribers::Polls(*subscribers)))
            }
            Self::Idle { sessions, poll, burst, payload, .. } => {
                let idle = Idle { sessions: *sessions, polls: *poll, burst: *burst, payload: *payload };
                bench::idle(options, &idle)
            }
            Self::Storm { sessions, .. } => bench::storm(options, Storm { sessions: *sessions }),
            Self::Floor => Err(bench::Failure::Options("the floor is no load".to_owned())),
        }
    }
}

pub(super) fn run(bench: &Bench, settings: &Settings) -> anyhow::Result<()> {
    let Some(common) = bench.common() else { return floor(settings.listen.as_deref().unwrap_or(FLOOR)) };
    let url = match &common.server.url {
        None if common.floor => format!("http://{FLOOR}/"),
        _ => common.server.url(settings)?,
    };
    let channel = || common.channel.clone().unwrap_or_else(|| format!("/bench/{}", fastrand::u32(..)));
    let options = Options {
        tls: common.server.tls(&url)?,
        url,
        floor: common.floor,
        channel: channel(),
        ext: common.server.ext.clone(),
        measured: Duration::from_secs_f64(common.seconds),
        warmup: Duration::from_secs_f64(common.warmup),
        stop: stop_on_signal()?,
        pid: common.pid,
        progress: String::new(),
    };
    if let Some(against) = &common.against {
        let other = Options {
            tls: common.server.tls(against)?,
            url: against.clone(),
            ext: common.against_ext.clone(),
            pid: common.against_pid,
            ..options.clone()
        };
        return compare(bench, options, other, common);
    }
    let report = bench.load(&options)?;
    print(if common.json { report.json() } else { report.table() })?;
    match report.fault() {
        Some(fault) => bail!("{fault}"),
        None => Ok(()),
    }
}

/// Runs the load on two servers in turn, and prints one table.
fn compare(bench: &Bench, ours: Options, theirs: Options, common: &Common) -> anyhow::Result<()> {
    let mut sides = [ours, theirs];
    let urls = sides.each_ref().map(|options| options.url.clone());
    // A round on one server is of no use if the other is unreachable.
    sides.iter().try_for_each(bench::probe)?;
    let mut comparison = Comparison::new(urls, common.rounds as usize);
    for turn in comparison.turns() {
        let options = &mut sides[turn.side];
        // A server that keeps a channel for a while must not see the channel of an earlier round.
        options.channel = match &common.channel {
            Some(channel) => channel.clone(),
            None => format!("/bench/{}", fastrand::u32(..)),
        };
        options.progress = format!("round {} of {}, {}: ", turn.round, common.rounds, options.url);
        let result = bench.load(options);
        if matches!(result, Err(bench::Failure::Stopped)) {
            return Err(bench::Failure::Stopped.into());
        }
        comparison.add(turn, result);
        if common.json {
            print(comparison.last_as_json())?;
        }
    }
    print(if common.json { comparison.json() } else { comparison.table() })?;
    match comparison.fault() {
        Some(fault) => bail!("{fault}"),
        None => Ok(()),
    }
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

/// Returns a flag that SIGTERM and Ctrl-C set. The load then ends early and closes its sessions.
fn stop_on_signal() -> anyhow::Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stopped = runtime.block_on(async { stopped() })?;
    std::thread::spawn(move || {
        runtime.block_on(stopped);
        flag.store(true, Ordering::Relaxed);
    });
    Ok(stop)
}

fn floor(listen: &str) -> anyhow::Result<()> {
    let address = listen.parse::<ListenAddress>();
    let address = address.map_err(|wrong| anyhow!("--listen {wrong}; write for example {FLOOR}"))?;
    let found = address.candidates().with_context(|| format!("--listen {address}"))?;
    let first = found.first().with_context(|| format!("--listen {address}: the name has no address"))?;
    let floor = Floor::bind(*first)?;
    print(format_args!("the floor is listening on http://{}/", floor.address()?))?;
    floor.run()?;
    Ok(())
}
