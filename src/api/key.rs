//! The key of the API: whether a request has it.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::config::Secret;
use crate::peer::Head;

/// The digest of the key. Digests are compared, so that the timing reveals neither the length nor a prefix of the key.
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn new(secret: &Secret) -> Self {
        Self(Sha256::digest(secret.expose()).into())
    }

    /// Whether the request has the key as its bearer token (RFC 6750, section 2.1).
    pub(super) fn is_shown_by(&self, head: &Head) -> bool {
        let Some(value) = head.get("authorization") else { return false };
        let Some((scheme, token)) = value.split_at_checked("Bearer ".len()) else { return false };
        if !scheme.eq_ignore_ascii_case(b"Bearer ") {
            return false;
        }
        let given: [u8; 32] = Sha256::digest(token.trim_ascii()).into();
        self.0.ct_eq(&given).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_compared_as_a_whole() {
        let key = Key::new(&"a secret".into());
        let shown =
            |line: &str| key.is_shown_by(&Head::new(format!("GET / HTTP/1.1\r\n{line}").as_bytes(), 4..5));
        assert!(shown("Authorization: Bearer a secret\r\n") && shown("authorization: bearer  a secret \r\n"));
        for wrong in [
            "",
            "Authorization: Bearer a secre\r\n",
            "Authorization: Bearer a secrets\r\n",
            "Authorization: Bearer\r\n",
            "Authorization: Basic a secret\r\n",
            "Authorization: a secret\r\n",
        ] {
            assert!(!shown(wrong), "{wrong}");
        }
    }
}
