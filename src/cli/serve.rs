//! `faye`: serves until SIGTERM or Ctrl-C.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::start_lines::start_lines;
use super::{log_failure, print};
use crate::app::{App, Reloader};
use crate::config::{self, Config, LogFormat, Problems};
use crate::descriptors::{self, Shares};
use crate::server::Server;
use crate::telemetry;
use crate::tls::Certificates;

/// Maximum time to print the first lines before the warnings about the settings are logged.
const PRINT: Duration = Duration::from_secs(1);

pub(super) fn run(config: &Config, again: impl Fn() -> Result<Config, Problems>) -> anyhow::Result<()> {
    let log = Arc::new(telemetry::start(&config.log).context("cannot start the log")?);
    let open_files = descriptors::raise();
    let result = log_failure(&config.log, run_logged(config, again, &log, open_files));
    log.flush();
    result
}

fn run_logged(
    config: &Config,
    again: impl Fn() -> Result<Config, Problems>,
    log: &Arc<telemetry::Handle>,
    open_files: usize,
) -> anyhow::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if config.server.threads > 0 {
        runtime.worker_threads(config.server.threads);
    }
    let runtime = runtime.enable_all().build().context("cannot start the threads of the server")?;
    let result = runtime.block_on(serve(config, again, log, open_files));
    // Connections that are still open after the drain are closed.
    runtime.shutdown_background();
    result
}

/// Warns about a limit of open files that allows fewer connections than the settings: each needs a file descriptor.
fn warn_about_open_files(config: &Config, open_files: usize) {
    let wanted = config.limits.connections;
    let connections = Shares::of(open_files, wanted, config.outgoing_connections()).clients;
    if connections >= wanted {
        tracing::debug!(open_files, connections, "limit of open files raised to the maximum");
    } else if wanted != Config::default().limits.connections {
        tracing::warn!(
            open_files,
            connections,
            "fewer open files than limits.connections needs, so fewer connections are accepted; raise the limit (ulimit \
             -n, LimitNOFILE of systemd) or lower limits.connections"
        );
    } else {
        tracing::debug!(
            open_files,
            connections,
            "connections are limited by the number of open files (ulimit -n)"
        );
    }
}

/// Logs the warnings about the settings.
fn warn(config: &Config) {
    for warning in
        config::unused_variables(config, std::env::vars_os()).into_iter().chain(App::warnings(config))
    {
        tracing::warn!("{warning}");
    }
}

async fn serve(
    config: &Config,
    again: impl Fn() -> Result<Config, Problems>,
    log: &Arc<telemetry::Handle>,
    open_files: usize,
) -> anyhow::Result<()> {
    let app = App::bind(config, &[]).await?;
    log.count_in(app.server().metrics());
    let terminate = signal(SignalKind::terminate())?;
    let interrupt = signal(SignalKind::interrupt())?;
    let hangup = signal(SignalKind::hangup())?;
    let server = Arc::clone(app.server());
    let reloader = app.reloader();
    let certificates = app.certificates().cloned();
    let url = app.url()?;
    let printed = announce(config.log.format, start_lines(config, &url, app.admin_address()?));
    // The address precedes all warnings. A blocked standard output only delays the warnings.
    let _ = tokio::time::timeout(PRINT, printed).await;
    warn_about_open_files(config, open_files);
    warn(config);
    let until_failure = app.until_failure();
    let (failed, failure) = tokio::sync::oneshot::channel();
    let stop = async {
        tokio::select! {
            () = stop(terminate, interrupt, Arc::clone(log)) => {}
            reason = until_failure => {
                tracing::error!(reason, "stopping after a failure; draining connections");
                // The receiver is below.
                let _ = failed.send(reason);
            }
        }
    };
    let all = tokio::select! {
        all = app.run(stop) => all,
        () = reload(hangup, &server, &reloader, certificates, config, again) => false,
    };
    if let Ok(reason) = failure.await {
        anyhow::bail!("stopped because of a failure: {reason}");
    }
    if all {
        tracing::info!("stopped; every connection was closed");
    } else {
        tracing::warn!("stopped; connections that did not end within server.drain_timeout were cut");
    }
    Ok(())
}

