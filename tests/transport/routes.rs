//! Endpoints whose response takes time, over real sockets: their limits, what they learn about the client, and what
//! happens if the client or the server goes away first.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crate::support::{Http, WATCHDOG};
use bytes::Bytes;
use faye_server::budget::Budget;
use faye_server::config::Config;
use faye_server::metrics::Metrics;
use faye_server::server::Server;
use faye_server::transport::{
    Context, DeadlineWheel, Endpoint, Listener, Method, Mount, Route, RouteFuture, RouteLimits, RouteRequest,
    Site, TICK,
};
use hyper::{Response, StatusCode};
use tokio::sync::{Notify, watch};

/// The limits of the routes below `/call`.
const LIMITS: RouteLimits = RouteLimits { body: 1000, body_time: Duration::from_secs(60) };

/// The limits of `/slow`.
const SHORT: RouteLimits = RouteLimits { body: 1000, body_time: Duration::from_millis(100) };

/// What an endpoint did, in order.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    Called(String),
    Finished(String),
    Dropped(String),
}

/// Shows its requests: `/call` at once, `/call/wait` once it is released, `/call/never` never.
struct Probe {
    events: Sender<Event>,
    release: Arc<Notify>,
}

/// Tells whether a call ended, or was dropped before.
struct Guard {
    path: String,
    events: Sender<Event>,
    is_finished: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let path = std::mem::take(&mut self.path);
        let event = if self.is_finished { Event::Finished(path) } else { Event::Dropped(path) };
        // The test may have ended.
        let _ = self.events.send(event);
    }
}

fn shown(request: &RouteRequest) -> String {
    format!(
        "{:?} {} {} client={} local={} foreign={} secure={} body={}",
        request.method,
        request.head.path(),
        request.head.query().unwrap_or("-"),
        request.client.ip(),
        request.is_local,
        request.is_foreign,
        request.is_secure,
        String::from_utf8_lossy(&request.body),
    )
}

impl Endpoint for Probe {
    fn route(&self, method: Method, path: &str) -> Option<Route> {
        match path {
            "/static" => Some(Route::Response(Response::new(Bytes::from_static(b"static")))),
            "/refused" if method == Method::Post => {
                let mut response = Response::new(Bytes::from_static(b"no"));
                *response.status_mut() = StatusCode::FORBIDDEN;
                Some(Route::Response(response))
            }
            "/slow" => Some(Route::Call(SHORT)),
            _ if path.starts_with("/call") => Some(Route::Call(LIMITS)),
            _ => None,
        }
    }

    fn call(&self, request: RouteRequest) -> RouteFuture<'_> {
        Box::pin(async move {
            let path = request.head.path().to_owned();
            let mut guard = Guard { path: path.clone(), events: self.events.clone(), is_finished: false };
            let _ = self.events.send(Event::Called(path.clone()));
            match path.as_str() {
                "/call/wait" => self.release.notified().await,
                "/call/never" => std::future::pending().await,
                _ => {}
            }
            guard.is_finished = true;
            Response::new(shown(&request).into())
        })
    }
}

