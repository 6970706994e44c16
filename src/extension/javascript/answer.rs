//! The result of a file for a message. Fields that the file did not change keep their original bytes.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::bayeux::{BayeuxError, Field, Message};

/// The verdict of a file on a message.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The message continues unchanged.
    Unchanged,
    /// The message continues with changed fields: a JSON array of `["key",value]`, or `["key"]` for a removed field.
    Changed(String),
    /// The message is dropped.
    Dropped,
    /// The file failed; the details are logged.
    Failed,
}

/// Applies the changes. Returns `false` if the text is invalid; the message may then be partly changed.
pub(super) fn apply(message: &mut Message, changes: &str) -> bool {
    let Ok(changes) = serde_json::from_str::<Vec<Vec<&RawValue>>>(changes) else { return false };
    changes.iter().all(|change| {
        let Some(key) = change.first().filter(|key| key.get().starts_with('"')) else { return false };
        message.change(key.get(), change.get(1).map(|value| value.get().as_bytes()));
        true
    })
}

/// Returns an incoming message that is refused with a server error.
pub(super) fn refused(mut message: Message, error: &BayeuxError) -> Message {
    message.refuse(&error.to_string());
    message
}

/// Returns a reply with only the error of its message: other fields may contain data that an extension would have
/// removed.
pub(super) fn failed_reply(reply: &Message, error: &BayeuxError) -> Message {
    let mut failed = Message::default();
    let kept = [
        Field::Id,
        Field::ClientId,
        Field::Channel,
        Field::Subscription,
        Field::Version,
        Field::SupportedConnectionTypes,
        Field::Advice,
    ];
    for field in kept {
        if let Some(value) = reply.get(field) {
            failed.set(field, value);
        }
    }
    failed.refuse(&error.to_string());
    failed.set(Field::Successful, b"false".as_slice());
    failed
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::bayeux::parse::parse_one;

    fn message(text: &'static str) -> Message {
        parse_one(&Bytes::from_static(text.as_bytes())).unwrap()
    }

    fn written(message: &Message) -> String {
        let mut out = Vec::new();
        message.write(&mut out, |_| true);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_not_changed_keeps_its_bytes() {
        let mut message =
            message(r#"{"channel":"/a","data":{ "n": 1.0e400 },"ext":{"password":"x"},"x":1.0}"#);
        assert!(apply(&mut message, r#"[["ext"],["channel","/b"],["__proto__",{"a":1}]]"#));
        assert_eq!(
            written(&message),
            r#"{"channel":"/b","data":{ "n": 1.0e400 },"x":1.0,"__proto__":{"a":1}}"#
        );
        assert!(
            apply(&mut message, r#"[["\ud83d",1],["x"]]"#) && apply(&mut message, r#"[["\uD83D","\udE00"]]"#)
        );
        assert_eq!(
            written(&message),
            r#"{"channel":"/b","data":{ "n": 1.0e400 },"__proto__":{"a":1},"\ud83d":"\udE00"}"#
        );
        assert!(apply(&mut message, r#"[["\ud83d"]]"#) && !written(&message).contains("ud83d"));
        assert!(!apply(&mut message, "[[]]") && !apply(&mut message, "[[1]]") && !apply(&mut message, ""));
    }

    #[test]
    fn a_failed_reply_has_nothing_that_could_be_secret() {
        let reply = message(r#"{"id":"1","channel":"/a","successful":true,"ext":{"secret":1},"data":2}"#);
        assert_eq!(
            written(&failed_reply(&reply, &BayeuxError::Internal)),
            r#"{"id":"1","channel":"/a","error":"500::Internal server error","successful":false}"#
        );
    }
}
