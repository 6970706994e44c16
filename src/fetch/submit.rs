//! Requests whose response body is ignored.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Fetch, FetchError};

/// Maximum bytes of the body that are read, so that the connection can be reused. A longer body ends the connection.
const READ: usize = 64 * 1024;
/// Maximum time to read the body after the head.
const TIME: Duration = Duration::from_secs(1);

impl Fetch {
    /// Sends a request, and returns the head of the response, which has to arrive within `deadline`. The body is
    /// dropped; a short body that arrives soon is read completely.
    ///
    /// # Errors
    /// [`FetchError`] without a response.
    pub async fn submit(
        &self,
        request: Request<Full<Bytes>>,
        deadline: Duration,
    ) -> Result<Response<()>, FetchError> {
        let (end, url) = (Instant::now() + deadline, request.uri().clone());
        let response = timeout_at(end, self.request(request)).await;
        let (head, body) = response.map_err(|_| self.late(&url, deadline))??.into_parts();
        if !body.is_end_stream() {
            // The head is the response, regardless of the body.
            let _ = timeout(TIME, drain(body)).await;
        }
        Ok(Response::from_parts(head, ()))
    }
}

async fn drain(mut body: Incoming) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > READ {
            return;
        }
    }
}
