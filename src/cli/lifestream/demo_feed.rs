//! The demo feed of `faye lifestream`: a small HTTP server on a loopback port with a feed that gets a new entry every few
//! seconds. It must not know the lifestream.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use url::Url;

use crate::web::feed::{Feed, Item, atom};

/// The time between two entries.
const EVERY: Duration = Duration::from_secs(4);
/// Entries that are there at the start.
const FIRST: u64 = 5;
/// Entries of the document.
const SHOWN: u64 = 20;
/// The deadline of a request and its response. Requests are handled one at a time.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of the head of a request.
const HEAD: usize = 8 * 1024;

const FEED: &str = "/demo.atom";
const PICTURE: &str = "/picture.svg";
const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"480\" height=\"200\"><rect width=\"480\" height=\"200\" \
                   fill=\"#2b6cb0\"/><circle cx=\"240\" cy=\"100\" r=\"60\" fill=\"#f6e05e\"/></svg>";

/// Title, tags and content of the entries, in rotation.
const KINDS: [(&str, &[&str], &str); 5] = [
    (
        "A short note",
        &["note"],
        "<p>This entry is made up. It shows how a <em>note</em> with a \
      <a href=\"https://www.w3.org/TR/websub/\">link</a> looks.</p>",
    ),
    (
        "A list",
        &["list"],
        "<p>Feeds that a lifestream can follow:</p><ul><li>blogs</li><li>releases</li><li>podcasts</li>\
      </ul>",
    ),
    (
        "A picture",
        &["picture"],
        "<p>Pictures load when they are near the screen.</p><img src=\"/picture.svg\" width=\"480\" \
      height=\"200\" alt=\"A yellow circle on blue\">",
    ),
    (
        "A quote",
        &["quote"],
        "<blockquote><p>Everything new is on one page, as soon as it is there.</p></blockquote>",
    ),
    (
        "Some code",
        &["code"],
        "<p>Follow your own feed:</p><pre><code>faye lifestream https://blog.example/feed.xml</code>\
      </pre>",
    ),
];

/// A demo feed that has its address.
pub(super) struct DemoFeed {
    listener: TcpListener,
    url: Url,
}

impl DemoFeed {
    /// Binds a free port.
    pub(super) async fn bind() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await;
        let listener = listener.context("no port for the demo feed")?;
        let url = Url::parse(&format!("http://{}{FEED}", listener.local_addr()?))?;
        Ok(Self { listener, url })
    }

    /// Returns the URL of the feed.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Serves requests until it is dropped.
    pub(super) async fn serve(self) {
        let started = milliseconds();
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    // A client that is too slow gets no response, and a disconnected one needs none.
                    let _ = timeout(PATIENCE, answer(stream, &self.url, started)).await;
                }
                // For example too many open files.
                Err(_) => tokio::time::sleep(PATIENCE).await,
            }
        }
    }
}

async fn answer(mut stream: TcpStream, url: &Url, started: i64) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() > HEAD || stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let head = String::from_utf8_lossy(&head);
    let path = head.split(' ').nth(1).unwrap_or_default();
    let count = count(started, milliseconds());
    let tag = format!("\"{count}\"");
    let has_it = head.lines().any(|line| {
        line.split_once(':')
            .is_some_and(|(name, value)| name.eq_ignore_ascii_case("if-none-match") && value.trim() == tag)
    });
    let (status, kind, body) = match path {
        FEED if has_it => ("304 Not Modified", atom::TYPE, String::new()),
        FEED => ("200 OK", atom::TYPE, document(url.as_str(), started, count)),
        PICTURE => ("200 OK", "image/svg+xml", SVG.to_owned()),
        _ => ("404 Not Found", "text/plain", "the demo has /demo.atom only\n".to_owned()),
    };
    let length = body.len();
    let response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nETag: {tag}\r\nConnection: close\r\n\r\n\
         {body}"
    );
    stream.write_all(response.as_bytes()).await?;
    stream.shutdown().await
}

/// Returns the number of entries.
fn count(started: i64, now: i64) -> u64 {
    let passed = u64::try_from(now - started).unwrap_or_default();
    FIRST + passed / u64::try_from(EVERY.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the feed with the newest of so many entries.
fn document(own: &str, started: i64, count: u64) -> String {
    let entries: Vec<_> =
        (count.saturating_sub(SHOWN)..count).rev().map(|number| Entry::new(started, number)).collect();
    let feed = Feed {
        own,
        title: "Demo feed",
        subtitle: Some("Entries that faye lifestream makes up"),
        author: "faye lifestream",
        page: None,
        hub: None,
    };
    let updated = entries.first().map_or(started, |entry| entry.at);
    atom::write(&feed, updated, entries.iter().map(Entry::item), usize::MAX)
}

/// An entry of the feed.
struct Entry {
    id: String,
    title: String,
    at: i64,
    tags: &'static [&'static str],
    html: &'static str,
}

impl Entry {
    fn new(started: i64, number: u64) -> Self {
        let kinds = u64::try_from(KINDS.len()).unwrap_or(1);
        let kind = usize::try_from(number % kinds).unwrap_or_default();
        let (title, tags, html) = KINDS[kind];
        let every = i64::try_from(EVERY.as_millis()).unwrap_or_default();
        let place = i64::try_from(number).unwrap_or_default() - i64::try_from(FIRST).unwrap_or_default() + 1;
        Self {
            id: format!("urn:faye:demo:{started}:{number}"),
            title: format!("{title} (demo entry {})", number + 1),
            at: started + place * every,
            tags,
            html,
        }
    }

    fn item(&self) -> Item<'_> {
        Item {
            id: &self.id,
            title: &self.title,
            published: self.at,
            updated: self.at,
            tags: self.tags.to_vec(),
            html: Some(self.html),
            ..Item::default()
        }
    }
}

/// Milliseconds since 1970.
fn milliseconds() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entries::{Document, read};

    const STARTED: i64 = 1_764_471_845_000;

    #[test]
    fn an_entry_is_added_every_few_seconds() {
        assert_eq!(count(STARTED, STARTED - 1), 5);
        assert_eq!(count(STARTED, STARTED + 3999), 5);
        assert_eq!(count(STARTED, STARTED + 8000), 7);
        let url = Url::parse("http://127.0.0.1:1/demo.atom").unwrap();
        let titles = |count| {
            let text = document(url.as_str(), STARTED, count);
            let reading = read(&Document {
                url: &url,
                content_type: Some(atom::TYPE),
                body: text.as_bytes(),
                fetched: SystemTime::UNIX_EPOCH,
            })
            .unwrap();
            let title = |found: &crate::entries::Found| found.body["title"].as_str().unwrap().to_owned();
            reading.entries.iter().map(title).collect::<Vec<_>>()
        };
        let (five, six) = (titles(5), titles(6));
        assert_eq!(five[4], "Some code (demo entry 5)");
        assert_eq!((&six[..5], six[5].as_str()), (&five[..], "A short note (demo entry 6)"));
        assert_eq!(titles(100).len(), 20);
        assert!(Entry::new(STARTED, 5).at <= STARTED + 4000, "no entry is from the future");
    }
}
