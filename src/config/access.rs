//! Who may do something: `anyone`, `nobody`, or whoever has one of several things to show.

use serde::Deserialize;

/// One way to get access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Way {
    Anyone,
    Secret,
    Token,
    Hook,
    Nobody,
}

/// Who may do something. One of what is asked for is enough; if nothing is, nobody may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "Vec<Way>")]
pub struct Access {
    /// Nothing is asked for.
    pub anyone: bool,
    /// Whoever presents the push secret.
    pub secret: bool,
    /// Whoever has a token with that right.
    pub token: bool,
    /// Whoever the application allows it when it is asked.
    pub hook: bool,
}

impl Access {
    /// Everybody.
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
