//! Publishes the lines of standard input in order, in batches of the lines that have arrived. One request is in flight
//! at a time.

use std::collections::VecDeque;
use std::io::IsTerminal;

use anyhow::{Context, bail};
use bytes::Bytes;

use super::input::{self, Line, LineError};
use super::report;
use crate::bayeux::{Field, Message, json};
use crate::cli::{print, print_json, stopped, warn};
use crate::client::{self, Failure, Publisher, Refusal};

/// Messages of a request.
const BATCH: usize = 500;
/// Bytes of a request, unless one message has more. The default limit of a server is 1 MiB.
const BATCH_BYTES: usize = 256 * 1024;
/// Maximum number of failed lines on standard error. Further ones are counted.
const REPORTED: u64 = 20;

/// Publishes each line of standard input to a channel, until its end or a signal.
pub(super) async fn run(
    publisher: &Publisher,
    channel: &str,
    ext: Option<&str>,
    as_json: bool,
) -> anyhow::Result<()> {
    let stop = stopped()?;
    if std::io::stdin().is_terminal() {
        warn("reading one JSON value per line from standard input; Ctrl-D ends it");
    }
    let mut stream = Stream { publisher, channel, ext, as_json, published: 0, failed: 0, under_way: 0 };
    let ended = tokio::select! {
        () = stop => None,
        ended = stream.publish_all() => Some(ended),
    };
    let Stream { published, failed, under_way, .. } = stream;
    let summary = format!("published {} to {channel}", messages(published));
    let uncertain = match under_way {
        0 => String::new(),
        count => format!("; {} more may have been published", messages(count)),
    };
    match ended {
        None => bail!("stopped before the end: {summary}{uncertain}"),
        Some(Err(error)) => Err(error.context(format!("{summary}, then failed{uncertain}"))),
        Some(Ok(())) if failed > 0 => bail!("{summary}; {} failed", messages(failed)),
        Some(Ok(())) if as_json => Ok(()),
        Some(Ok(())) => print(summary),
    }
}

fn messages(count: u64) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

struct Stream<'a> {
    publisher: &'a Publisher,
    channel: &'a str,
    ext: Option<&'a str>,
    as_json: bool,
    published: u64,
    failed: u64,
    /// Messages of the request that has no response yet.
    under_way: u64,
}

/// A message with the number of its line.
struct Item {
    line: u64,
    object: Bytes,
}

impl Stream<'_> {
    /// Publishes all lines. Failures of single lines are reported.
    ///
    /// # Errors
    /// The server cannot be reached, standard input cannot be read, or standard output cannot be written.
    async fn publish_all(&mut self) -> anyhow::Result<()> {
        let mut lines = input::lines();
        let mut arrived = Vec::new();
        while lines.recv_many(&mut arrived, BATCH).await > 0 {
            let (mut batch, mut bytes) = (Vec::new(), 0);
            for line in arrived.drain(..) {
                let item = match self.item(&line) {
                    Ok(item) => item,
                    Err(error) => {
                        // The results of earlier lines are reported first.
                        self.deliver(std::mem::take(&mut batch)).await?;
                        bytes = 0;
                        self.failed(line.number, error)?;
                        continue;
                    }
                };
                if bytes + item.object.len() > BATCH_BYTES {
                    self.deliver(std::mem::take(&mut batch)).await?;
                    bytes = 0;
                }
                bytes += item.object.len();
                batch.push(item);
            }
            self.deliver(batch).await?;
        }
        Ok(())
    }

    fn item(&self, line: &Line) -> Result<Item, BadLine> {
        let text = line.text.as_ref().map_err(|error| BadLine::Input(error.clone()))?;
        let object = client::object(self.channel, text.trim(), self.ext).map_err(BadLine::Message)?;
        // The reply repeats the id.
        let object = [format!("{{\"id\":\"{}\",", line.number).as_bytes(), &object[1..]].concat();
        Ok(Item { line: line.number, object: object.into() })
    }

    /// Posts a batch. If the server refuses it because of its size, it is split.
    async fn deliver(&mut self, batch: Vec<Item>) -> anyhow::Result<()> {
        let mut batches = VecDeque::from([batch]);
        while let Some(mut batch) = batches.pop_front() {
            let Some(first) = batch.first().map(|item| item.line) else { continue };
            let objects: Vec<Bytes> = batch.iter().map(|item| item.object.clone()).collect();
            self.under_way = objects.len() as u64;
            let posted = self.publisher.post(&objects).await;
            if posted
                .as_ref()
                .err()
                .is_none_or(|failure| matches!(failure, Failure::Unfit { .. }) || failure.is_unsent())
            {
                self.under_way = 0;
            }
            match posted {
                Ok(replies) => {
                    for (index, item) in batch.iter().enumerate() {
                        match self.failure(&replies, index, item, batch.len()) {
                            None => self.succeeded(item.line)?,
                            Some(failure) => self.failed(item.line, BadLine::Message(failure))?,
                        }
                    }
                }
                Err(Failure::Unfit { .. }) if batch.len() > 1 => {
                    let second = batch.split_off(batch.len() / 2);
                    batches.push_front(second);
                    batches.push_front(batch);
                }
                Err(failure @ Failure::Unfit { .. }) => self.failed(first, BadLine::Message(failure))?,
                Err(failure) => return Err(failure).with_context(|| format!("line {first}")),
            }
        }
        Ok(())
    }

    /// Returns why a message was not published. Its reply is found by the id, or by the position if the server returns
    /// no ids.
    fn failure(&self, replies: &[Message], index: usize, item: &Item, count: usize) -> Option<Failure> {
        let mut id = Vec::new();
        json::write_string(&mut id, &item.line.to_string());
        let has_ids = replies.iter().any(|reply| reply.get(Field::Id).is_some());
        let reply = if has_ids {
            replies.iter().find(|reply| reply.get(Field::Id) == Some(id.as_slice()))
        } else {
            replies.get(index).filter(|_| replies.len() == count)
        };
        match reply {
            None => Some(Failure::NoReply { url: self.publisher.url().to_owned() }),
            Some(reply) if reply.get(Field::Successful) == Some(b"true") => None,
            Some(reply) => Some(Failure::Refused(Refusal::of(reply))),
        }
    }

    fn succeeded(&mut self, line: u64) -> anyhow::Result<()> {
        self.published += 1;
        if self.as_json { report(self.channel, Some(line), None) } else { Ok(()) }
    }

    /// # Errors
    /// Standard input cannot be read any further, or standard output cannot be written.
    fn failed(&mut self, line: u64, bad: BadLine) -> anyhow::Result<()> {
        if let BadLine::Input(error @ LineError::Read(_)) = bad {
            return Err(error.into());
        }
        self.failed += 1;
        if self.failed <= REPORTED {
            warn(format_args!("line {line}: {bad}"));
        } else if self.failed == REPORTED + 1 {
            warn("further failures are counted only");
        }
        if !self.as_json {
            return Ok(());
        }
        match &bad {
            BadLine::Message(failure) => report(self.channel, Some(line), Some(failure)),
            BadLine::Input(error) => print_json(&serde_json::json!({
                "channel": self.channel, "line": line, "successful": false, "error": error.to_string(),
            })),
        }
    }
}

/// Why the message of a line was not published.
#[derive(Debug, thiserror::Error)]
enum BadLine {
    #[error(transparent)]
    Input(LineError),
    #[error(transparent)]
    Message(Failure),
}
