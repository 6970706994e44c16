//! Reads the body of a request within its limits. Does not interpret it.

use bytes::{Buf, Bytes};
use tokio::time::Instant;

use super::chunked::{Broken, Chunked};
use super::connection::{CONTINUE, HttpConnection};
use super::endpoint::RouteLimits;
use super::refusal::Refusal;
use super::request::{Length, Request};
use crate::metrics::Reason;
use crate::transport::net::wait::WaitResult;

/// The multiple of the limit up to which an oversized body is read. A longer body ends the connection immediately.
const OVERSIZE: u64 = 8;

impl HttpConnection {
    /// Reads the whole body within the limits. A part of an oversized body is read and discarded, so that the client receives the
    /// refusal in place of a broken connection.
    pub(super) async fn body(&mut self, request: &Request, limits: RouteLimits) -> Result<Bytes, Refusal> {
        let RouteLimits { body: limit, body_time } = limits;
        let until = Instant::now() + body_time;
        let longest = (limit as u64).saturating_mul(OVERSIZE);
        let mut is_asked_for = !request.expects_continue;
        let mut chunked = Chunked::new(limit);
        let mut left = match request.length {
            // A client that expects `100 Continue` is refused immediately.
            Length::Known(length)
                if length > longest || request.expects_continue && length > limit as u64 =>
            {
                return Err(Refusal::TooLarge(Reason::body));
            }
            Length::Known(length) => length,
            Length::Chunked => 0,
        };
        loop {
            match request.length {
                Length::Known(length) if length <= limit as u64 => {
                    if self.net.input.len() as u64 >= length {
                        return Ok(self.net.input.split_to(length as usize).freeze());
                    }
                }
                Length::Known(_) => {
                    let count = left.min(self.net.input.len() as u64);
                    self.net.input.advance(count as usize);
                    left -= count;
                    if left == 0 {
                        return Err(Refusal::TooLarge(Reason::body));
                    }
                }
                Length::Chunked => match chunked.take(&mut self.net.input) {
                    Ok(_) if chunked.announced() > longest => return Err(Refusal::TooLarge(Reason::body)),
                    Ok(true) if chunked.is_too_long() => return Err(Refusal::TooLarge(Reason::body)),
                    Ok(true) => return Ok(chunked.into_body()),
                    Ok(false) => {}
                    Err(Broken) => return Err(Refusal::Broken("malformed chunk in the body")),
                },
            }
            if !std::mem::replace(&mut is_asked_for, true) && !self.write(CONTINUE, b"", None).await {
                return Err(Refusal::Broken("the client closed the connection"));
            }
            self.net.input.held_by_decoder(chunked.memory(), &self.site.context.budget);
            match self.read(until, None).await {
                WaitResult::Closed => return Err(Refusal::Broken("the body ends too early")),
                WaitResult::Exhausted => return Err(Refusal::Exhausted),
                WaitResult::Deadline => return Err(Refusal::TooSlow),
                _ => {}
            }
        }
    }
}
