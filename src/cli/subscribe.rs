//! `faye subscribe`: prints messages as they come, until it is stopped. It keeps its session while the server restarts, and
//! says so where that was not possible.

use std::time::Duration;

use tokio::time::Instant;

use super::{say, say_error, stopped};
use crate::bayeux::Message;
use crate::client::{Failure, Reconnect, Subscription};

/// How long to wait before a lost server is tried again.
const RETRY: Duration = Duration::from_secs(2);

pub(super) fn run(url: &str, pattern: &str, ext: Option<&str>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = stopped()?;
        tokio::pin!(stop);
        let follower = Follower { url, patterns: [pattern.to_owned()], ext };
        let mut subscription = tokio::select! {
            () = &mut stop => return Ok(()),
            opened = Subscription::open(url, &follower.patterns, ext) => opened?,
        };
        say_error(&format!("subscribed to {pattern} on {url}"));
        let result = loop {
            let lost = tokio::select! {
                () = &mut stop => break Ok(()),
                next = subscription.next() => match next {
                    Ok(message) => match say(line(&message)) {
                        Ok(()) => continue,
                        // No reader: the session ends too.
                        Err(error) => break Err(error),
                    },
                    Err(failure) => failure,
                },
            };
            tokio::select! {
                () = &mut stop => return subscription.take_waiting().iter().try_for_each(|message| say(line(message))),
                found = follower.reconnect(&mut subscription, &lost) => found?,
            }
        };
        let last = subscription.close().await;
        result.and_then(|()| last.iter().try_for_each(|message| say(line(message))))
    })
}

/// What it takes to begin a session again.
struct Follower<'a> {
    url: &'a str,
    patterns: [String; 1],
    ext: Option<&'a str>,
}

impl Follower<'_> {
    /// Continues the session as soon as the server is there again, or else begins another one.
    ///
    /// # Errors
    /// [`Failure`] if the server refuses it and does not advise to try again.
    async fn reconnect(&self, subscription: &mut Subscription, lost: &Failure) -> Result<(), Failure> {
        let url = self.url;
        say_error(&format!("{lost}; trying again"));
        let mut wait = subscription.interval();
        if let Failure::Refused(refusal) = lost {
            wait = refusal.interval;
        }
        let mut has_session = true;
        loop {
            tokio::time::sleep(wait).await;
            let failed = if has_session {
                match subscription.resume().await {
                    Ok(true) => {
                        say_error(&format!("connected to {url} again, with the same session"));
                        if !matches!(lost, Failure::Closed) {
                            say_error(
                                "messages that were on their way when the connection broke may be missing",
                            );
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
                match Subscription::open(url, &self.patterns, self.ext).await {
                    Ok(mut fresh) => {
                        let since = seconds(subscription.last_frame());
                        // What had arrived in the old one comes first.
                        fresh.prepend(subscription.take_waiting());
                        *subscription = fresh;
                        let pattern = &self.patterns[0];
                        say_error(&format!("subscribed to {pattern} on {url} in a new session"));
                        say_error(&format!("messages of the last {since} s may be missing"));
                        return Ok(());
                    }
                    Err(failure) => failure,
                }
            };
            wait = RETRY;
            if let Failure::Refused(refusal) = &failed {
                if refusal.reconnect == Reconnect::Stop {
                    return Err(failed);
                }
                wait = wait.max(refusal.interval);
                say_error(&format!("{failed}; trying again"));
            }
        }
    }
}

/// Seconds since then, rounded up.
fn seconds(since: Instant) -> u64 {
    since.elapsed().as_secs() + 1
}

/// A message in one line.
fn line(message: &Message) -> String {
    let mut object = Vec::new();
    message.write(&mut object, |_| true);
    // Between the tokens of JSON a line break is as good as a space; inside strings there is none.
    object.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n')).for_each(|byte| *byte = b' ');
    String::from_utf8_lossy(&object).into_owned()
}
