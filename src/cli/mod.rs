//! The command line: arguments and commands.

mod api;
#[cfg(feature = "bench")]
mod bench;
mod bridge;
mod check;
mod completions;
mod demo;
mod feeds;
mod hub;
#[cfg(feature = "websub")]
mod lifestream;
mod man;
mod output;
mod publish;
mod serve;
mod server;
mod settings;
mod start_lines;
mod subscribe;
mod table;
mod token;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use output::{exit_code, log_failure, print, print_json, warn};
use tokio::signal::unix::{SignalKind, signal};

const HELP_END: &str = "\
Settings come from faye.toml, from variables (server.timeout is FAYE_SERVER__TIMEOUT) and from arguments, each overriding
the one before. Every key has a default; the faye.toml of the distribution lists and explains them.

Exit codes: 0 success, 1 failure (the cause is on standard error), 2 wrong arguments.";

/// A publish-subscribe server for browsers, compatible with Faye
///
/// Start here:
///
///   faye                           serve on http://127.0.0.1:8000/faye; open http://127.0.0.1:8000/
///   faye demo                      the same on a free port, with a ticker and two clients that count
///   faye lifestream [URL]          follow feeds, and show their entries on a page
///   faye subscribe /hello          print what is published to /hello
///   faye publish /hello '"world"'  publish one message
///   faye check                     check the settings
///
/// Without a command, faye serves until SIGTERM or Ctrl-C. SIGHUP reloads the settings.
#[derive(Parser)]
#[command(name = "faye", version, verbatim_doc_comment, after_long_help = HELP_END)]
struct Arguments {
    #[command(flatten)]
    settings: settings::Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run a server with a ticker and two clients, until Ctrl-C
    #[command(after_long_help = demo::EXAMPLES, args = settings::without(&["config", "mount"]))]
    Demo,
    /// Follow feeds and show their entries on a page, until Ctrl-C
    #[cfg(feature = "websub")]
    #[command(after_long_help = lifestream::EXAMPLES, args = settings::without(&["config", "mount"]))]
    Lifestream(lifestream::Lifestream),
    /// Publish messages to a running server
    #[command(after_long_help = publish::EXAMPLES, args = settings::for_client())]
    Publish(publish::Publish),
    /// Print what is published to channels, one JSON message per line
    #[command(after_long_help = subscribe::EXAMPLES, args = settings::for_client())]
    Subscribe(subscribe::Subscribe),
    /// Check the settings and report errors by line and key
    #[command(after_long_help = check::EXAMPLES)]
    Check(check::Check),
    /// Make and read tokens
    #[command(subcommand, after_long_help = token::EXAMPLES)]
    Token(token::Token),
    /// Show what the WebSub hub of a running server has to do
    #[command(subcommand, after_long_help = hub::EXAMPLES, args = settings::for_client())]
    Hub(hub::Hub),
    /// List, add and remove the feeds that a running server follows
    #[command(subcommand, after_long_help = feeds::EXAMPLES, args = settings::for_client())]
    Feeds(feeds::Feeds),
    /// Copy messages between another server and this one while both run
    #[command(after_long_help = bridge::EXAMPLES)]
    Bridge(bridge::Bridge),
    /// Measure a Bayeux server under load
    #[cfg(feature = "bench")]
    #[command(subcommand, after_long_help = bench::EXAMPLES, args = settings::for_client())]
    Bench(bench::Bench),
    /// Print the completion script of a shell
    #[command(after_long_help = completions::EXAMPLES, args = settings::without(&["config", "listen", "mount"]))]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual pages, or write them into a directory
    #[command(after_long_help = man::EXAMPLES, args = settings::without(&["config", "listen", "mount"]))]
    Man {
        /// The directory for one file per command, such as faye-publish.1; created if it does not exist [default: all
        /// pages go to standard output]
        #[arg(value_name = "DIR")]
        directory: Option<PathBuf>,
    },
}

/// Runs the command of the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let Arguments { settings, command } = Arguments::parse();
    exit_code(match &command {
        None => {
            settings.load().map_err(Into::into).and_then(|config| serve::run(&config, || settings.load()))
        }
        Some(Command::Demo) => demo::run(&settings),
        #[cfg(feature = "websub")]
        Some(Command::Lifestream(lifestream)) => lifestream::run(lifestream, &settings),
        Some(Command::Publish(publish)) => publish::run(publish, &settings),
        Some(Command::Subscribe(subscribe)) => subscribe::run(subscribe, &settings),
        Some(Command::Check(check)) => check::run(check, &settings),
        Some(Command::Token(token)) => token::run(token, &settings),
        Some(Command::Hub(hub)) => hub::run(hub, &settings),
        Some(Command::Feeds(feeds)) => feeds::run(feeds, &settings),
        Some(Command::Bridge(bridge)) => bridge::run(bridge, &settings),
        #[cfg(feature = "bench")]
        Some(Command::Bench(bench)) => bench::run(bench, &settings),
        Some(Command::Completions { shell }) => completions::run(*shell),
        Some(Command::Man { directory }) => man::run(directory.as_deref()),
    })
}

/// Completes when the process receives SIGTERM or SIGINT.
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
