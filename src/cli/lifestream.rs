//! `faye lifestream`: runs a server that follows the feeds of the arguments and shows their entries on a page, without
//! settings and files.

mod demo_feed;
mod failures;

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Args, Command};
use url::Url;

use super::settings::Settings;
use super::start_lines::reachable;
use super::{print, stopped};
use crate::app::App;
use crate::config::units::{format_duration, parse_duration};
use crate::config::{Access, ChannelRule, Config, Feed, ReplayId, ReplayLost, redact};
use crate::entries::name;
use crate::subscriber::feeds_of_pages;
use crate::telemetry;
use demo_feed::DemoFeed;

/// The shortest time between two polls.
const SHORTEST: Duration = Duration::from_secs(1);

pub(super) const EXAMPLES: &str = "\
Examples:
  faye lifestream                                        with a demo feed, to see entries arrive
  faye lifestream https://blog.example/feed.xml          follow a feed
  faye lifestream http://localhost:4000/feed.xml --poll 1s
                                                         see a site while you write it
  faye lifestream https://a.example/feed https://b.example/atom --listen :8000
                                                         several feeds, for other machines, too

The feed that a page names in its head is followed in the place of the page. Failures of feeds are printed on standard error.

It uses the defaults and no settings file, and keeps entries in memory. Feeds are polled, because no hub can reach a server
without server.public_url. Addresses that are not public are allowed for host and port of each URL as typed, and for nothing
else: not for redirects to other hosts, and not for the feed of a page on another host.

Exit codes: 0 stopped, 1 the address cannot be used, 2 wrong arguments.";

#[derive(Args)]
pub(super) struct Lifestream {
    /// The feeds, or pages, to follow [default: a demo feed of this program]
    #[arg(value_name = "URL", value_parser = FeedUrl)]
    urls: Vec<Url>,
    /// The exact time between two polls, such as 1s [default: 15m, adapted to each feed]
    #[arg(long, value_name = "DURATION", value_parser = interval)]
    poll: Option<Duration>,
}

/// Parses the URL of a feed. The error does not repeat a password.
#[derive(Clone)]
struct FeedUrl;

impl TypedValueParser for FeedUrl {
    type Value = Url;

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, value: &OsStr) -> Result<Url, clap::Error> {
        let text = value.to_string_lossy();
        feed_url(&text).map_err(|wrong| {
            let message = format!("invalid value '{}' for '<URL>': {wrong}\n", redact(&text));
            clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

fn feed_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let mut url =
        url.ok_or_else(|| "not an HTTP URL; write for example https://blog.example/feed.xml".to_owned())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "the URL has a user; feeds with a password need a settings file with feed.username".to_owned()
        );
    }
    url.set_fragment(None);
    Ok(url)
}

fn interval(text: &str) -> Result<Duration, String> {
    // Zero needs no unit.
    let interval = if text.trim() == "0" { Some(Duration::ZERO) } else { parse_duration(text) };
    let interval = interval.ok_or_else(|| "not a duration; write for example 1s".to_owned())?;
    if interval < SHORTEST {
        return Err(format!("too short; write at least {}", format_duration(SHORTEST)));
    }
    Ok(interval)
}

pub(super) fn run(command: &Lifestream, settings: &Settings) -> anyhow::Result<()> {
    if settings.config.is_some() || settings.mount.is_some() {
        bail!(
            "faye lifestream uses no settings but --listen; run faye without a command to serve with settings"
        );
    }
    let listen = match &settings.listen {
        None => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into(),
        Some(text) => text
            .parse()
            .map_err(|wrong| anyhow::anyhow!("--listen {wrong}; write for example 127.0.0.1:8000"))?,
    };
    let mut config = Config::default();
    config.server.listen = listen;
    config.log.level = "warn".to_owned();
    let log = telemetry::start(&config.log).context("cannot start the log")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(serve(config, command));
    runtime.shutdown_background();
    log.flush();
    result
}

async fn serve(mut config: Config, command: &Lifestream) -> anyhow::Result<()> {
    let mut stop = Box::pin(stopped()?);
    let demo = if command.urls.is_empty() { Some(DemoFeed::bind().await?) } else { None };
    configure(&mut config, &command.urls, command.poll);
    if let Some(demo) = &demo {
        let poll = command.poll.unwrap_or(SHORTEST);
        configure(&mut config, std::slice::from_ref(demo.url()), Some(poll));
        config.feed.iter_mut().for_each(|feed| "demo".clone_into(&mut feed.name));
        config.lifestream.title = Some("Lifestream demo".to_owned());
        config.lifestream.intro = Some("The entries are made up by faye lifestream.".to_owned());
    }
    let pages = if demo.is_some() {
        HashMap::new()
    } else {
        tokio::select! {
            feeds = feeds_of_pages(&config) => follow_feeds(&mut config, feeds),
            () = &mut stop => return Ok(()),
        }
    };
    let lines = lines(&config, &pages, demo.is_some());
    let demo = demo.map(|demo| tokio::spawn(demo.serve()));
    let app = App::bind(&config, &[]).await?;
    let failures = app.store().cloned().map(failures::print);
    let url = app.url()?;
    let origin = reachable(url.strip_suffix(config.server.mount.as_str()).unwrap_or(&url));
    let server = tokio::spawn(app.run(stop));
    let page = format!("Open {origin}{} in a browser. Ctrl-C stops it.", config.lifestream.path);
    print(std::iter::once(page).chain(lines).collect::<Vec<_>>().join("\n"))?;
    let failures = failures.map(tokio::spawn);
    let served = server.await.context("the server has failed");
    demo.into_iter().chain(failures).for_each(|task| task.abort());
    served.map(drop)
}

