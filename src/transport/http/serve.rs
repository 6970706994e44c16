//! Serves the requests of one connection, one after the other.

use bytes::Buf;
use tokio::time::Instant;

use super::connection::{HttpConnection, Next};
use super::request::{self, BadHead, Request};
use super::response;
use crate::metrics::Reason;
use crate::transport::net::wait::WaitResult;
use crate::transport::push::Handover;

impl HttpConnection {
    /// Serves requests until the connection ends. Returns a hand-over if a request opens a push transport; otherwise the
    /// connection is closed.
    pub(crate) async fn serve(&mut self) -> Option<Handover> {
        let mut is_kept = false;
        loop {
            let next = match self.request(is_kept).await {
                // The request lives on the heap while it is answered: a WebSocket, which lasts longer, needs much less.
                Ok(Some(request)) => self.answer(&request).await,
                Ok(None) => Next::End,
                Err(bad) => self.refuse_head(bad).await,
            };
            match next {
                Next::Request => {}
                Next::End => return None,
                Next::Close => {
                    self.net.linger().await;
                    return None;
                }
                Next::Push(handover) => return Some(handover),
            }
            is_kept = true;
            // A client that always has another request must not occupy the thread.
            tokio::task::consume_budget().await;
        }
    }

    /// Reads the head of the next request; `None` at the end of the connection. A connection that was kept after a request may
    /// be idle for longer than a head may take: balancers keep connections open, and a connection that closes while a balancer
    /// uses it costs a request.
    async fn request(&mut self, is_kept: bool) -> Result<Option<Request>, BadHead> {
        let mut is_idle = is_kept && self.net.input.is_empty();
        let limits = &self.context().limits;
        let mut until = Instant::now() + if is_idle { limits.idle_time } else { limits.header_time };
        loop {
            if !self.net.input.is_empty() {
                if let Some((request, used)) = request::parse(&self.net.input, self.context().limits.header)?
                {
                    self.net.input.advance(used);
                    return Ok(Some(request));
                }
                if std::mem::take(&mut is_idle) {
                    until = Instant::now() + self.context().limits.header_time;
                }
            }
            if self.net.input.is_empty() && self.net.deadline.is_draining() {
                return Ok(None);
            }
            match self.read(until, None).await {
                WaitResult::Closed | WaitResult::Exhausted => return Ok(None),
                WaitResult::Deadline => {
                    // A connection without input was idle.
                    if !self.net.input.is_empty() {
                        self.context().metrics.refuse(Reason::header_time);
                    }
                    return Ok(None);
                }
                _ => {}
            }
        }
    }

    async fn refuse_head(&mut self, bad: BadHead) -> Next {
        let reason = if bad == BadHead::TooLarge { Reason::header } else { Reason::syntax };
        self.context().metrics.refuse(reason);
        tracing::debug!(address = %self.net.address, error = %bad, "bad request");
        let text = format!("Bad request: {bad}\n");
        let head = response::bad_head(bad.status(), text.len());
        self.write(&head, text.as_bytes(), None).await;
        Next::Close
    }
}
