//! Reasons to refuse a request to the hub, with their status codes and texts. The texts never contain input: they are
//! for strangers, and details are for the log.

use std::time::Duration;

use hyper::StatusCode;

use crate::store::StoreError;
use crate::web::urls::UrlError;

/// The `Retry-After` of refusals that are not due to a rate.
const LATER: Duration = Duration::from_secs(60);

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("hub.{0} is missing")]
    Missing(&'static str),
    #[error("hub.mode is not subscribe, unsubscribe or publish")]
    Mode,
    #[error("hub.{0} {1}")]
    Url(&'static str, UrlError),
    #[error("hub.{0} is not percent-encoded UTF-8")]
    Encoding(&'static str),
    #[error("hub.secret has 200 bytes or more")]
    Secret,
    #[error("hub.verify_token is longer than 1,024 bytes")]
    VerifyToken,
    #[error("hub.lease_seconds is not a positive integer")]
    Lease,
    #[error("hub.verify has to be sync or async")]
    Verify,
    #[error("more than 100 URLs in one request; send several requests")]
    TooManyUrls,
    #[error("this hub does not accept the topic")]
    Topic,
    #[error("this hub does not accept the callback")]
    Callback,
    #[error("pages of another origin may not use this hub")]
    Origin,
    #[error("no such request; results of requests are kept for 24 hours")]
    Unknown,
    #[error("send hub.mode and the other parameters by POST")]
    Get,
    #[error("this target does not have the method")]
    Method(&'static str),
    #[error("the callback did not confirm the request")]
    Unconfirmed,
    #[error("the topic was refused: {0}")]
    Denied(String),
    #[error("send the parameters as application/x-www-form-urlencoded, in UTF-8")]
    MediaType,
    #[error("too many requests; wait before the next one")]
    Rate(Duration),
    #[error("the host of the callback is busy; try again later")]
    Busy(Duration),
    #[error("too many requests for callbacks at this host wait for verification; try again later")]
    Pending,
    #[error("too many requests of this client wait for verification; try again later")]
    Client,
    #[error("too many subscriptions with callbacks at this host")]
    Host,
    #[error("this hub has no room for more subscriptions")]
    Full,
    #[error("the store of the hub is unavailable; try again later")]
    Unavailable,
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::debug!(%error, "request to the hub not carried out");
        Self::Unavailable
    }
}

impl Refusal {
    /// Returns the status code.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Missing(_)
            | Self::Mode
            | Self::Url(..)
            | Self::Encoding(_)
            | Self::Secret
            | Self::VerifyToken
            | Self::Lease
            | Self::Verify
            | Self::TooManyUrls => StatusCode::BAD_REQUEST,
            Self::Topic | Self::Callback | Self::Origin => StatusCode::FORBIDDEN,
            Self::Unknown => StatusCode::NOT_FOUND,
            Self::Get | Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unconfirmed | Self::Denied(_) => StatusCode::CONFLICT,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Rate(_) | Self::Busy(_) | Self::Pending | Self::Client | Self::Host => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::Full | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Returns the methods for `Allow`.
    pub(super) fn allowed(&self) -> Option<&'static str> {
        match self {
            Self::Get => Some("POST"),
            Self::Method(allowed) => Some(allowed),
            _ => None,
        }
    }

    /// Whole seconds for `Retry-After`, at least one.
    pub(super) fn retry_after(&self) -> Option<u64> {
        let wait = match self {
            Self::Rate(wait) | Self::Busy(wait) => *wait,
            Self::Unavailable => Duration::from_secs(10),
            Self::Pending | Self::Client | Self::Host | Self::Full => LATER,
            _ => return None,
        };
        Some((wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up() {
        let seconds = |milliseconds| Refusal::Rate(Duration::from_millis(milliseconds)).retry_after();
        assert_eq!(
            (seconds(0), seconds(1), seconds(1000), seconds(1001)),
            (Some(1), Some(1), Some(1), Some(2))
        );
        assert_eq!(Refusal::Topic.retry_after(), None);
        for refusal in [Refusal::Pending, Refusal::Client, Refusal::Host, Refusal::Full, Refusal::Unavailable]
        {
            assert!(refusal.retry_after().is_some_and(|seconds| seconds > 0), "{refusal}");
        }
    }
}
