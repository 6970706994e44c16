//! The failures of requests to a server, with hints. It must not know how requests are sent.

use hyper::StatusCode;

use super::Refusal;
use crate::tls::ConnectError;

/// Why a request to a server failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The URL cannot be used.
    #[error("{0:?} is not a URL of a server; write for example http://127.0.0.1:8000/faye")]
    Url(String),
    /// The text is no channel.
    #[error("{0} is not a channel; write for example /chat/room")]
    Channel(String),
    /// The text is no channel or pattern.
    #[error("{0} is not a channel or pattern; write for example /chat/*, '/chat/**' or '/**'")]
    Pattern(String),
    /// The data is not JSON.
    #[error("the data is not JSON: {0}; put text in double quotes, such as '\"hello\"'")]
    Data(serde_json::Error),
    /// The connection failed, or no response arrived in time.
    #[error("cannot reach {url}: {why}; {}", why.advice())]
    Unreachable {
        /// The server.
        url: String,
        /// The cause.
        why: ConnectError,
    },
    /// The connection broke before the response.
    #[error("{url} closed the connection without a response ({why}){}", if is_plain(.url) {
        "; if the server uses TLS, write https://"
    } else {
        ""
    })]
    NoResponse {
        /// The server.
        url: String,
        /// The cause.
        why: String,
    },
    /// The response is not HTTP.
    #[error("{url} did not answer in HTTP ({why}){}", if is_plain(.url) {
        "; if the server uses TLS, write https://"
    } else {
        "; is the port right?"
    })]
    NotHttp {
        /// The server.
        url: String,
        /// The cause.
        why: String,
    },
    /// A plain request reached a port with TLS.
    #[error("{0} expects TLS; write https:// in place of http://")]
    NeedsTls(String),
    /// The response has a status that no Bayeux server sends for a valid request.
    #[error("{url} responded with status {status}{}", status_advice(*status, location.as_deref()))]
    Status {
        /// The server.
        url: String,
        /// The status.
        status: StatusCode,
        /// The target of a redirect.
        location: Option<String>,
    },
    /// The response is not one of a Bayeux server.
    #[error("{url} did not answer as a Bayeux server: {why}; is the path right?")]
    NotBayeux {
        /// The server.
        url: String,
        /// The defect of the response.
        why: String,
    },
    /// The server accepted the request and returned no reply for the message.
    #[error(
        "{url} accepted the request but returned no reply for the message, so it was probably not published: an extension \
         of the server may have dropped it"
    )]
    NoReply {
        /// The server.
        url: String,
    },
    /// The server refused the request because of its size or form.
    #[error("{url} did not accept the request (status {status}); is a message larger than it allows?")]
    Unfit {
        /// The server.
        url: String,
        /// The status.
        status: u16,
    },
    /// The server refused the message.
    #[error("the server refused it: {0}")]
    Refused(Refusal),
    /// The server closed the connection after its last message.
    #[error("the server closed the connection")]
    Closed,
    /// The connection broke.
    #[error("the connection to the server is lost: {0}")]
    Lost(String),
}

fn is_plain(url: &str) -> bool {
    url.starts_with("http://")
}

/// Returns a hint about a status, with the preceding punctuation.
fn status_advice(status: StatusCode, location: Option<&str>) -> String {
    match (status.as_u16(), location) {
        (300..=399, Some(location)) => format!(", a redirect to {location}; write that URL"),
        (401 | 403 | 407, _) => {
            "; does a proxy in between ask for credentials, or refuse this address?".to_owned()
        }
        (429, _) => "; there are too many requests from this address, so wait before the next".to_owned(),
        (502..=504, _) => "; the server behind the proxy is away, stopping or overloaded".to_owned(),
        (500..=599, _) => "; the server has failed, and its log says why".to_owned(),
        _ => "; this is not a Bayeux endpoint; is the path right?".to_owned(),
    }
}

impl Failure {
    /// Whether the server has certainly not received the request.
    #[must_use]
    pub fn is_unsent(&self) -> bool {
        match self {
            Self::Url(_) | Self::Data(_) | Self::Channel(_) | Self::Pattern(_) => true,
            Self::Unreachable { why, .. } => !matches!(why, ConnectError::Timeout(_)),
            _ => false,
        }
    }

    /// Returns the failure for a status. `body` is the start of the response.
    pub(super) fn of_status(url: &str, status: StatusCode, location: Option<String>, body: &[u8]) -> Self {
        let url = url.to_owned();
        match status {
            StatusCode::BAD_REQUEST if says_https(body) => Self::NeedsTls(url),
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => {
                Self::Unfit { url, status: status.as_u16() }
            }
            _ => Self::Status { url, status, location },
        }
    }
}

/// Whether a response mentions HTTPS, as nginx and Apache do after a plain request to a TLS port.
fn says_https(body: &[u8]) -> bool {
    body.windows(5).any(|word| word.eq_ignore_ascii_case(b"https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_leads_to_advice() {
        let cases = [
            (404, None, "", "is the path right?"),
            (301, Some("https://example.com/faye"), "", "a redirect to https://example.com/faye"),
            (407, None, "", "credentials"),
            (429, None, "", "too many requests"),
            (503, None, "", "away, stopping or overloaded"),
            (500, None, "", "log says why"),
            (413, None, "", "larger than it allows"),
            (400, None, "The plain HTTP request was sent to HTTPS port", "write https://"),
            (400, None, "", "larger than it allows"),
        ];
        for (status, location, body, expected) in cases {
            let status = StatusCode::from_u16(status).unwrap();
            let location = location.map(str::to_owned);
            let text = Failure::of_status("http://x/", status, location, body.as_bytes()).to_string();
            assert!(text.contains(expected), "{text}");
        }
    }
}
