//! `faye bridge` carries what is published to one server to another one, both ways, once and in order, however many
//! bridges there are.

use crate::support::bridge::{Bridge, Counts};
use crate::support::*;
use serde_json::{Value, json};

/// A message without the mark that bridges need.
fn unmarked(mut message: Value) -> Value {
    let mark = message.as_object_mut().unwrap().remove("fayeBridge");
    assert!(mark.is_some(), "{message} is not marked");
    message
}

/// Stops the bridge and asserts how many messages it forwarded in each direction, and that the others are those that came back,
/// of which the last may still be on their way.
#[track_caller]
fn assert_forwarded(bridge: Bridge, forwarded: [u64; 2], came_back: [u64; 2]) {
    for ((counts, forwarded), came_back) in bridge.stop().into_iter().zip(forwarded).zip(came_back) {
        let duplicates = counts.duplicates;
        assert!(duplicates <= came_back, "{duplicates} of {came_back}");
        let received = forwarded + duplicates;
        assert_eq!(counts, Counts { received, forwarded, duplicates, refused: 0, dropped: 0 });
    }
}

#[test]
fn it_carries_both_ways_what_its_patterns_match_and_nothing_comes_back() {
    let (theirs, ours) = (Faye::start(&[]), Faye::start(&[]));
    let bridge = Bridge::between(&theirs, &ours, &["/a/*", "/b"]);
    let mut there = Session::subscribed(&theirs, Via::WebSocket, "/**");
    let mut here = Session::subscribed(&ours, Via::Polling, "/**");
    theirs.publish("/c", "stays");
    there.next();
    for (number, channel) in ["/a/x", "/b", "/a/y"].into_iter().enumerate() {
        theirs.publish(channel, number);
        assert_eq!(there.next(), publication(channel, number));
        assert_eq!(unmarked(here.next()), publication(channel, number));
        ours.publish(channel, "back");
        assert_eq!(here.next(), publication(channel, "back"));
        assert_eq!(unmarked(there.next()), publication(channel, "back"));
    }
    assert_forwarded(bridge, [3, 3], [3, 3]);
    assert_eq!((theirs.metric("faye_publications_total"), ours.metric("faye_publications_total")), (7, 6));
    // It has taken leave of both.
    assert_eq!((theirs.metric("faye_sessions"), ours.metric("faye_sessions")), (1, 1));
}

#[test]
fn a_message_keeps_its_bytes_its_ext_and_its_id_and_not_its_session() {
    let (theirs, ours) = (Faye::start(&[]), Faye::start(&[]));
    let _bridge = Bridge::between(&theirs, &ours, &["/a"]);
    let mut here = Session::begin(&ours, Via::WebSocket);
    here.subscribe("/a");
    let body = br#"[{"channel":"/a","data":{ "n": 1.0, "big":12345678901234567890 },"ext":{"mine":[ 1 ]},
        "id":"7","extra":null}]"#;
    theirs.http().request("POST", "/faye", &[], body);
    let text = loop {
        match here.socket().frame_but_pings() {
            Frame::Text(text) if text.contains("extra") => break text,
            _ => {}
        }
    };
    for part in [
        r#""data":{ "n": 1.0, "big":12345678901234567890 }"#,
        r#""ext":{"mine":[ 1 ]}"#,
        r#""id":"7""#,
        r#""extra":null"#,
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let mut there = Session::begin(&theirs, Via::WebSocket);
    there.publish("/a", "by a session");
    assert_eq!(unmarked(here.next()), publication("/a", "by a session"));
}

#[test]
fn the_order_of_a_channel_is_kept() {
    let (theirs, ours) = (Faye::start(&[]), Faye::start(&[]));
    let bridge = Bridge::between(&theirs, &ours, &["/a/**"]);
    let mut here = Session::subscribed(&ours, Via::WebSocket, "/a/b");
    for batch in 0..20 {
        let messages: Vec<_> = (0..100).map(|number| publication("/a/b", batch * 100 + number)).collect();
        theirs.post(&json!(messages)).iter().for_each(assert_done);
    }
    let expected: Vec<Value> = (0..2000).map(Value::from).collect();
    assert_eq!(here.take(2000), expected);
    assert_forwarded(bridge, [2000, 0], [0, 2000]);
}

#[test]
fn one_way_is_one_way() {
    let (theirs, ours) = (Faye::start(&[]), Faye::start(&[]));
    let mut here = Session::subscribed(&ours, Via::WebSocket, "/a");
    let mut there = Session::subscribed(&theirs, Via::WebSocket, "/a");
    for (way, from, to) in [("in", &theirs, &ours), ("out", &ours, &theirs)] {
        let mut bridge = Bridge::start(&[&theirs.url(), "/a", "--url", &ours.url(), "--one-way", way]);
        to.publish("/a", "stays");
        from.publish("/a", way);
        bridge.terminate();
        assert_eq!(bridge.end().0, Some(0));
    }
    assert_eq!(here.take(3), ["stays", "in", "out"]);
    assert_eq!(there.take(3), ["in", "stays", "out"]);
}

