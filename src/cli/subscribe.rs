//! `faye subscribe`: prints messages as they arrive, until it is stopped. It resumes its session after a lost
//! connection or a restart of the server, and reports where messages may be missing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use rustls::ClientConfig;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::server::Server;
use super::settings::Settings;
use super::{print, print_json, stopped, warn};
use crate::bayeux::{Message, channel};
use crate::client::{Failure, Reconnect, Subscription};

/// The time before the next attempt to reach a lost server.
const RETRY: Duration = Duration::from_secs(2);

pub(super) const EXAMPLES: &str = "\
Examples:
  faye subscribe /hello
  faye subscribe /news '/chat/**' --url https://example.com/faye
  faye subscribe /prices --ext env:FAYE_EXT | jq .data

Each message is one line of JSON on standard output. The state of the connection goes to standard error; with --json it
goes to standard output too, as objects with the key \"event\": \"subscribed\", \"disconnected\", \"reconnected\" (the same
session, nothing missed but what was in flight) and \"gap\" (messages may be missing).

Exit codes: 0 stopped by SIGTERM or Ctrl-C, or standard output was closed; 1 the server could not be reached at the start,
or refused; 2 wrong arguments.";

#[derive(Args)]
pub(super) struct Subscribe {
    /// The channels and patterns, such as /hello or '/chat/**'
    #[arg(required = true, value_name = "PATTERN")]
    patterns: Vec<String>,
    #[command(flatten)]
    server: Server,
    /// Print the state of the connection to standard output as JSON, too
    #[arg(long)]
    json: bool,
}

pub(super) fn run(subscribe: &Subscribe, settings: &Settings) -> anyhow::Result<()> {
    if let Some(bad) = subscribe.patterns.iter().find(|pattern| !channel::is_valid(pattern)) {
        return Err(Failure::Pattern(bad.clone()).into());
    }
    let url = &subscribe.server.url(settings)?;
    let follower = Follower {
        url,
        patterns: &subscribe.patterns,
        ext: subscribe.server.ext.as_deref(),
        tls: subscribe.server.tls(url)?,
        as_json: subscribe.json,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(follower.follow())
}

/// A change of the connection.
enum Event<'a> {
    Subscribed {
        is_new_session: bool,
    },
    Disconnected {
        failure: &'a Failure,
    },
    Reconnected,
    /// Messages may be missing: those in flight when the connection broke, or those of the last seconds.
    Gap {
        seconds: Option<u64>,
    },
}

/// The server and the channels of a subscription.
struct Follower<'a> {
    url: &'a str,
    patterns: &'a [String],
    ext: Option<&'a str>,
    tls: Arc<ClientConfig>,
    as_json: bool,
}

