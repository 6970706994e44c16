//! `faye publish`: one POST, as a back end does it.

use super::say;
use crate::client;

pub(super) fn run(url: &str, channel: &str, data: &str, ext: Option<&str>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(client::publish(url, channel, data, ext))?;
    say(format_args!("published to {channel}"))
}
