//! Loads for a Bayeux server, and the floor as the lower bound of their cost.
//!
//! A load knows a server by its URL only, and nothing of the implementation of this one. It runs on one thread with one
//! buffer, so that it needs less of a core than the server.

mod comparison;
mod connection;
mod dial;
mod files;
mod floor;
mod frame;
mod http;
mod idle;
mod latency;
mod leave;
mod ledger;
mod marker;
mod message;
mod moment;
mod options;
mod pool;
mod progress;
mod publish;
mod publisher;
mod report;
mod slow;
mod storm;
mod stream;
mod tally;
mod target;
mod usage;

pub use comparison::{Comparison, Turn};
pub use floor::Floor;
pub use idle::idle;
pub use options::{Idle, Options, Publishing, Storm, Subscribers};
pub use publish::publish;
pub use report::Report;
pub use storm::storm;
pub use target::probe;

use crate::tls::ConnectError;

/// Why a load could not run.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The URL cannot be used.
    #[error("{0:?} is not a URL of a server; write for example http://127.0.0.1:8000/faye")]
    Url(String),
    /// Invalid options.
    #[error("{0}")]
    Options(String),
    /// No connection could be made.
    #[error("cannot reach {url}: {why}; {}", why.advice())]
    Unreachable {
        /// The server.
        url: String,
        /// The cause.
        why: ConnectError,
    },
    /// The response is not one of a Bayeux server.
    #[error("the server did not answer as a Bayeux server: {0}; is the path right?")]
    NotBayeux(String),
    /// The server refused a message.
    #[error("the server refused it: {0}")]
    Refused(String),
    /// A connection broke.
    #[error("the server ended {who}: {why}")]
    Lost {
        /// Which connection.
        who: String,
        /// The cause.
        why: String,
    },
    /// The load was stopped.
    #[error("stopped before the end")]
    Stopped,
    /// Sessions could not be opened.
    #[error(
        "only {ready} of {wanted} sessions are open, and no further one opened for {seconds} s; is the server overloaded, or at a limit?"
    )]
    Stuck {
        /// Sessions that are open.
        ready: usize,
        /// Sessions of the load.
        wanted: usize,
        /// Seconds without a further session.
        seconds: u64,
    },
    /// The limit of open files is too low.
    #[error(
        "{needed} connections need {needed} open files, and this process may have {allowed}; raise the hard limit \
         (ulimit -Hn), or load the server from several processes"
    )]
    Files {
        /// Descriptors that are needed.
        needed: usize,
        /// The limit.
        allowed: usize,
    },
    /// The process to measure does not exist.
    #[error("there is no process {0} to measure; write the process of the server with --pid")]
    Process(u32),
    /// A system call failed.
    #[error("{what}: {why}")]
    System {
        /// The operation.
        what: &'static str,
        /// The error of the system.
        why: std::io::Error,
    },
}

/// Adds the operation to an error of the system.
fn system(what: &'static str) -> impl Fn(std::io::Error) -> Failure {
    move |why| Failure::System { what, why }
}
