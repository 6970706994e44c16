//! The functions behind `require('crypto')` and `Buffer`: hashes, random bytes, encodings. Bytes are hexadecimal text,
//! which is how they are passed between JavaScript and Rust.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha512};

/// Maximum random bytes of one call.
const RANDOM: usize = 64 * 1024;

/// Returns the hash of bytes; with a key, their HMAC (RFC 2104).
pub(super) fn hash(algorithm: &str, key: Option<&str>, data: &str) -> Result<String, String> {
    let data = bytes(data)?;
    let key = key.map(bytes).transpose()?;
    let digest = match (algorithm, key) {
        ("sha1", None) => Sha1::digest(&data).to_vec(),
        ("sha256", None) => Sha256::digest(&data).to_vec(),
        ("sha512", None) => Sha512::digest(&data).to_vec(),
        ("sha1", Some(key)) => keyed::<Hmac<Sha1>>(&key, &data)?,
        ("sha256", Some(key)) => keyed::<Hmac<Sha256>>(&key, &data)?,
        ("sha512", Some(key)) => keyed::<Hmac<Sha512>>(&key, &data)?,
        _ => return Err(format!("there is no hash {algorithm}; take sha1, sha256 or sha512")),
    };
    Ok(HEXLOWER.encode(&digest))
}

fn keyed<M: Mac + KeyInit>(key: &[u8], data: &[u8]) -> Result<Vec<u8>, String> {
    let mut mac = <M as KeyInit>::new_from_slice(key).map_err(|error| error.to_string())?;
    mac.update(data);
    Ok(mac.finalize().into_bytes().to_vec())
}

/// Random bytes from the system.
pub(super) fn random(count: usize) -> Result<String, String> {
    if count > RANDOM {
        return Err(format!("more than {RANDOM} random bytes at one time"));
    }
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(HEXLOWER.encode(&bytes))
}

/// Decodes text in one of Node's encodings. As in Node, other characters end hexadecimal text and are skipped in base64,
/// which ends at the padding.
pub(super) fn decode(text: &str, encoding: &str) -> Result<String, String> {
    let decoded = match encoding {
        "utf8" => text.as_bytes().to_vec(),
        "hex" => {
            let end = text.find(|letter: char| !letter.is_ascii_hexdigit()).unwrap_or(text.len());
            HEXLOWER_PERMISSIVE.decode(&text.as_bytes()[..end - end % 2]).unwrap_or_default()
        }
        "base64" | "base64url" => {
            let letters = text.bytes().take_while(|byte| *byte != b'=').map(|byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                other => other,
            });
            let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
            let mut letters: Vec<u8> = letters.filter(is_letter).collect();
            if letters.len() % 4 == 1 {
                letters.pop();
            }
            decode_loosely(&letters)
        }
        _ => return Err(format!("there is no encoding {encoding}")),
    };
    Ok(HEXLOWER.encode(&decoded))
}

/// Decodes base64 without padding; unused bits of the last letter are ignored.
fn decode_loosely(letters: &[u8]) -> Vec<u8> {
    let mut specification = BASE64_NOPAD.specification();
    specification.check_trailing_bits = false;
    let encoding = specification.encoding().unwrap_or(BASE64_NOPAD);
    encoding.decode(letters).unwrap_or_default()
}

/// Returns the text of bytes in an encoding of Node.
pub(super) fn encode(data: &str, encoding: &str) -> Result<String, String> {
    let data = bytes(data)?;
    Ok(match encoding {
        "utf8" => String::from_utf8_lossy(&data).into_owned(),
        "latin1" => data.iter().map(|byte| char::from(*byte)).collect(),
        "ascii" => data.iter().map(|byte| char::from(*byte & 0x7f)).collect(),
        "hex" => HEXLOWER.encode(&data),
        "base64" => BASE64.encode(&data),
        "base64url" => BASE64URL_NOPAD.encode(&data),
        _ => return Err(format!("there is no encoding {encoding}")),
    })
}

fn bytes(hex: &str) -> Result<Vec<u8>, String> {
    HEXLOWER.decode(hex.as_bytes()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_standards() {
        let abc = HEXLOWER.encode(b"abc");
        for (algorithm, expected) in
            [("sha1", "a9993e364706816a"), ("sha256", "ba7816bf8f01cfea"), ("sha512", "ddaf35a193617aba")]
        {
            assert!(hash(algorithm, None, &abc).unwrap().starts_with(expected), "{algorithm}");
        }
        // RFC 4231, section 4.3, and RFC 2202, section 3.
        let (key, data) = (HEXLOWER.encode(b"Jefe"), HEXLOWER.encode(b"what do ya want for nothing?"));
        for (algorithm, expected) in
            [("sha1", "effcdf6ae5eb2fa2"), ("sha256", "5bdcc146bf60754e"), ("sha512", "164b7a7bfcf819e2")]
        {
            assert!(hash(algorithm, Some(&key), &data).unwrap().starts_with(expected), "{algorithm}");
        }
        assert!(hash("md5", None, "").is_err());
    }

    #[test]
    fn encodings_are_nodes() {
        for (text, encoding, hex) in [
            ("é€", "utf8", "c3a9e282ac"),
            ("Aa0x", "hex", "aa"),
            ("AAE=", "base64", "0001"),
            ("-_8", "base64url", "fbff"),
            ("+/8=\n+/", "base64", "fbff"),
            ("AB", "base64", "00"),
            ("A!€B=CD", "base64", "00"),
        ] {
            assert_eq!(decode(text, encoding).as_deref(), Ok(hex), "{text} {encoding}");
        }
        for (hex, encoding, text) in [
            ("c3a9", "utf8", "é"),
            ("ff", "utf8", "\u{fffd}"),
            ("c841", "latin1", "ÈA"),
            ("c841", "ascii", "HA"),
            ("fbff", "base64", "+/8="),
            ("fbff", "base64url", "-_8"),
        ] {
            assert_eq!(encode(hex, encoding).as_deref(), Ok(text), "{hex} {encoding}");
        }
        assert!(decode("", "utf16le").is_err() && encode("", "utf16le").is_err());
        assert_eq!(random(16).unwrap().len(), 32);
        assert!(random(RANDOM + 1).is_err());
    }
}
