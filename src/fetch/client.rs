//! Sends requests on pooled connections, each with a deadline and a maximum size of its response.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::http::Uri;
use hyper::http::response::Parts;
use hyper::{Method, Request, Response, StatusCode};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

use super::class::Class;
use super::error::FetchError;
use super::guard::{Guard, Guarded};
use super::reach::Reach;
use super::tracked::{Exchange, Tracking};
use crate::metrics::Metrics;
use crate::tls;

/// Idle connections that are kept to one host.
const KEPT: usize = 32;
/// The lifetime of an idle connection; shorter than the usual timeout of servers, which could close it during a
/// request.
const IDLE: Duration = Duration::from_secs(4);
/// The deadline of a connection to a host that a client has named, for all of its addresses.
const CONNECT: Duration = Duration::from_secs(5);

/// Which requests are sent once more, on a new connection, if a kept connection is closed without a byte of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Every request: a duplicate is harmless.
    Any,
    /// Requests with a method that is idempotent (RFC 9110, section 9.2.2).
    Idempotent,
}

type Connector = Tracking<HttpsConnector<Guarded<HttpConnector<Guard>>>>;

/// Sends requests. Cloning shares the connections.
#[derive(Clone)]
pub struct Fetch {
    client: Client<Connector, Full<Bytes>>,
    /// Without a pool: each request uses a new connection.
    unpooled: Client<Connector, Full<Bytes>>,
    guard: Guard,
    repeat: Repeat,
    /// Where refused requests are counted.
    counted: Option<(Class, Metrics)>,
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

    /// Creates a client for one class of requests. It counts requests that are refused because of their address.
    #[must_use]
    pub fn of_class(class: Class, reach: Reach, repeat: Repeat, metrics: &Metrics) -> Self {
        Self { counted: Some((class, metrics.clone())), ..Self::new(reach, repeat) }
    }

