//! The browser cookie (RFC 6265): a list of values, one for each user with a credential in this browser. Must not
//! know sessions or response headers.
//!
//! A session is bound to a value that the server issued for its user. Any other value may be known to an attacker who
//! has written it into the browser, for example from a sibling domain (session fixation). Each value therefore
//! carries a seal: a MAC over the value and the user, with a key of this process. Values without a valid seal are
//! never adopted, including those that the server issued for the attacker. Old values remain in the list, so sessions
//! in other tabs continue.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{Browser, Browsers, Grant};
use crate::peer::{COOKIE, HOST_COOKIE, Peer};

/// Maximum number of values: users of one browser times instances, which have different keys. The oldest is dropped.
const MOST: usize = 16;
/// Length of a value and of its seal, in bytes.
const HALF: usize = 16;

/// A value followed by its seal.
type Value = [u8; 2 * HALF];

/// The values of a browser, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Cookie(Vec<Value>);

/// The user of a credential, as far as two credentials are comparable.
#[derive(Debug, Clone, Copy)]
pub enum Holder<'a> {
    /// The holder of a token.
    Token(&'a Grant),
    /// A user identified by a digest of the hook's inputs.
    Hook([u8; 32]),
    /// Any other user; never equal to another one.
    Unknown,
}

/// Issues and recognises cookie values.
pub struct Seals {
    key: [u8; 32],
}

impl Cookie {
    /// Returns the values in a request. Pages of foreign origins have none.
    #[must_use]
    pub fn of(peer: &Peer) -> Self {
        let mut values = Self::default();
        if peer.is_foreign {
            return values;
        }
        let name = if peer.secure { HOST_COOKIE } else { COOKIE };
        // An attacker can place a cookie with the same name and another path before this one.
        for (own, text) in peer.header("cookie").into_iter().flat_map(pairs) {
            if own == name {
                values.append(Self::parse(text));
            }
        }
        values
    }

    /// Parses the value of a cookie; malformed elements are skipped.
    fn parse(text: &str) -> Self {
        let values = text.split('.').filter_map(|value| {
            let mut both = [0; 2 * HALF];
            let is_whole = BASE64URL_NOPAD.decode_len(value.len()) == Ok(both.len());
            let is_good = is_whole && BASE64URL_NOPAD.decode_mut(value.as_bytes(), &mut both).is_ok();
            is_good.then_some(both)
        });
        Self(values.take(MOST).collect())
    }

    /// Appends values that are not yet in the list, up to the maximum.
    pub fn append(&mut self, older: Self) {
        for value in older.0 {
            if self.0.len() < MOST && !self.0.contains(&value) {
                self.0.push(value);
            }
        }
    }

    /// Returns the values without their seals.
    #[must_use]
    pub fn browsers(&self) -> Browsers {
        self.0.iter().map(browser).collect()
    }
}

impl fmt::Display for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, value) in self.0.iter().enumerate() {
            let separator = if at > 0 { "." } else { "" };
            write!(f, "{separator}{}", BASE64URL_NOPAD.encode_display(value))?;
        }
        Ok(())
    }
}

impl From<String> for Cookie {
    fn from(text: String) -> Self {
        Self::parse(&text)
    }
}

impl From<Cookie> for String {
    fn from(cookie: Cookie) -> Self {
        cookie.to_string()
    }
}

