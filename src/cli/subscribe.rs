//! `faye subscribe`: prints messages as they come, until it is stopped.

use std::time::Duration;

use super::{say, say_error};
use crate::client::{Failure, Subscription};

/// How long to wait before a lost server is looked for again.
const RETRY: Duration = Duration::from_secs(2);

pub(super) fn run(url: &str, pattern: &str, ext: Option<&str>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut subscription = Subscription::open(url, pattern, ext).await?;
        loop {
            say_error(&format!("subscribed to {pattern} on {url}"));
            let lost = loop {
                match subscription.next().await {
                    Ok(message) => say(String::from_utf8_lossy(&message))?,
                    Err(failure) => break failure,
                }
            };
            say_error(&format!("{lost}; trying again"));
            subscription = loop {
                tokio::time::sleep(RETRY).await;
                match Subscription::open(url, pattern, ext).await {
                    Ok(subscription) => break subscription,
                    Err(Failure::Refused(text)) => return Err(Failure::Refused(text).into()),
                    Err(_) => {}
                }
            };
        }
    })
}
