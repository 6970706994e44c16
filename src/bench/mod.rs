//! Loads for a Bayeux server, and the floor that their cost is compared with.
//!
//! It knows a server by its URL only, so that any can be loaded; it must not know how ours works. All of a load runs on
//! one thread with one buffer, so that it takes less of a core than the server that it loads.

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
mod session;
mod slow;
mod storm;
mod tally;
mod target;
mod usage;

pub use floor::Floor;
pub use idle::idle;
pub use options::{Idle, Options, Publishing, Storm, Subscribers};
pub use publish::publish;
pub use report::Report;
pub use storm::storm;

/// Why a load could not be run.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The URL is none that can be used.
    #[error("{0:?} is not a URL of a server; write for example http://127.0.0.1:8000/faye")]
    Url(String),
    /// Options that make no sense.
    #[error("{0}")]
    Options(String),
    /// Nobody answered.
    #[error("cannot reach {url}: {why}; is the server running?")]
    Unreachable {
        /// The server.
        url: String,
        /// What went wrong.
        why: String,
    },
    /// The answer was no Bayeux.
    #[error("the server did not answer as a Bayeux server: {0}; is the path of the URL right?")]
    NotBayeux(String),
    /// The server refused what was asked.
    #[error("the server refused it: {0}")]
    Refused(String),
    /// A connection broke.
    #[error("the server ended {who}: {why}")]
    Lost {
        /// Which connection.
        who: String,
        /// What went wrong.
        why: String,
    },
    /// The load was stopped.
    #[error("stopped before the end")]
    Stopped,
    /// A load that does not begin.
    #[error("only {ready} of {wanted} sessions are open, and for {seconds} s there was none more")]
    Stuck {
        /// Sessions that are open.
        ready: usize,
        /// Sessions that should be.
        wanted: usize,
        /// How long nothing went on.
        seconds: u64,
    },
    /// Too few file descriptors.
    #[error(
        "{needed} connections need {needed} open files, and this process may have {allowed}; raise the hard limit \
         (ulimit -Hn), or load the server from several processes"
    )]
    Files {
        /// Descriptors that are needed.
        needed: usize,
        /// Descriptors that there may be.
        allowed: usize,
    },
    /// There is no such process.
    #[error("there is no process {0} to measure; --pid takes that of the server")]
    Process(u32),
    /// The system refused something.
    #[error("{what}: {why}")]
    System {
        /// What was to be done.
        what: &'static str,
        /// What the system said.
        why: std::io::Error,
    },
}

/// Says what was to be done when the system refused it.
fn system(what: &'static str) -> impl Fn(std::io::Error) -> Failure {
    move |why| Failure::System { what, why }
}