impl Seals {
    /// Generates a key.
    ///
    /// # Errors
    /// The system provides no random bytes.
    pub fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self { key })
    }

    /// Returns the newest value that this process issued for a user.
    #[must_use]
    pub fn recognise(&self, cookie: &Cookie, holder: Holder<'_>) -> Option<Browser> {
        if matches!(holder, Holder::Unknown) {
            return None;
        }
        let is_sealed = |value: &&Value| {
            let (drawn, seal) = value.split_at(HALF);
            self.code(drawn, holder).is_some_and(|code| code.verify_truncated_left(seal).is_ok())
        };
        cookie.0.iter().find(is_sealed).map(browser)
    }

    /// Issues a value for a user and prepends it to the values of the browser.
    ///
    /// # Errors
    /// The system provides no random bytes.
    pub fn issue(&self, older: Cookie, holder: Holder<'_>) -> Result<(Browser, Cookie), getrandom::Error> {
        let mut value = Value::default();
        getrandom::fill(&mut value)?;
        let (drawn, seal) = value.split_at_mut(HALF);
        if let (false, Some(code)) = (matches!(holder, Holder::Unknown), self.code(drawn, holder)) {
            seal.copy_from_slice(&code.finalize().into_bytes()[..HALF]);
        }
        let mut cookie = Cookie(vec![value]);
        cookie.append(older);
        Ok((browser(&value), cookie))
    }

    fn code(&self, drawn: &[u8], holder: Holder<'_>) -> Option<Hmac<Sha256>> {
        // HMAC accepts keys of any length.
        let mut code = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        code.update(drawn);
        match holder {
            Holder::Token(Grant { subject: Some(subject), .. }) => {
                code.update(b"subject");
                code.update(subject.as_bytes());
            }
            Holder::Token(grant) => {
                code.update(b"token");
                code.update(&grant.digest);
            }
            Holder::Hook(digest) => {
                code.update(b"asked");
                code.update(&digest);
            }
            Holder::Unknown => code.update(b"unknown"),
        }
        Some(code)
    }
}

fn browser(value: &Value) -> Browser {
    std::array::from_fn(|at| value[at])
}

fn pairs(header: &str) -> impl Iterator<Item = (&str, &str)> {
    header.split(';').filter_map(|pair| pair.trim().split_once('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(subject: Option<&str>, digest: u8) -> Grant {
        Grant { subject: subject.map(Into::into), digest: [digest; 32], ..Grant::default() }
    }

    #[test]
    fn only_values_that_were_drawn_for_the_same_user_are_recognised() {
        let seals = Seals::new().unwrap();
        let (anna, bert, first, second) =
            (grant(Some("anna"), 1), grant(Some("bert"), 2), grant(None, 3), grant(None, 4));
        let holders = [
            Holder::Token(&anna),
            Holder::Token(&bert),
            Holder::Token(&first),
            Holder::Token(&second),
            Holder::Hook([3; 32]),
            Holder::Hook([4; 32]),
            Holder::Unknown,
        ];
        for (at, holder) in holders.iter().enumerate() {
            let (drawn, cookie) = seals.issue(Cookie::default(), *holder).unwrap();
            for (other, candidate) in holders.iter().enumerate() {
                let is_the_same = at == other && !matches!(holder, Holder::Unknown);
                assert_eq!(seals.recognise(&cookie, *candidate), is_the_same.then_some(drawn));
            }
            assert_eq!(Seals::new().unwrap().recognise(&cookie, *holder), None, "the key of another process");
        }
        let renewed = grant(Some("anna"), 9);
        let (drawn, cookie) = seals.issue(Cookie::default(), holders[0]).unwrap();
        assert_eq!(seals.recognise(&cookie, Holder::Token(&renewed)), Some(drawn), "a renewed token");
    }

    #[test]
    fn the_list_survives_its_text_and_is_bounded() {
        let seals = Seals::new().unwrap();
        let mut cookie = Cookie::default();
        let mut all = Vec::new();
        for _ in 0..MOST + 3 {
            let (drawn, next) = seals.issue(cookie, Holder::Unknown).unwrap();
            assert_eq!(Cookie::parse(&next.to_string()), next);
            all.insert(0, drawn);
            cookie = next;
        }
        assert_eq!(cookie.browsers().to_vec(), all[..MOST]);
        let text = cookie.to_string();
        assert_eq!(Cookie::parse(&format!("x..{text}.{text}.")), Cookie::parse(&text), "at most {MOST}");
        for text in ["", ".", "0123456789abcdef0123456789abcdef", "ä", "====", &"A".repeat(44)] {
            assert_eq!(Cookie::parse(text), Cookie::default(), "{text}");
        }
    }
}
