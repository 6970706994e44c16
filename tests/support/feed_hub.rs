//! A feed and the hub that it names, both played by the test: it says what they answer, and calls callbacks as it likes.

use std::net::SocketAddr;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use serde_json::Value;

use super::{Faye, Http, Response, Session, Via, Web, WebRequest, WebResponse};

/// The path of the feed.
pub(crate) const FEED: &str = "/feed.xml";
/// The path of the hub.
pub(crate) const HUB: &str = "/hub";

/// A step of the test before an answer.
type Before = Box<dyn Fn(&WebRequest) + Send>;

/// What the feed has, and what the hub answers.
struct Played {
    content_type: String,
    body: Vec<u8>,
    /// The hubs that the feed names, if it does not name its own.
    hubs: Option<Vec<String>>,
    /// The status of the hub's answers.
    status: Box<dyn Fn(&WebRequest) -> u16 + Send>,
    /// Called before the hub answers.
    before: Option<Before>,
}

/// A feed and its hub.
pub(crate) struct FeedHub {
    web: Web,
    played: Arc<Mutex<Played>>,
}

/// Whether a path is that of the hub. Feeds may write it with a slash at the end.
fn is_hub(path: &str) -> bool {
    path.trim_end_matches('/') == HUB
}

/// A subscription as the hub knows it.
#[derive(Debug, Clone)]
pub(crate) struct Subscription {
    pub(crate) mode: String,
    pub(crate) topic: String,
    /// The path of the callback.
    pub(crate) path: String,
    pub(crate) secret: Option<String>,
    pub(crate) verify: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) lease: Option<String>,
}

impl Subscription {
    /// Reads a request of a subscriber.
    #[track_caller]
    pub(crate) fn read(request: &WebRequest) -> Self {
        let get = |name: &str| {
            let mut all = form_urlencoded::parse(&request.body);
            all.find(|(own, _)| own == name).map(|(_, value)| value.into_owned())
        };
        let callback = get("hub.callback").expect("a callback");
        let (_, rest) = callback.split_once("://").expect("a URL");
        Self {
            mode: get("hub.mode").expect("a mode"),
            topic: get("hub.topic").expect("a topic"),
            path: rest[rest.find('/').expect("a path")..].to_owned(),
            secret: get("hub.secret"),
            verify: get("hub.verify"),
            token: get("hub.verify_token"),
            lease: get("hub.lease_seconds"),
        }
    }

    /// Sends a verification with these parameters, `topic` of them.
    #[track_caller]
    pub(crate) fn ask(&self, server: SocketAddr, parameters: &[(&str, &str)]) -> Response {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(parameters);
        let target = format!("{}?{}", self.path, query.finish());
        Http::open(server).request("GET", &target, &[], b"")
    }

    /// Verifies what the subscriber has asked for.
    #[track_caller]
    pub(crate) fn verify(&self, server: SocketAddr) {
        let mut parameters = vec![
            ("hub.mode", self.mode.as_str()),
            ("hub.topic", &self.topic),
            ("hub.challenge", "x-1_<&>"),
            ("hub.lease_seconds", "86400"),
        ];
        parameters.extend(self.token.as_deref().map(|token| ("hub.verify_token", token)));
        let response = self.ask(server, &parameters);
        assert_eq!((response.status, response.text().as_str()), (200, "x-1_<&>"), "{parameters:?}");
    }

    /// The header that proves the secret, by SHA-256.
    pub(crate) fn signature(&self, body: &[u8]) -> String {
        format!("sha256={}", hmac::<Hmac<sha2::Sha256>>(self.secret.as_deref().unwrap_or_default(), body))
    }

    /// Delivers content with these headers.
    #[track_caller]
    pub(crate) fn deliver(&self, server: SocketAddr, headers: &[(&str, &str)], body: &[u8]) -> Response {
        Http::open(server).request("POST", &self.path, headers, body)
    }

    /// Delivers Atom as a good hub does, which the server accepts.
    #[track_caller]
    pub(crate) fn push(&self, server: SocketAddr, body: &str) {
        let signature = self.signature(body.as_bytes());
        let headers = [("Content-Type", "application/atom+xml"), ("X-Hub-Signature", signature.as_str())];
        let response = self.deliver(server, &headers, body.as_bytes());
        assert_eq!(response.status, 204, "{}", response.text());
    }
}

/// An HMAC in lower-case hexadecimal.
pub(crate) fn hmac<M: Mac + KeyInit>(secret: &str, body: &[u8]) -> String {
    let mut code = <M as KeyInit>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    code.update(body);
    HEXLOWER.encode(&code.finalize().into_bytes())
}

impl FeedHub {
    /// A feed without entries, and a hub that accepts everything.
    pub(crate) fn start() -> Self {
        let played = Arc::new(Mutex::new(Played {
            content_type: "application/atom+xml".to_owned(),
            body: atom(&[]).into_bytes(),
            hubs: None,
            status: Box::new(|_| 202),
            before: None,
        }));
        let own = Arc::clone(&played);
        let web = Web::start(move |request| {
            let host = request.header("host").unwrap_or_default();
            let played = own.lock();
            Some(match (request.method.as_str(), request.path()) {
                ("POST", path) if is_hub(path) => {
                    let before = &played.before;
                    before.iter().for_each(|act| act(request));
                    WebResponse::new((played.status)(request), "")
                }
                ("GET", path) if path.starts_with("/feed") => {
                    let own = [format!("http://{host}{HUB}")];
                    let hubs = played.hubs.as_deref().unwrap_or(&own);
                    let hubs: String = hubs.iter().map(|hub| format!("<{hub}>; rel=\"hub\", ")).collect();
                    let link = format!("{hubs}<http://{host}{path}>; rel=\"self\"");
                    WebResponse::new(200, played.body.clone())
                        .with("Content-Type", &played.content_type)
                        .with("Link", &link)
                }
                _ => WebResponse::new(404, ""),
            })
        });
        Self { web, played }
    }

