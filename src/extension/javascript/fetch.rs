//! The requests and responses of `fetch` in JavaScript. This module must not know the client that executes them.

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
    /// The body; may be empty.
    pub body: String,
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status, such as 200.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Bytes,
}

/// Executes requests, with a deadline and a size limit. The file sees the text of an error, so it must not contain
/// secrets.
pub type Fetch = Arc<dyn Fn(Request) -> Answering + Send + Sync>;

/// A request under way.
pub type Answering = Pin<Box<dyn Future<Output = Result<Response, String>> + Send>>;
