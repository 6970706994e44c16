//! The responses to requests of hubs. It must not know how a request is processed.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

const METHODS: &str = "GET, HEAD, POST";
/// The `Retry-After` for hubs while the store is unavailable.
const LATER: Duration = Duration::from_secs(10);

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The intent is confirmed with this challenge.
    Confirmed(String),
    /// A denial is noted.
    Noted,
    /// The entries of the content are recorded.
    Read,
    /// The feed will be fetched.
    Fetch,
    /// The signature is wrong; the content is ignored.
    Ignored,
    /// The signature is missing.
    Unsigned,
    /// The intent is not wanted, or the callback is unknown.
    Unknown,
    /// The subscription of a push is gone.
    Gone,
    /// The method is not served.
    Method,
    /// The content is too long.
    Large,
    /// The client has to wait for that time.
    Rate(Duration),
    /// The store is unavailable or slow.
    Away,
}

impl Outcome {
    pub(super) fn response(self) -> Response<Bytes> {
        let (status, text) = match &self {
            Self::Confirmed(challenge) => {
                // Never a type that browsers display: the challenge comes from the request.
                let challenge = Bytes::copy_from_slice(challenge.as_bytes());
                return typed(StatusCode::OK, "application/octet-stream", challenge);
            }
            Self::Noted => (StatusCode::OK, ""),
            Self::Read => (StatusCode::NO_CONTENT, ""),
            Self::Fetch | Self::Ignored => (StatusCode::ACCEPTED, ""),
            Self::Unsigned => (StatusCode::FORBIDDEN, "X-Hub-Signature is missing\n"),
            Self::Unknown => (StatusCode::NOT_FOUND, "no such request is expected\n"),
            Self::Gone => (StatusCode::GONE, "there is no such subscription\n"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "this target does not have the method\n"),
            Self::Large => (StatusCode::PAYLOAD_TOO_LARGE, "the content is too long\n"),
            Self::Rate(_) => (StatusCode::TOO_MANY_REQUESTS, "too many requests; wait before the next one\n"),
            Self::Away => (StatusCode::SERVICE_UNAVAILABLE, "the store is unavailable; try again later\n"),
        };
        let mut response = if text.is_empty() {
            empty(status)
        } else {
            typed(status, "text/plain; charset=utf-8", Bytes::from_static(text.as_bytes()))
        };
        match &self {
            Self::Method => put(&mut response, ALLOW, METHODS),
            Self::Rate(wait) => put(&mut response, RETRY_AFTER, &seconds(*wait)),
            Self::Away => put(&mut response, RETRY_AFTER, &seconds(LATER)),
            _ => {}
        }
        response
    }
}

/// Whole seconds, at least one.
fn seconds(wait: Duration) -> String {
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1).to_string()
}

fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    put(&mut response, CACHE_CONTROL, "no-store");
    put(&mut response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    put(&mut response, CONTENT_SECURITY_POLICY, "default-src 'none'");
    response
}

fn typed(status: StatusCode, kind: &str, body: Bytes) -> Response<Bytes> {
    let mut response = empty(status);
    *response.body_mut() = body;
    put(&mut response, CONTENT_TYPE, kind);
    response
}

/// Sets a header. All values come from the source, so they are valid.
fn put(response: &mut Response<Bytes>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_response_is_shown_by_browsers() {
        for outcome in [
            Outcome::Confirmed("<script>".to_owned()),
            Outcome::Noted,
            Outcome::Read,
            Outcome::Unsigned,
            Outcome::Unknown,
            Outcome::Gone,
            Outcome::Rate(Duration::ZERO),
            Outcome::Away,
        ] {
            let response = outcome.clone().response();
            let headers = response.headers();
            assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff", "{outcome:?}");
            assert_eq!(headers[CONTENT_SECURITY_POLICY], "default-src 'none'", "{outcome:?}");
            let kind = headers.get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or_default());
            assert!(kind.is_none_or(|kind| !kind.contains("html")), "{outcome:?}");
        }
    }

    #[test]
    fn a_wait_is_rounded_up() {
        for (milliseconds, wait) in [(0, "1"), (1, "1"), (1000, "1"), (1001, "2")] {
            let response = Outcome::Rate(Duration::from_millis(milliseconds)).response();
            assert_eq!(response.headers()[RETRY_AFTER], wait);
        }
    }
}
