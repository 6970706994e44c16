//! `faye demo`: runs a server with its page, a ticker that publishes numbered messages, and two clients over sockets that
//! count them. Ctrl-C prints the counts.

mod receiver;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::sync::{oneshot, watch};

use super::settings::Settings;
use super::start_lines::{page, reachable};
use super::{print, stopped, warn};
use crate::app::App;
use crate::client::{Publisher, publish};
use crate::config::Config;
use crate::telemetry;
use crate::tls;
use receiver::{Count, Receiver, Transport};

/// The channel of the ticker.
const CHANNEL: &str = "/demo/ticker";
/// The time between two messages.
const EVERY: Duration = Duration::from_millis(250);

pub(super) const EXAMPLES: &str = "\
Examples:
  faye demo
  faye demo --listen :8000      for other machines, too

It uses the defaults, and no settings file. The ticker publishes four messages per second to /demo/ticker. One client
subscribes over a WebSocket, the other over long-polling. Ctrl-C or SIGTERM prints for each client how many messages were
delivered and lost, and how often it reconnected.

Exit codes: 0 stopped, 1 the address cannot be used, 2 wrong arguments.";

pub(super) fn run(settings: &Settings) -> anyhow::Result<()> {
    if settings.config.is_some() || settings.mount.is_some() {
        bail!("faye demo uses no settings but --listen; run faye without a command to serve with settings");
    }
    let mut config = Config::default();
    config.server.listen = match &settings.listen {
        None => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into(),
        Some(text) => text
            .parse()
            .map_err(|wrong| anyhow::anyhow!("--listen {wrong}; write for example 127.0.0.1:8000"))?,
    };
    // The end of the demo is on standard output already.
    config.log.level = "warn".to_owned();
    let log = telemetry::start(&config.log).context("cannot start the log")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(demo(&config));
    runtime.shutdown_background();
    log.flush();
    result
}

async fn demo(config: &Config) -> anyhow::Result<()> {
    let stop = stopped()?;
    let app = App::bind(config, &[]).await?;
    let address = app.url()?;
    let (end, ended) = oneshot::channel::<()>();
    let server = tokio::spawn(app.run(async {
        // Without a sender the demo has ended, too.
        let _ = ended.await;
    }));
    let result = present(config, &address, &reachable(&address), stop).await;
    // Sending fails if the server has already ended.
    let _ = end.send(());
    server.await.context("the server has failed")?;
    let counts = result?;
    print(counts)
}

/// Runs the ticker and the clients until `stop` completes. Returns the counts as a table.
async fn present(
    config: &Config,
    address: &str,
    url: &str,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<String> {
    let tls = tls::client_config_for(url);
    let publisher = Publisher::new(url, &tls)?;
    let transports = [Transport::WebSocket, Transport::LongPolling];
    let mut receivers = Vec::new();
    for transport in transports {
        receivers.push(Receiver::open(transport, url, CHANNEL, &tls).await?);
    }
    let first = match page(config, address) {
        Some(page) => format!("Open {page} in a browser. Ctrl-C ends the demo and prints what arrived."),
        None => format!("The demo runs at {url}. Ctrl-C ends it and prints what arrived."),
    };
    print(first)?;
    print(format_args!("faye {} is listening on {address}", env!("CARGO_PKG_VERSION")))?;
    print(format_args!(
        "{} messages per second go to {CHANNEL}; one client receives them over a WebSocket, one over long-polling",
        1000 / EVERY.as_millis()
    ))?;
    let (total, last) = watch::channel(None);
    let tasks: Vec<_> =
        receivers.into_iter().map(|receiver| tokio::spawn(receiver.count(last.clone()))).collect();
    let published = tick(&publisher, stop).await;
    total.send_replace(Some(published));
    let mut counts = Vec::new();
    for task in tasks {
        counts.push(task.await.context("a client has failed")?);
    }
    Ok(table(published, &counts))
}

/// Publishes numbered messages, from 1, until `stop` completes. Returns how many.
async fn tick(publisher: &Publisher, stop: impl Future<Output = ()>) -> u64 {
    tokio::pin!(stop);
    let mut published = 0;
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut stop => return published,
            _ = every.tick() => {}
        }
        let data = serde_json::json!({ "number": published + 1 }).to_string();
        match publish(publisher, CHANNEL, &data, None).await {
            Ok(()) => published += 1,
            // The next tick publishes the same number; receivers ignore duplicates.
            Err(failure) => warn(format_args!("the ticker failed and tries again: {failure}")),
        }
    }
}

/// Returns the counts as a table.
fn table(published: u64, counts: &[Count]) -> String {
    let mut lines = vec![
        format!("published {published} messages to {CHANNEL}"),
        format!("{:<14}{:>10}{:>8}{:>12}", "client", "delivered", "lost", "reconnects"),
    ];
    lines.extend(counts.iter().map(|count| {
        let lost = published.saturating_sub(count.delivered);
        format!("{:<14}{:>10}{lost:>8}{:>12}", count.transport.name(), count.delivered, count.reconnects)
    }));
    lines.join("\n")
}