/// Two bridges between two servers know each other's messages by the mark, and both carry what is new.
#[test]
fn with_two_bridges_a_message_arrives_twice_and_never_again() {
    let (theirs, ours) = (Faye::start(&[]), Faye::start(&[]));
    let bridges = [(); 2].map(|()| Bridge::between(&theirs, &ours, &["/**"]));
    let mut here = Session::subscribed(&ours, Via::WebSocket, "/a");
    for number in 0..10 {
        theirs.publish("/a", number);
        assert_eq!(here.take(2), [number, number]);
    }
    for bridge in bridges {
        assert_forwarded(bridge, [10, 0], [0, 20]);
    }
    assert_eq!(theirs.metric("faye_publications_total"), 10);
}

#[test]
fn through_a_chain_a_message_arrives_once() {
    let [first, second, third] = [(); 3].map(|()| Faye::start(&[]));
    let bridges = [Bridge::between(&first, &second, &["/**"]), Bridge::between(&second, &third, &["/**"])];
    let mut here = Session::subscribed(&third, Via::WebSocket, "/a");
    let mut there = Session::subscribed(&first, Via::WebSocket, "/a");
    for number in 0..10 {
        first.publish("/a", number);
        assert_eq!(here.take(1), [number]);
        third.publish("/a", -number);
        assert_eq!(there.take(2), [number, -number]);
        assert_eq!(here.take(1), [-number]);
    }
    for bridge in bridges {
        assert_forwarded(bridge, [10, 10], [10, 10]);
    }
    for server in [first, second, third] {
        assert_eq!(server.metric("faye_publications_total"), 20);
    }
}

#[test]
fn in_a_ring_a_message_comes_to_an_end() {
    let [first, second, third] = [(); 3].map(|()| Faye::start(&[]));
    let bridges = [(&first, &second), (&second, &third), (&third, &first)]
        .map(|(from, to)| Bridge::between(from, to, &["/**"]));
    let mut one_way_round = Session::subscribed(&second, Via::WebSocket, "/a");
    let mut other_way_round = Session::subscribed(&third, Via::WebSocket, "/a");
    for number in 0..10 {
        first.publish("/a", number);
        assert_eq!(one_way_round.take(2), [number, number]);
        assert_eq!(other_way_round.take(2), [number, number]);
    }
    for bridge in bridges {
        bridge.stop();
    }
    let published = [&first, &second, &third].map(|server| server.metric("faye_publications_total"));
    assert_eq!(published, [10, 20, 20]);
}

#[test]
fn servers_that_take_the_mark_away_end_it_before_messages_go_round_for_ever() {
    let strip = "module.exports = { outgoing: (message, callback) => {
        delete message.fayeBridge; callback(message); } };";
    let servers = [(); 2].map(|()| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("strip.js"), strip).expect("a file");
        std::fs::write(folder.path().join("faye.toml"), "[extensions]\nfiles = ['strip.js']")
            .expect("a file");
        Faye::start_in(folder, &[])
    });
    let [theirs, ours] = &servers;
    let mut bridge = Bridge::between(theirs, ours, &["/a"]);
    theirs.publish("/a", json!({"n": 1}));
    let (code, said) = bridge.end();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("return without the field fayeBridge"), "{said}");
    assert!(theirs.metric("faye_publications_total") < 50);
}

#[test]
fn it_says_what_is_wrong_and_does_not_begin() {
    let (theirs, ours) = (Faye::start(&[]), Faye::start_with_file("[handshake]\nallow = 'nobody'", &[]));
    let (theirs, ours) = (theirs.url(), ours.url());
    let nowhere = "http://127.0.0.1:1/faye";
    for (arguments, expected) in [
        ([&theirs, "/a*", &ours], "/a* is not a channel or pattern"),
        ([&theirs, "/meta/*", &ours], "/meta/* is not a channel or pattern"),
        ([&theirs, "/service/a", &ours], "/service/a is not a channel or pattern"),
        ([&theirs, "/a", &theirs], "both servers are"),
        ([&theirs, "/a", &ours], "refused the bridge: 403"),
        ([nowhere, "/a", &theirs], "cannot reach http://127.0.0.1:1/faye"),
        ([&theirs, "/a", nowhere], "cannot reach http://127.0.0.1:1/faye"),
        (["faye", "/a", &theirs], "\"faye\" is not a URL of a server"),
    ] {
        let [url, pattern, ours] = arguments;
        let (code, said) = Bridge::spawn(&[url, pattern, "--url", ours], &[]).end();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(expected), "{expected} is not in {said}");
    }
}
