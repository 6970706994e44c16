//! A connection that speaks HTTP: reads input and writes responses.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::Response;
use tokio::time::Instant;

use super::refusal::Refusal;
use super::request::{Method, Request};
use super::response;
use super::site::Site;
use crate::transport::net::connection::Connection;
use crate::transport::net::context::Context;
use crate::transport::net::notify::Notify;
use crate::transport::net::read_buffer::ReadBuffer;
use crate::transport::net::stream::Stream;
use crate::transport::net::wait::WaitResult;
use crate::transport::push::Handover;

/// The interim response to `Expect: 100-continue`.
pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A connection that speaks HTTP.
pub(crate) struct HttpConnection {
    pub(crate) site: Arc<Site>,
    pub(crate) net: Connection,
}

/// The state of a connection after a response.
pub(super) enum Next {
    /// Another request may follow.
    Request,
    /// The response announced the end of the connection.
    Close,
    /// The connection is broken.
    End,
    /// A push transport takes over the connection.
    Push(Handover),
}

impl HttpConnection {
    pub(crate) fn new(site: Arc<Site>, stream: Stream, address: SocketAddr) -> Self {
        let net = Connection::new(&site.context, stream, address);
        Self { site, net }
    }

    /// Returns the state that all connections of the listener share.
    pub(crate) fn context(&self) -> &Context {
        &self.site.context
    }

    /// Reads once, and waits for bytes or a notification first.
    pub(super) fn read(
        &mut self,
        until: Instant,
        notify: Option<&Notify>,
    ) -> impl Future<Output = WaitResult> + Send {
        self.net.read(&self.site.context, until, notify)
    }

    /// Writes a head and a body. Returns false on an error, or if `notify` is closed while bytes wait.
    pub(super) fn write(
        &mut self,
        head: &[u8],
        body: &[u8],
        notify: Option<&Notify>,
    ) -> impl Future<Output = bool> + Send {
        self.net.write(&self.site.context, head, body, notify)
    }

    /// Writes a response.
    pub(super) async fn respond(&mut self, request: &Request, response: Response<Bytes>) -> Next {
        let closes = self.closes(request);
        let head = response::head(request, &response, closes);
        let body = if request.method == Method::Head { Bytes::new() } else { response.into_body() };
        if !self.write(&head, &body, None).await {
            return Next::End;
        }
        if closes { Next::Close } else { Next::Request }
    }

    /// Whether the connection ends after the response to this request.
    pub(super) fn closes(&self, request: &Request) -> bool {
        !request.keeps_alive || self.net.deadline.is_draining()
    }

    /// Writes the response to a refused request.
    pub(super) async fn refuse(&mut self, request: &Request, refusal: &Refusal) -> Next {
        tracing::debug!(address = %self.net.address, error = %refusal, "request refused");
        if let Some(reason) = refusal.reason() {
            self.context().metrics.refuse(reason);
        }
        let response = response::refuse(&request.head, refusal.status(), &refusal.to_string());
        if refusal.closes() {
            return self.close_with(request, response).await;
        }
        self.respond(request, response).await
    }

    /// Writes a response and ends the connection.
    pub(super) async fn close_with(&mut self, request: &Request, response: Response<Bytes>) -> Next {
        // Further input is ignored.
        self.net.input = ReadBuffer::default();
        let head = response::head(request, &response, true);
        let body = if request.method == Method::Head { &[][..] } else { response.body() };
        if self.write(&head, body, None).await { Next::Close } else { Next::End }
    }
}
