//! The HTTP interface of the hub: the endpoint for subscribers and publishers, its page, and the status pages of
//! requests. It must not know what a request does.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{ALLOW, HeaderName, LOCATION};
use hyper::{Response, StatusCode};

use super::Hub;
use super::form::Form;
use super::page::{self, Page};
use super::refusal::Refusal;
use super::response::{empty, put, refused, text};
use super::submit::Submitted;
use crate::peer::Head;
use crate::transport::{Endpoint, Method, Route, RouteFuture, RouteLimits, RouteRequest};
use crate::web::rate::Rate;

/// Bytes of a body: the most URLs of a publication, with 600 bytes for each.
const BODY: usize = 64 * 1024;
/// Maximum time for a client to send the body.
const BODY_TIME: Duration = Duration::from_secs(10);

const HUB_METHODS: &str = "GET, HEAD, POST, OPTIONS";
const PAGE_METHODS: &str = "GET, HEAD";

/// The part of the hub that clients reach.
pub(super) struct Front {
    pub(super) hub: Arc<Hub>,
    /// Below it are the status pages and the files of the page.
    folder: String,
    rate: Rate,
    page: Page,
}

impl Front {
    /// The front of a hub.
    pub(super) fn new(hub: &Arc<Hub>) -> Self {
        let settings = &hub.settings;
        let folder = settings.path.trim_end_matches('/').to_owned();
        Self {
            rate: Rate::new(settings.rate),
            page: Page::new(&hub.url(), &settings.path, &folder, settings.policy),
            hub: Arc::clone(hub),
            folder,
        }
    }

    async fn answer(&self, request: &RouteRequest) -> Response<Bytes> {
        let head = &request.head;
        if let Some(token) = self.below("/subscription/", head.path()) {
            return self.show(token, request).await;
        }
        if request.method == Method::Post {
            return self.post(request).await;
        }
        match Form::of_query(head, self.hub.settings.bare_names) {
            Ok(form) if form.all("mode").next().is_none() => self.find(head),
            outcome => {
                let refusal = outcome.err().unwrap_or(Refusal::Get);
                self.refuse("none", &refusal)
            }
        }
    }

    /// Returns the page, or the status page that the last form of the page refers to.
    fn find(&self, head: &Head) -> Response<Bytes> {
        let query = head.query().unwrap_or_default().as_bytes();
        let asked = form_urlencoded::parse(query).find(|(name, _)| name == "subscription");
        let Some((_, address)) = asked else { return self.page.forms() };
        // The token, or the whole address as the hub has sent it.
        let token = address.trim().rsplit('/').next().unwrap_or_default();
        if !super::status::is_token(token) {
            return self.page.problem(&Refusal::Unknown);
        }
        let mut response = empty(StatusCode::SEE_OTHER);
        put(&mut response, LOCATION, &format!("{}/subscription/{token}", self.folder));
        response
    }

    async fn show(&self, token: &str, request: &RouteRequest) -> Response<Bytes> {
        let status = match self.acquire(request) {
            Ok(()) => self.hub.status(token).await,
            Err(refusal) => Err(refusal),
        };
        let wants_page = page::is_wanted(&request.head);
        let mut response = match status {
            Ok(lines) if wants_page => self.page.status(&lines),
            Ok(lines) => {
                text(StatusCode::OK, lines.iter().map(|(name, value)| format!("{name}: {value}\n")).collect())
            }
            Err(refusal) if wants_page => self.page.problem(&refusal),
            Err(refusal) => refused(&refusal),
        };
        put(&mut response, HeaderName::from_static("x-robots-tag"), "noindex");
        put(&mut response, HeaderName::from_static("referrer-policy"), "no-referrer");
        response
    }

    /// Executes a request. The response follows the protocols, or is a page if the request is a form of the page.
    async fn post(&self, request: &RouteRequest) -> Response<Bytes> {
        let form = match self.admit(request) {
            Ok(form) => form,
            Err(refusal) => return self.refuse("none", &refusal),
        };
        let wants_page = form.is_of_page && page::is_wanted(&request.head);
        let (mode, outcome) = match form.get("mode") {
            None => ("none", Err(Refusal::Missing("mode"))),
            Some(mode) => {
                match ["subscribe", "unsubscribe", "publish"].into_iter().find(|own| *own == mode) {
                    None => ("none", Err(Refusal::Mode)),
                    Some(mode) => (mode, self.hub.submit(mode, &form, request.client.ip()).await),
                }
            }
        };
        let response = match outcome {
            Ok(submitted) if wants_page => self.page.result(&submitted, &self.folder),
            Ok(submitted) => self.protocol(&submitted),
            Err(refusal) if wants_page => self.page.problem(&refusal),
            Err(refusal) => return self.refuse(mode, &refusal),
        };
        self.hub.metrics.hub.request(mode, response.status().as_u16());
        response
    }

    /// Checks the sender and reads the parameters.
    fn admit(&self, request: &RouteRequest) -> Result<Form, Refusal> {
        let origin = request.head.get("origin");
        if request.is_foreign && origin != Some(self.hub.public_url.as_bytes()) {
            return Err(Refusal::Origin);
        }
        self.acquire(request)?;
        Form::read(&request.head, &request.body, self.hub.settings.bare_names)
    }

    fn acquire(&self, request: &RouteRequest) -> Result<(), Refusal> {
        self.rate.acquire(request.client.ip()).map_err(Refusal::Rate)
    }

    fn protocol(&self, submitted: &Submitted) -> Response<Bytes> {
        match submitted {
            Submitted::Published | Submitted::Confirmed => empty(StatusCode::NO_CONTENT),
            Submitted::Pending(token) => {
                let address = format!("{}{}/subscription/{token}", self.hub.public_url, self.folder);
                text(StatusCode::ACCEPTED, format!("Accepted. Status of the request: {address}\n"))
            }
        }
    }

    fn refuse(&self, mode: &'static str, refusal: &Refusal) -> Response<Bytes> {
        let code = refusal.status().as_u16();
        self.hub.metrics.hub.request(mode, code);
        tracing::debug!(mode, code, %refusal, "request to the hub refused");
        refused(refusal)
    }

    /// Returns the rest of a path below a folder of the hub.
    fn below<'a>(&self, folder: &str, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(self.folder.as_str())?.strip_prefix(folder)
    }
}

impl Endpoint for Front {
    fn route(&self, method: Method, path: &str) -> Option<Route> {
        let call = || Route::Call(RouteLimits { body: BODY, body_time: BODY_TIME });
        let is_get = matches!(method, Method::Get | Method::Head);
        if path == self.hub.settings.path {
            return Some(match method {
                Method::Get | Method::Head | Method::Post => call(),
                Method::Options => {
                    let mut response = empty(StatusCode::NO_CONTENT);
                    put(&mut response, ALLOW, HUB_METHODS);
                    Route::Response(response)
                }
                Method::Other | Method::Unknown => Route::Response(refused(&Refusal::Method(HUB_METHODS))),
            });
        }
        if path == "/" && self.hub.settings.root && method == Method::Post {
            return Some(call());
        }
        if self.below("/subscription/", path).is_some() {
            let refusal = || Route::Response(refused(&Refusal::Method(PAGE_METHODS)));
            return Some(if is_get { call() } else { refusal() });
        }
        let file = page::file(self.below("/page/", path)?)?;
        Some(Route::Response(if is_get { file } else { refused(&Refusal::Method(PAGE_METHODS)) }))
    }

    fn call(&self, request: RouteRequest) -> RouteFuture<'_> {
        Box::pin(async move { self.answer(&request).await })
    }
}