    /// Same as [`Fetch::new`], with another TLS configuration.
    #[must_use]
    pub fn with_tls(reach: Reach, repeat: Repeat, tls: &Arc<ClientConfig>) -> Self {
        let is_strange = reach != Reach::Everywhere;
        let guard = Guard::new(reach);
        let mut connector = HttpConnector::new_with_resolver(guard.clone());
        connector.set_nodelay(true);
        connector.enforce_http(false);
        connector.set_connect_timeout(is_strange.then_some(CONNECT));
        let connector = Guarded { guard: guard.clone(), connector };
        let connector = Tracking(HttpsConnector::from((connector, Arc::clone(tls))));
        let mut client = Client::builder(TokioExecutor::new());
        client.pool_max_idle_per_host(KEPT).pool_idle_timeout(IDLE).pool_timer(TokioTimer::new());
        let unpooled =
            Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector.clone());
        Self { client: client.build(connector), unpooled, guard, repeat, counted: None }
    }

    /// Sends a request. The response may have at most `cap` bytes and has to be complete within `deadline`.
    ///
    /// # Errors
    /// [`FetchError`] without a response.
    pub async fn send(
        &self,
        request: Request<Full<Bytes>>,
        deadline: Duration,
        cap: usize,
    ) -> Result<Response<Bytes>, FetchError> {
        self.send_if(request, deadline, cap, |_| true).await
    }

    /// Same as [`Fetch::send`], but reads the body only if the head is `wanted`; otherwise it is empty.
    ///
    /// # Errors
    /// [`FetchError`] without a response.
    pub async fn send_if(
        &self,
        request: Request<Full<Bytes>>,
        deadline: Duration,
        cap: usize,
        wanted: impl Fn(&Parts) -> bool,
    ) -> Result<Response<Bytes>, FetchError> {
        let url = request.uri().clone();
        let response = async {
            let (head, body) = self.request(request).await?.into_parts();
            if !wanted(&head) {
                return Ok(Response::from_parts(head, Bytes::new()));
            }
            let body = Limited::new(body, cap).collect().await.map_err(|error| {
                let is_long = error.is::<LengthLimitError>();
                if is_long { FetchError::Size(cap) } else { FetchError::Broken(error.to_string()) }
            })?;
            Ok(Response::from_parts(head, body.to_bytes()))
        };
        tokio::time::timeout(deadline, response).await.map_err(|_| self.late(&url, deadline))?
    }

    /// Returns the error of a request that exceeds its deadline. Whether a connection exists is unknown.
    pub(super) fn late(&self, url: &Uri, deadline: Duration) -> FetchError {
        self.guard.unreachable(url.host().unwrap_or_default());
        FetchError::Deadline(deadline)
    }

    /// Sends a request and reads only the status of its response, which has to arrive within `deadline`.
    ///
    /// # Errors
    /// [`FetchError`] without a response.
    pub async fn tell(
        &self,
        request: Request<Full<Bytes>>,
        deadline: Duration,
    ) -> Result<StatusCode, FetchError> {
        let answer = tokio::time::timeout(deadline, self.request(request)).await;
        Ok(answer.map_err(|_| FetchError::Deadline(deadline))??.status())
    }

    /// Returns the allowed address of a URL's host; a resolution of a name is at most a few seconds old. Requests
    /// within that time use this address. Takes as long as the resolver of the system.
    ///
    /// # Errors
    /// [`FetchError`] if the host has no address, or no allowed address.
    pub async fn address(&self, url: &Uri) -> Result<Option<IpAddr>, FetchError> {
        let host = self.check(url)?;
        let found = self.guard.address(host).await;
        found.map_err(|error| self.counting(FetchError::of_connect(&error)))
    }

    /// Returns the allowed addresses of requests.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        self.guard.reach()
    }

    /// Sends a request and returns its response with a body that is still to be read.
    pub(super) async fn request(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, FetchError> {
        let url = request.uri().clone();
        let host = self.check(&url)?;
        self.exchange(request).await.map_err(|error| {
            if matches!(error, FetchError::Connect(_)) {
                self.guard.unreachable(host);
            }
            self.counting(error)
        })
    }

    /// Sends a request, and once more if the server has closed a kept connection while the request was on the way.
    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, FetchError> {
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
                self.unpooled.request(again).await.map_err(|_| FetchError::of(&error))
            }
            None => Err(FetchError::of(&error)),
        }
    }

    /// Returns the host of a URL that can be requested.
    fn check<'a>(&self, url: &'a Uri) -> Result<&'a str, FetchError> {
        let (Some("http" | "https"), Some(host), Some(authority)) =
            (url.scheme_str(), url.host(), url.authority())
        else {
            return Err(FetchError::Url);
        };
        // Only a URL of the operator may have a user and a password.
        let is_strange = *self.reach() != Reach::Everywhere;
        if host.is_empty() || is_strange && authority.as_str().contains('@') {
            return Err(FetchError::Url);
        }
        Ok(host)
    }

    /// Counts an error that is a refusal.
    fn counting(&self, error: FetchError) -> FetchError {
        if let Some((class, metrics)) = self.counted.as_ref().filter(|_| error.is_refused()) {
            metrics.hub.refuse_fetch(class.name());
        }
        error
    }
}

fn is_idempotent(method: &Method) -> bool {
    method.is_safe() || matches!(*method, Method::PUT | Method::DELETE)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    use super::*;

    /// Returns a server that responds to the first `answered` requests of a connection, sends `last` in place of the
    /// next response, and closes. Returns its URL, and the methods of the requests as they arrive.
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

    #[tokio::test]
    async fn a_url_of_a_stranger_has_no_user_and_no_other_scheme() {
        let fetch = Fetch::new(Reach::Public, Repeat::Idempotent);
        for url in
            ["http://user@example.com/", "http://a:b@1.1.1.1/", "ftp://1.1.1.1/", "/path", "example.com"]
        {
            let error = ask(&fetch, Method::GET, &url.parse().unwrap()).await.unwrap_err();
            assert!(matches!(error, FetchError::Url), "{url}: {error}");
        }
    }

    #[tokio::test]
    async fn a_body_is_bounded_and_read_only_if_wanted() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Uri = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nfour").await.unwrap();
            }
        });
        let fetch = Fetch::new(Reach::Everywhere, Repeat::Idempotent);
        let read = async |cap, is_wanted| {
            let request = Request::get(&url).body(Full::default()).unwrap();
            fetch.send_if(request, Duration::from_secs(60), cap, |_| is_wanted).await
        };
        assert_eq!(read(4, true).await.unwrap().into_body(), "four");
        assert!(matches!(read(3, true).await, Err(FetchError::Size(3))));
        assert_eq!(read(3, false).await.unwrap().into_body(), "");
    }
}
