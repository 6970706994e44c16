//! The `ext` of a message that is carried: what it had, without the credentials for one server, and with those for the
//! other.

use std::collections::HashSet;

use crate::bayeux::{Key, parse};

/// Fields that hold credentials on most servers: of Faye's examples, of ours, and of the gem private_pub.
const USUAL: [&str; 5] =
    ["password", "token", "private_pub_token", "private_pub_signature", "private_pub_timestamp"];

/// The fields that never pass from one server to the other.
pub(super) fn secrets<'a>(shown: impl Iterator<Item = &'a str>) -> HashSet<String> {
    let mut names: HashSet<String> = USUAL.map(str::to_owned).into();
    for ext in shown {
        parse::each_member(ext.as_bytes(), |key, _| {
            names.insert(key.text().to_owned());
        });
    }
    names
}

/// Makes the `ext` for the other server, of that of a message and what the server is to be shown. `None` if it has to
/// stay as it is, which may be no object; an empty one is to be left out.
pub(super) fn joined(own: Option<&[u8]>, secrets: &HashSet<String>, shown: Option<&str>) -> Option<Vec<u8>> {
    let (mut out, mut is_changed) = (Vec::new(), shown.is_some());
    let mut add = |key: &Key<'_>, value: &[u8]| {
        out.extend_from_slice(if out.is_empty() { b"{\"" } else { b",\"" });
        key.write(&mut out);
        out.extend_from_slice(b"\":");
        out.extend_from_slice(value);
    };
    if let Some(own) = own {
        let are_all = parse::each_member(own, |key, value| {
            if secrets.contains(key.text()) {
                is_changed = true;
            } else {
                add(key, value);
            }
        });
        // What could not be read as a whole might hold a secret.
        is_changed |= !are_all && own.first() == Some(&b'{');
    }
    if let Some(shown) = shown {
        parse::each_member(shown.as_bytes(), add);
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
