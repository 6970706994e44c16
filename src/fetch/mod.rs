//! Outgoing HTTP: connections are kept and used again, and every request has a deadline and a cap on its answer.
//!
//! Redirects are not followed: where a request goes is known before it is sent.

mod guard;
mod tracked;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::http::Uri;
use hyper::{Method, Request, Response, StatusCode};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

use guard::Guard;
use tracked::{Exchange, Tracking};

use crate::tls::{self, ConnectError};

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
    #[error("no response within {0:?}")]
    Deadline(Duration),
    /// The connection could not be made.
    #[error("{0}")]
    Connect(ConnectError),
    /// The bytes of the response are not HTTP.
    #[error("the response is not HTTP ({0})")]
    NotHttp(String),
    /// The connection broke, or the response was too large.
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

/// Which requests are sent once more, on a new connection, if a kept connection is closed without a byte of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Every request: one that arrives twice does no harm.
    Any,
    /// Requests with a method that is idempotent (RFC 9110, section 9.2.2).
    Idempotent,
}

type Connector = Tracking<HttpsConnector<HttpConnector<Guard>>>;

/// Sends requests. Cloning shares the connections.
#[derive(Clone)]
pub struct Fetch {
    client: Client<Connector, Full<Bytes>>,
    /// Keeps no connection, so that each request gets a new one.
    unpooled: Client<Connector, Full<Bytes>>,
    reach: Reach,
    repeat: Repeat,
}

impl Fetch {
    /// No connection is made before the first request.
    #[must_use]
    pub fn new(reach: Reach, repeat: Repeat) -> Self {
        Self::with_tls(reach, repeat, &tls::client_config())
    }

    /// For requests to one URL, at any address.
    #[must_use]
    pub fn to(url: &str, repeat: Repeat) -> Self {
        Self::with_tls(Reach::Everywhere, repeat, &tls::client_config_for(url))
    }

