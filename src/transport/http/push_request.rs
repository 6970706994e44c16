//! Requests that open a push transport: the WebSocket handshake, and EventSource streams.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{HeaderValue, SEC_WEBSOCKET_VERSION, UPGRADE};

use super::connection::{CONTINUE, HttpConnection, Next};
use super::request::{Method, Request};
use super::response;
use super::visitor::Visitor;
use crate::metrics::Reason;
use crate::peer::Transport;
use crate::server::Server;
use crate::transport::push::Handover;
use crate::transport::websocket::{handshake, negotiation};

impl HttpConnection {
    /// Answers a WebSocket handshake and hands the connection over.
    pub(super) async fn upgrade(
        &mut self,
        server: Arc<Server>,
        request: &Request,
        visitor: &Visitor,
    ) -> Next {
        let is_get = request.method == Method::Get && request.is_1_1 && !request.has_body();
        let accepted = match handshake::accept(is_get, &request.head) {
            Ok(accepted) => accepted,
            Err(refusal) => {
                self.context().metrics.refuse(Reason::websocket);
                let mut response = response::refuse(&request.head, refusal.status(), &refusal.to_string());
                if refusal.status() == StatusCode::UPGRADE_REQUIRED {
                    let headers = response.headers_mut();
                    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
                    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
                }
                return self.close_with(request, response).await;
            }
        };
        // Before the upgrade, even though no body follows (RFC 9110, section 7.8).
        if request.expects_continue && !self.write(CONTINUE, b"", None).await {
            return Next::End;
        }
        let agreed = self.agree(request);
        let head = response::upgraded(&accepted.0, agreed);
        if !self.write(&head, b"", None).await {
            return Next::End;
        }
        let peer = self.peer(request, Transport::WebSocket, visitor);
        Next::Push(Handover::WebSocket { server, peer, compresses: agreed.is_some() })
    }

    /// Hands the connection over to an EventSource stream, which writes the response.
    pub(super) fn stream(&self, server: Arc<Server>, request: &Request, visitor: &Visitor) -> Next {
        let peer = self.peer(request, Transport::EventSource, visitor);
        let head = response::stream(&request.head);
        Next::Push(Handover::EventSource { server, peer, head })
    }

    /// Returns the response to an offer of compression; `None` if compression is off or not offered.
    fn agree(&self, request: &Request) -> Option<&'static str> {
        if self.context().websocket.compression == 0 {
            return None;
        }
        let offers = request.head.all("sec-websocket-extensions");
        negotiation::agree(offers.filter_map(|offer| std::str::from_utf8(offer).ok()))
    }
}
