//! The claims of a JSON Web Token (RFC 7519, section 4) that the server reads. Must not know keys or signatures.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A string or an array of strings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Texts {
    /// A single string.
    One(String),
    /// An array.
    Many(Vec<String>),
}

impl Default for Texts {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl Texts {
    /// Returns the strings.
    pub(super) fn into_patterns(self) -> Vec<Box<str>> {
        match self {
            Self::One(text) => vec![text.into()],
            Self::Many(texts) => texts.into_iter().map(Into::into).collect(),
        }
    }
}

/// The claims of a token.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Claims {
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    /// Channels and patterns to which the user may subscribe.
    pub subscribe: Texts,
    /// Channels and patterns to which the user may publish.
    pub publish: Texts,
    /// The Unix time of expiry in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<serde_json::Number>,
}

/// The claims of a token before their types are checked, so that an error can name the claim.
#[derive(Debug, Deserialize)]
pub(super) struct Unchecked {
    sub: Option<Value>,
    subscribe: Option<Value>,
    publish: Option<Value>,
    exp: Option<Value>,
}

/// A claim with an invalid JSON type.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the claim `{claim}` is {found}, but must be {wanted}")]
pub struct BadClaim {
    claim: &'static str,
    found: &'static str,
    wanted: &'static str,
}

impl Unchecked {
    /// Checks the types of the claims.
    pub(super) fn check(self) -> Result<Claims, BadClaim> {
        let texts = |claim, value: Option<Value>| match value {
            None => Ok(Texts::default()),
            Some(value) => typed(claim, value, "a string, or an array of strings"),
        };
        let sub = self.sub.map(|value| typed("sub", value, "a string (RFC 7519, section 4.1.2)"));
        let exp = self.exp.map(|value| typed("exp", value, "a number of seconds since 1970"));
        Ok(Claims {
            sub: sub.transpose()?,
            subscribe: texts("subscribe", self.subscribe)?,
            publish: texts("publish", self.publish)?,
            exp: exp.transpose()?,
        })
    }
}

fn typed<T: for<'de> Deserialize<'de>>(
    claim: &'static str,
    value: Value,
    wanted: &'static str,
) -> Result<T, BadClaim> {
    let found = match &value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array with other values than strings",
        Value::Object(_) => "an object",
    };
    serde_json::from_value(value).map_err(|_| BadClaim { claim, found, wanted })
}