    /// The same with another configuration of TLS.
    #[must_use]
    pub fn with_tls(reach: Reach, repeat: Repeat, tls: &Arc<ClientConfig>) -> Self {
        let mut connector = HttpConnector::new_with_resolver(Guard { reach });
        connector.set_nodelay(true);
        connector.enforce_http(false);
        let connector = Tracking(HttpsConnector::from((connector, Arc::clone(tls))));
        let mut client = Client::builder(TokioExecutor::new());
        client.pool_max_idle_per_host(KEPT).pool_idle_timeout(IDLE).pool_timer(TokioTimer::new());
        let unpooled =
            Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector.clone());
        Self { client: client.build(connector), unpooled, reach, repeat }
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
            let (head, body) = self.request(request).await?.into_parts();
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
        let answer = tokio::time::timeout(deadline, self.request(request)).await;
        Ok(answer.map_err(|_| FetchError::Deadline(deadline))??.status())
    }

    /// Sends a request, and once more if the server has closed a kept connection while the request was on the way.
    async fn request(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, FetchError> {
        let may_repeat = self.repeat == Repeat::Any || is_idempotent(request.method());
        let again = may_repeat.then(|| request.clone());
        let error = match self.client.request(request).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        let exchange = error.connect_info().and_then(Exchange::of);
        match again.filter(|_| exchange.is_some_and(|exchange| exchange.is_reused_without_response())) {
            Some(again) => {
                tracing::debug!(%error, "pooled connection closed without a response; retrying");
                // The first request may have been processed, so its error counts, also if the second was never sent.
                self.unpooled.request(again).await.map_err(|_| broken(&error))
            }
            None => Err(broken(&error)),
        }
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

fn is_idempotent(method: &Method) -> bool {
    method.is_safe() || matches!(*method, Method::PUT | Method::DELETE)
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
    let response = Fetch::new(Reach::Everywhere, Repeat::Idempotent).send(request, deadline, cap).await?;
    Ok((response.status(), response.into_body()))
}

/// Classifies an error. Its text is that of the innermost source, which is the specific one.
fn broken(error: &legacy::Error) -> FetchError {
    if error.is_connect() {
        return FetchError::Connect(ConnectError::of(error));
    }
    let mut reason: &(dyn std::error::Error + 'static) = error;
    let mut is_http = true;
    while let Some(source) = reason.source() {
        is_http &= !source.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
        reason = source;
    }
    if is_http { FetchError::Broken(reason.to_string()) } else { FetchError::NotHttp(reason.to_string()) }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    use super::*;

    /// A server that answers the first `answered` requests of a connection, sends `last` instead of the next answer,
    /// and closes. Gives its URL, and the methods of the requests as they arrive.
    async fn server(answered: usize, last: &'static [u8]) -> (Uri, mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let (sender, arrived) = mpsc::channel(1000);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let sender = sender.clone();
                tokio::spawn(async move {
                    for turn in 0.. {
                        let mut head = Vec::new();
                        while !head.ends_with(b"\r\n\r\n") {
                            let Ok(byte) = stream.read_u8().await else { return };
                            head.push(byte);
                        }
                        let head = String::from_utf8(head).unwrap();
                        sender.try_send(head.split(' ').next().unwrap().to_owned()).unwrap();
                        let is_last = turn == answered;
                        let answer =
                            if is_last { last } else { b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" };
                        stream.write_all(answer).await.unwrap();
                        if is_last {
                            return;
                        }
                    }
                });
            }
        });
        (url, arrived)
    }

    async fn ask(fetch: &Fetch, method: Method, url: &Uri) -> Result<StatusCode, FetchError> {
        let request = Request::builder().method(method).uri(url).body(Full::default()).unwrap();
        fetch.send(request, Duration::from_secs(60), 100).await.map(|response| response.status())
    }

    /// Sends requests until one was the second of its connection: its outcome, and how often it arrived.
    async fn second(
        fetch: &Fetch,
        method: Method,
        url: &Uri,
        arrived: &mut mpsc::Receiver<String>,
    ) -> (Result<StatusCode, FetchError>, usize) {
        loop {
            let outcome = ask(fetch, method.clone(), url).await;
            let mut count = 0;
            while arrived.try_recv().is_ok() {
                count += 1;
            }
            if count > 1 || outcome.is_err() {
                return (outcome, count);
            }
        }
    }

    #[tokio::test]
    async fn a_request_that_a_kept_connection_swallows_is_sent_once_more() {
        let (url, mut arrived) = server(1, b"").await;
        let any = Fetch::new(Reach::Everywhere, Repeat::Any);
        let idempotent = Fetch::new(Reach::Everywhere, Repeat::Idempotent);
        for (fetch, method) in [(&any, Method::POST), (&any, Method::GET), (&idempotent, Method::PUT)] {
            let (outcome, count) = second(fetch, method, &url, &mut arrived).await;
            assert_eq!((outcome.unwrap(), count), (StatusCode::OK, 2));
        }
    }

    #[tokio::test]
    async fn a_request_that_may_have_been_carried_out_is_not_sent_again() {
        let (url, mut arrived) = server(1, b"").await;
        let idempotent = Fetch::new(Reach::Everywhere, Repeat::Idempotent);
        let (outcome, count) = second(&idempotent, Method::POST, &url, &mut arrived).await;
        assert!(outcome.is_err() && count == 1, "{outcome:?} {count}: a method that is not idempotent");
        let (url, mut arrived) = server(1, b"HTTP/1.1 200 O").await;
        let any = Fetch::new(Reach::Everywhere, Repeat::Any);
        let (outcome, count) = second(&any, Method::POST, &url, &mut arrived).await;
        assert!(outcome.is_err() && count == 1, "{outcome:?} {count}: a response has begun");
        let (url, mut arrived) = server(0, b"").await;
        let (outcome, count) = second(&any, Method::GET, &url, &mut arrived).await;
        assert!(outcome.is_err() && count == 1, "{outcome:?} {count}: a new connection");
    }
}
