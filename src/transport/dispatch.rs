//! What a request is answered. The order of the questions is Faye's.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::{Response, StatusCode};

use super::connection::{Connection, Next};
use super::input::Input;
use super::payload::{self, Payload, Refusal};
use super::request::{Method, Request};
use super::{Mount, answer, assets, cookie, eventsource, jsonp, polling, websocket};
use crate::metrics::Reason;
use crate::peer::{Peer, Transport};
use crate::policy::Page;
use crate::router::Touched;
use crate::server::Server;

/// Who asks.
struct Visitor {
    /// Where the client is, before all trusted proxies.
    address: SocketAddr,
    is_foreign: bool,
    /// Whether the client uses TLS, with us or with a trusted proxy.
    is_secure: bool,
}

impl Connection {
    /// Answers one request.
    pub(super) async fn answer(&mut self, request: &Request) -> Next {
        // Also where nobody wants it, because the next request is behind it.
        let body = match self.body(request).await {
            Ok(body) => body,
            Err(refusal) => return self.refuse(request, &refusal).await,
        };
        let path = request.head.path();
        let endpoints = self.context.endpoints.iter();
        if let Some(response) = endpoints.flat_map(|endpoint| endpoint.answer(request.method, path)).next() {
            return self.respond(request, response).await;
        }
        let server = self.context.server.as_ref().filter(|_| self.context.mount.contains(path));
        let Some(server) = server.map(Arc::clone) else {
            let text = format!("Sure you're not looking for {} ?\n", self.context.mount.path());
            let response = answer::refuse(&request.head, StatusCode::NOT_FOUND, text);
            return self.respond(request, response).await;
        };
        if let Some(response) = self.script(request) {
            return self.respond(request, response).await;
        }
        let Some(visitor) = self.judge(&server, request) else {
            let text = "This page may not use the server: see browsers.origins in its settings\n";
            return self.respond(request, answer::forbid(text)).await;
        };
        if request.wants_upgrade {
            return self.upgrade(server, request, &visitor).await;
        }
        if request.method == Method::Options || request.asks_to_post {
            return self.respond(request, answer::preflight(&request.head)).await;
        }
        let limits = &self.context.limits;
        let read = match request.method {
            Method::Get if eventsource::is_wanted(&request.head) => {
                let peer = self.peer(request, Transport::EventSource, &visitor);
                return Next::Stream(server, peer);
            }
            Method::Get if !server.policy().browsers.jsonp => {
                Err(Refusal::Bad(Reason::jsonp, "JSON-P is off"))
            }
            Method::Get => {
                let query = request.head.query().unwrap_or("");
                payload::from_query(query, limits.batch, limits.callback)
            }
            Method::Post => payload::from_body(&request.head, &body, limits.batch, limits.callback),
            _ => Err(Refusal::Bad(Reason::syntax, "the method is neither GET nor POST")),
        };
        // A request may be held for long, and the body is a part of a buffer.
        drop(body);
        match read {
            Ok(payload) => self.bayeux(&server, request, payload, &visitor).await,
            Err(refusal) => self.refuse(request, &refusal).await,
        }
    }

    /// Answers what every page may have: the client's script.
    fn script(&self, request: &Request) -> Option<Response<Bytes>> {
        let head = &request.head;
        let name = Mount::script(head.path()).filter(|_| !request.wants_upgrade)?;
        self.context.metrics.scripts.inc();
        Some(assets::answer(&self.context.mount, head.path(), name, head))
    }

    /// Finds out who asks; `None` if it is a page that may not.
    fn judge(&self, server: &Server, request: &Request) -> Option<Visitor> {
        let head = &request.head;
        let is_script =
            request.method == Method::Get && !request.wants_upgrade && !eventsource::is_wanted(head);
        let policy = server.policy();
        let is_secure = self.stream.tls().is_some() || policy.proxies.is_secure(self.address, head);
        let page = policy.browsers.judge(head, is_script, is_secure);
        if page == Page::Forbidden {
            self.context.metrics.refuse(Reason::origin);
            tracing::debug!(address = %self.address, "a page of a forbidden origin asked");
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
        let mut touched = Touched::default();
        let received = server.receive(payload.messages, &peer, &mut touched).wait().await;
        let mount = self.context.mount.path();
        let cookie = received.cookie.as_deref().map(|list| cookie::set(list, mount, visitor.is_secure));
        touched.flush();
        drop(touched);
        let Some(mut answered) = polling::answer(self, &peer, received).await else { return Next::End };
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
                let response = answer::refuse(&request.head, refusal.status(), refusal.to_string());
                return self.close_with(request, response).await;
            }
        };
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

    async fn refuse(&mut self, request: &Request, refusal: &Refusal) -> Next {
        let (reason, status, text) = match refusal {
            Refusal::Bad(reason, why) => {
                tracing::debug!(address = %self.address, why, "bad request");
                (*reason, StatusCode::BAD_REQUEST, "Bad request")
            }
            Refusal::Broken(why) => {
                tracing::debug!(address = %self.address, why, "bad request");
                (Reason::syntax, StatusCode::BAD_REQUEST, "Bad request")
            }
            Refusal::TooLarge(reason) => (*reason, StatusCode::PAYLOAD_TOO_LARGE, "Request too large"),
            Refusal::TooSlow => (Reason::body_time, StatusCode::REQUEST_TIMEOUT, "Request too slow"),
            Refusal::Exhausted => (
                Reason::memory,
                StatusCode::SERVICE_UNAVAILABLE,
                "The server is out of memory for requests, try again later",
            ),
        };
        if !matches!(refusal, Refusal::Exhausted) {
            self.context.metrics.refuse(reason);
        }
        let response = answer::refuse(&request.head, status, text);
        if matches!(refusal, Refusal::Bad(..)) {
            return self.respond(request, response).await;
        }
        // The rest of the body will not be read.
        self.close_with(request, response).await
    }

    async fn close_with(&mut self, request: &Request, response: Response<Bytes>) -> Next {
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
