//! Errors of requests without a response. It must not know the purpose of the request.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use hyper_util::client::legacy;

use super::guard::Refused;
use crate::tls::ConnectError;

/// The reason for a missing response.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Only `http` and `https` URLs with a host can be requested.
    #[error("the URL is not an http or https URL with a host")]
    Url,
    /// The address is not allowed. The text does not contain it: a client may have chosen a name that resolves to it.
    #[error("the address is private")]
    Private(IpAddr),
    /// The response exceeded the deadline.
    #[error("no response within {0:?}")]
    Deadline(Duration),
    /// The connection could not be made.
    #[error("{0}")]
    Connect(ConnectError),
    /// The bytes of the response are not HTTP.
    #[error("the response is not HTTP ({0})")]
    NotHttp(String),
    /// The body of the response is longer than allowed.
    #[error("the response has more than {0} bytes")]
    Size(usize),
    /// The connection broke.
    #[error("{0}")]
    Broken(String),
}

impl FetchError {
    /// Whether the request was refused because of its address.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Private(_))
    }

    /// Classifies an error of a connection.
    pub(super) fn of_connect(error: &(dyn Error + 'static)) -> Self {
        match Refused::find(error) {
            Some(Refused(address)) => Self::Private(address),
            None => Self::Connect(ConnectError::of(error)),
        }
    }

    /// Classifies an error of a request. The text is that of the innermost source, which is the most specific.
    pub(super) fn of(error: &legacy::Error) -> Self {
        if error.is_connect() {
            return Self::of_connect(error);
        }
        let mut reason: &(dyn Error + 'static) = error;
        let mut is_http = true;
        while let Some(source) = reason.source() {
            is_http &= !source.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
            reason = source;
        }
        if is_http { Self::Broken(reason.to_string()) } else { Self::NotHttp(reason.to_string()) }
    }
}
