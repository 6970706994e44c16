//! `faye publish`: publishes one message, or one for each line of standard input.

mod input;
mod stream;

use clap::Args;

use super::server::Server;
use super::settings::Settings;
use super::{print, print_json};
use crate::bayeux::channel::is_name;
use crate::client::{self, Failure, Publisher};

pub(super) const EXAMPLES: &str = "\
Examples:
  faye publish /hello '\"world\"'
  faye publish /chat/room '{\"user\":\"ann\",\"text\":\"hi\"}' --url https://example.com/faye
  faye publish /prices --ext env:FAYE_EXT < prices.ndjson
  tail -f app.ndjson | faye publish /log -

Without JSON, or with -, each line of standard input is the data of one message. Lines are published in order
and at least once. Lines that arrive together share a request. A line that is not JSON or that the server refuses is
reported and skipped; a server that cannot be reached ends the command.

Exit codes: 0 all messages were published, 1 at least one was not, 2 wrong arguments.";

#[derive(Args)]
pub(super) struct Publish {
    /// The channel, such as /hello
    channel: String,
    /// The data, such as '"text"' or '{"number":1}', or - for the lines of standard input [default: -]
    #[arg(value_name = "JSON", allow_negative_numbers = true)]
    data: Option<String>,
    #[command(flatten)]
    server: Server,
    /// Print one JSON object per message: channel, successful, and line and error where there are any
    #[arg(long)]
    json: bool,
}

pub(super) fn run(publish: &Publish, settings: &Settings) -> anyhow::Result<()> {
    let url = publish.server.url(settings)?;
    let ext = publish.server.ext_or_push_secret(settings)?;
    let publisher = Publisher::new(&url, &publish.server.tls(&url)?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Publish { channel, json, .. } = publish;
    let Some(data) = publish.data.as_deref().filter(|data| *data != "-") else {
        if !is_name(channel) {
            return Err(Failure::Channel(channel.clone()).into());
        }
        return runtime.block_on(stream::run(&publisher, channel, ext.as_deref(), *json));
    };
    let result = match is_name(channel) {
        true => runtime.block_on(client::publish(&publisher, channel, data, ext.as_deref())),
        false => Err(Failure::Channel(channel.clone())),
    };
    if *json {
        report(channel, None, result.as_ref().err())?;
    }
    result?;
    if *json { Ok(()) } else { print(format_args!("published to {channel}")) }
}

/// Prints the result for one message as JSON.
fn report(channel: &str, line: Option<u64>, error: Option<&Failure>) -> anyhow::Result<()> {
    let mut object = serde_json::json!({ "channel": channel, "successful": error.is_none() });
    if let Some(line) = line {
        object["line"] = line.into();
    }
    match error {
        None => {}
        Some(Failure::Refused(refusal)) => object["error"] = refusal.error.as_str().into(),
        Some(failure) => object["error"] = failure.to_string().into(),
    }
    print_json(&object)
}