impl Follower<'_> {
    async fn follow(&self) -> anyhow::Result<()> {
        let stop = stopped()?;
        tokio::pin!(stop);
        let mut subscription = tokio::select! {
            () = &mut stop => return Ok(()),
            opened = self.open() => opened?,
        };
        let mut result = self.report(&Event::Subscribed { is_new_session: false });
        while result.is_ok() {
            let lost = tokio::select! {
                () = &mut stop => break,
                next = subscription.next() => match next {
                    Ok(message) => {
                        result = print(line(&message));
                        continue;
                    }
                    Err(failure) => failure,
                },
            };
            tokio::select! {
                () = &mut stop => return print_all(&subscription.take_waiting()),
                found = self.reconnect(&mut subscription, &lost) => found?,
            }
        }
        // Without a reader the session ends, too.
        let last = subscription.close().await;
        result.and_then(|()| print_all(&last))
    }

    async fn open(&self) -> Result<Subscription, Failure> {
        Subscription::open(self.url, self.patterns, self.ext, &self.tls).await
    }

    /// Resumes the session as soon as the server can be reached, or opens another one.
    ///
    /// # Errors
    /// [`Failure`] if the server refuses the session and does not advise a retry, or standard output cannot be written.
    async fn reconnect(&self, subscription: &mut Subscription, lost: &Failure) -> anyhow::Result<()> {
        self.report(&Event::Disconnected { failure: lost })?;
        // A refusal of the session is a frame, too, and arrives after the gap.
        let last_frame = subscription.last_frame();
        let mut wait = subscription.interval();
        if let Failure::Refused(refusal) = lost {
            wait = refusal.interval;
        }
        let mut has_session = true;
        loop {
            // A stopping server waits for its sockets to close.
            subscription.hang_up().await;
            tokio::time::sleep(wait).await;
            let failed = if has_session {
                match subscription.resume().await {
                    Ok(true) => {
                        self.report(&Event::Reconnected)?;
                        if !matches!(lost, Failure::Closed) {
                            self.report(&Event::Gap { seconds: None })?;
                        }
                        return Ok(());
                    }
                    Ok(false) => {
                        has_session = false;
                        wait = Duration::ZERO;
                        continue;
                    }
                    Err(failure) => failure,
                }
            } else {
                match self.open().await {
                    Ok(mut fresh) => {
                        let seconds = Some(seconds(last_frame));
                        // The messages of the old session come first.
                        fresh.prepend(subscription.take_waiting());
                        *subscription = fresh;
                        self.report(&Event::Subscribed { is_new_session: true })?;
                        return self.report(&Event::Gap { seconds });
                    }
                    Err(failure) => failure,
                }
            };
            wait = RETRY;
            if let Failure::Refused(refusal) = &failed {
                if refusal.reconnect == Reconnect::Stop {
                    return Err(failed.into());
                }
                wait = wait.max(refusal.interval);
                self.report(&Event::Disconnected { failure: &failed })?;
            }
        }
    }

    /// Reports a change of the connection.
    fn report(&self, event: &Event<'_>) -> anyhow::Result<()> {
        warn(self.text(event));
        if self.as_json { print_json(&self.json(event)) } else { Ok(()) }
    }

    fn text(&self, event: &Event<'_>) -> impl fmt::Display {
        let (url, patterns) = (self.url, self.patterns.join(" "));
        match event {
            Event::Subscribed { is_new_session: false } => format!("subscribed to {patterns} on {url}"),
            Event::Subscribed { is_new_session: true } => {
                format!("subscribed to {patterns} on {url} in a new session")
            }
            Event::Disconnected { failure } => format!("{failure}; reconnecting"),
            Event::Reconnected => format!("connected to {url} again, with the same session"),
            Event::Gap { seconds: None } => {
                "messages that were in flight when the connection broke may be missing".to_owned()
            }
            Event::Gap { seconds: Some(seconds) } => {
                format!("messages of the last {seconds} s may be missing")
            }
        }
    }

    fn json(&self, event: &Event<'_>) -> Value {
        let url = self.url;
        match event {
            Event::Subscribed { is_new_session } => json!({
                "event": "subscribed", "url": url, "patterns": self.patterns, "new_session": is_new_session,
            }),
            Event::Disconnected { failure } => {
                json!({ "event": "disconnected", "url": url, "error": failure.to_string() })
            }
            Event::Reconnected => json!({ "event": "reconnected", "url": url }),
            Event::Gap { seconds } => json!({ "event": "gap", "seconds": seconds }),
        }
    }
}

/// Seconds since then, rounded up.
fn seconds(since: Instant) -> u64 {
    since.elapsed().as_secs() + 1
}

fn print_all(messages: &[Message]) -> anyhow::Result<()> {
    messages.iter().try_for_each(|message| print(line(message)))
}

/// Returns a message as one line.
fn line(message: &Message) -> String {
    let mut object = Vec::new();
    message.write(&mut object, |_| true);
    // Line breaks between the tokens of JSON are as good as spaces; strings contain none.
    object.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n')).for_each(|byte| *byte = b' ');
    String::from_utf8_lossy(&object).into_owned()
}
