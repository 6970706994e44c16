//! Outgoing HTTP: connections are kept and used again, and every request has a deadline and a cap on its answer.
//!
//! Redirects are not followed: where a request goes is known before it is sent.

mod guard;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::CONTENT_TYPE;
use hyper::http::Uri;
use hyper::{Request, Response, StatusCode};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use guard::Guard;

use crate::tls;

/// Idle connections that are kept to one host.
const KEPT: usize = 32;
/// How long one is kept; below what servers usually keep it for, which would end it in the middle of a request.
const IDLE: Duration = Duration::from_secs(4);

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Only `http` and `https` URLs with a host can be asked.
    #[error("the URL is not an http or https URL with a host")]
    Url,
    /// The host is of this machine or of a private network, which is not allowed.
    #[error("the address is private")]
    Private,
    /// The answer took too long.
    #[error("no answer within {0:?}")]
    Deadline(Duration),
    /// The connection could not be made, or broke, or the answer was too large.
    #[error("{0}")]
    Broken(String),
}

/// Which addresses may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Every address: whoever runs the server has named the URL.
    Everywhere,
    /// Only addresses of the internet: the URL may come from somebody else.
    Public,
}

/// Sends requests. Cloning shares the connections.
#[derive(Clone)]
pub struct Fetch {
    client: Client<HttpsConnector<HttpConnector<Guard>>, Full<Bytes>>,
    reach: Reach,
}

impl Fetch {
    /// No connection is made before the first request.
    #[must_use]
    pub fn new(reach: Reach) -> Self {
        let mut connector = HttpConnector::new_with_resolver(Guard { reach });
        connector.set_nodelay(true);
        connector.enforce_http(false);
        let connector = HttpsConnector::from((connector, tls::client_config()));
        let mut client = Client::builder(TokioExecutor::new());
        client.pool_max_idle_per_host(KEPT).pool_idle_timeout(IDLE).pool_timer(TokioTimer::new());
        Self { client: client.build(connector), reach }
    }

    /// Sends a request. The answer may have at most `cap` bytes and has to be there within `deadline`.
    ///
    /// # Errors
    /// [`FetchError`] if there is no answer.
    pub async fn send(
        &self,
        request: Request<Full<Bytes>>,
        deadline: Duration,
        cap: usize,
    ) -> Result<Response<Bytes>, FetchError> {
        self.check(request.uri())?;
        let answer = async {
            let response = self.client.request(request).await.map_err(|error| broken(&error))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, cap).collect().await;
            let body = body.map_err(|error| FetchError::Broken(error.to_string()))?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        tokio::time::timeout(deadline, answer).await.map_err(|_| FetchError::Deadline(deadline))?
    }

    /// Sends a request whose answer is not read beyond its status, which has to be there within `deadline`.
    ///
    /// # Errors
    /// [`FetchError`] if there is no answer.
    pub async fn tell(
        &self,
        request: Request<Full<Bytes>>,
        deadline: Duration,
    ) -> Result<StatusCode, FetchError> {
        self.check(request.uri())?;
        let answer = tokio::time::timeout(deadline, self.client.request(request)).await;
        let answer = answer.map_err(|_| FetchError::Deadline(deadline))?;
        Ok(answer.map_err(|error| broken(&error))?.status())
    }

    fn check(&self, url: &Uri) -> Result<(), FetchError> {
        let (Some("http" | "https"), Some(host)) = (url.scheme_str(), url.host()) else {
            return Err(FetchError::Url);
        };
        // The resolver is not asked about an address.
        let address = host.trim_start_matches('[').trim_end_matches(']').parse();
        if self.reach == Reach::Public && address.is_ok_and(|address| !guard::is_public(address)) {
            return Err(FetchError::Private);
        }
        Ok(())
    }
}

/// Posts JSON once. The answer may have at most `cap` bytes and has to be there within `deadline`.
///
/// # Errors
/// [`FetchError`] if there is no answer.
pub async fn post_json(
    url: &Uri,
    body: Vec<u8>,
    deadline: Duration,
    cap: usize,
) -> Result<(StatusCode, Bytes), FetchError> {
    let request = Request::post(url.clone()).header(CONTENT_TYPE, "application/json");
    let request = request.body(Full::new(Bytes::from(body))).map_err(|_| FetchError::Url)?;
    let response = Fetch::new(Reach::Everywhere).send(request, deadline, cap).await?;
    Ok((response.status(), response.into_body()))
}

/// The innermost reason, which is the one that helps.
fn broken(error: &dyn std::error::Error) -> FetchError {
    let mut reason = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    FetchError::Broken(reason.to_string())
}
