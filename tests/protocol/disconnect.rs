//! A disconnect ends a session and everything that it had: its subscriptions, its messages and its transports.

use crate::support::*;
use serde_json::{Value, json};

fn disconnect(client: &str) -> Value {
    json!({"channel": "/meta/disconnect", "clientId": client})
}

#[test]
fn nothing_is_left_of_a_session_over_any_transport() {
    let faye = Faye::start(&[]);
    for via in Via::ALL {
        let mut session = Session::subscribed(&faye, via, "/a");
        let mut witness = Session::subscribed(&faye, Via::WebSocket, "/a");
        session.disconnect();
        faye.publish("/a", 1);
        assert_eq!(witness.take(1), [1]);
        witness.disconnect();
        let reply = faye.ask(&connect(&session.id, "long-polling"));
        assert_eq!(reply["error"], format!("401:{}:Unknown client", session.id), "{via:?}");
        assert_eq!(faye.metric("faye_sessions"), 0);
        assert_eq!(faye.metric("faye_subscriptions"), 0);
    }
    faye.wait_for_metric("faye_websockets", |now| now == 0);
    faye.wait_for_metric("faye_eventsource_streams", |now| now == 0);
    faye.wait_for_polls(0);
}

#[test]
fn a_held_poll_is_answered() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "10m")]);
    let session = Session::begin(&faye, Via::Polling);
    let mut poll = faye.http();
    poll.send_json(&faye.mount, &connect(&session.id, "long-polling"));
    faye.wait_for_polls(1);
    assert_done(&faye.ask(&disconnect(&session.id)));
    let answer = poll.response().messages();
    assert_eq!(answer.len(), 1, "{answer:?}");
    assert_done(&answer[0]);
}

#[test]
fn over_a_websocket_the_held_connect_is_answered_first_and_then_it_is_closed() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "10m")]);
    let mut socket = Socket::open(&faye);
    let client = faye.client();
    assert_done(&socket.ask(&connect(&client, "websocket"))[0]);
    socket.send(&connect(&client, "websocket"));
    faye.wait_for_polls(1);
    let answer = socket.ask(&disconnect(&client));
    assert_eq!(answer[0]["channel"], "/meta/connect", "{answer:?}");
    assert_done(&answer[0]);
    let answer = socket.messages();
    assert_eq!(answer[0]["channel"], "/meta/disconnect", "{answer:?}");
    assert_done(&answer[0]);
    assert_eq!(socket.frame(), Frame::Close(1000, String::new()));
    faye.wait_for_metric("faye_websockets", |now| now == 0);
}

#[test]
fn a_socket_that_another_connection_disconnects_is_closed_too() {
    let faye = Faye::start(&[]);
    let mut session = Session::begin(&faye, Via::WebSocket);
    assert_done(&faye.ask(&disconnect(&session.id)));
    assert_eq!(session.socket().close_code(), Some(1000));
}

#[test]
fn a_stream_ends_with_its_session() {
    let faye = Faye::start(&[]);
    let client = faye.client();
    let mut stream = Stream::open(&faye, &client);
    assert_done(&faye.ask(&connect(&client, "eventsource")));
    assert_done(&faye.ask(&disconnect(&client)));
    assert_eq!(stream.part(), Part::End);
}

#[test]
fn a_socket_that_is_not_bound_stays_open() {
    let faye = Faye::start(&[]);
    let client = faye.client();
    let mut socket = Socket::open(&faye);
    assert_done(&socket.ask(&disconnect(&client))[0]);
    assert_done(&socket.ask(&handshake())[0]);
}

#[test]
fn others_are_not_concerned() {
    let faye = Faye::start(&[]);
    let mut staying = Session::subscribed(&faye, Via::WebSocket, "/a");
    let mut going = Session::subscribed(&faye, Via::Polling, "/a");
    going.disconnect();
    let reply = faye.ask(&disconnect(&going.id));
    assert_eq!(reply["error"], format!("401:{}:Unknown client", going.id));
    let reply = faye.ask(&json!({"channel": "/meta/disconnect"}));
    assert_eq!(reply["error"], "402:clientId:Missing required parameter");
    faye.publish("/a", "still here");
    assert_eq!(staying.take(1), ["still here"]);
}
