//! Carries messages between two Bayeux servers while both run: what is published to one is republished to the other.
//!
//! A *side* is one of the two servers, a *lane* is one direction. It knows neither settings nor the command line, and
//! uses the servers as any client does.

mod echo;
mod ext;
mod lane;
mod listen;
mod mark;
mod pass_on;
mod queue;
mod retry;
mod seen;
mod side;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use tokio::sync::watch;
use tokio::task::JoinSet;

use lane::Lane;
use side::Side;

use crate::bayeux::channel;
use crate::client::{Failure, Subscription};

/// How often the log says what was carried.
const REPORT: Duration = Duration::from_secs(60);
/// How long what was taken may take to be passed on when the bridge is to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// A server as the operator names it.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its URL.
    pub url: String,
    /// A JSON object that goes out as `ext`: the credentials that it asks for.
    pub ext: Option<String>,
    /// The certificate authorities to trust.
    pub tls: Arc<ClientConfig>,
}

/// In which directions messages are carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ways {
    /// From each server to the other.
    Both,
    /// From theirs to ours.
    In,
    /// From ours to theirs.
    Out,
}

/// What to carry, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// The other server.
    pub theirs: Server,
    /// Our server.
    pub ours: Server,
    /// The channels and patterns whose messages are carried.
    pub patterns: Vec<String>,
    /// The directions.
    pub ways: Ways,
    /// Messages that may wait for a server that is away.
    pub queue: usize,
}

/// Why a bridge cannot begin, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The text is no channel or pattern that messages could be carried of.
    #[error("{0} is not a channel or pattern; write for example /chat/*, '/chat/**' or '/**'")]
    Pattern(String),
    /// Both URLs are those of one server.
    #[error("both servers are {0}; name the other server, and ours with --url")]
    SameServer(String),
    /// A server could not be talked to.
    #[error("{0}")]
    Client(Failure),
    /// A server requires credentials, or refuses these.
    #[error("{url} refused the bridge: {why}; set credentials with --ext (our server) or --their-ext")]
    Refused {
        /// The server.
        url: String,
        /// What it said.
        why: String,
    },
    /// Messages would go round.
    #[error(
        "messages forwarded to {0} return without the field {field}, so they would loop; change the extension there that removes the \
         field, or forward in one direction only (--one-way)",
        field = mark::FIELD
    )]
    MarkLost(String),
    /// A defect of the bridge.
    #[error("internal error of the bridge; please report it")]
    Defect,
}

/// Connects to both servers and carries messages until `stop` ends. `ready` is called when it has begun.
///
/// # Errors
/// [`Fault`] if it could not begin, or messages would go round. A server that goes away later is waited for.
pub async fn run(
    options: Options,
    ready: impl FnOnce(),
    stop: impl Future<Output = ()>,
) -> Result<(), Fault> {
    let is_carried = |pattern: &str| {
        channel::is_valid(pattern) && !channel::is_meta(pattern) && !channel::is_service(pattern)
    };
    if let Some(bad) = options.patterns.iter().find(|pattern| !is_carried(pattern)) {
        return Err(Fault::Pattern(bad.clone()));
    }
    let (theirs, ours) = (Arc::new(Side::new(&options.theirs)?), Arc::new(Side::new(&options.ours)?));
    if theirs.name == ours.name {
        return Err(Fault::SameServer(ours.url.clone()));
    }
    let mut lanes = Vec::new();
    if options.ways != Ways::Out {
        lanes.push(Arc::new(Lane::new("in", &theirs, &ours, &options)));
    }
    if options.ways != Ways::In {
        lanes.push(Arc::new(Lane::new("out", &ours, &theirs, &options)));
    }
    let mut open = Vec::new();
    for lane in &lanes {
        lane.to.publisher.post(&[]).await.map_err(|failure| fault(&lane.to, failure))?;
        let from = &lane.from;
        let subscription =
            Subscription::open(&from.url, &lane.patterns, from.ext.as_deref(), &from.tls).await;
        open.push(subscription.map_err(|failure| fault(&lane.from, failure))?);
    }
    ready();
    carry(&lanes, open, stop).await
}

/// What it means that a server could not be talked to at the beginning.
fn fault(side: &Side, failure: Failure) -> Fault {
    match failure {
        Failure::Refused(refusal) => Fault::Refused { url: side.url.clone(), why: refusal.error },
        failure => Fault::Client(failure),
    }
}

/// Has each lane listened to and passed on, until one fails or `stop` ends.
async fn carry(
    lanes: &[Arc<Lane>],
    open: Vec<Subscription>,
    stop: impl Future<Output = ()>,
) -> Result<(), Fault> {
    let (tell, told) = watch::channel(false);
    let mut tasks = JoinSet::new();
    for (lane, subscription) in lanes.iter().zip(open) {
        let (listening, told) = (Arc::clone(lane), told.clone());
        tasks.spawn(async move {
            let result = listen::listen(&listening, subscription, told).await;
            listening.queue.close();
            result
        });
        let passing = Arc::clone(lane);
        tasks.spawn(async move {
            pass_on::pass_on(&passing).await;
            Ok(())
        });
    }
    let fault = tokio::select! {
        () = stop => None,
        Some(ended) = tasks.join_next() => ended.unwrap_or(Err(Fault::Defect)).err(),
        () = report(lanes) => None,
    };
    if let Some(fault) = fault {
        return Err(fault);
    }
    tracing::info!("stopping: forwarding queued messages");
    // All receivers are gone if all directions have failed.
    let _ = tell.send(true);
    let drained = tokio::time::timeout(DRAIN, async { while tasks.join_next().await.is_some() {} }).await;
    for lane in lanes {
        if drained.is_err() {
            let queued = lane.queue.waiting();
            tracing::warn!(
                direction = lane.way,
                queued,
                to = lane.to.url,
                "stopped with queued messages; they are lost"
            );
        }
        lane.report(true);
    }
    Ok(())
}

/// Logs at intervals how many messages were forwarded, if there were any.
async fn report(lanes: &[Arc<Lane>]) {
    loop {
        tokio::time::sleep(REPORT).await;
        lanes.iter().filter(|lane| lane.is_news()).for_each(|lane| lane.report(false));
    }
}
