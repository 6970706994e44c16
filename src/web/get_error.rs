//! Why content could not be fetched, with one text for clients and one for operators.

use std::net::IpAddr;
use std::time::Duration;

use hyper::StatusCode;

use super::coding::CodingError;
use crate::fetch::FetchError;

/// The reason for missing content. Clients see the texts after the name of the requested URL, so they do not reveal how
/// far a connection came; [`GetError::detail`] does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GetError {
    /// The URL or this address is not allowed.
    #[error("cannot be fetched")]
    Refused(Option<IpAddr>),
    /// There was no response, and why.
    #[error("cannot be fetched")]
    Unreachable(String),
    /// As many requests as allowed are under way to the host.
    #[error("is on a busy host")]
    Busy,
    /// A redirect leads to a URL that must not be fetched.
    #[error("redirects to a URL that is not allowed")]
    Redirect,
    #[error("redirects more than 5 times")]
    Redirects,
    /// Any status but 200, and the time of `Retry-After`.
    #[error("responds with status {}", .0.as_u16())]
    Status(StatusCode, Option<Duration>),
    #[error("is larger than {0} bytes")]
    Size(usize),
    #[error("has a content coding that was not accepted")]
    Coding,
    #[error("has content that does not match its content coding")]
    Invalid,
    #[error("is empty")]
    Empty,
}

impl GetError {
    /// Returns the text for operators.
    pub(crate) fn detail(&self) -> String {
        match self {
            Self::Refused(Some(address)) => format!("has the address {address}, which is not public"),
            Self::Refused(None) => "has a URL that is not allowed".to_owned(),
            Self::Unreachable(why) => format!("cannot be fetched: {why}"),
            other => other.to_string(),
        }
    }

    /// Returns the error of content that cannot be decoded.
    pub(crate) fn of_coding(error: CodingError, size: usize) -> Self {
        match error {
            CodingError::Unknown => Self::Coding,
            CodingError::Invalid => Self::Invalid,
            CodingError::Size => Self::Size(size),
        }
    }

    /// Returns the error of a request.
    pub(super) fn of_fetch(error: &FetchError) -> Self {
        match error {
            FetchError::Private(address) => Self::Refused(Some(address.to_canonical())),
            FetchError::Url => Self::Refused(None),
            FetchError::Size(size) => Self::Size(*size),
            other => Self::Unreachable(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_do_not_learn_how_far_a_connection_came() {
        let private = GetError::Refused(Some(IpAddr::from([10, 0, 0, 1])));
        let unreachable = GetError::Unreachable("connection refused".to_owned());
        assert_eq!(private.to_string(), unreachable.to_string());
        assert_eq!(private.detail(), "has the address 10.0.0.1, which is not public");
        assert_eq!(unreachable.detail(), "cannot be fetched: connection refused");
    }
}
