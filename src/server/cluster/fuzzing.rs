//! Properties of the messages between instances under any input, for unit tests and fuzz targets.

use std::collections::HashSet;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::messages::{ForwardedRequest, QueuedMessage, Request, Response, text_of};
use crate::auth::Credentials;
use crate::bayeux::parse;

/// Reads any bytes as a request and as a response. A message that is accepted, and each value that it carries, has the same text
/// after it was read and written again.
///
/// # Panics
///
/// If a property does not hold.
pub(crate) fn message(data: &[u8]) {
    match read(data) {
        Some(Request::Export { request: Some(request), .. } | Request::Forward { request }) => {
            forwarded(&request);
        }
        Some(Request::Export { .. } | Request::Commit { .. } | Request::Acquire { .. }) | None => {}
    }
    if let Some(Response::State(state)) = read(data) {
        let mut partitions = HashSet::new();
        assert!(state.positions.iter().all(|position| partitions.insert(position.partition)));
        state.queued.iter().for_each(queued);
    }
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| panic!("cannot be written: {error}"))
}

/// Reads a value; `None` if it is malformed.
fn read<T: Serialize + DeserializeOwned>(data: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(data).ok()?;
    let written = text(&value);
    let again: T = serde_json::from_str(&written).unwrap_or_else(|error| panic!("{written}: {error}"));
    assert_eq!(text(&again), written);
    Some(value)
}

fn forwarded(request: &ForwardedRequest) {
    if let Some(peer) = request.peer() {
        let again = ForwardedRequest::new(&peer, request.message.clone());
        let Some(restored) = again.peer() else { panic!("the peer is lost") };
        assert_eq!(text(&again), text(&ForwardedRequest::new(&restored, request.message.clone())));
        let (head, same) = (&peer.head, &restored.head);
        assert_eq!(head.parts_of(), same.parts_of());
        assert_eq!((head.method(), head.target(), head.path()), (same.method(), same.target(), same.path()));
        assert!(head.headers().eq(same.headers()));
        // A target outside of the head is empty.
        let (bytes, place) = head.parts_of();
        let target = bytes.get(request.target.0..request.target.1).unwrap_or_default();
        assert_eq!(head.target(), std::str::from_utf8(target).unwrap_or_default());
        assert!(head.target().is_empty() || request.target == (place.start, place.end));
        assert_eq!(head.authority(), same.authority());
        let shorter = head.without_final_slash();
        assert!(shorter.is_none_or(|shorter| shorter.target().len() + 1 == head.target().len()));
    }
    let restored = request.prepared.as_ref().and_then(|prepared| prepared.restore(Credentials::default()));
    if let Some(restored) = restored {
        let Some(written) = text_of(&restored.message) else { panic!("the message has no text") };
        let again = parse::parse_one(&Bytes::from(written.clone()));
        assert_eq!(again.as_ref().and_then(text_of), Some(written));
    }
}

fn queued(message: &QueuedMessage) {
    let Some(publication) = message.publication() else { return };
    let again = QueuedMessage::new(&publication);
    let Some(restored) = again.publication() else { panic!("{}: not accepted again", text(&again)) };
    assert_eq!(restored.position(), publication.position());
    assert_eq!(restored.channel(), publication.channel());
    assert_eq!(restored.object(), publication.object());
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::{Index, select};
    use serde_json::json;

    use super::message;

    /// A JSON object as text, mostly a message.
    fn object() -> impl Strategy<Value = String> {
        let known = select(vec![
            r#"{"channel":"/a","data":{"b":[1,"\u00e9\ud83d\ude00"]},"id":"1"}"#,
            r#"{"channel":"/meta/connect","clientId":"x","data":1,"data":2}"#,
            r#"{"ext":{"token":"x"},"unknown":null}"#,
            r#"{"id":"\ud83d"}"#,
            "{}",
            "[]",
            "",
        ]);
        prop_oneof![known.prop_map(str::to_owned), any::<String>()]
    }

    fn forwarded() -> impl Strategy<Value = serde_json::Value> {
        let transport = select(vec!["websocket", "long-polling", "in-process", "x"]);
        let head = prop_oneof![
            vec(any::<u8>(), 0..60),
            Just(b"GET http://x/a/?b HTTP/1.1\r\nHost: y\r\n".to_vec()),
            Just(b"GET /a/ HTTP/1.1\r\nHost: y\r\n".to_vec()),
        ];
        let place = prop_oneof![0..30_u64, select(vec![4, u64::from(u32::MAX), 1 << 32, u64::MAX])];
        let answer = (any::<String>(), any::<Option<String>>());
        let prepared = prop::option::of((object(), vec(answer, 0..3), any::<bool>()));
        let address = any::<Option<std::net::SocketAddr>>();
        (address, transport, head, (place.clone(), place), prop::option::of(object()), prepared).prop_map(
            |(address, transport, head, target, message, prepared)| {
                let prepared = prepared.map(|(message, decisions, is_charged)| {
                    json!({"message": message, "decisions": decisions, "is_charged": is_charged})
                });
                json!({
                    "address": address, "transport": transport, "secure": true, "is_foreign": false,
                    "head": data_encoding::BASE64.encode(&head), "target": target,
                    "message": message, "prepared": prepared,
                })
            },
        )
    }

    fn pairs() -> impl Strategy<Value = Vec<(usize, u64)>> {
        vec((0..70_usize, any::<u64>()), 0..8)
    }

    fn any_message() -> impl Strategy<Value = serde_json::Value> {
        let channel = select(vec!["/a", "", "/a/*", "a"]);
        let queued = (channel, any::<Option<u64>>(), object()).prop_map(
            |(channel, offset, object)| json!({"channel": channel, "offset": offset, "object": object}),
        );
        prop_oneof![
            (pairs(), prop::option::of(forwarded())).prop_map(
                |(positions, request)| json!({"Export": {"id": "x", "received": positions, "request": request}})
            ),
            any::<u64>().prop_map(|epoch| json!({"Commit": {"id": "x", "epoch": epoch}})),
            forwarded().prop_map(|request| json!({"Forward": {"request": request}})),
            (vec(queued, 0..4), pairs(), vec(any::<String>(), 0..3)).prop_map(|(queued, positions, patterns)| {
                json!({"State": {"queued": queued, "positions": positions, "patterns": patterns, "credential": null}})
            }),
            (object(), "[A-Za-z0-9_.-]{0,90}")
                .prop_map(|(replies, cookie)| json!({"Replies": {"replies": replies, "cookie": cookie}})),
        ]
    }

    proptest! {
        #[test]
        fn any_bytes_keep_the_properties(data in vec(any::<u8>(), 0..100)) {
            message(&data);
        }

        #[test]
        fn messages_keep_the_properties(
            sent in any_message(),
            damage in vec((any::<Index>(), any::<u8>()), 0..3),
        ) {
            let mut data = sent.to_string().into_bytes();
            message(&data);
            for (place, byte) in damage {
                let place = place.index(data.len());
                data[place] = byte;
            }
            message(&data);
        }
    }
}
