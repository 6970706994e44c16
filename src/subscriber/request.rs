//! One request to a hub: its body, its redirects and its response (WebSub, section 5.1; PubSubHubbub 0.3, section 6.1).
//! It must not know the claims of the store.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Request, Response, StatusCode, Uri};
use tokio::time::{Instant, timeout};
use url::Url;

use super::Subscriber;
use super::answer::Answer;
use super::reach::{authorization, sends_password};
use crate::fetch::{Fetch, FetchError};
use crate::store::{SubscriptionCall, SubscriptionMode};
use crate::transport::{Endpoint, local};
use crate::web::freshness::retry_after;
use crate::web::get::redirect;
use crate::web::urls::{self, WebUrl};

/// The deadline of a request to a hub, including redirects. Some hubs verify before they respond.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);
/// Maximum time that a request waits for a place at its host.
const PATIENCE: Duration = Duration::from_secs(5);
/// Redirects that are followed.
const REDIRECTS: usize = 3;
/// Maximum bytes of a response.
const ANSWER: usize = 1024 * 1024;

/// Sends a request to its hub. `None` if the host of the hub is busy.
pub(super) async fn send(subscriber: &Subscriber, call: &SubscriptionCall) -> Option<Answer> {
    let Some(public_url) = &subscriber.public_url else {
        return Some(Answer::Forbidden("server.public_url is not set".to_owned()));
    };
    let secret = call.secret.as_deref().filter(|_| subscriber.reached.sends_secret(&call.hub));
    let form = form(call, public_url, subscriber.settings.lease, secret);
    if let Some(hub) = subscriber.reached.own_hub(&call.hub) {
        return Some(ask_here(subscriber, hub, &call.hub, form).await);
    }
    let asking =
        Asking { subscriber, call, form, has_secret: secret.is_some(), end: Instant::now() + DEADLINE };
    asking.ask().await
}

/// Returns the body of a request.
fn form(call: &SubscriptionCall, public_url: &str, lease: Duration, secret: Option<&str>) -> Bytes {
    let is_begin = call.mode == SubscriptionMode::Subscribe;
    let callback = format!("{public_url}/websub/callback/{}", call.callback);
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("hub.mode", if is_begin { "subscribe" } else { "unsubscribe" });
    form.append_pair("hub.topic", &call.topic).append_pair("hub.callback", &callback);
    if is_begin {
        form.append_pair("hub.lease_seconds", &lease.as_secs().to_string());
        if let Some(secret) = secret {
            form.append_pair("hub.secret", secret);
        }
    }
    if let Some(token) = &call.verify_token {
        form.append_pair("hub.verify", "async").append_pair("hub.verify_token", token);
    }
    form.finish().into()
}

/// Returns a request to a URL, without a user and password.
fn request<B>(subscriber: &Subscriber, uri: Uri, body: B) -> Result<Request<B>, hyper::http::Error> {
    Request::post(uri)
        .header(USER_AGENT, &subscriber.agent)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body)
}

/// Sends a request to the hub of this process.
async fn ask_here(subscriber: &Subscriber, hub: &Arc<dyn Endpoint>, url: &str, form: Bytes) -> Answer {
    let uri = urls::read(url).ok().and_then(|url| url.location.trim_end_matches('/').parse().ok());
    let Some(Ok(request)) = uri.map(|uri| request(subscriber, uri, form)) else {
        return Answer::Forbidden("the URL of the hub is not allowed".to_owned());
    };
    match timeout(DEADLINE, local::call(std::slice::from_ref(hub), request)).await {
        Ok(response) => status(&response),
        Err(_) => Answer::Unreachable(FetchError::Deadline(DEADLINE).to_string()),
    }
}

/// A request to the hub of another process.
struct Asking<'a> {
    subscriber: &'a Subscriber,
    call: &'a SubscriptionCall,
    form: Bytes,
    has_secret: bool,
    end: Instant,
}

