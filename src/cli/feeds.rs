//! `faye feeds`: lists the feeds of a running server, adds and removes feeds, imports and exports.

mod import;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::api::{self, Client, Server};
use super::output::print_bytes;
use super::settings::Settings;
use super::table::{self, Table, age};
use super::{print, print_json};

pub(super) const EXAMPLES: &str = "\
Examples:
  faye feeds list
  faye feeds add blog https://example.com/feed.xml
  faye feeds poll blog
  faye feeds import blog old-entries.ndjson
  faye feeds export > feeds.opml
  faye feeds import --opml feeds.opml

The command asks the running server by /api/v1/feeds, so the server needs api.key. It connects to admin.listen of the
settings, or else to server.listen, which answers requests of its own machine only. A feed of the settings ([[feed]]) has
the source \"config\", and is removed there. A feed of this command has the source \"store\".

Exit codes: 0 success, 1 failure (the cause is on standard error), 2 wrong arguments.";

#[derive(Subcommand)]
pub(super) enum Feeds {
    /// List the feeds with their state, lease, last push and last error
    #[command(after_long_help = EXAMPLES)]
    List {
        #[command(flatten)]
        server: Server,
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Follow a feed
    #[command(after_long_help = EXAMPLES)]
    Add(Add),
    /// End the subscriptions of a feed and its polls; its entries stay until they are purged
    #[command(after_long_help = EXAMPLES)]
    Remove(One),
    /// Fetch a feed now, or all feeds
    #[command(after_long_help = EXAMPLES)]
    Poll {
        #[command(flatten)]
        server: Server,
        /// The name of the feed [default: all feeds]
        name: Option<String>,
    },
    /// Fetch a feed now, and subscribe to it again at the hubs that it names
    #[command(after_long_help = EXAMPLES)]
    Resubscribe(One),
    /// Delete the entries of a feed
    #[command(after_long_help = EXAMPLES)]
    Purge(One),
    /// Import entries of a feed from a file, or feeds from an OPML file
    #[command(after_long_help = EXAMPLES)]
    Import {
        #[command(flatten)]
        server: Server,
        /// The name of the feed
        #[arg(required_unless_present = "opml")]
        name: Option<String>,
        /// A file with entries: Atom, RSS, JSON Feed, or one JSON object per line
        #[arg(required_unless_present = "opml")]
        file: Option<PathBuf>,
        /// A file with a list of feeds, which are added
        #[arg(long, value_name = "FILE", conflicts_with_all = ["name", "file"])]
        opml: Option<PathBuf>,
    },
    /// Print the list of feeds as OPML
    #[command(after_long_help = EXAMPLES)]
    Export {
        #[command(flatten)]
        server: Server,
    },
}

#[derive(Args)]
pub(super) struct One {
    #[command(flatten)]
    server: Server,
    /// The name of the feed
    name: String,
}

#[derive(Args)]
pub(super) struct Add {
    #[command(flatten)]
    server: Server,
    /// The name: lower-case letters, digits and hyphens
    name: String,
    /// The URL of the feed
    #[arg(value_name = "FEED_URL")]
    feed: String,
    /// The hub in place of the one that the feed names, or none
    #[arg(long, value_name = "URL")]
    hub: Option<String>,
    /// The time between two polls, such as 5m, or never
    #[arg(long, value_name = "DURATION")]
    poll: Option<String>,
    /// The title in place of the one in the feed
    #[arg(long)]
    title: Option<String>,
    /// The user of the feed and of its hub (HTTP Basic)
    #[arg(long, requires = "password_file")]
    username: Option<String>,
    /// A file that contains the password of that user
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
    /// Show the feed on the page although it has a user
    #[arg(long)]
    public: bool,
}

pub(super) fn run(feeds: &Feeds, settings: &Settings) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match feeds {
            Feeds::List { server, json } => list(&Client::new(server, settings)?, *json).await,
            Feeds::Add(add) => self::add(add, settings).await,
            Feeds::Remove(one) => {
                act(one, settings, "remove").await?;
                print(format_args!("{} is removed; its entries stay until faye feeds purge", one.name))
            }
            Feeds::Poll { server, name } => {
                let name = name.as_deref().unwrap_or("*");
                let client = Client::new(server, settings)?;
                match client.post(&path(name, "poll"), &[]).await?["due"].as_u64() {
                    Some(1) => print("1 feed is due now"),
                    count => print(format_args!("{} feeds are due now", count.unwrap_or_default())),
                }
            }
            Feeds::Resubscribe(one) => {
                act(one, settings, "resubscribe").await?;
                print(format_args!("{} is due now, and is subscribed again", one.name))
            }
            Feeds::Purge(one) => {
                let purged = act(one, settings, "purge").await?;
                print(format_args!("{} entries of {} are deleted", table::text(&purged["entries"]), one.name))
            }
            Feeds::Import { server, opml: Some(file), .. } => {
                import::list(&Client::new(server, settings)?, file).await
            }
            Feeds::Import { server, name, file, .. } => {
                let (name, file) =
                    name.as_deref().zip(file.as_deref()).context("a name and a file are needed")?;
                import::entries(&Client::new(server, settings)?, &path(name, "import"), file).await
            }
            Feeds::Export { server } => {
                print_bytes(&Client::new(server, settings)?.get_file("/feeds.opml").await?)
            }
        }
    })
}

