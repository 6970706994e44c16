//! The body of a request, read off its connection within the limits. Must not know what is in it.

use bytes::{Buf, Bytes};
use tokio::time::Instant;

use super::chunked::{Broken, Chunked};
use super::connection::{CONTINUE, Connection, Woken};
use super::endpoint::RouteLimits;
use super::refusal::Refusal;
use super::request::{Length, Request};
use crate::metrics::Reason;

/// A body may be this many times its limit before the connection is cut without reading on.
const OVERSIZE: u64 = 8;

impl Connection {
    /// Reads the whole body, as far as the limits allow. Of one that is too large some more is read and thrown away, so
    /// that the client gets to see the refusal instead of a broken connection.
    pub(super) async fn body(&mut self, request: &Request, limits: RouteLimits) -> Result<Bytes, Refusal> {
        let RouteLimits { body: limit, body_time } = limits;
        let until = Instant::now() + body_time;
        let patience = (limit as u64).saturating_mul(OVERSIZE);
        let mut is_asked_for = !request.expects_continue;
        let mut chunked = Chunked::new(limit);
        let mut left = match request.length {
            // Who asks first is told at once.
            Length::Known(length)
                if length > patience || request.expects_continue && length > limit as u64 =>
            {
                return Err(Refusal::TooLarge(Reason::body));
            }
            Length::Known(length) => length,
            Length::Chunked => 0,
        };
        loop {
            match request.length {
                Length::Known(length) if length <= limit as u64 => {
                    if self.input.len() as u64 >= length {
                        return Ok(self.input.split_to(length as usize).freeze());
                    }
                }
                Length::Known(_) => {
                    let count = left.min(self.input.len() as u64);
                    self.input.advance(count as usize);
                    left -= count;
                    if left == 0 {
                        return Err(Refusal::TooLarge(Reason::body));
                    }
                }
                Length::Chunked => match chunked.take(&mut self.input) {
                    Ok(_) if chunked.announced() > patience => return Err(Refusal::TooLarge(Reason::body)),
                    Ok(true) if chunked.is_too_long() => return Err(Refusal::TooLarge(Reason::body)),
                    Ok(true) => return Ok(chunked.into_body()),
                    Ok(false) => {}
                    Err(Broken) => return Err(Refusal::Broken("malformed chunk in the body")),
                },
            }
            if !std::mem::replace(&mut is_asked_for, true) && !self.write(CONTINUE, b"", None).await {
                return Err(Refusal::Broken("the client closed the connection"));
            }
            self.input.held_by_decoder(chunked.memory(), &self.context.budget);
            match self.read(until, None).await {
                Woken::Ended => return Err(Refusal::Broken("the body ends too early")),
                Woken::Exhausted => return Err(Refusal::Exhausted),
                Woken::Due => return Err(Refusal::TooSlow),
                _ => {}
            }
        }
    }
}