impl Asking<'_> {
    /// Sends the request, and repeats it at the target of a redirect with 307 or 308. Returns `None` if the host is
    /// busy.
    async fn ask(&self) -> Option<Answer> {
        let forbidden = |why: &str| Some(Answer::Forbidden(format!("the hub {why}")));
        let reached = &self.subscriber.reached;
        let feed = &self.call.feed;
        let place = |url: &WebUrl| Some((Url::parse(&url.location).ok()?, url.location.parse::<Uri>().ok()?));
        let Ok(mut url) = urls::read(&self.call.hub) else {
            return forbidden("has a URL that is not allowed");
        };
        let authorization = authorization(feed).filter(|_| sends_password(feed, &self.call.hub));
        let mut first = None;
        let mut client = reached.client_for(feed, &self.call.hub).await;
        for _ in 0..=REDIRECTS {
            let Some((own, uri)) = place(&url) else { return forbidden("has a URL that is not allowed") };
            let is_first = *first.get_or_insert_with(|| own.origin()) == own.origin();
            let authorization = authorization.as_ref().filter(|_| is_first);
            let response = match self.send(client, &url, uri, authorization).await? {
                Ok(response) => response,
                Err(answer) => return Some(answer),
            };
            let is_redirect =
                matches!(response.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
            let target = response.headers().get(LOCATION).filter(|_| is_redirect);
            let Some(target) = target else { return Some(status(&response)) };
            let next = redirect(&own, &String::from_utf8_lossy(target.as_bytes()));
            let Some(next) = next else { return forbidden("redirects to a URL that is not allowed") };
            if self.has_secret && !reached.sends_secret(&next.location) {
                return forbidden("redirects to a URL that must not get the secret");
            }
            url = next;
            // Like a redirect of a feed.
            client = &reached.public;
        }
        forbidden("redirects more than 3 times")
    }

    /// Sends one request. `None` if the host is busy.
    async fn send(
        &self,
        client: &Fetch,
        url: &WebUrl,
        uri: Uri,
        authorization: Option<&HeaderValue>,
    ) -> Option<Result<Response<Bytes>, Answer>> {
        let rest = || self.end - Instant::now();
        let late = || Answer::Unreachable(FetchError::Deadline(DEADLINE).to_string());
        let address = match timeout(rest(), client.address(&uri)).await {
            Ok(Ok(address)) => address,
            Ok(Err(error)) => return Some(Err(self.failure(url, &error))),
            Err(_) => return Some(Err(late())),
        };
        let _place =
            self.subscriber.hosts.acquire_within(PATIENCE.min(rest()), &url.host, address.as_slice()).await?;
        let Ok(mut request) = request(self.subscriber, uri, Full::new(self.form.clone())) else {
            return Some(Err(Answer::Forbidden("the URL of the hub is not allowed".to_owned())));
        };
        if let Some(authorization) = authorization {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        let sent = client.send_if(request, rest(), ANSWER, |head| !head.status.is_success()).await;
        Some(sent.map_err(|error| match error {
            FetchError::Deadline(_) => late(),
            error => self.failure(url, &error),
        }))
    }

    fn failure(&self, url: &WebUrl, error: &FetchError) -> Answer {
        match error {
            FetchError::Private(address) => {
                let address = address.to_canonical();
                self.subscriber.note_refused(&self.call.feed.name, &url.host, address);
                Answer::Forbidden(format!("the hub has the address {address}, which is not public"))
            }
            FetchError::Url => Answer::Forbidden("the URL of the hub is not allowed".to_owned()),
            other => Answer::Unreachable(other.to_string()),
        }
    }
}

/// Classifies a response.
fn status(response: &Response<Bytes>) -> Answer {
    let text = String::from_utf8_lossy(response.body()).into_owned();
    Answer::Status(response.status(), retry_after(response.headers(), SystemTime::now()), text)
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::config::Config;
    use crate::fetch::{Reach, Repeat};
    use crate::store::FeedSource;
    use crate::subscriber::samples;

    fn call(mode: SubscriptionMode, verify_token: Option<&str>) -> SubscriptionCall {
        SubscriptionCall {
            id: 1,
            claim: 1,
            feed_id: 1,
            feed: samples::feed("https://blog.example/feed"),
            source: FeedSource::Config,
            hub: "https://hub.example/".to_owned(),
            topic: "https://blog.example/feed?a=b&c".to_owned(),
            callback: "id".to_owned(),
            secret: None,
            verify_token: verify_token.map(str::to_owned),
            mode,
            attempts: 0,
        }
    }

    fn sent(
        mode: SubscriptionMode,
        verify_token: Option<&str>,
        secret: Option<&str>,
    ) -> Vec<(String, String)> {
        let lease = Duration::from_secs(864_000);
        let form = form(&call(mode, verify_token), "https://push.example", lease, secret);
        form_urlencoded::parse(&form).into_owned().collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn requests_have_the_parameters_of_the_recommendation() {
        let topic = ("hub.topic", "https://blog.example/feed?a=b&c");
        let callback = ("hub.callback", "https://push.example/websub/callback/id");
        let lease = ("hub.lease_seconds", "864000");
        let subscribe = ("hub.mode", "subscribe");
        let mode = SubscriptionMode::Subscribe;
        let signed = pairs(&[subscribe, topic, callback, lease, ("hub.secret", "s")]);
        assert_eq!(sent(mode, None, Some("s")), signed);
        let verify = [("hub.verify", "async"), ("hub.verify_token", "t")];
        let legacy = pairs(&[subscribe, topic, callback, lease, verify[0], verify[1]]);
        assert_eq!(sent(mode, Some("t"), None), legacy);
        let end = pairs(&[("hub.mode", "unsubscribe"), topic, callback]);
        assert_eq!(sent(SubscriptionMode::Unsubscribe, None, Some("s")), end);
    }

    /// Starts a hub that returns these responses in order; each lacks its last empty line. Returns its URL, and the
    /// requests that it received.
    async fn hub(host: &str, responses: Vec<String>) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind((host, 0)).await.unwrap();
        let url = format!("http://{}/hub", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (requests, mut responses) = (Arc::clone(&asked), responses.into_iter());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (mut request, mut buffer) = (String::new(), [0; 4096]);
                // The end of the body of a form is in the last parameter that all requests have.
                while !request.contains("hub.lease_seconds=") {
                    let count = stream.read(&mut buffer).await.unwrap();
                    request += std::str::from_utf8(&buffer[..count]).unwrap();
                }
                requests.lock().push(request);
                let response = responses.next().unwrap_or_else(|| "202 Accepted\r\n".to_owned());
                let response = format!("HTTP/1.1 {response}Connection: close\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(response.as_bytes()).await.unwrap();
            }
        });
        (url, asked)
    }

    /// Returns the answer of a hub, with redirects to any address. The feed and the hub at 127.0.0.1 are in
    /// `feeds.networks`.
    async fn answer(hub: &str) -> Answer {
        let mut config = Config::default();
        config.feeds.networks = vec!["127.0.0.1/32".parse().unwrap()];
        let mut subscriber = samples::subscriber(config).await;
        let everywhere = Fetch::new(Reach::Everywhere, Repeat::Any);
        Arc::get_mut(&mut subscriber).unwrap().reached.public = everywhere;
        let mut call = SubscriptionCall { hub: hub.to_owned(), ..call(SubscriptionMode::Subscribe, None) };
        call.secret = Some("hidden".to_owned());
        call.feed.url = Url::parse(hub).unwrap().join("/feed").unwrap().into();
        call.feed.username = Some("me".to_owned());
        send(&subscriber, &call).await.unwrap()
    }

    fn moved(status: u16, url: &str) -> String {
        format!("{status} Moved\r\nLocation: {url}\r\n")
    }

    #[tokio::test]
    async fn a_moved_hub_gets_the_same_request_and_no_password() {
        for status in [307, 308] {
            let (second, asked) = hub("127.0.0.1", Vec::new()).await;
            let (first, before) = hub("127.0.0.1", vec![moved(status, &second)]).await;
            let accepted = answer(&first).await;
            assert!(matches!(accepted, Answer::Status(StatusCode::ACCEPTED, ..)), "{accepted:?}");
            let (before, asked) = (before.lock().clone(), asked.lock().clone());
            let body = |request: &str| request.split("\r\n\r\n").nth(1).map(str::to_owned);
            assert!(body(&asked[0]).is_some_and(|body| body.contains("hub.secret=hidden")), "{asked:?}");
            assert_eq!((body(&before[0]), before.len()), (body(&asked[0]), 1));
            assert!(before[0].contains("authorization: Basic ") && !asked[0].contains("authorization"));
        }
    }

    #[tokio::test]
    async fn a_hub_may_redirect_three_times_and_not_with_other_statuses() {
        let (last, _) = hub("127.0.0.1", Vec::new()).await;
        let mut next = last;
        for _ in 0..3 {
            next = hub("127.0.0.1", vec![moved(307, &next)]).await.0;
        }
        assert!(matches!(answer(&next).await, Answer::Status(StatusCode::ACCEPTED, ..)));
        let (last, asked) = hub("127.0.0.1", Vec::new()).await;
        let mut next = last;
        for _ in 0..4 {
            next = hub("127.0.0.1", vec![moved(307, &next)]).await.0;
        }
        assert_eq!(answer(&next).await, Answer::Forbidden("the hub redirects more than 3 times".to_owned()));
        assert!(asked.lock().is_empty());
        let (last, asked) = hub("127.0.0.1", Vec::new()).await;
        let (found, _) = hub("127.0.0.1", vec![moved(302, &last)]).await;
        assert!(matches!(answer(&found).await, Answer::Status(StatusCode::FOUND, ..)));
        assert!(asked.lock().is_empty());
    }

    #[tokio::test]
    async fn a_redirect_does_not_carry_the_secret_where_others_can_read_it() {
        let (open, asked) = hub("127.0.0.2", Vec::new()).await;
        let (first, _) = hub("127.0.0.1", vec![moved(307, &open)]).await;
        let why = "the hub redirects to a URL that must not get the secret";
        assert_eq!(answer(&first).await, Answer::Forbidden(why.to_owned()));
        let (first, _) = hub("127.0.0.1", vec![moved(307, "ftp://127.0.0.1/")]).await;
        let why = "the hub redirects to a URL that is not allowed";
        assert_eq!(answer(&first).await, Answer::Forbidden(why.to_owned()));
        assert!(asked.lock().is_empty());
    }
}
