//! Outgoing HTTP: connections are pooled, and every request has a deadline and a maximum size of its response.
//!
//! Redirects are not followed: the caller determines the target before it sends a request.

mod class;
mod client;
mod error;
mod guard;
mod lookups;
mod reach;
mod resolved;
mod submit;
mod tracked;

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::http::Uri;
use hyper::{Request, StatusCode};

pub use class::Class;
pub use client::{Fetch, Repeat};
pub use error::FetchError;
pub use reach::Reach;

/// Posts JSON once. The response may have at most `cap` bytes and has to be complete within `deadline`.
///
/// # Errors
/// [`FetchError`] without a response.
pub async fn post_json(
    url: &Uri,
    body: Vec<u8>,
    deadline: Duration,
    cap: usize,
) -> Result<(StatusCode, Bytes), FetchError> {
    let request = Request::post(url.clone()).header(CONTENT_TYPE, "application/json");
    let request = request.body(Full::new(Bytes::from(body))).map_err(|_| FetchError::Url)?;
    let response = Fetch::new(Reach::Everywhere, Repeat::Idempotent).send(request, deadline, cap).await?;
    Ok((response.status(), response.into_body()))
}

#[cfg(test)]
mod tests;
