//! The header `X-Hub-Signature` (WebSub, section 7): an HMAC of the body with the secret of the subscription. It must
//! not know the content.

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use hyper::header::{HeaderName, HeaderValue};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};

use crate::config::SignatureMethod;

/// The name of the header.
pub(crate) const SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature");

/// Bytes of the longest value: `sha512=` and 128 digits.
const LONGEST: usize = 7 + 128;

/// Returns the value of the header: `method=` and the HMAC in lower-case hexadecimal.
pub(crate) fn sign(method: SignatureMethod, secret: &str, body: &[u8]) -> HeaderValue {
    match method {
        SignatureMethod::Sha1 => value::<Hmac<Sha1>>(method, secret, body),
        SignatureMethod::Sha256 => value::<Hmac<Sha256>>(method, secret, body),
        SignatureMethod::Sha384 => value::<Hmac<Sha384>>(method, secret, body),
        SignatureMethod::Sha512 => value::<Hmac<Sha512>>(method, secret, body),
    }
}

fn value<M: Mac + KeyInit>(method: SignatureMethod, secret: &str, body: &[u8]) -> HeaderValue {
    let mut text = String::with_capacity(LONGEST);
    text.push_str(method.name());
    text.push('=');
    // HMAC accepts keys of any length.
    if let Ok(mut code) = <M as KeyInit>::new_from_slice(secret.as_bytes()) {
        code.update(body);
        HEXLOWER.encode_append(&code.finalize().into_bytes(), &mut text);
    }
    // Letters, digits and a sign can be in a header.
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2202 and RFC 4231, test case 2 of each; and `openssl dgst -METHOD -hmac` for a longer key.
    #[test]
    fn signatures_are_those_of_the_standards() {
        let body = b"what do ya want for nothing?";
        for (method, expected) in [
            (SignatureMethod::Sha1, "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (
                SignatureMethod::Sha256,
                "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                SignatureMethod::Sha384,
                "sha384=af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
            ),
            (
                SignatureMethod::Sha512,
                "sha512=164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ),
        ] {
            assert_eq!(sign(method, "Jefe", body), expected);
        }
    }

    #[test]
    fn a_secret_may_be_longer_than_a_block_and_not_ascii() {
        // printf 'body' | openssl dgst -sha256 -hmac "$(printf 'ä%.0s' $(seq 99))"
        assert_eq!(
            sign(SignatureMethod::Sha256, &"ä".repeat(99), b"body"),
            "sha256=b0e19a4a952cb779f517a66e2f03f4baaedc19ae82416118dfd451a62e3d4d13"
        );
    }
}
