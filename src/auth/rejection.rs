//! Reasons for refused tokens, for operators: the log and `faye token read`. Clients receive [`TokenError`] only.

use super::claims::BadClaim;

/// Maximum number of characters of a token that an error or a log line repeats.
const SHOWN: usize = 64;

/// The reason for a refused token, as the client learns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token has expired.
    #[error("Token expired")]
    Expired,
    /// Any other reason; see [`Rejection`].
    #[error("Token invalid")]
    Invalid,
}

/// The reason for a refused token, with details for operators.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// The token exceeds the maximum length.
    #[error("it has {0} bytes; the limit is {1}")]
    TooLong(usize, usize),
    /// The header is not that of a JSON Web Token.
    #[error("not a JSON Web Token with a known algorithm ({0})")]
    Malformed(jsonwebtoken::errors::Error),
    /// The header lists extensions that must be supported.
    #[error("its header has `crit` ({0}), and no extension is supported (RFC 7515, section 4.1.11)")]
    Critical(String),
    /// No key has the `kid` of the token.
    #[error("no [[key]] has its `kid` {wanted} as id; the ids are {known}")]
    UnknownKey {
        /// The `kid`.
        wanted: String,
        /// The ids of the keys.
        known: String,
    },
    /// The token has no `kid`, and every key has an id.
    #[error("it has no `kid`, and every [[key]] has an id; the ids are {0}")]
    NoKeyId(String),
    /// The candidate keys are for other algorithms.
    #[error("its algorithm is {0:?}, and the [[key]] for its `kid` has another")]
    Algorithm(jsonwebtoken::Algorithm),
    /// No key verifies the signature.
    #[error("its signature does not match the [[key]]")]
    Signature,
    /// A claim has the wrong type.
    #[error("{0}")]
    Claim(#[from] BadClaim),
    /// A claim is missing or not valid for this server.
    #[error("{0}")]
    Claims(jsonwebtoken::errors::Error),
    /// The token has expired.
    #[error("it expired (`exp`)")]
    Expired,
}

impl Rejection {
    /// Returns the error for the client, which reveals no keys.
    #[must_use]
    pub fn error(&self) -> TokenError {
        match self {
            Self::Expired => TokenError::Expired,
            _ => TokenError::Invalid,
        }
    }
}

impl From<jsonwebtoken::errors::Error> for Rejection {
    fn from(error: jsonwebtoken::errors::Error) -> Self {
        use jsonwebtoken::errors::ErrorKind;
        match error.kind() {
            ErrorKind::ExpiredSignature => Self::Expired,
            ErrorKind::InvalidSignature => Self::Signature,
            _ => Self::Claims(error),
        }
    }
}

/// Quotes text of a token, with bounded length and without control characters.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}
