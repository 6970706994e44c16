//! The claims of a JSON Web Token (RFC 7519, section 4) that the server reads. It knows no keys and no signatures.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One string, or an array of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Texts {
    /// A string alone.
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
    /// The strings.
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
    /// The second since 1970 in which the token expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<serde_json::Number>,
}

/// The claims as they are in a token, of any JSON type, so that an error names the claim.
#[derive(Debug, Deserialize)]
pub(super) struct Unchecked {
    sub: Option<Value>,
    subscribe: Option<Value>,
    publish: Option<Value>,
    exp: Option<Value>,
}

/// A claim of a JSON type that it must not have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the claim `{claim}` is {found}, but must be {wanted}")]
pub struct BadClaim {
    claim: &'static str,
    found: &'static str,
    wanted: &'static str,
}

impl Unchecked {
    /// The claims, if their types are right.
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
