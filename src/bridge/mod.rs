//! Forwards messages between two Bayeux servers while both run: publications on one are republished on the other.
//!
//! A *side* is one of the two servers, and a *direction* leads from one to the other. The module must not know the
//! settings or the command line, and uses the servers as an ordinary client.

mod counters;
mod direction;
mod echo;
mod ext;
mod forward;
mod listen;
mod mark;
mod queue;
mod recent;
mod retry;
mod side;

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::watch;
use tokio::task::JoinSet;

use direction::Direction;
use side::Side;

use crate::bayeux::channel;
use crate::client::{Failure, Subscription};

/// The interval of the reports in the log.
const REPORT: Duration = Duration::from_secs(60);
/// Maximum time to forward the queued messages when the bridge stops.
const DRAIN: Duration = Duration::from_secs(10);

/// A server and its credentials.
#[derive(Debug, Clone)]
pub struct Server {
    /// The URL.
    pub url: String,
    /// A JSON object for `ext`: the credentials that the server requires.
    pub ext: Option<String>,
    /// The certificate authorities to trust.
    pub tls: Arc<ClientConfig>,
}

/// The directions in which messages are forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ways {
    /// From each server to the other.
    Both,
    /// From theirs to ours.
    In,
    /// From ours to theirs.
    Out,
}

/// The options of a bridge.
#[derive(Debug, Clone)]
pub struct Options {
    /// The other server.
    pub theirs: Server,
    /// Our server.
    pub ours: Server,
    /// The channels and patterns to forward.
    pub patterns: Vec<String>,
    /// The directions.
    pub ways: Ways,
    /// Maximum number of messages in the queue for an unavailable server.
    pub queue: usize,
}

/// The reason why a bridge cannot start, or has to stop.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The text is not a channel or pattern whose messages can be forwarded.
    #[error("{0} is not a channel or pattern; write for example /chat/*, '/chat/**' or '/**'")]
    Pattern(String),
    /// Both URLs name the same server.
    #[error("both servers are {0}; name the other server, and ours with --url")]
    SameServer(String),
    /// The communication with a server failed.
    #[error("{0}")]
    Client(Failure),
    /// A server requires credentials, or refuses these.
    #[error("{url} refused the bridge: {why}; set credentials with --ext (our server) or --their-ext")]
    Refused {
        /// The server.
        url: String,
        /// The reason.
        why: String,
    },
    /// Messages would loop.
    #[error(
        "messages forwarded to {0} return without the field {field}, so they would loop; change the extension there that removes the \
         field, or forward in one direction only (--one-way)",
        field = mark::FIELD
    )]
    MarkLost(String),
    /// A bug in the bridge.
    #[error("internal error of the bridge; please report it")]
    Defect,
}

/// Connects to both servers and forwards messages until `stop` completes. Calls `ready` after the start.
///
/// # Errors
/// [`Fault`] if the start failed, or messages would loop. Later outages of a server are waited for.
pub async fn run(
    options: Options,
    ready: impl FnOnce(),
    stop: impl Future<Output = ()>,
) -> Result<(), Fault> {
    let can_forward = |pattern: &str| {
        channel::is_valid(pattern) && !channel::is_meta(pattern) && !channel::is_service(pattern)
    };
    if let Some(bad) = options.patterns.iter().find(|pattern| !can_forward(pattern)) {
        return Err(Fault::Pattern(bad.clone()));
    }
    let (theirs, ours) = (Arc::new(Side::new(&options.theirs)?), Arc::new(Side::new(&options.ours)?));
    if theirs.name == ours.name {
        return Err(Fault::SameServer(ours.url.clone()));
    }
    let mut directions = Vec::new();
    if options.ways != Ways::Out {
        directions.push(Arc::new(Direction::new("in", &theirs, &ours, &options)));
    }
    if options.ways != Ways::In {
        directions.push(Arc::new(Direction::new("out", &ours, &theirs, &options)));
    }
    let mut open = Vec::new();
    for direction in &directions {
        direction.to.publisher.post(&[]).await.map_err(|failure| fault(&direction.to, failure))?;
        let from = &direction.from;
        let subscription =
            Subscription::open(&from.url, &direction.patterns, from.ext.as_deref(), &from.tls).await;
        open.push(subscription.map_err(|failure| fault(&direction.from, failure))?);
    }
    ready();
    run_directions(&directions, open, stop).await
}

/// Converts a failure at the start.
fn fault(side: &Side, failure: Failure) -> Fault {
    match failure {
        Failure::Refused(refusal) => Fault::Refused { url: side.url.clone(), why: refusal.error },
        failure => Fault::Client(failure),
    }
}

/// Runs both tasks of each direction, until one fails or `stop` completes.
async fn run_directions(
    directions: &[Arc<Direction>],
    open: Vec<Subscription>,
    stop: impl Future<Output = ()>,
) -> Result<(), Fault> {
    let (stop_sender, stopping) = watch::channel(false);
    let mut tasks = JoinSet::new();
    for (direction, subscription) in directions.iter().zip(open) {
        let (listening, stopping) = (Arc::clone(direction), stopping.clone());
        tasks.spawn(async move {
            let result = listen::listen(&listening, subscription, stopping).await;
            listening.queue.close();
            result
        });
        let passing = Arc::clone(direction);
        tasks.spawn(async move {
            forward::forward(&passing).await;
            Ok(())
        });
    }
    let fault = tokio::select! {
        () = stop => None,
        Some(ended) = tasks.join_next() => ended.unwrap_or(Err(Fault::Defect)).err(),
        () = report(directions) => None,
    };
    if let Some(fault) = fault {
        return Err(fault);
    }
    tracing::info!("stopping: forwarding queued messages");
    // All receivers are gone if all directions have failed.
    let _ = stop_sender.send(true);
    let drained = tokio::time::timeout(DRAIN, async { while tasks.join_next().await.is_some() {} }).await;
    for direction in directions {
        if drained.is_err() {
            let queued = direction.queue.waiting();
            tracing::warn!(
                direction = direction.way,
                queued,
                to = direction.to.url,
                "stopped with queued messages; they are lost"
            );
        }
        direction.report(true);
    }
    Ok(())
}

/// Logs the counts of each direction periodically, if they have changed.
async fn report(directions: &[Arc<Direction>]) {
    loop {
        tokio::time::sleep(REPORT).await;
        directions
            .iter()
            .filter(|direction| direction.is_news())
            .for_each(|direction| direction.report(false));
    }
}
