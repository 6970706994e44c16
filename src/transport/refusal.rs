//! Reasons to refuse a request with a well-formed head, and the answers. The texts never contain input.

use std::borrow::Cow;
use std::fmt;

use hyper::StatusCode;

use crate::bayeux::parse::ParseError;
use crate::metrics::Reason;

/// Why a request was refused.
#[derive(Debug)]
pub(super) enum Refusal {
    /// `400`, and what is wrong.
    Bad(Reason, Cow<'static, str>),
    /// `400`, and where the next request begins is not known.
    Broken(&'static str),
    /// `413`
    TooLarge(Reason),
    /// `408`
    TooSlow,
    /// `503`: the budget of memory has no room for the body. It is counted already.
    Exhausted,
}

impl Refusal {
    /// A malformed request.
    pub(super) fn bad(why: &'static str) -> Self {
        Self::Bad(Reason::syntax, Cow::Borrowed(why))
    }

    /// The reason in the metrics; `None` if it is counted already.
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

    /// Whether the connection ends, because the rest of the body will not be read.
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
