//! `faye hub`: shows the state of the hub of a running server, and makes waiting deliveries due.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::api::{self, Client, Server};
use super::settings::Settings;
use super::table::{self, Table, age};
use super::{print, print_json, warn};

pub(super) const EXAMPLES: &str = "\
Examples:
  faye hub status
  faye hub topics
  faye hub subscriptions --topic https://example.com/feed.xml
  faye hub retry --host subscriber.example.com
  faye hub status --url http://127.0.0.1:9000 --key-file /etc/faye/api-key

The command asks the running server by /api/v1/hub, so the server needs api.key. It connects to admin.listen of the
settings, or else to server.listen, which answers requests of its own machine only.

Exit codes: 0 success, 1 failure (the cause is on standard error), 2 wrong arguments.";

#[derive(Subcommand)]
pub(super) enum Hub {
    /// Show the address of the hub and how much it has to do
    #[command(after_long_help = EXAMPLES)]
    Status {
        #[command(flatten)]
        server: Server,
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },
    /// List topics with their subscriptions and waiting deliveries
    #[command(after_long_help = EXAMPLES)]
    Topics(List),
    /// List subscriptions with the hosts of their callbacks
    #[command(after_long_help = EXAMPLES)]
    Subscriptions(List),
    /// Make waiting deliveries due now, instead of at their next retry
    #[command(after_long_help = EXAMPLES)]
    Retry {
        #[command(flatten)]
        server: Server,
        #[command(flatten)]
        filter: Filter,
        /// Print a JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub(super) struct Filter {
    /// Only this topic
    #[arg(long, value_name = "URL")]
    topic: Option<String>,
    /// Only this host: that of the topics in a list of topics, else that of the callbacks
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
}

#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    server: Server,
    #[command(flatten)]
    filter: Filter,
    /// Print this many at most
    #[arg(long, default_value_t = 100, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

impl Filter {
    fn query(&self) -> Vec<(&'static str, String)> {
        let given = [("topic", &self.topic), ("host", &self.host)];
        given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
    }
}

pub(super) fn run(hub: &Hub, settings: &Settings) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match hub {
            Hub::Status { server, json } => status(&Client::new(server, settings)?, *json).await,
            Hub::Topics(list) => {
                let columns = ["TOPIC", "SUBSCRIPTIONS", "WAITING", "VERSION", "FETCHED", "FAILURE"];
                show(list, settings, "topics", &columns, topic).await
            }
            Hub::Subscriptions(list) => {
                let columns = ["ID", "TOPIC", "HOST", "EXPIRES", "SIGNED", "FAILURES", "FAILURE"];
                show(list, settings, "subscriptions", &columns, subscription).await
            }
            Hub::Retry { server, filter, json } => {
                let client = Client::new(server, settings)?;
                let due = client.post("/hub/retry", &filter.query()).await?;
                match due["due"].as_u64() {
                    None => Err(client.foreign("has no number \"due\"")),
                    Some(_) if *json => print_json(&due),
                    Some(1) => print("1 delivery is due now"),
                    Some(count) => print(format_args!("{count} deliveries are due now")),
                }
            }
        }
    })
}

async fn status(client: &Client, as_json: bool) -> anyhow::Result<()> {
    let status = client.get("/hub", &[]).await?;
    let lines = [
        ("hub", "url"),
        ("policy", "policy"),
        ("topics", "topics"),
        ("subscriptions", "subscriptions"),
        ("verifications pending", "verifications_pending"),
        ("deliveries waiting", "deliveries_waiting"),
    ];
    if let Some((_, key)) = lines.iter().find(|(_, key)| status[key].is_null()) {
        return Err(client.foreign(&format!("has no \"{key}\"")));
    }
    if as_json {
        return print_json(&status);
    }
    lines.iter().try_for_each(|(name, key)| print(format_args!("{name}: {}", table::text(&status[key]))))
}

/// Prints a list page by page. Each page is complete before it is printed, so that columns are aligned.
async fn show(
    list: &List,
    settings: &Settings,
    name: &str,
    columns: &[&str],
    row: fn(&Value) -> Vec<String>,
) -> anyhow::Result<()> {
    let client = Client::new(&list.server, settings)?;
    let query = list.filter.query();
    let (mut found, mut after, mut last) = (Vec::new(), None::<String>, None::<String>);
    let is_more = loop {
        let left = (list.limit as usize - found.len()).min(api::LARGEST_PAGE);
        let mut page = query.clone();
        page.push(("limit", left.to_string()));
        page.extend(after.take().map(|after| ("after", after)));
        let mut page = client.get(&format!("/hub/{name}"), &page).await?;
        let Value::Array(elements) = page[name].take() else {
            return Err(client.foreign(&format!("has no list \"{name}\"")));
        };
        after = page["next"].as_str().map(str::to_owned);
        // Guards against a server that repeats a page.
        if after.is_some() && (elements.is_empty() || after == last) {
            return Err(
                client.foreign(&format!("has a page of {name} after which the same would follow for ever"))
            );
        }
        last.clone_from(&after);
        found.extend(elements);
        if after.is_none() || found.len() >= list.limit as usize {
            break after.is_some();
        }
    };
    if list.json {
        found.iter().try_for_each(print_json)?;
    } else {
        let table = Table::new(columns, found.iter().map(row));
        table.lines().try_for_each(print)?;
    }
    if is_more {
        warn(format_args!("there may be more {name}; write a larger --limit to see them"));
    }
    Ok(())
}

fn topic(topic: &Value) -> Vec<String> {
    let of = |key: &str| table::text(&topic[key]);
    let fetched = match topic["fetched"].as_u64() {
        Some(seconds) => format!("{} ago", age(seconds)),
        None => "never".to_owned(),
    };
    vec![of("topic"), of("subscriptions"), of("deliveries"), of("version"), fetched, of("failure")]
}

fn subscription(subscription: &Value) -> Vec<String> {
    let of = |key: &str| table::text(&subscription[key]);
    let expires = age(subscription["expires_in"].as_u64().unwrap_or_default());
    let signed = if subscription["signed"] == true { "yes" } else { "no" };
    vec![of("id"), of("topic"), of("host"), expires, signed.to_owned(), of("failures"), of("failure")]
}
