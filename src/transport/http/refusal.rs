//! Refusals of requests with a well-formed head. The texts never contain input.

use std::borrow::Cow;
use std::fmt;

use hyper::StatusCode;

use crate::bayeux::parse::ParseError;
use crate::metrics::Reason;

/// The reason for which a request is refused.
#[derive(Debug)]
pub(super) enum Refusal {
    /// `400` with a text.
    Bad(Reason, Cow<'static, str>),
    /// `400`, and the start of the next request is unknown.
    Broken(&'static str),
    /// `413`
    TooLarge(Reason),
    /// `408`
    TooSlow,
    /// `503`: the memory budget has no room for the body. The metrics have counted it already.
    Exhausted,
}

impl Refusal {
    /// Creates the refusal of a malformed request.
    pub(super) fn bad(why: &'static str) -> Self {
        Self::Bad(Reason::syntax, Cow::Borrowed(why))
    }

    /// Returns the reason in the metrics; `None` if the metrics have counted it already.
    pub(super) fn reason(&self) -> Option<Reason> {
        match self {
            Self::Bad(reason, _) | Self::TooLarge(reason) => Some(*reason),
            Self::Broken(_) => Some(Reason::syntax),
            Self::TooSlow => Some(Reason::body_time),
            Self::Exhausted => None,
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Bad(..) | Self::Broken(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Exhausted => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Whether the connection closes, because the rest of the body is not read.
    pub(super) fn closes(&self) -> bool {
        !matches!(self, Self::Bad(..))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bad(_, why) => write!(f, "Bad request: {why}"),
            Self::Broken(why) => write!(f, "Bad request: {why}"),
            Self::TooLarge(_) => f.write_str("Request too large"),
            Self::TooSlow => f.write_str("Request too slow"),
            Self::Exhausted => f.write_str("The server is out of memory for requests, try again later"),
        }
    }
}

impl From<ParseError> for Refusal {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::TooMany(_) => Self::TooLarge(Reason::batch),
            error => Self::Bad(Reason::syntax, error.to_string().into()),
        }
    }
}