/// Returns the path of an action. A name with other characters is not the name of a feed.
fn path(name: &str, action: &str) -> String {
    let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    format!("/feeds/{name}/{action}")
}

async fn act(one: &One, settings: &Settings, action: &str) -> anyhow::Result<Value> {
    Client::new(&one.server, settings)?.post(&path(&one.name, action), &[]).await
}

async fn add(add: &Add, settings: &Settings) -> anyhow::Result<()> {
    let password = match &add.password_file {
        Some(file) => {
            let text = std::fs::read_to_string(file);
            let text = text.with_context(|| format!("cannot read {}", file.display()))?;
            Some(text.trim_end_matches(['\r', '\n']).to_owned())
        }
        None => None,
    };
    let fields = [
        ("name", Some(add.name.clone())),
        ("url", Some(add.feed.clone())),
        ("hub", add.hub.clone()),
        ("poll", add.poll.clone()),
        ("title", add.title.clone()),
        ("username", add.username.clone()),
        ("password", password),
        ("public", add.public.then(|| "true".to_owned())),
    ];
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?))));
    let body = Value::Object(fields.collect::<Map<_, _>>()).to_string();
    let added = Client::new(&add.server, settings)?.upload("/feeds", body).await?;
    print(format_args!("{} is followed; its entries are on {}", add.name, table::text(&added["channel"])))
}

async fn list(client: &Client, as_json: bool) -> anyhow::Result<()> {
    let (mut found, mut after) = (Vec::new(), None::<String>);
    loop {
        let mut query = vec![("limit", api::LARGEST_PAGE.to_string())];
        query.extend(after.take().map(|after| ("after", after)));
        let mut page = client.get("/feeds", &query).await?;
        let Value::Array(feeds) = page["feeds"].take() else { anyhow::bail!("the response has no feeds") };
        found.extend(feeds);
        after = page["next"].as_str().map(str::to_owned);
        if after.is_none() {
            break;
        }
    }
    if as_json {
        return found.iter().try_for_each(print_json);
    }
    let columns = [
        "NAME",
        "SOURCE",
        "STATE",
        "LEASE",
        "LAST PUSH",
        "LAST POLL",
        "NEXT POLL",
        "ENTRIES",
        "MISSED",
        "LAST ERROR",
    ];
    let table = Table::new(&columns, found.iter().map(row));
    table.lines().try_for_each(print)
}

fn row(feed: &Value) -> Vec<String> {
    let of = |key: &str| table::text(&feed[key]);
    let ago = |key: &str| {
        feed[key].as_u64().map_or_else(|| "never".to_owned(), |time| format!("{} ago", age(time)))
    };
    let until = |key: &str| feed[key].as_u64().map_or_else(|| "-".to_owned(), age);
    vec![
        of("name"),
        of("source"),
        of("state"),
        until("lease_expires_in"),
        ago("last_push"),
        ago("last_poll"),
        until("next_poll_in"),
        of("entries"),
        of("missed"),
        of("failure"),
    ]
}
