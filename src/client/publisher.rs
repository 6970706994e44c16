//! Publishing without a session, again and again: POSTs over a connection that is kept.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::http::Uri;
use hyper::{Request, StatusCode};

use super::Failure;
use crate::bayeux::Message;
use crate::bayeux::parse::parse;
use crate::fetch::{Fetch, FetchError, Reach, Repeat};

const DEADLINE: Duration = Duration::from_secs(15);
/// Replies repeat the channel and the id of their messages, so they can be as large as these.
const ANSWER: usize = 8 * 1024 * 1024;

/// Publishes to one server.
pub struct Publisher {
    fetch: Fetch,
    url: String,
    uri: Uri,
}

impl Publisher {
    /// No connection is made before the first request.
    ///
    /// # Errors
    /// [`Failure::Url`] if it is none that can be used.
    pub fn new(url: &str) -> Result<Self, Failure> {
        let uri = url.parse().map_err(|_| Failure::Url(url.to_owned()))?;
        // A bridge posts again what got no answer in any case.
        Ok(Self { fetch: Fetch::new(Reach::Everywhere, Repeat::Any), url: url.to_owned(), uri })
    }

    /// Posts messages, each a JSON object, in one request. Gives the replies. Without messages it only finds out whether
    /// the server answers.
    ///
    /// # Errors
    /// [`Failure`] if the server cannot be reached, or does not take the request. A reply may still say that a message
    /// was refused.
    pub async fn post(&self, messages: &[Bytes]) -> Result<Vec<Message>, Failure> {
        let body = [b"[", messages.join(&b","[..]).as_slice(), b"]"].concat();
        let request = Request::post(self.uri.clone()).header(CONTENT_TYPE, "application/json");
        let request =
            request.body(Full::new(Bytes::from(body))).map_err(|_| Failure::Url(self.url.clone()))?;
        let answer = self.fetch.send(request, DEADLINE, ANSWER).await.map_err(|error| match error {
            FetchError::Url => Failure::Url(self.url.clone()),
            error => Failure::Unreachable { url: self.url.clone(), why: error.to_string() },
        })?;
        let status = answer.status();
        if matches!(status, StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE) {
            return Err(Failure::Unfit { url: self.url.clone(), status: status.as_u16() });
        }
        let replies = parse(answer.body(), messages.len()).ok().filter(|_| status.is_success());
        replies
            .map(|replies| replies.messages)
            .ok_or_else(|| Failure::NotBayeux { url: self.url.clone(), why: format!("status {status}") })
    }
}
