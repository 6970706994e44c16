//! Sends deliveries to callbacks over HTTP, or to the endpoint of this process that serves them.
//!
//! It must not know the consequences of a response.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::http::Uri;
use hyper::{Request, StatusCode};

use crate::fetch::FetchError;
use crate::hub::Hub;
use crate::hub::call::{call, is_local};

/// State that all attempts share.
pub(super) struct Sender {
    pub(super) hub: Arc<Hub>,
    pub(super) user_agent: HeaderValue,
    /// The host of `server.public_url`.
    own_host: String,
}

impl Sender {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        let agent = format!("faye/{} (+{})", env!("CARGO_PKG_VERSION"), hub.url());
        // A URL can be in a header.
        let user_agent = HeaderValue::try_from(agent).unwrap_or(HeaderValue::from_static("faye"));
        let own = hub.public_url.parse::<Uri>().ok();
        let own_host = own.as_ref().and_then(Uri::host).unwrap_or_default().to_owned();
        Self { hub, user_agent, own_host }
    }

    /// Whether a callback is served by this process.
    fn is_local(&self, callback: &Uri) -> bool {
        callback.host().is_some_and(|host| host.eq_ignore_ascii_case(&self.own_host))
            && is_local(&self.hub, callback)
    }

    /// Returns the address of a callback; none if this process serves it.
    pub(super) async fn address(&self, callback: &Uri) -> Result<Option<IpAddr>, FetchError> {
        if self.is_local(callback) {
            return Ok(None);
        }
        let deadline = self.hub.settings.deadline;
        let found = tokio::time::timeout(deadline, self.hub.callbacks.address(callback)).await;
        found.map_err(|_| FetchError::Deadline(deadline))?
    }

    /// Sends a delivery. Only the status and the head of the response count.
    pub(super) async fn post(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, HeaderMap), FetchError> {
        let response = match self.is_local(request.uri()) {
            true => call(&self.hub, request, 0).await?.map(|_| ()),
            false => self.hub.callbacks.submit(request, self.hub.settings.deadline).await?,
        };
        let (head, ()) = response.into_parts();
        Ok((head.status, head.headers))
    }
}