/// Reloads the settings and the certificate at each SIGHUP. A file with an error is refused as a whole.
async fn reload(
    mut hangup: Signal,
    server: &Server,
    reloader: &Reloader,
    certificates: Option<Arc<Certificates>>,
    started: &Config,
    again: impl Fn() -> Result<Config, Problems>,
) {
    while hangup.recv().await.is_some() {
        if let Some(certificates) = certificates.clone() {
            // It reads files, which may block, and logs its errors.
            let _ = tokio::task::spawn_blocking(move || certificates.reload()).await;
        }
        let config = match again() {
            Ok(config) => config,
            Err(problems) => {
                let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
                let problems = problems.join("; ");
                tracing::error!(problems, "invalid settings; keeping the current ones");
                continue;
            }
        };
        if let Err(error) = reloader.reload(&config) {
            tracing::error!(%error, "invalid settings; keeping the current ones");
            continue;
        }
        server.metrics().config_reloads.inc();
        warn(&config);
        let waiting = waiting(started, &config);
        if waiting.is_empty() {
            tracing::info!("settings reloaded");
        } else {
            tracing::warn!(
                sections = waiting.join(", "),
                "settings reloaded; these sections take effect at the next start"
            );
        }
    }
    // No signal can arrive any more.
    std::future::pending::<()>().await;
}

/// Returns the changed sections that require a restart.
fn waiting(started: &Config, now: &Config) -> Vec<&'static str> {
    let started_server = config::Server {
        trusted_proxies: now.server.trusted_proxies.clone(),
        hosts: now.server.hosts.clone(),
        ..started.server.clone()
    };
    let started_feeds =
        config::Feeds { poll: now.feeds.poll, backup_poll: now.feeds.backup_poll, ..started.feeds.clone() };
    let sections = [
        ("server", started_server == now.server),
        ("advice", started.advice == now.advice),
        ("limits", started.limits == now.limits),
        ("mailbox", started.mailbox == now.mailbox),
        ("websocket", started.websocket == now.websocket),
        ("eventsource", started.eventsource == now.eventsource),
        ("dialect", started.dialect == now.dialect),
        ("extensions", started.extensions == now.extensions),
        ("webhook", started.webhook == now.webhook),
        ("store", started.store == now.store),
        ("hub", started.hub == now.hub),
        ("api", started.api == now.api),
        ("history", started.history == now.history),
        ("redis", started.redis == now.redis),
        ("admin", started.admin == now.admin),
        ("tls", started.tls == now.tls),
        ("acme", started.acme == now.acme),
        ("log", started.log == now.log),
        ("channel.syndicate", feeds(started) == feeds(now)),
        ("ping", started.ping == now.ping),
        // Feeds change without a restart if feeds are followed.
        ("feed", started.follows_feeds() || now.feed.is_empty()),
        ("feeds", started_feeds == now.feeds),
        ("lifestream", started.lifestream == now.lifestream),
    ];
    sections.into_iter().filter(|(_, is_same)| !is_same).map(|(name, _)| name).collect()
}

/// Returns the channels that are feeds, with the names of the feeds.
fn feeds(config: &Config) -> Vec<(&str, &str)> {
    config
        .channel
        .iter()
        .filter_map(|rule| Some((rule.pattern.as_str(), rule.syndicate.as_deref()?)))
        .collect()
}

/// Prints lines to standard output, as JSON objects if the log is JSON. A standard output that is closed is no failure.
fn announce(format: LogFormat, lines: Vec<String>) -> tokio::task::JoinHandle<()> {
    tokio::task::spawn_blocking(move || {
        for line in lines {
            let printed = match format {
                LogFormat::Text => print(line),
                LogFormat::Json => print(telemetry::json_line(&line)),
            };
            if let Err(error) = printed {
                tracing::debug!(%error, "start line not printed");
            }
        }
    })
}

/// Waits for SIGTERM or Ctrl-C. A second signal ends the process immediately.
async fn stop(mut terminate: Signal, mut interrupt: Signal, log: Arc<telemetry::Handle>) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: refusing new connections, answering held connects, closing WebSockets");
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::warn!("stopped at once by a second signal");
        log.flush();
        std::process::exit(1);
    });
}