/// A listener with the endpoint, in this process.
struct Served {
    address: SocketAddr,
    deadlines: Arc<DeadlineWheel>,
    events: Receiver<Event>,
    release: Arc<Notify>,
    metrics: Metrics,
    draining: watch::Sender<bool>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Served {
    fn start(config: &Config, has_server: bool) -> Self {
        let (events, received) = channel();
        let release = Arc::new(Notify::new());
        let probe: Arc<dyn Endpoint> = Arc::new(Probe { events, release: Arc::clone(&release) });
        Self::start_listener(config, has_server, |_| vec![probe], received, release)
    }

    /// Starts a listener with other endpoints.
    fn start_with(
        config: &Config,
        endpoints: impl FnOnce(Option<Arc<Server>>) -> Vec<Arc<dyn Endpoint>>,
    ) -> Self {
        Self::start_listener(config, true, endpoints, channel().1, Arc::default())
    }

    fn start_listener(
        config: &Config,
        has_server: bool,
        endpoints: impl FnOnce(Option<Arc<Server>>) -> Vec<Arc<dyn Endpoint>>,
        received: Receiver<Event>,
        release: Arc<Notify>,
    ) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let entered = runtime.enter();
        let metrics = Metrics::default();
        let server = has_server.then(|| Arc::new(Server::new(config, &[], metrics.clone()).unwrap()));
        let endpoints = endpoints(server.clone());
        let deadlines = Arc::new(DeadlineWheel::default());
        let context = Arc::new(Context {
            server,
            tls: None,
            budget: Budget::unlimited(),
            limits: config.limits.clone(),
            websocket: config.websocket.clone(),
            eventsource: config.eventsource.clone(),
            deadlines: Arc::clone(&deadlines),
            metrics: metrics.clone(),
        });
        let site = Arc::new(Site { context, endpoints, mount: Mount::new("/faye") });
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), site).unwrap();
        let address = listener.address().unwrap();
        let (draining, drained) = watch::channel(false);
        tokio::spawn(listener.serve(drained, WATCHDOG));
        let ticking = Arc::clone(&deadlines);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(TICK).await;
                ticking.tick();
            }
        });
        drop(entered);
        Self { address, deadlines, events: received, release, metrics, draining, runtime: Some(runtime) }
    }

    #[track_caller]
    fn expect(&self, event: &Event) {
        assert_eq!(self.events.recv_timeout(WATCHDOG).expect("an event"), *event);
    }

    fn drain(&self) {
        self.deadlines.drain();
        self.draining.send_replace(true);
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn called(path: &str) -> Event {
    Event::Called(path.to_owned())
}

fn finished(path: &str) -> Event {
    Event::Finished(path.to_owned())
}

fn dropped(path: &str) -> Event {
    Event::Dropped(path.to_owned())
}

fn config() -> Config {
    let mut config = Config::default();
    config.limits.body = 100;
    config
}

#[test]
fn the_server_is_ready_without_its_store_and_says_so() {
    use faye_server::admin::{Health, Ready, StoreState};
    let is_up = Arc::new(AtomicBool::new(false));
    let state = Arc::clone(&is_up);
    let served = Served::start_with(&config(), |server| {
        let server = server.expect("a server");
        let is_up = Box::new(move || state.load(Ordering::Relaxed));
        let store = StoreState { is_up, users: vec!["hub", "feeds"] };
        vec![Arc::new(Health), Arc::new(Ready::new(server, Some(store)))]
    });
    let mut http = Http::open(served.address);
    let response = http.request("GET", "/readyz", &[], b"");
    let unavailable = "ready\nhub: store unavailable\nfeeds: store unavailable\n";
    assert_eq!((response.status, response.text().as_str()), (200, unavailable));
    assert_eq!(http.request("GET", "/healthz", &[], b"").text(), "ok\n");
    is_up.store(true, Ordering::Relaxed);
    let response = http.request("GET", "/readyz", &[], b"");
    assert_eq!((response.status, response.text().as_str()), (200, "ready\n"));
}

#[test]
fn a_request_arrives_with_its_query_and_body() {
    let served = Served::start(&config(), true);
    let mut http = Http::open(served.address);
    let said = http.request("POST", "/call?a=%20b&c", &[], b"x=y").text();
    assert_eq!(said, "Post /call a=%20b&c client=127.0.0.1 local=true foreign=false secure=false body=x=y");
    http.send_raw(b"POST /call HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    assert!(http.response().text().ends_with("body=abcde"));
    for (method, status) in [("GET", 200), ("OPTIONS", 200), ("DELETE", 200), ("FOO", 501)] {
        let response = http.request(method, "/call", &[], b"");
        assert_eq!(response.status, status, "{method}");
    }
    let head = http.request("HEAD", "/call", &[], b"");
    let length =
        "Head /call - client=127.0.0.1 local=true foreign=false secure=false body=".len().to_string();
    assert_eq!(head.header("Content-Length"), Some(length.as_str()), "{head:?}");
    // The connection is still in step.
    assert_eq!(http.request("GET", "/static", &[], b"").text(), "static");
}

#[test]
fn the_limits_of_the_route_apply_in_place_of_those_of_messages() {
    let served = Served::start(&config(), true);
    let mut http = Http::open(served.address);
    let text = "x".repeat(1000);
    assert!(http.request("POST", "/call", &[], text.as_bytes()).text().ends_with(&text));
    let response = http.request("POST", "/call", &[], &[b'x'; 1001]);
    assert_eq!(response.status, 413, "{response:?}");
    let mut http = Http::open(served.address);
    // The client learns it before it sends the body.
    http.send_raw(
        b"POST /call HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(http.response().status, 413);
    let mut http = Http::open(served.address);
    http.send_raw(
        b"POST /call HTTP/1.1\r\nHost: localhost\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(http.interim(), 100);
    http.send_raw(&[b'y'; 101]);
    assert_eq!(http.response().status, 200);
    // Other requests have the limits of the settings.
    for path in ["/static", "/refused", "/faye", "/nothing"] {
        let response = Http::open(served.address).request("POST", path, &[], &[b'x'; 101]);
        assert_eq!(response.status, 413, "{path}");
    }
    let mut http = Http::open(served.address);
    http.send_raw(b"POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nab");
    assert_eq!(http.response().status, 408);
    assert!(
        served.metrics.text().contains("faye_refused_total{reason=\"body_time\"} 1"),
        "{}",
        served.metrics.text()
    );
}

#[test]
fn a_body_with_a_content_coding_is_refused() {
    let served = Served::start(&config(), true);
    let mut http = Http::open(served.address);
    let coding = [("Content-Encoding", "gzip")];
    let response = http.request("POST", "/call", &coding, b"x");
    assert_eq!((response.status, response.header("Accept-Encoding")), (415, Some("identity")));
    assert_eq!(http.request("POST", "/call", &coding, b"").status, 200);
}

#[test]
fn the_client_is_known_through_trusted_proxies() {
    let mut config = config();
    config.server.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    config.server.public_url = Some("https://push.example".to_owned());
    let served = Served::start(&config, true);
    let mut http = Http::open(served.address);
    let forwarded = [("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-Proto", "https")];
    let said = http.request("POST", "/call", &forwarded, b"").text();
    assert!(said.contains("client=192.0.2.1 local=false foreign=false secure=true"), "{said}");
    for (name, value) in [("Via", "1.1 proxy"), ("Forwarded", "for=192.0.2.1"), ("X-Real-IP", "192.0.2.1")] {
        let said = http.request("GET", "/call", &[(name, value)], b"").text();
        assert!(said.contains("local=false"), "{name}: {said}");
    }
    http.send_raw(b"GET /call HTTP/1.1\r\nHost: push.example\r\n\r\n");
    assert!(http.response().text().contains("local=false"));
    for (origin, is_foreign) in
        [("https://push.example", false), ("https://evil.example", true), ("null", true)]
    {
        let said = http.request("POST", "/call", &[("Origin", origin)], b"").text();
        assert!(said.contains(&format!("foreign={is_foreign}")), "{origin}: {said}");
    }
}

#[test]
fn a_listener_without_pages_takes_every_page_for_a_foreign_one() {
    let served = Served::start(&config(), false);
    let mut http = Http::open(served.address);
    let said = http.request("POST", "/call", &[], b"").text();
    assert!(said.contains("local=true foreign=false"), "{said}");
    let origin = format!("http://{}", served.address);
    let said = http.request("POST", "/call", &[("Origin", &origin)], b"").text();
    assert!(said.contains("foreign=true"), "{said}");
}

#[test]
fn requests_behind_one_that_waits_are_answered_in_order() {
    let served = Served::start(&config(), true);
    let mut http = Http::open(served.address);
    http.send("GET", "/call/wait", &[], b"");
    http.send("GET", "/static", &[], b"");
    http.send("GET", "/call?2", &[], b"");
    served.expect(&called("/call/wait"));
    // Another connection is not held up.
    assert_eq!(Http::open(served.address).request("GET", "/static", &[], b"").text(), "static");
    served.release.notify_one();
    assert!(http.response().text().starts_with("Get /call/wait"));
    assert_eq!(http.response().text(), "static");
    assert!(http.response().text().starts_with("Get /call 2"));
}

#[test]
fn very_many_requests_behind_one_that_waits_are_read_later() {
    let served = Served::start(&config(), true);
    let mut http = Http::open(served.address);
    http.send("GET", "/call/wait", &[], b"");
    served.expect(&called("/call/wait"));
    const MORE: usize = 2000;
    for _ in 0..MORE {
        http.send("GET", "/static", &[], b"");
    }
    served.release.notify_one();
    assert!(http.response().text().starts_with("Get /call/wait"));
    for _ in 0..MORE {
        assert_eq!(http.response().text(), "static");
    }
}

#[test]
fn a_client_that_does_not_wait_has_its_request_carried_out() {
    let served = Served::start(&config(), true);
    let mut http = Http::open(served.address);
    http.send("POST", "/call/wait", &[], b"");
    served.expect(&called("/call/wait"));
    drop(http);
    served.release.notify_one();
    served.expect(&finished("/call/wait"));
    // A client that has closed its side only gets the response.
    let mut http = Http::open(served.address);
    http.send("POST", "/call/wait", &[], b"");
    served.expect(&called("/call/wait"));
    http.half_close();
    served.release.notify_one();
    assert!(http.response().text().starts_with("Post /call/wait"));
}

#[test]
fn a_call_does_not_outlive_its_client_for_long() {
    let served = Served::start(&config(), true);
    let mut http = Http::open(served.address);
    http.send("POST", "/call/never", &[], b"");
    served.expect(&called("/call/never"));
    drop(http);
    served.expect(&dropped("/call/never"));
}

#[test]
fn calls_under_way_are_answered_when_the_server_stops() {
    let served = Served::start(&config(), true);
    let (mut waits, mut never) = (Http::open(served.address), Http::open(served.address));
    waits.send("POST", "/call/wait", &[], b"");
    served.expect(&called("/call/wait"));
    never.send("POST", "/call/never", &[], b"");
    served.expect(&called("/call/never"));
    served.drain();
    served.release.notify_one();
    let response = waits.response();
    assert_eq!((response.status, response.header("Connection")), (200, Some("close")), "{response:?}");
    served.expect(&finished("/call/wait"));
    let response = never.response();
    assert_eq!((response.status, response.header("Retry-After")), (503, Some("5")), "{response:?}");
    served.expect(&dropped("/call/never"));
}

#[cfg(feature = "websub")]
#[test]
fn operators_are_told_when_the_store_is_away() {
    use faye_server::api::{Api, ManagedHub};
    use faye_server::config::TopicPolicy;
    use faye_server::store::Store;
    let mut config = config();
    config.store.url = Some("sqlite::memory:".into());
    let served = Served::start_with(&config, |_| {
        let handle = tokio::runtime::Handle::current();
        let store = handle.block_on(Store::open(&config.store, Metrics::default())).unwrap();
        handle.block_on(store.close());
        let hub = ManagedHub { store, url: "https://push.example/hub".to_owned(), policy: TopicPolicy::Open };
        vec![Arc::new(Api::new(&"a key".into(), true, Some(hub), None, Metrics::default()))]
    });
    let mut http = Http::open(served.address);
    let key = [("Authorization", "Bearer a key")];
    for (method, path) in [("GET", ""), ("GET", "/topics"), ("GET", "/subscriptions"), ("POST", "/retry")] {
        let response = http.request(method, &format!("/api/v1/hub{path}"), &key, b"");
        assert_eq!(
            (response.status, response.header("Retry-After")),
            (503, Some("5")),
            "{path}: {response:?}"
        );
        assert!(response.text().contains("store unavailable"), "{}", response.text());
    }
}

#[cfg(feature = "websub")]
#[test]
fn a_mount_of_everything_leaves_the_hub_its_path_and_has_the_root() {
    let publish = b"hub.mode=publish&hub.url=http%3A%2F%2Fa.example%2F";
    let kind = [("Content-Type", "application/x-www-form-urlencoded")];
    let handshake = crate::support::handshake().to_string();
    let json = [("Content-Type", "application/json")];
    for (mount, root_is_hub) in [("/", false), ("/faye", true)] {
        let root = root_is_hub.to_string();
        let faye = crate::support::hub::start(&[("FAYE_SERVER__MOUNT", mount), ("FAYE_HUB__ROOT", &root)]);
        let mut http = Http::open(faye.address);
        assert_eq!(http.request("POST", "/hub", &kind, publish).status, 204, "{mount}");
        let response = http.request("POST", "/", &kind, publish);
        assert_eq!(response.status == 204, root_is_hub, "{mount}: {response:?}");
        let response = http.request("POST", mount, &json, handshake.as_bytes());
        assert_eq!(response.messages()[0]["successful"], true, "{mount}");
        assert_eq!(http.request("GET", "/healthz", &[], b"").text(), "ok\n", "{mount}");
    }
}