/// Follows these feeds in the place of the pages that name them; the pages by the names of their feeds. A feed that several
/// pages name is followed once.
fn follow_feeds(config: &mut Config, feeds: Vec<Option<String>>) -> HashMap<String, String> {
    let mut pages = HashMap::new();
    for (feed, found) in config.feed.iter_mut().zip(feeds) {
        if let Some(url) = found {
            pages.insert(feed.name.clone(), std::mem::replace(&mut feed.url, url));
        }
    }
    let mut seen = HashSet::new();
    config.feed.retain(|feed| seen.insert(feed.url.clone()));
    pages
}

/// Makes the settings follow these URLs.
fn configure(config: &mut Config, urls: &[Url], poll: Option<Duration>) {
    config.store.url = Some("sqlite::memory:".into());
    // Only feeds have publications here.
    config.channel = vec![ChannelRule {
        pattern: "/**".to_owned(),
        publish: Access::default(),
        subscribe: Access::ANYONE,
        rate: None,
        overflow: None,
        history: None,
        replay: 0,
        replay_lost: ReplayLost::Tell,
        replay_id: ReplayId::Ext,
        ack: None,
        syndicate: None,
    }];
    let mut seen = HashSet::new();
    let urls: Vec<_> = urls.iter().filter(|url| seen.insert(url.as_str())).collect();
    // A name with a dot at its end is the same name.
    let place =
        |url: &&Url| Some((url.host_str()?.trim_end_matches('.').to_owned(), url.port_or_known_default()?));
    config.feeds.exempt = urls.iter().filter_map(place).collect();
    config.feed = urls
        .iter()
        .zip(name::of_urls(&urls))
        .map(|(url, name)| Feed {
            name,
            url: url.as_str().to_owned(),
            hub: None,
            poll: poll.map(Some),
            username: None,
            password: None,
            public: false,
            title: None,
        })
        .collect();
}

/// Returns lines about the followed feeds, and the interval of their polls.
fn lines(config: &Config, pages: &HashMap<String, String>, is_demo: bool) -> Vec<String> {
    let kind = |feed: &Feed| match pages.get(&feed.name) {
        Some(page) => format!(", the feed of {page}"),
        None if is_demo => ", a demo that this program serves".to_owned(),
        None => String::new(),
    };
    let line = |feed: &Feed| format!("Following {}: {}{}", feed.name, feed.url, kind(feed));
    let mut lines: Vec<_> = config.feed.iter().map(line).collect();
    lines.push(match (config.feed.first().and_then(|feed| feed.poll.flatten()), config.feeds.poll) {
        (Some(poll), _) => format!("New entries are looked for every {}", format_duration(poll)),
        (None, Some(poll)) => format!(
            "New entries are looked for about every {}; --poll 10s looks more often",
            format_duration(poll)
        ),
        (None, None) => "New entries are not looked for".to_owned(),
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_those_of_the_web_without_a_user() {
        assert_eq!(
            feed_url("http://localhost:4000/feed.xml#x").unwrap().as_str(),
            "http://localhost:4000/feed.xml"
        );
        for wrong in
            ["", "localhost:4000/feed.xml", "blog.example", "file:///etc/passwd", "https://a:b@c.example/"]
        {
            assert!(feed_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn polls_are_at_least_a_second_apart() {
        assert_eq!(interval("1s"), Ok(SHORTEST));
        for short in ["999ms", "0", "0s"] {
            assert_eq!(interval(short), Err("too short; write at least 1s".to_owned()), "{short}");
        }
        assert_eq!(interval("x"), Err("not a duration; write for example 1s".to_owned()));
    }

    #[test]
    fn each_url_is_a_feed_and_its_host_and_port_are_exempt() {
        let urls = [
            "http://localhost:4000/feed.xml",
            "https://www.a.example/blog/atom",
            "http://localhost:4000/feed.xml",
        ]
        .map(|url| Url::parse(url).unwrap());
        let mut config = Config::default();
        configure(&mut config, &urls, None);
        let feeds: Vec<_> = config.feed.iter().map(|feed| (feed.name.as_str(), feed.url.as_str())).collect();
        assert_eq!(
            feeds,
            [("localhost", "http://localhost:4000/feed.xml"), ("a", "https://www.a.example/blog/atom")]
        );
        assert_eq!(config.feeds.exempt, [("localhost".to_owned(), 4000), ("www.a.example".to_owned(), 443)]);
        assert_eq!(
            lines(&config, &HashMap::new(), false),
            [
                "Following localhost: http://localhost:4000/feed.xml",
                "Following a: https://www.a.example/blog/atom",
                "New entries are looked for about every 15m; --poll 10s looks more often",
            ]
        );
        configure(&mut config, &urls[..1], Some(SHORTEST));
        assert_eq!(lines(&config, &HashMap::new(), true)[1], "New entries are looked for every 1s");
    }
}
