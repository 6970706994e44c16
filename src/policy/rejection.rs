//! Why a token is refused, for operators: the log and `faye token read`. Clients get [`TokenError`] only.

use super::claims::BadClaim;
use super::token::TokenError;

/// Characters of a token that an error or a log line repeats.
const SHOWN: usize = 64;

/// What is wrong with a token.
#[derive(Debug, thiserror::Error)]
pub enum Rejection {
    /// It is longer than any that the server reads.
    #[error("it has {0} bytes; the limit is {1}")]
    TooLong(usize, usize),
    /// Its header is not one of a JSON Web Token.
    #[error("not a JSON Web Token with a known algorithm ({0})")]
    Malformed(jsonwebtoken::errors::Error),
    /// Its header names extensions that have to be understood.
    #[error("its header has `crit` ({0}), and no extension is supported (RFC 7515, section 4.1.11)")]
    Critical(String),
    /// No key has its `kid`.
    #[error("no [[key]] has its `kid` {wanted} as id; the ids are {known}")]
    UnknownKey {
        /// The `kid`.
        wanted: String,
        /// The ids of the keys.
        known: String,
    },
    /// It has no `kid`, and every key has an id.
    #[error("it has no `kid`, and every [[key]] has an id; the ids are {0}")]
    NoKeyId(String),
    /// The keys that it could be of are for other algorithms.
    #[error("its algorithm is {0:?}, and the [[key]] for its `kid` has another")]
    Algorithm(jsonwebtoken::Algorithm),
    /// No key verifies its signature.
    #[error("its signature does not match the [[key]]")]
    Signature,
    /// A claim has the wrong type.
    #[error("{0}")]
    Claim(#[from] BadClaim),
    /// A claim is missing or does not hold here.
    #[error("{0}")]
    Claims(jsonwebtoken::errors::Error),
    /// It has expired.
    #[error("it expired (`exp`)")]
    Expired,
}

impl Rejection {
    /// The error for the client, which does not learn about keys.
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

/// Text of a token in quotation marks, of bounded length and without control characters.
pub(super) fn quoted(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}
