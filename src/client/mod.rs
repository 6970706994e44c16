//! A small Bayeux client: for the command line and for tests.

mod publish;
mod publisher;
mod refusal;
mod socket;
mod subscription;

pub use publish::publish;
pub use publisher::Publisher;
pub use refusal::{Reconnect, Refusal};
pub use subscription::Subscription;

/// Why a server could not be talked to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The URL is none that can be used.
    #[error("{0:?} is not a URL of a server; write for example http://127.0.0.1:8000/faye")]
    Url(String),
    /// The text is not JSON.
    #[error("the data is not JSON: {0}; put text in double quotes, such as '\"hello\"'")]
    Data(serde_json::Error),
    /// Nobody answered.
    #[error("cannot reach {url}: {why}; is the server running?")]
    Unreachable {
        /// The server.
        url: String,
        /// What went wrong.
        why: String,
    },
    /// The answer was no Bayeux.
    #[error("{url} did not answer as a Bayeux server: {why}; is the path right?")]
    NotBayeux {
        /// The server.
        url: String,
        /// What it answered.
        why: String,
    },
    /// The server did not take the request for what is in it.
    #[error("{url} did not take the request (status {status}); is a message larger than it allows?")]
    Unfit {
        /// The server.
        url: String,
        /// What it answered.
        status: u16,
    },
    /// The server refused what was asked.
    #[error("the server refused it: {0}")]
    Refused(Refusal),
    /// The server closed the connection, after all that it had to say.
    #[error("the server closed the connection")]
    Closed,
    /// The connection broke.
    #[error("the connection to the server is lost: {0}")]
    Lost(String),
}
