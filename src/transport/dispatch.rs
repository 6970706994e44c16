//! What a request is answered. The order of the questions is Faye's.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE};
use hyper::{Response, StatusCode};

use super::connection::{CONTINUE, Connection, Next};
use super::endpoint::{Endpoint, Route, RouteLimits};
use super::input::Input;
use super::payload::{self, Payload};
use super::refusal::Refusal;
use super::request::{Method, Request};
use super::{Mount, answer, assets, cookie, eventsource, jsonp, polling, preflight, websocket};
use crate::auth::{Page, PageRequest};
use crate::metrics::Reason;
use crate::peer::{Head, Peer, Transport};
use crate::router::PendingFlush;
use crate::server::Server;

/// The methods of the mount.
const ALLOWED: &str = "GET, POST, OPTIONS";

/// The body of the answer to a page that may not use the server.
const FORBIDDEN: &str = "This page may not use the server: the origin of the page is not in browsers.origins; if it is a page of \
                         the server itself, its host is not in server.hosts\n";

/// Who asks.
struct Visitor {
    /// Where the client is, before all trusted proxies.
    address: SocketAddr,
    is_foreign: bool,
    /// Whether the client uses TLS, with us or with a trusted proxy.
    is_secure: bool,
}

/// A request that is being answered.
pub(super) type Answering<'a> = Pin<Box<dyn Future<Output = Next> + Send + 'a>>;

impl Connection {
    /// Answers one request. The future is on the heap, and only as large as this kind of request needs.
    pub(super) fn answer<'a>(&'a mut self, request: &'a Request) -> Answering<'a> {
        match self.endpoint(request.method, request.head.path()) {
            None => Box::pin(self.answer_message(request)),
            Some((_, Route::Response(response))) => Box::pin(self.respond_after_body(request, response)),
            Some((endpoint, Route::Call(limits))) => {
                let endpoint = Arc::clone(endpoint);
                Box::pin(self.call(request, endpoint, limits))
            }
        }
    }

    /// Answers a request that is for no endpoint.
    async fn answer_message(&mut self, request: &Request) -> Next {
        let path = request.head.path();
        // Also if it is not used, because the next request is behind it.
        let body = match self.body(request, self.limits()).await {
            Ok(body) => body,
            Err(refusal) => return self.refuse(request, &refusal).await,
        };
        if let Some(response) = self.answer_method(request) {
            return self.respond(request, response).await;
        }
        let server = self.context.server.as_ref().filter(|_| self.context.mount.contains(path));
        let Some(server) = server.map(Arc::clone) else {
            let text = format!("Sure you're not looking for {} ?", self.context.mount.path());
            let response = answer::refuse(&request.head, StatusCode::NOT_FOUND, &text);
            return self.respond(request, response).await;
        };
        if let Some(response) = self.script(request) {
            return self.respond(request, response).await;
        }
        if is_opened_by_browser(request) {
            self.context.metrics.refuse(Reason::syntax);
            let has_page = matches!(self.endpoint(Method::Get, "/"), Some((_, Route::Response(_))));
            return self.respond(request, answer::pointer(has_page)).await;
        }
        let Some(visitor) = self.judge(&server, request) else {
            return self.respond(request, answer::forbid(FORBIDDEN)).await;
        };
        if request.wants_upgrade {
            return self.upgrade(server, request, &visitor).await;
        }
        if request.method == Method::Options || request.asks_to_post {
            return self.respond(request, preflight::answer(&request.head)).await;
        }
        let limits = &self.context.limits;
        let read = match request.method {
            Method::Get if eventsource::is_wanted(&request.head) => {
                let peer = self.peer(request, Transport::EventSource, &visitor);
                return Next::Stream(server, peer);
            }
            Method::Get => match payload::without_upgrade(&request.head) {
                Some(refusal) => Err(refusal),
                None if !server.policy().origins.jsonp => {
                    Err(Refusal::Bad(Reason::jsonp, "JSON-P is off (browsers.jsonp)".into()))
                }
                None => payload::from_query(&request.head, limits.batch, limits.callback),
            },
            Method::Post if is_coded(&request.head) => {
                self.context.metrics.refuse(Reason::syntax);
                return self.respond(request, answer::coded(&request.head)).await;
            }
            Method::Post => payload::from_body(&request.head, &body, limits.batch, limits.callback),
            Method::Head | Method::Options | Method::Other | Method::Unknown => {
                self.context.metrics.refuse(Reason::syntax);
                return self.respond(request, answer::method_not_allowed(&request.head, ALLOWED)).await;
            }
        };
        // A request may be held for long, and the body is a part of a buffer.
        drop(body);
        match read {
            Ok(payload) => self.bayeux(&server, request, payload, &visitor).await,
            Err(refusal) => self.refuse(request, &refusal).await,
        }
    }

