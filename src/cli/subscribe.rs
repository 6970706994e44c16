//! `faye subscribe`: prints messages as they come, until it is stopped.

use std::time::Duration;

use super::{say, say_error};
use crate::bayeux::Message;
use crate::client::{Failure, Subscription};

/// How long to wait before a lost server is looked for again.
const RETRY: Duration = Duration::from_secs(2);

pub(super) fn run(url: &str, pattern: &str, ext: Option<&str>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let patterns = [pattern.to_owned()];
    runtime.block_on(async {
        let mut subscription = Subscription::open(url, &patterns, ext).await?;
        loop {
            say_error(&format!("subscribed to {pattern} on {url}"));
            let lost = loop {
                match subscription.next().await {
                    Ok(message) => say(line(&message))?,
                    Err(failure) => break failure,
                }
            };
            say_error(&format!("{lost}; trying again"));
            subscription = loop {
                tokio::time::sleep(RETRY).await;
                match Subscription::open(url, &patterns, ext).await {
                    Ok(subscription) => break subscription,
                    Err(Failure::Refused(text)) => return Err(Failure::Refused(text).into()),
                    Err(_) => {}
                }
            };
        }
    })
}

/// A message in one line.
fn line(message: &Message) -> String {
    let mut object = Vec::new();
    message.write(&mut object, |_| true);
    // Between the tokens of JSON a line break is as good as a space; inside strings there is none.
    object.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n')).for_each(|byte| *byte = b' ');
    String::from_utf8_lossy(&object).into_owned()
}
