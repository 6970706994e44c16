//! Checks the header `X-Hub-Signature` of a notification (WebSub, section 7.1). It must not know the meaning of the
//! content.

use subtle::ConstantTimeEq;

use crate::config::SignatureMethod;
use crate::peer::Head;
use crate::web::sign::{SIGNATURE, sign};

/// The known methods, the strongest first.
const METHODS: [SignatureMethod; 4] =
    [SignatureMethod::Sha512, SignatureMethod::Sha384, SignatureMethod::Sha256, SignatureMethod::Sha1];

/// The result of checking the signature of a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signature {
    /// The subscription has no secret; signatures are ignored.
    NotNeeded,
    /// The sender has the secret.
    Valid,
    /// The header is missing.
    Missing,
    /// The signature is wrong, or no signature has a known form.
    Wrong,
}

/// Checks the signature of a body as received, in constant time. Of several signatures, the strongest known method
/// counts.
pub(super) fn check(secret: Option<&str>, head: &Head, body: &[u8]) -> Signature {
    let Some(secret) = secret else { return Signature::NotNeeded };
    let name = SIGNATURE;
    // A proxy may have joined several fields into a list (RFC 9110, section 5.3).
    let values = head.all(name.as_str()).flat_map(|value| value.split(|byte| *byte == b','));
    let mut values = values.map(<[u8]>::trim_ascii).filter(|value| !value.is_empty()).peekable();
    if values.peek().is_none() {
        return Signature::Missing;
    }
    let known = values.filter_map(known);
    let Some((rank, digits)) = known.min_by_key(|(rank, _)| *rank) else { return Signature::Wrong };
    let expected = sign(METHODS[rank], secret, body);
    let expected = expected.as_bytes().rsplit(|byte| *byte == b'=').next().unwrap_or_default();
    if bool::from(digits.to_ascii_lowercase().ct_eq(expected)) { Signature::Valid } else { Signature::Wrong }
}

/// Returns the place of the method in [`METHODS`], and the digits, of a value `method=digits`.
fn known(value: &[u8]) -> Option<(usize, &[u8])> {
    let equals = value.iter().position(|byte| *byte == b'=')?;
    let (method, digits) = (&value[..equals], &value[equals + 1..]);
    let rank = METHODS.iter().position(|known| known.name().as_bytes() == method)?;
    let length = match METHODS[rank] {
        SignatureMethod::Sha1 => 40,
        SignatureMethod::Sha256 => 64,
        SignatureMethod::Sha384 => 96,
        SignatureMethod::Sha512 => 128,
    };
    (digits.len() == length && digits.iter().all(u8::is_ascii_hexdigit)).then_some((rank, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"<feed/>";

    fn signed(method: SignatureMethod, secret: &str) -> String {
        sign(method, secret, BODY).to_str().unwrap().to_owned()
    }

    fn checked(secret: Option<&str>, values: &[&str]) -> Signature {
        let fields: String = values.iter().map(|value| format!("X-Hub-Signature: {value}\r\n")).collect();
        let text = format!("POST /x HTTP/1.1\r\n{fields}");
        check(secret, &Head::new(text.as_bytes(), 5..7), BODY)
    }

    #[test]
    fn every_method_is_accepted_in_both_cases() {
        for method in METHODS {
            let value = signed(method, "s");
            assert_eq!(checked(Some("s"), &[&value]), Signature::Valid, "{value}");
            let (name, digits) = value.split_once('=').unwrap();
            let upper = format!("{name}={}", digits.to_uppercase());
            assert_eq!(checked(Some("s"), &[&upper]), Signature::Valid, "{upper}");
            assert_eq!(checked(Some("t"), &[&value]), Signature::Wrong, "another secret");
            assert_eq!(checked(None, &[&value]), Signature::NotNeeded);
        }
        assert_eq!(checked(Some("s"), &[]), Signature::Missing);
        assert_eq!(checked(Some("s"), &["", " , "]), Signature::Missing);
    }

    #[test]
    fn other_forms_are_wrong() {
        let good = signed(SignatureMethod::Sha256, "s");
        let digits = good.strip_prefix("sha256=").unwrap();
        for value in [
            digits.to_owned(),
            format!("sha256={}", &digits[1..]),
            format!("sha256={digits}0"),
            format!("sha256=={digits}"),
            format!("sha256={}g", &digits[1..]),
            format!("SHA256={digits}"),
            format!("sha1={digits}"),
            format!("md5={}", &digits[..32]),
            format!("\"{good}\""),
            "sha256=".to_owned(),
            "=".to_owned(),
        ] {
            assert_eq!(checked(Some("s"), &[&value]), Signature::Wrong, "{value}");
        }
    }

    #[test]
    fn the_strongest_known_signature_counts() {
        let (weak, strong) = (signed(SignatureMethod::Sha1, "s"), signed(SignatureMethod::Sha512, "s"));
        let forged = signed(SignatureMethod::Sha512, "t");
        assert_eq!(checked(Some("s"), &[&weak, &strong]), Signature::Valid);
        assert_eq!(checked(Some("s"), &[&format!("{weak}, {strong}")]), Signature::Valid);
        assert_eq!(checked(Some("s"), &[&weak, &forged]), Signature::Wrong);
        assert_eq!(checked(Some("s"), &[&forged, &weak]), Signature::Wrong);
        assert_eq!(
            checked(Some("s"), &["sha3-512=00", &weak]),
            Signature::Valid,
            "an unknown one is left out"
        );
    }
}