    /// The answer to `OPTIONS *` and to unknown methods. The client's script is served for every method, as Faye's server
    /// does.
    fn answer_method(&self, request: &Request) -> Option<Response<Bytes>> {
        let head = &request.head;
        let is_script = || self.context.mount.contains(head.path()) && Mount::script(head.path()).is_some();
        match request.method {
            Method::Options if head.target() == "*" => Some(answer::capabilities()),
            Method::Unknown if !is_script() => {
                self.context.metrics.refuse(Reason::syntax);
                Some(answer::refuse(head, StatusCode::NOT_IMPLEMENTED, "Unknown method"))
            }
            _ => None,
        }
    }

    /// The first endpoint that has the path, or has it without a slash at the end, and how it answers. Unknown methods belong
    /// to no endpoint.
    fn endpoint(&self, method: Method, path: &str) -> Option<(&Arc<dyn Endpoint>, Route)> {
        if method == Method::Unknown {
            return None;
        }
        let at = |path: &str| {
            self.context.endpoints.iter().find_map(|endpoint| Some((endpoint, endpoint.route(method, path)?)))
        };
        let shorter = || path.strip_suffix('/').filter(|path| !path.is_empty() && !path.ends_with('/'));
        at(path).or_else(|| at(shorter()?))
    }

    /// Reads the body, which is not used, and answers with a response.
    async fn respond_after_body(&mut self, request: &Request, response: Response<Bytes>) -> Next {
        match self.body(request, self.limits()).await {
            Ok(_) => self.respond(request, response).await,
            Err(refusal) => self.refuse(request, &refusal).await,
        }
    }

    /// The limits of requests without others.
    fn limits(&self) -> RouteLimits {
        RouteLimits { body: self.context.limits.body, body_time: self.context.limits.body_time }
    }

    /// Answers what every page may have: the client's script.
    fn script(&self, request: &Request) -> Option<Response<Bytes>> {
        let head = &request.head;
        let name = Mount::script(head.path()).filter(|_| !request.wants_upgrade)?;
        self.context.metrics.script_requests.inc();
        Some(assets::answer(&self.context.mount, head.path(), name, head))
    }

    /// Finds out who asks; `None` if it is a page that may not.
    fn judge(&self, server: &Server, request: &Request) -> Option<Visitor> {
        let head = &request.head;
        let is_script =
            request.method == Method::Get && !request.wants_upgrade && !eventsource::is_wanted(head);
        let policy = server.policy();
        let is_secure = self.stream.tls().is_some() || policy.proxies.is_secure(self.address, head);
        let local = || self.stream.tcp().local_addr().ok().map(|address| address.ip());
        let page = policy.origins.classify(&PageRequest { head, is_script, is_secure, local: &local });
        if page == Page::Forbidden {
            self.context.metrics.refuse(Reason::origin);
            policy.note_refused_page(head, self.address);
            return None;
        }
        let address = policy.proxies.client(self.address, head);
        Some(Visitor { address, is_foreign: page == Page::Foreign, is_secure })
    }

    async fn bayeux(
        &mut self,
        server: &Arc<Server>,
        request: &Request,
        payload: Payload,
        visitor: &Visitor,
    ) -> Next {
        let is_script = payload.transport == Transport::CallbackPolling;
        let peer = self.peer(request, payload.transport, visitor);
        let mut pending = PendingFlush::default();
        let received = server.receive(payload.messages, &peer, &mut pending).wait().await;
        let mount = self.context.mount.path();
        let cookie = received.cookie.as_deref().map(|list| cookie::set(list, mount, visitor.is_secure));
        pending.flush();
        drop(pending);
        let Some(mut answered) = polling::answer(self, server, &peer, received).await else {
            return Next::End;
        };
        let body =
            if is_script { jsonp::script(&payload.callback, &answered.array) } else { answered.take() };
        let closes = self.closes(request) || answered.is_leaving;
        let head = answer::replies(request, body.len(), is_script, cookie.as_deref(), closes);
        if answered.has_messages() && polling::has_gone(self) {
            return Next::End;
        }
        if !self.write(&head, &body, answered.signal()).await {
            return Next::End;
        }
        answered.written();
        if closes { Next::Close } else { Next::Request }
    }

