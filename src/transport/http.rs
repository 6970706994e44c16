//! One HTTP request: where it goes, and what it is answered. The order of the questions is Faye's.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_REQUEST_METHOD, CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use super::eventsource::{self, Stream};
use super::listener::Open;
use super::payload::{self, Refusal};
use super::websocket::{self, Refusal as UpgradeRefusal};
use super::writing::{Reported, Writing};
use super::{Body, Context, Mount, answer, assets, jsonp, polling};
use crate::bayeux::ClientId;
use crate::metrics::{Reason, Requests};
use crate::peer::{Peer, Transport};
use crate::router::Touched;
use crate::server::Server;

/// What the requests of one connection share.
pub(super) struct Connection {
    pub(super) context: Arc<Context>,
    pub(super) address: SocketAddr,
    pub(super) writing: Arc<Writing>,
    pub(super) open: Arc<Open>,
}

impl Connection {
    /// Answers one request.
    pub(super) async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        let response = self.answer(request).await;
        self.writing.answered();
        Ok(response)
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        if let Some(response) = self.context.endpoints.iter().find_map(|endpoint| endpoint.answer(&parts)) {
            return response;
        }
        let Some(server) =
            self.context.server.as_ref().filter(|_| self.context.mount.contains(parts.uri.path()))
        else {
            let text = format!("Sure you're not looking for {} ?\n", self.context.mount.path());
            return answer::refuse(&parts.headers, StatusCode::NOT_FOUND, text);
        };
        self.bayeux(server, parts, body).await
    }

    async fn bayeux(&self, server: &Arc<Server>, mut parts: Parts, body: Incoming) -> Response<Body> {
        if websocket::handshake::wants_upgrade(&parts.headers) {
            return self.upgrade(server, &mut parts);
        }
        let headers = &parts.headers;
        if let Some(name) = Mount::script(parts.uri.path()) {
            self.context.metrics.scripts.inc();
            return assets::answer(&self.context.mount, parts.uri.path(), name, headers);
        }
        let asked = headers.get(ACCESS_CONTROL_REQUEST_METHOD);
        if parts.method == Method::OPTIONS || asked.is_some_and(|method| method == "POST") {
            return answer::preflight(headers);
        }
        let limits = &self.context.limits;
        let read = match parts.method {
            Method::GET if eventsource::is_wanted(headers) => return self.stream(server, parts),
            Method::GET => {
                payload::from_query(parts.uri.query().unwrap_or(""), limits.batch, limits.callback)
            }
            Method::POST => match payload::read_body(body, limits.body, limits.body_time).await {
                Ok(body) => payload::from_body(headers, &body, limits.batch, limits.callback),
                Err(refusal) => Err(refusal),
            },
            _ => Err(Refusal::Bad(Reason::syntax, "the method is neither GET nor POST")),
        };
        let payload = match read {
            Ok(payload) => payload,
            Err(refusal) => return self.refuse(headers, &refusal),
        };
        let is_script = payload.transport == Transport::CallbackPolling;
        let peer = self.peer(parts, payload.transport);
        self.writing.begun();
        let mut touched = Touched::default();
        let received = server.receive(payload.messages, &peer, &mut touched).await;
        touched.flush();
        let (array, leases) = polling::answer(server, &peer, &self.writing, received).await;
        let bytes = if is_script { jsonp::script(&payload.callback, &array).into() } else { array };
        answer::replies(&peer.headers, Body::lent(bytes, leases, Arc::clone(&self.writing)), is_script)
    }

    fn stream(&self, server: &Arc<Server>, parts: Parts) -> Response<Body> {
        let id = parts.uri.path().rsplit('/').next().unwrap_or("");
        let session = ClientId::parse(id.as_bytes()).and_then(|id| server.session(&id));
        let peer = self.peer(parts, Transport::EventSource);
        let stream = Stream::open(server, session, &peer, &self.writing, &self.context.eventsource);
        answer::stream(&peer.headers, Body::stream(stream))
    }

    fn upgrade(&self, server: &Arc<Server>, parts: &mut Parts) -> Response<Body> {
        let accepted = websocket::handshake::accept(&parts.method, parts.version, &parts.headers);
        let on = parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
        let (accepted, on) = match (accepted, on) {
            (Ok(accepted), Some(on)) => (accepted, on),
            (Ok(_), None) => return self.refuse_upgrade(parts, &UpgradeRefusal::NotWebSocket),
            (Err(refusal), _) => return self.refuse_upgrade(parts, &refusal),
        };
        let headers = std::mem::take(&mut parts.headers);
        self.count(Transport::WebSocket);
        let peer = Peer {
            address: Some(self.address),
            transport: Transport::WebSocket,
            uri: parts.uri.clone(),
            headers,
        };
        let context = Arc::clone(&self.context);
        let server = Arc::clone(server);
        let open = Arc::clone(&self.open);
        tokio::spawn(async move {
            // It fails when the client went away before it had the answer.
            let Ok(upgraded) = on.await else { return };
            let Ok(raw) = upgraded.downcast::<TokioIo<Reported>>() else { return };
            let stream = raw.io.into_inner().into_stream();
            open.guard(websocket::connection::run(&context, &server, stream, raw.read_buf, peer)).await;
        });
        let mut response = Response::new(Body::ready(""));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        if let Ok(accept) = HeaderValue::try_from(accepted.0) {
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        }
        response
    }

    fn refuse_upgrade(&self, parts: &Parts, refusal: &UpgradeRefusal) -> Response<Body> {
        self.context.metrics.refuse(Reason::websocket);
        let mut response = answer::refuse(&parts.headers, refusal.status(), refusal.to_string());
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }

    fn refuse(&self, headers: &HeaderMap, refusal: &Refusal) -> Response<Body> {
        let (reason, status, text) = match refusal {
            Refusal::Bad(reason, why) => {
                tracing::debug!(address = %self.address, why, "bad request");
                (*reason, StatusCode::BAD_REQUEST, "Bad request")
            }
            Refusal::TooLarge(reason) => (*reason, StatusCode::PAYLOAD_TOO_LARGE, "Request too large"),
            Refusal::TooSlow => (Reason::body_time, StatusCode::REQUEST_TIMEOUT, "Request too slow"),
        };
        self.context.metrics.refuse(reason);
        let mut response = answer::refuse(headers, status, text);
        if status != StatusCode::BAD_REQUEST {
            // The rest of the body will not be read.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    fn count(&self, transport: Transport) {
        self.context.metrics.requests.get_or_create(&Requests { transport: transport.name() }).inc();
    }

    fn peer(&self, parts: Parts, transport: Transport) -> Arc<Peer> {
        self.count(transport);
        Arc::new(Peer { address: Some(self.address), transport, uri: parts.uri, headers: parts.headers })
    }
}
