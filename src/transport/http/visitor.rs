//! The client of a request: its address, its origin, and whether it uses TLS.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::connection::HttpConnection;
use super::headers::wants_event_stream;
use super::request::{Method, Request};
use crate::auth::{Page, PageRequest};
use crate::metrics::Reason;
use crate::peer::{Head, Peer, Transport};
use crate::server::Server;

/// The client of a request.
pub(super) struct Visitor {
    /// The address of the client, before all trusted proxies.
    pub(super) address: SocketAddr,
    /// Whether a page of another origin sent the request.
    pub(super) is_foreign: bool,
    /// Whether the client uses TLS, with the server or with a trusted proxy.
    pub(super) is_secure: bool,
}

impl HttpConnection {
    /// Determines the client of a request to the mount; `None` for a page that may not use the server.
    pub(super) fn admit(&self, server: &Server, request: &Request) -> Option<Visitor> {
        let head = &request.head;
        let is_script = request.method == Method::Get && !request.wants_upgrade && !wants_event_stream(head);
        let policy = server.policy();
        let address = self.net.address;
        let is_secure = self.has_tls() || policy.proxies.is_secure(address, head);
        let page = policy.origins.classify(&PageRequest {
            head,
            is_script,
            is_secure,
            local: &|| self.local_address(),
        });
        if page == Page::Forbidden {
            self.context().metrics.refuse(Reason::origin);
            policy.note_refused_page(head, address);
            return None;
        }
        let address = policy.proxies.client(address, head);
        Some(Visitor { address, is_foreign: page == Page::Foreign, is_secure })
    }

    /// Returns the client of a request to an endpoint.
    pub(super) fn visitor(&self, head: &Head) -> Visitor {
        let (address, has_tls) = (self.net.address, self.has_tls());
        match &self.context().server {
            Some(server) => {
                let policy = server.policy();
                let is_secure = has_tls || policy.proxies.is_secure(address, head);
                let page_request =
                    PageRequest { head, is_script: false, is_secure, local: &|| self.local_address() };
                Visitor {
                    address: policy.proxies.client(address, head),
                    is_foreign: policy.origins.is_of_other_host(&page_request),
                    is_secure,
                }
            }
            // The listener for operators serves no page, so every page is from another host.
            None => Visitor {
                address,
                is_foreign: head.get("origin").is_some_and(|origin| !origin.is_empty()),
                is_secure: has_tls,
            },
        }
    }

    /// Returns the peer of a session, for a request that is counted by its transport.
    pub(super) fn peer(&self, request: &Request, transport: Transport, visitor: &Visitor) -> Arc<Peer> {
        let requests = &self.context().metrics.requests;
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

    /// Returns the address at which the connection was accepted.
    pub(super) fn local_address(&self) -> Option<IpAddr> {
        self.net.stream.tcp().local_addr().ok().map(|address| address.ip())
    }

    fn has_tls(&self) -> bool {
        self.net.stream.tls().is_some()
    }
}
