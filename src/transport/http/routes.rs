//! Answers one request by its path and method, in the order of Faye.

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use hyper::{Response, StatusCode};

use super::connection::{HttpConnection, Next};
use super::endpoint::{Route, RouteLimits};
use super::headers::{is_coded, lists, wants_event_stream};
use super::mount::Mount;
use super::payload::{self, Payload};
use super::refusal::Refusal;
use super::request::{Method, Request};
use super::visitor::Visitor;
use super::{assets, cookie, jsonp, long_polling, preflight, response};
use crate::metrics::Reason;
use crate::peer::Transport;
use crate::router::PendingFlush;
use crate::server::Server;

/// The methods of the mount.
const ALLOWED: &str = "GET, POST, OPTIONS";

/// The body of the response to a page that may not use the server.
const FORBIDDEN: &str = "This page may not use the server: the origin of the page is not in browsers.origins; if it is a page of \
                         the server itself, its host is not in server.hosts\n";

/// A request that is being answered.
type Answering<'a> = Pin<Box<dyn Future<Output = Next> + Send + 'a>>;

impl HttpConnection {
    /// Answers one request. The future is on the heap, with the size that this kind of request needs.
    pub(super) fn answer<'a>(&'a mut self, request: &'a Request) -> Answering<'a> {
        match self.site.endpoint(request.method, request.head.path()) {
            None => Box::pin(self.answer_message(request)),
            Some((_, Route::Response(response))) => Box::pin(self.respond_after_body(request, response)),
            Some((endpoint, Route::Call(limits))) => {
                let endpoint = Arc::clone(endpoint);
                Box::pin(self.call(request, endpoint, limits))
            }
        }
    }

    /// Answers a request outside of all endpoints.
    async fn answer_message(&mut self, request: &Request) -> Next {
        let path = request.head.path();
        // Also an unused body, because the next request is behind it.
        let body = match self.body(request, self.limits()).await {
            Ok(body) => body,
            Err(refusal) => return self.refuse(request, &refusal).await,
        };
        if let Some(response) = self.answer_method(request) {
            return self.respond(request, response).await;
        }
        let server = self.context().server.as_ref().filter(|_| self.site.mount.contains(path));
        let Some(server) = server.map(Arc::clone) else {
            let text = format!("Sure you're not looking for {} ?", self.site.mount.path());
            let response = response::refuse(&request.head, StatusCode::NOT_FOUND, &text);
            return self.respond(request, response).await;
        };
        if let Some(response) = self.script(request) {
            return self.respond(request, response).await;
        }
        if is_opened_by_browser(request) {
            self.context().metrics.refuse(Reason::syntax);
            let has_page = matches!(self.site.endpoint(Method::Get, "/"), Some((_, Route::Response(_))));
            return self.respond(request, response::pointer(has_page)).await;
        }
        let Some(visitor) = self.admit(&server, request) else {
            return self.respond(request, response::forbid(FORBIDDEN)).await;
        };
        if request.wants_upgrade {
            return self.upgrade(server, request, &visitor).await;
        }
        if request.method == Method::Options || request.asks_to_post {
            return self.respond(request, preflight::response(&request.head)).await;
        }
        let limits = &self.context().limits;
        let read = match request.method {
            Method::Get if wants_event_stream(&request.head) => {
                return self.stream(server, request, &visitor);
            }
            Method::Get => match payload::without_upgrade(&request.head) {
                Some(refusal) => Err(refusal),
                None if !server.policy().origins.jsonp => {
                    Err(Refusal::Bad(Reason::jsonp, "JSON-P is off (browsers.jsonp)".into()))
                }
                None => payload::from_query(&request.head, limits.batch, limits.callback),
            },
            Method::Post if is_coded(&request.head) => {
                self.context().metrics.refuse(Reason::syntax);
                return self.respond(request, response::coded(&request.head)).await;
            }
            Method::Post => payload::from_body(&request.head, &body, limits.batch, limits.callback),
            Method::Head | Method::Options | Method::Other | Method::Unknown => {
                self.context().metrics.refuse(Reason::syntax);
                return self.respond(request, response::method_not_allowed(&request.head, ALLOWED)).await;
            }
        };
        // A request may be held for long, and its body is a slice of a larger buffer.
        drop(body);
        match read {
            Ok(payload) => self.bayeux(&server, request, payload, &visitor).await,
            Err(refusal) => self.refuse(request, &refusal).await,
        }
    }

    /// Returns the response to `OPTIONS *` and to unknown methods. As in Faye, the client script is served for every
    /// method.
    fn answer_method(&self, request: &Request) -> Option<Response<Bytes>> {
        let head = &request.head;
        let is_script = || self.site.mount.contains(head.path()) && Mount::script(head.path()).is_some();
        match request.method {
            Method::Options if head.target() == "*" => Some(response::capabilities()),
            Method::Unknown if !is_script() => {
                self.context().metrics.refuse(Reason::syntax);
                Some(response::refuse(head, StatusCode::NOT_IMPLEMENTED, "Unknown method"))
            }
            _ => None,
        }
    }

    /// Reads the body, which is not used, and writes a response.
    async fn respond_after_body(&mut self, request: &Request, response: Response<Bytes>) -> Next {
        match self.body(request, self.limits()).await {
            Ok(_) => self.respond(request, response).await,
            Err(refusal) => self.refuse(request, &refusal).await,
        }
    }

    /// Returns the limits of requests outside of endpoints.
    fn limits(&self) -> RouteLimits {
        RouteLimits { body: self.context().limits.body, body_time: self.context().limits.body_time }
    }

    /// Returns the response to a request for the client script, which every page may load.
    fn script(&self, request: &Request) -> Option<Response<Bytes>> {
        let head = &request.head;
        let name = Mount::script(head.path()).filter(|_| !request.wants_upgrade)?;
        self.context().metrics.script_requests.inc();
        Some(assets::response(&self.site.mount, head.path(), name, head))
    }

    /// Passes the messages of a request to the server and writes the replies.
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
        let mount = self.site.mount.path();
        let cookie = received.cookie.as_deref().map(|list| cookie::set(list, mount, visitor.is_secure));
        pending.flush();
        drop(pending);
        let Some(mut answered) = long_polling::answer(self, server, &peer, received).await else {
            return Next::End;
        };
        let body =
            if is_script { jsonp::script(&payload.callback, &answered.array) } else { answered.take() };
        let closes = self.closes(request) || answered.is_leaving;
        let head = response::replies(request, body.len(), is_script, cookie.as_deref(), closes);
        if answered.has_messages() && self.net.has_gone(&self.site.context) {
            return Next::End;
        }
        if !self.write(&head, &body, answered.notify()).await {
            return Next::End;
        }
        answered.written();
        if closes { Next::Close } else { Next::Request }
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
        && !wants_event_stream(head)
}
