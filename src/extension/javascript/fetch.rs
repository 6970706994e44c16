//! What `fetch` asks of the server, and what it gets. Who carries it out is not known here.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Requests of all files at one time.
pub(super) const REQUESTS: usize = 100;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The method, such as `GET`.
    pub method: String,
    /// The URL as the file wrote it.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body; empty if there is none.
    pub body: String,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status, such as 200.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

/// Carries out requests, with a deadline and a size limit. The file sees the text of an error, so it must not have
/// secrets.
pub type Fetch = Arc<dyn Fn(Request) -> Answering + Send + Sync>;

/// A request under way.
pub type Answering = Pin<Box<dyn Future<Output = Result<Response, String>> + Send>>;
