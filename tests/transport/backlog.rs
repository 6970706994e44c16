//! What waits to be written to a WebSocket leaves in the right order, and does not rest there.

use crate::support::*;
use serde_json::{Value, json};

#[test]
fn own_messages_come_before_their_acknowledgements_also_in_one_segment() {
    let faye = Faye::start(&[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    let frames: Vec<u8> = (0..20)
        .flat_map(|number| {
            frame(Opcode::Text, true, json!([publication("/a", number)]).to_string().as_bytes())
        })
        .collect();
    session.socket().send_raw(&frames);
    for number in 0..20 {
        assert_eq!(session.socket().messages(), [publication("/a", number)]);
        assert_done(&session.socket().messages()[0]);
    }
}

/// Neither a ping nor the end of a held connect comes to the aid of what rests.
const QUIET: &[(&str, &str)] = &[
    ("FAYE_WEBSOCKET__PING", "1h"),
    ("FAYE_SERVER__TIMEOUT", "10m"),
    ("FAYE_MAILBOX__BYTES", "256MiB"),
    ("FAYE_LIMITS__FRAME", "16MiB"),
    ("FAYE_LIMITS__MESSAGE", "16MiB"),
    ("FAYE_LIMITS__WRITE_TIME", "1h"),
];

#[test]
fn a_reply_behind_messages_does_not_rest_when_the_reader_goes_on() {
    let faye = Faye::start(QUIET);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    let mut publisher = faye.http();
    let mut count = 0;
    // One by one, until the connection does not take a message at once.
    while faye.metric("faye_deliveries_written_total") == count {
        publisher.post(&faye.mount, &publication("/a", json!([count, "x".repeat(50_000)])));
        count += 1;
    }
    // A reply that is larger than what the system buffers, behind the message that waits.
    let mut large = publication("/b", 1);
    large["id"] = Value::from("i".repeat(8_000_000));
    session.socket().send(&json!([large]));
    for number in 0..count {
        assert_eq!(session.next()["data"][0], number);
    }
    let reply = session.socket().messages();
    assert_eq!(reply[0]["id"].as_str().map(str::len), Some(8_000_000));
}

#[test]
fn a_superseded_socket_that_is_cut_keeps_what_it_had_taken() {
    let faye = Faye::start(QUIET);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    let id = session.id.clone();
    let mut publisher = faye.http();
    let many = 2000;
    for number in 0..many {
        publisher.post(&faye.mount, &publication("/a", json!([number, "x".repeat(9000)])));
    }
    let rest = delivered(&faye.post(&connect(&id, "long-polling")));
    assert!(!rest.is_empty(), "the system buffers too much for this test");
    // What a client sends on a socket that is gone must not destroy what is still under way to it.
    session.socket().send_raw(&frame(Opcode::Ping, true, b""));
    let mut got = Vec::new();
    while let Some(messages) = session.socket().messages_or_end() {
        got.extend(messages.into_iter().filter(|message| message["channel"] == "/a"));
    }
    got.extend(rest);
    let got: Vec<Value> = got.into_iter().map(|message| message["data"][0].clone()).collect();
    assert_eq!(got, (0..many).map(Value::from).collect::<Vec<_>>(), "each once, in order");
}

#[test]
fn a_stream_whose_place_another_took_ends_with_the_session() {
    let faye = Faye::start(&[("FAYE_EVENTSOURCE__PING", "100ms")]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let _first = Stream::open(&faye, &session.id);
    let _second = Stream::open(&faye, &session.id);
    faye.wait_for_metric("faye_eventsource_streams", |now| now == 2);
    assert_done(&faye.ask(&json!({"channel": "/meta/disconnect", "clientId": session.id})));
    faye.wait_for_metric("faye_eventsource_streams", |now| now == 0);
}