    async fn upgrade(&mut self, server: Arc<Server>, request: &Request, visitor: &Visitor) -> Next {
        let is_get = request.method == Method::Get && request.is_1_1 && !request.has_body();
        let accepted = match websocket::handshake::accept(is_get, &request.head) {
            Ok(accepted) => accepted,
            Err(refusal) => {
                self.context.metrics.refuse(Reason::websocket);
                let mut response = answer::refuse(&request.head, refusal.status(), &refusal.to_string());
                if refusal.status() == StatusCode::UPGRADE_REQUIRED {
                    let headers = response.headers_mut();
                    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
                }
                return self.close_with(request, response).await;
            }
        };
        // Before the upgrade, and although no body is waited for (RFC 9110, section 7.8).
        if request.expects_continue && !self.write(CONTINUE, b"", None).await {
            return Next::End;
        }
        let agreed = self.agree(request);
        let head = answer::upgraded(&accepted.0, agreed);
        if !self.write(&head, b"", None).await {
            return Next::End;
        }
        let peer = self.peer(request, Transport::WebSocket, visitor);
        Next::WebSocket(server, peer, agreed.is_some())
    }

    /// What is said of compression to a client that offers it, if it is on.
    fn agree(&self, request: &Request) -> Option<&'static str> {
        if self.context.websocket.compression == 0 {
            return None;
        }
        let offers = request.head.all("sec-websocket-extensions");
        websocket::negotiation::agree(offers.filter_map(|offer| std::str::from_utf8(offer).ok()))
    }

    pub(super) async fn refuse(&mut self, request: &Request, refusal: &Refusal) -> Next {
        tracing::debug!(address = %self.address, error = %refusal, "request refused");
        if let Some(reason) = refusal.reason() {
            self.context.metrics.refuse(reason);
        }
        let response = answer::refuse(&request.head, refusal.status(), &refusal.to_string());
        if refusal.closes() {
            return self.close_with(request, response).await;
        }
        self.respond(request, response).await
    }

    pub(super) async fn close_with(&mut self, request: &Request, response: Response<Bytes>) -> Next {
        // What came behind is not looked at.
        self.input = Input::default();
        let head = answer::head(request, &response, true);
        let body = if request.method == Method::Head { &[][..] } else { response.body() };
        if self.write(&head, body, None).await { Next::Close } else { Next::End }
    }

    fn peer(&self, request: &Request, transport: Transport, visitor: &Visitor) -> Arc<Peer> {
        let requests = &self.context.metrics.requests;
        match transport {
            Transport::LongPolling | Transport::InProcess => &requests.long_polling,
            Transport::CrossOriginLongPolling => &requests.cross_origin_long_polling,
            Transport::CallbackPolling => &requests.callback_polling,
            Transport::WebSocket => &requests.websocket,
            Transport::EventSource => &requests.eventsource,
        }
        .inc();
        let Visitor { address, is_foreign, is_secure } = *visitor;
        let address = Some(address);
        Arc::new(Peer { address, transport, secure: is_secure, head: request.head.clone(), is_foreign })
    }
}

/// Whether a browser opens the mount: a GET for HTML without messages.
fn is_opened_by_browser(request: &Request) -> bool {
    let head = &request.head;
    let wants_html = || lists(head, "accept", |kind| kind.starts_with(b"text/html"));
    request.method == Method::Get
        && !request.wants_upgrade
        && !request.asks_to_post
        && !payload::has_message(head)
        && wants_html()
        && !eventsource::is_wanted(head)
}

/// Whether the body of a request has a content coding, such as gzip.
pub(super) fn is_coded(head: &Head) -> bool {
    lists(head, "content-encoding", |coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
}

/// Whether any element of a header that is a list satisfies `is`.
fn lists(head: &Head, name: &str, is: impl Fn(&[u8]) -> bool) -> bool {
    head.all(name).flat_map(|value| value.split(|byte| *byte == b',')).any(|element| is(element.trim_ascii()))
}
