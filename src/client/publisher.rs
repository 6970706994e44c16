//! POSTs of Bayeux messages over kept connections: publications without a session, and the requests of long-polling.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{CONTENT_TYPE, LOCATION};
use hyper::http::Uri;
use rustls::ClientConfig;

use super::Failure;
use crate::bayeux::Message;
use crate::bayeux::parse::parse;
use crate::fetch::{Fetch, FetchError, Reach, Repeat};
use crate::tls::ConnectError;

/// The deadline of a response.
const DEADLINE: Duration = Duration::from_secs(15);
/// Bytes of a response. Replies repeat the channel and the id of their messages, so they can be as large as these.
const RESPONSE: usize = 8 * 1024 * 1024;
/// Messages of one response.
const MESSAGES: usize = 100_000;

/// Posts messages to one server.
pub struct Publisher {
    fetch: Fetch,
    url: String,
    uri: Uri,
}

impl Publisher {
    /// Opens no connection before the first request.
    ///
    /// # Errors
    /// [`Failure::Url`] if the URL cannot be used.
    pub fn new(url: &str, tls: &Arc<ClientConfig>) -> Result<Self, Failure> {
        let uri = url.parse().map_err(|_| Failure::Url(url.to_owned()))?;
        // A bridge repeats requests without a response in any case.
        Ok(Self { fetch: Fetch::with_tls(Reach::Everywhere, Repeat::Any, tls), url: url.to_owned(), uri })
    }

    /// Returns the URL of the server.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Posts messages, each a JSON object, in one request. Returns the replies. Without messages, only checks that the
    /// server responds.
    ///
    /// # Errors
    /// [`Failure`] if the server cannot be reached or refuses the request. A reply may still report a refused message.
    pub async fn post(&self, messages: &[Bytes]) -> Result<Vec<Message>, Failure> {
        self.post_within(messages, DEADLINE).await
    }

    /// Same with another deadline, for requests that the server holds.
    pub(super) async fn post_within(
        &self,
        messages: &[Bytes],
        deadline: Duration,
    ) -> Result<Vec<Message>, Failure> {
        let body = [b"[", messages.join(&b","[..]).as_slice(), b"]"].concat();
        let request = Request::post(self.uri.clone()).header(CONTENT_TYPE, "application/json");
        let request =
            request.body(Full::new(Bytes::from(body))).map_err(|_| Failure::Url(self.url.clone()))?;
        let response =
            self.fetch.send(request, deadline, RESPONSE).await.map_err(|error| self.failure(error))?;
        let status = response.status();
        if !status.is_success() {
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            return Err(Failure::of_status(&self.url, status, location.map(str::to_owned), response.body()));
        }
        let replies = parse(response.body(), MESSAGES).map_err(|_| {
            let why = "the response is not an array of messages".to_owned();
            Failure::NotBayeux { url: self.url.clone(), why }
        })?;
        Ok(replies.messages)
    }

    fn failure(&self, error: FetchError) -> Failure {
        let url = self.url.clone();
        match error {
            FetchError::Url => Failure::Url(url),
            FetchError::Connect(why) => Failure::Unreachable { url, why },
            FetchError::Deadline(time) => Failure::Unreachable { url, why: ConnectError::Timeout(time) },
            FetchError::NotHttp(why) => Failure::NotHttp { url, why },
            error @ (FetchError::Private(_) | FetchError::Size(_) | FetchError::Broken(_)) => {
                Failure::NoResponse { url, why: error.to_string() }
            }
        }
    }
}