    /// The URL of the feed.
    pub(crate) fn url(&self) -> String {
        self.web.url(FEED)
    }

    /// The URL of the hub.
    pub(crate) fn hub(&self) -> String {
        self.web.url(HUB)
    }

    /// The settings of one feed, `blog`, whose callbacks are on a loopback address.
    pub(crate) fn settings(&self) -> String {
        format!("{}\n{}", server(&[]), feed("blog", &self.url()))
    }

    /// Changes what the feed has.
    pub(crate) fn serve(&self, body: impl Into<Vec<u8>>) {
        self.played.lock().body = body.into();
    }

    /// Changes which hubs the feed names.
    pub(crate) fn name_hubs(&self, hubs: &[String]) {
        self.played.lock().hubs = Some(hubs.to_vec());
    }

    /// Changes the status of the hub's answers.
    pub(crate) fn answer(&self, status: u16) {
        self.answer_by(move |_| status);
    }

    /// The same for each request.
    pub(crate) fn answer_by(&self, status: impl Fn(&WebRequest) -> u16 + Send + 'static) {
        self.played.lock().status = Box::new(status);
    }

    /// Has the hub do something before it answers.
    pub(crate) fn before_answers(&self, act: impl Fn(&WebRequest) + Send + 'static) {
        self.played.lock().before = Some(Box::new(act));
    }

    /// The next request to the hub.
    #[track_caller]
    pub(crate) fn request(&self) -> Subscription {
        Subscription::read(&self.web.next_where(|request| is_hub(request.path())))
    }

    /// The next request to the hub that fulfils `is`.
    #[track_caller]
    pub(crate) fn request_where(&self, is: impl Fn(&Subscription) -> bool) -> Subscription {
        loop {
            let request = self.request();
            if is(&request) {
                return request;
            }
        }
    }

    /// Waits for a subscription and verifies it.
    #[track_caller]
    pub(crate) fn activate(&self, faye: &Faye) -> Subscription {
        let subscription = self.request();
        subscription.verify(faye.address);
        subscription
    }

    /// The paths of the requests that were not looked at.
    pub(crate) fn so_far(&self) -> Vec<String> {
        self.web.so_far().iter().map(|request| request.path().to_owned()).collect()
    }

    /// Waits until the feed is fetched.
    #[track_caller]
    pub(crate) fn wait_for_fetch(&self) {
        self.web.next_where(|request| request.path().starts_with("/feed"));
    }
}

/// Settings of a server without polling, with these lines in `[feeds]`.
pub(crate) fn server(feeds: &[&str]) -> String {
    let mut lines = vec!["networks = [\"127.0.0.0/8\"]", "poll = \"never\"", "backup_poll = \"never\""];
    let is_other = |line: &&str| {
        let key = |line: &str| line.split('=').next().map(|key| key.trim().to_owned());
        feeds.iter().all(|own| key(own) != key(line))
    };
    lines.retain(is_other);
    lines.extend_from_slice(feeds);
    // Nothing listens there: the hub of the test takes the path alone.
    format!(
        "[server]\npublic_url = \"http://127.0.0.1:9\"\n[store]\nurl = \"sqlite:feeds.db\"\n[feeds]\n{}\n",
        lines.join("\n")
    )
}

/// The lines of a feed.
pub(crate) fn feed(name: &str, url: &str) -> String {
    format!("[[feed]]\nname = \"{name}\"\nurl = \"{url}\"\n")
}

/// An Atom feed with entries of these ids, the newest last.
pub(crate) fn atom(ids: &[&str]) -> String {
    let entries: Vec<String> = ids.iter().rev().map(|id| entry(id, "")).collect();
    format!(
        "<?xml version=\"1.0\"?><feed xmlns=\"http://www.w3.org/2005/Atom\"><title>Blog</title><id>urn:feed</id>\
         <updated>2026-01-01T00:00:00Z</updated>{}</feed>",
        entries.concat()
    )
}

/// An Atom entry, with more elements.
pub(crate) fn entry(id: &str, more: &str) -> String {
    format!(
        "<entry><id>urn:{id}</id><title>Title of {id}</title><link href=\"http://blog.example/{id}\"/>\
         <updated>2026-01-01T00:00:00Z</updated><content type=\"html\">&lt;p&gt;Text of {id}&lt;/p&gt;</content>{more}\
         </entry>"
    )
}

/// A session that is subscribed to all feeds.
#[track_caller]
pub(crate) fn listen(faye: &Faye) -> Session {
    Session::subscribed(faye, Via::WebSocket, "/feeds/**")
}

/// The type of the next message and the id of its entry in the feed, without `urn:`.
#[track_caller]
pub(crate) fn next(session: &mut Session) -> (String, String) {
    let message = session.next();
    let data = data(&message);
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no text in {data}")).to_owned();
    (text(&data["type"]), text(&data["entry"]["guid"]).replace("urn:", ""))
}

/// The data of a message, which is JSON or a string of it.
pub(crate) fn data(message: &Value) -> Value {
    message["data"].clone()
}
