//! The `ext` of a forwarded message: the original one without the credentials for one server, and with those for the
//! other.

use std::collections::HashSet;

use crate::bayeux::{Key, json};

/// Fields with credentials on most servers: in Faye's examples, on this server, and in the gem private_pub.
const USUAL: [&str; 5] =
    ["password", "token", "private_pub_token", "private_pub_signature", "private_pub_timestamp"];

/// Returns the fields that are never forwarded to the other server.
pub(super) fn secrets<'a>(shown: impl Iterator<Item = &'a str>) -> HashSet<String> {
    let mut names: HashSet<String> = USUAL.map(str::to_owned).into();
    for ext in shown {
        json::each_member(ext.as_bytes(), |key, _| {
            names.insert(key.text().to_owned());
        });
    }
    names
}

/// Merges the `ext` of a message with the credentials for the other server. Returns `None` if the `ext` stays
/// unchanged, which may be no object; an empty result means no `ext`.
pub(super) fn joined(own: Option<&[u8]>, secrets: &HashSet<String>, shown: Option<&str>) -> Option<Vec<u8>> {
    let (mut out, mut is_changed) = (Vec::new(), shown.is_some());
    let mut add = |key: &Key<'_>, value: &[u8]| {
        out.extend_from_slice(if out.is_empty() { b"{\"" } else { b",\"" });
        key.write(&mut out);
        out.extend_from_slice(b"\":");
        out.extend_from_slice(value);
    };
    if let Some(own) = own {
        let are_all = json::each_member(own, |key, value| {
            if secrets.contains(key.text()) {
                is_changed = true;
            } else {
                add(key, value);
            }
        });
        // The unparsed rest of a malformed object may contain a secret.
        is_changed |= !are_all && own.first() == Some(&b'{');
    }
    if let Some(shown) = shown {
        json::each_member(shown.as_bytes(), add);
    }
    if !out.is_empty() {
        out.push(b'}');
    }
    is_changed.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_exchanged_and_the_rest_stays() {
        let secrets = secrets([r#"{"key":1}"#, r#"{"password":"x"}"#].into_iter());
        let joined = |own: Option<&str>, shown| {
            let joined = joined(own.map(str::as_bytes), &secrets, shown);
            joined.map(|json| String::from_utf8(json).unwrap())
        };
        let cases = [
            (None, None, None),
            (Some(r#"{"mine": 1.0}"#), None, None),
            (Some("\"text\""), None, None),
            (Some(r#"{"password":"a","key":2,"token":3}"#), None, Some("")),
            (Some(r#"{"password":"a","mine": 1.0}"#), None, Some(r#"{"mine":1.0}"#)),
            (None, Some(r#"{"password":"b"}"#), Some(r#"{"password":"b"}"#)),
            (
                Some(r#"{"password":"a","mine":1}"#),
                Some(r#"{"password":"b"}"#),
                Some(r#"{"mine":1,"password":"b"}"#),
            ),
            (Some("[1]"), Some(r#"{"password":"b"}"#), Some(r#"{"password":"b"}"#)),
        ];
        for (own, shown, expected) in cases {
            assert_eq!(joined(own, shown).as_deref(), expected, "{own:?} {shown:?}");
        }
    }
}
