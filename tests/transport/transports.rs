//! One session over several transports: the newest gets the messages, and the one before is told at once.

use crate::support::*;
use serde_json::{Value, json};

const LONG: &[(&str, &str)] = &[("FAYE_SERVER__TIMEOUT", "10m")];

/// A poll that is held.
fn poll(faye: &Faye, client: &str, held: u64) -> Http {
    let mut poll = faye.http();
    poll.send_json(&faye.mount, &connect(client, "long-polling"));
    faye.wait_for_polls(held);
    poll
}

/// A WebSocket on which a connect of the session is held.
fn socket(faye: &Faye, client: &str) -> Socket {
    let mut socket = Socket::open(faye);
    assert_done(&socket.ask(&connect_now(client, "websocket"))[0]);
    socket.send(&connect(client, "websocket"));
    socket
}

/// Fails unless the answer is the reply of a connect, and nothing else.
#[track_caller]
fn assert_released(answer: &[Value]) {
    assert_eq!(answer.len(), 1, "{answer:?}");
    assert_eq!(answer[0]["channel"], "/meta/connect");
    assert_done(&answer[0]);
}

#[test]
fn a_second_poll_ends_the_first() {
    let faye = Faye::start(LONG);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut first = poll(&faye, &session.id, 1);
    let mut second = faye.http();
    second.send_json(&faye.mount, &connect(&session.id, "long-polling"));
    assert_released(&first.response().messages());
    faye.publish("/a", 1);
    assert_eq!(data(&delivered(&second.response().messages())), [1]);
}

#[test]
fn a_websocket_ends_the_poll_before_it_and_a_poll_the_websocket() {
    let faye = Faye::start(LONG);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut first = poll(&faye, &session.id, 1);
    let mut second = socket(&faye, &session.id);
    assert_released(&first.response().messages());
    faye.wait_for_polls(1);
    faye.publish("/a", 1);
    assert_eq!(data(&second.messages()), [1]);
    let mut third = faye.http();
    third.send_json(&faye.mount, &connect(&session.id, "long-polling"));
    assert_released(&second.messages());
    faye.publish("/a", 2);
    assert_eq!(data(&delivered(&third.response().messages())), [2]);
    // The socket was let go, not closed.
    assert!(second.ask(&json!([])).is_empty());
}

#[test]
fn of_two_websockets_the_newer_gets_the_messages_and_only_its_own_end_detaches() {
    let faye = Faye::start(LONG);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut first = socket(&faye, &session.id);
    let mut second = socket(&faye, &session.id);
    assert_released(&first.messages());
    faye.publish("/a", 1);
    assert_eq!(data(&second.messages()), [1]);
    assert!(first.ask(&json!([])).is_empty(), "nothing came to the first");
    first.send_frame(Opcode::Close, true, &1000u16.to_be_bytes());
    assert_eq!(first.close_code(), Some(1000));
    drop(first);
    faye.wait_for_metric("faye_websockets", |now| now == 1);
    faye.publish("/a", 2);
    assert_eq!(data(&second.messages()), [2]);
    drop(second);
    faye.wait_for_metric("faye_websockets", |now| now == 0);
    faye.publish("/a", 3);
    let answer = faye.post(&connect(&session.id, "long-polling"));
    assert_eq!(data(&delivered(&answer)), [3]);
}

#[test]
fn the_end_of_a_poll_that_was_superseded_detaches_nothing() {
    let faye = Faye::start(LONG);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut first = poll(&faye, &session.id, 1);
    let mut second = socket(&faye, &session.id);
    assert_released(&first.response().messages());
    drop(first);
    for number in 0..10 {
        faye.publish("/a", number);
        assert_eq!(data(&second.messages()), [number]);
    }
}

#[test]
fn a_websocket_is_bound_by_an_accepted_connect_and_by_nothing_else() {
    let faye = Faye::start(LONG);
    let mut socket = Socket::open(&faye);
    let client = socket.ask(&handshake())[0]["clientId"].as_str().expect("an identifier").to_owned();
    assert_done(&socket.ask(&subscribe(&client, "/a"))[0]);
    assert_eq!(socket.ask(&connect(&client, "pigeon"))[0]["successful"], false);
    faye.publish("/a", "queued");
    assert!(socket.ask(&json!([])).is_empty(), "nothing is pushed before the connect");
    socket.send(&connect(&client, "websocket"));
    let (one, two) = (socket.messages(), socket.messages());
    assert_eq!(data(&delivered(&[one, two].concat())), ["queued"]);
    faye.publish("/a", "pushed");
    assert_eq!(data(&socket.messages()), ["pushed"], "no connect is held, and still it is pushed");
}

