//! A connection that says nothing is asked whether it is there, and cut if it does not answer.

use crate::support::*;
use serde_json::json;

#[test]
fn who_answers_no_ping_is_cut_and_loses_nothing() {
    let faye = Faye::start(&[("FAYE_WEBSOCKET__PING", "1s")]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    assert!(matches!(session.socket().frame(), Frame::Ping(_)));
    assert_eq!(session.socket().frame(), Frame::End);
    faye.wait_for_metric("faye_ping_timeouts_total", |now| now == 1);
    faye.wait_for_metric("faye_websockets", |now| now == 0);
    faye.publish("/a", "kept");
    session.switch(&faye, Via::Polling);
    assert_eq!(session.take(1), ["kept"]);
}

#[test]
fn a_socket_that_was_never_bound_is_cut_too() {
    let faye = Faye::start(&[("FAYE_WEBSOCKET__PING", "50ms")]);
    let _silent = Socket::open(&faye);
    faye.wait_for_metric("faye_ping_timeouts_total", |now| now == 1);
    faye.wait_for_metric("faye_websockets", |now| now == 0);
}

#[test]
fn who_answers_stays() {
    let faye = Faye::start(&[("FAYE_WEBSOCKET__PING", "1s")]);
    let mut socket = Socket::open(&faye);
    for _ in 0..3 {
        match socket.frame() {
            Frame::Ping(payload) => socket.send_frame(Opcode::Pong, true, &payload),
            other => panic!("no ping but {other:?}"),
        }
    }
    assert!(socket.ask(&json!([])).is_empty());
    assert_eq!(faye.metric("faye_ping_timeouts_total"), 0);
}

#[test]
fn whatever_a_client_says_shows_that_it_is_there() {
    let faye = Faye::start(&[("FAYE_WEBSOCKET__PING", "1s")]);
    let mut socket = Socket::open(&faye);
    for _ in 0..3 {
        assert!(matches!(socket.frame(), Frame::Ping(_)));
        assert!(socket.ask(&json!([])).is_empty());
    }
    assert_eq!(faye.metric("faye_ping_timeouts_total"), 0);
}

#[test]
fn pings_of_clients_are_answered_between_the_fragments_of_a_message() {
    let faye = Faye::start(&[]);
    let mut socket = Socket::open(&faye);
    socket.send_frame(Opcode::Text, false, b"[");
    socket.send_frame(Opcode::Ping, true, b"are you there?");
    assert_eq!(socket.frame(), Frame::Pong(b"are you there?".to_vec()));
    socket.send_frame(Opcode::Continuation, true, b"]");
    assert_eq!(socket.frame(), Frame::Text("[]".to_owned()));
}

#[test]
fn a_silent_stream_carries_comments() {
    let faye = Faye::start(&[("FAYE_EVENTSOURCE__PING", "50ms"), ("FAYE_EVENTSOURCE__RETRY", "1234ms")]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut stream = Stream::open(&faye, &session.id);
    for _ in 0..3 {
        assert_eq!(stream.part(), Part::Comment);
    }
    faye.publish("/a", 1);
    assert_eq!(stream.message()["data"], 1);
    assert_eq!(stream.part(), Part::Comment);
}

#[test]
fn a_stream_whose_peer_has_gone_is_noticed() {
    let faye = Faye::start(&[]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let stream = Stream::open(&faye, &session.id);
    assert_eq!(faye.metric("faye_eventsource_streams"), 1);
    drop(stream);
    faye.wait_for_metric("faye_eventsource_streams", |now| now == 0);
    faye.publish("/a", "kept");
    assert_eq!(data(&delivered(&faye.post(&connect(&session.id, "long-polling")))), ["kept"]);
}
