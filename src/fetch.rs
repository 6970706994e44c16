//! Outgoing HTTP, with a deadline and a cap on the answer.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::http::Uri;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;

use crate::tls;

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Only `http` and `https` URLs with a host can be asked.
    #[error("the URL is not an http or https URL with a host")]
    Url,
    /// The answer took too long.
    #[error("no answer within {0:?}")]
    Deadline(Duration),
    /// The connection could not be made, or broke, or the answer was too large.
    #[error("{0}")]
    Broken(String),
}

/// Posts JSON. The answer may have at most `cap` bytes and has to be there within `deadline`.
///
/// # Errors
/// [`FetchError`] if there is no answer.
pub async fn post_json(
    url: &Uri,
    body: Vec<u8>,
    deadline: Duration,
    cap: usize,
) -> Result<(StatusCode, Bytes), FetchError> {
    tokio::time::timeout(deadline, post(url, body, cap)).await.map_err(|_| FetchError::Deadline(deadline))?
}

async fn post(url: &Uri, body: Vec<u8>, cap: usize) -> Result<(StatusCode, Bytes), FetchError> {
    let broken = |error: &dyn std::fmt::Display| FetchError::Broken(error.to_string());
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (url.scheme_str(), url.authority()) else {
        return Err(FetchError::Url);
    };
    let is_secure = scheme == "https";
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let port = authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let stream = tls::connect(host, port, is_secure).await.map_err(|e| broken(&e))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| broken(&e))?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::post(path)
        .header(HOST, authority.as_str())
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))
        .map_err(|e| broken(&e))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|e| broken(&e))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), cap).collect().await.map_err(|e| broken(&e))?;
        Ok((status, body.to_bytes()))
    };
    tokio::pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // The connection ends by itself when the answer closes it; what is buffered is still read.
        _ = connection => answer.await,
    }
}