#[test]
fn a_refused_connect_does_not_take_a_session_away() {
    let faye = Faye::start(LONG);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut bound = socket(&faye, &session.id);
    assert_eq!(faye.ask(&connect(&session.id, "pigeon"))["successful"], false);
    faye.publish("/a", 1);
    assert_eq!(data(&bound.messages()), [1]);
}

#[test]
fn a_second_session_takes_the_socket_of_the_first() {
    let faye = Faye::start(LONG);
    let one = Session::subscribed(&faye, Via::Polling, "/one");
    let two = Session::subscribed(&faye, Via::Polling, "/two");
    let mut socket = socket(&faye, &one.id);
    socket.send(&connect(&two.id, "websocket"));
    let released = socket.messages();
    assert_released(&released);
    assert_eq!(released[0]["clientId"], one.id.as_str());
    faye.publish("/one", 1);
    faye.publish("/two", 2);
    assert_eq!(data(&socket.messages()), [2]);
    assert_eq!(data(&delivered(&faye.post(&connect(&one.id, "long-polling")))), [1]);
}

#[test]
fn a_stream_carries_what_was_queued_before_it_opened() {
    let faye = Faye::start(LONG);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    (0..5).for_each(|number| faye.publish("/a", number));
    let mut stream = Stream::open(&faye, &session.id);
    let got: Vec<Value> = (0..5).map(|_| stream.message()["data"].clone()).collect();
    assert_eq!(got, (0..5).collect::<Vec<_>>());
    let reply = faye.ask(&connect(&session.id, "eventsource"));
    assert_eq!(reply["advice"], json!({"reconnect": "retry", "interval": 600_000, "timeout": 0}));
}

#[test]
fn a_stream_ends_the_poll_before_it() {
    let faye = Faye::start(LONG);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut first = poll(&faye, &session.id, 1);
    let mut stream = Stream::open(&faye, &session.id);
    assert_released(&first.response().messages());
    faye.publish("/a", 1);
    assert_eq!(stream.message()["data"], 1);
}

#[test]
fn a_stream_stands_by_while_its_client_polls() {
    let faye = Faye::start(LONG);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut stream = Stream::open(&faye, &session.id);
    faye.publish("/a", "stream");
    assert_eq!(stream.message()["data"], "stream");
    let mut poll = poll(&faye, &session.id, 1);
    faye.publish("/a", "poll");
    assert_eq!(data(&delivered(&poll.response().messages())), ["poll"]);
    faye.publish("/a", "between");
    assert_done(&faye.ask(&connect(&session.id, "eventsource")));
    assert_eq!(stream.message()["data"], "between");
    faye.publish("/a", "stream again");
    assert_eq!(stream.message()["data"], "stream again");
}

#[test]
fn a_second_stream_takes_the_place_of_the_first() {
    let faye = Faye::start(LONG);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let first = Stream::open(&faye, &session.id);
    let mut second = Stream::open(&faye, &session.id);
    faye.publish("/a", 1);
    assert_eq!(second.message()["data"], 1);
    drop(first);
    faye.wait_for_metric("faye_eventsource_streams", |now| now == 1);
    faye.publish("/a", 2);
    assert_eq!(second.message()["data"], 2);
}

#[test]
fn a_stream_of_nobody_stays_silent_and_harms_nothing() {
    let faye = Faye::start(&[("FAYE_EVENTSOURCE__PING", "20ms")]);
    for client in ["", "nobody", "__proto__"] {
        let mut stream = Stream::open(&faye, client);
        assert_eq!(stream.part(), Part::Comment);
    }
    faye.assert_serves();
}

#[test]
fn a_stream_forbids_proxies_to_buffer_and_to_compress_it() {
    let faye = Faye::start(&[]);
    let mut http = faye.http();
    http.send("GET", "/faye/nobody", &[("Accept", "text/event-stream")], b"");
    let (status, headers) = http.head().expect("an answer");
    let value = |name: &str| headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
    assert_eq!((status, value("X-Accel-Buffering")), (200, Some("no")));
    assert_eq!(value("Cache-Control"), Some("no-cache, no-store, no-transform"));
}
