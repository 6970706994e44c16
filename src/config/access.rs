//! Access rules: any client, no client, or clients with one of several credentials.

use serde::Deserialize;

/// One way to gain access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Anyone,
    Secret,
    Token,
    Hook,
    Nobody,
}

/// The clients with access. One of the credentials is sufficient. Without any, no client has access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "Vec<Way>")]
pub struct Access {
    /// Any client.
    pub anyone: bool,
    /// Holders of the push secret.
    pub secret: bool,
    /// Holders of a token with that right.
    pub token: bool,
    /// The application decides.
    pub hook: bool,
}

impl Access {
    /// Any client.
    pub const ANYONE: Self = Self { anyone: true, secret: false, token: false, hook: false };
}

impl From<Vec<Way>> for Access {
    fn from(ways: Vec<Way>) -> Self {
        let mut access = Self::default();
        for way in ways {
            match way {
                Way::Anyone => access.anyone = true,
                Way::Secret => access.secret = true,
                Way::Token => access.token = true,
                Way::Hook => access.hook = true,
                Way::Nobody => {}
            }
        }
        access
    }
}
