//! A session without a connect expires, and nothing of it is left; one whose connect is held does not.

use crate::support::*;
use serde_json::json;

const SHORT: &[(&str, &str)] = &[("FAYE_SERVER__TIMEOUT", "1s")];

fn wait_for_expired(faye: &Faye, count: u64) {
    faye.wait_for_metric("faye_sessions_expired_total", |now| now == count);
}

#[test]
fn sessions_expire_whether_they_have_connected_or_not() {
    let faye = Faye::start(SHORT);
    let never_connected = faye.client();
    assert_done(&faye.ask(&subscribe(&never_connected, json!(["/a", "/b"]))));
    let once_connected = Session::subscribed(&faye, Via::Polling, "/a");
    faye.publish("/a", "for nobody");
    wait_for_expired(&faye, 2);
    faye.wait_for_metric("faye_sessions", |now| now == 0);
    faye.wait_for_metric("faye_subscriptions", |now| now == 0);
    for client in [never_connected, once_connected.id] {
        let reply = faye.ask(&connect(&client, "long-polling"));
        assert_eq!(reply["error"], format!("401:{client}:Unknown client"));
        assert_eq!(reply["advice"]["reconnect"], "handshake");
        let reply = faye.ask(&subscribe(&client, "/a"));
        assert_eq!(reply["error"], format!("401:{client}:Unknown client"));
    }
    assert_eq!(faye.metric("faye_subscriptions"), 0);
    faye.assert_serves();
}

#[test]
fn held_connects_keep_a_session() {
    let faye = Faye::start(SHORT);
    for via in [Via::Polling, Via::WebSocket] {
        let expired = faye.metric("faye_sessions_expired_total");
        let mut kept = Session::subscribed(&faye, via, "/a");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| kept.take(1));
            // Others come and go meanwhile.
            for number in 1..=2 {
                faye.client();
                wait_for_expired(&faye, expired + number);
            }
            faye.publish("/a", "still here");
            assert_eq!(waiting.join().expect("a message"), ["still here"], "{via:?}");
        });
        kept.disconnect();
    }
}

#[test]
fn subscribing_and_publishing_keep_no_session() {
    let faye = Faye::start(SHORT);
    let client = faye.client();
    let mut http = faye.http();
    loop {
        assert_done(&faye.ask(&json!({"channel": "/a", "data": 1, "clientId": client})));
        let reply = http.post(&faye.mount, &subscribe(&client, "/b")).remove(0);
        if reply["successful"] == false {
            assert_eq!(reply["error"], format!("401:{client}:Unknown client"));
            break;
        }
    }
    wait_for_expired(&faye, 1);
}

#[test]
fn a_websocket_is_closed_when_its_session_expires() {
    let faye = Faye::start(SHORT);
    let client = faye.client();
    let mut socket = Socket::open(&faye);
    assert_done(&socket.ask(&connect(&client, "websocket"))[0]);
    assert_eq!(socket.frame_but_pings(), Frame::Close(1000, String::new()));
    wait_for_expired(&faye, 1);
}

#[test]
fn a_websocket_that_has_never_connected_stays_open() {
    let faye = Faye::start(SHORT);
    let mut socket = Socket::open(&faye);
    assert_done(&socket.ask(&handshake())[0]);
    wait_for_expired(&faye, 1);
    assert_done(&socket.ask(&handshake())[0]);
}

#[test]
fn a_stream_ends_when_its_session_expires() {
    let faye = Faye::start(SHORT);
    let client = faye.client();
    let mut stream = Stream::open(&faye, &client);
    assert_done(&faye.ask(&connect(&client, "eventsource")));
    assert_eq!(stream.part(), Part::End);
    wait_for_expired(&faye, 1);
}

/// As `SHORT`, with pings that come more often than a session expires.
const PINGED: &[(&str, &str)] = &[("FAYE_SERVER__TIMEOUT", "1s"), ("FAYE_EVENTSOURCE__PING", "200ms")];

#[test]
fn a_stream_that_takes_its_pings_keeps_its_session_without_connects() {
    let faye = Faye::start(PINGED);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut stream = Stream::open(&faye, &session.id);
    assert_done(&faye.ask(&connect(&session.id, "eventsource")));
    std::thread::scope(|scope| {
        let reading = scope.spawn(|| stream.message());
        // Others come and expire during that time.
        for number in 1..=3 {
            faye.client();
            wait_for_expired(&faye, number);
        }
        faye.publish("/a", "still here");
        assert_eq!(data(&[reading.join().expect("a message")]), ["still here"]);
    });
    assert_done(&faye.ask(&connect(&session.id, "eventsource")));
    // Its client goes, and nothing keeps the session any more.
    drop(stream);
    wait_for_expired(&faye, 4);
    faye.wait_for_metric("faye_sessions", |now| now == 0);
}

#[test]
fn a_stream_keeps_no_session_that_has_never_connected() {
    let faye = Faye::start(PINGED);
    let client = faye.client();
    let mut stream = Stream::open(&faye, &client);
    while stream.part() != Part::End {}
    wait_for_expired(&faye, 1);
}

#[test]
fn a_stream_that_another_one_has_replaced_keeps_no_session() {
    let faye = Faye::start(PINGED);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut first = Stream::open(&faye, &session.id);
    drop(Stream::open(&faye, &session.id));
    assert_eq!(first.part_but_comments(), Part::End);
    wait_for_expired(&faye, 1);
}

#[test]
fn a_stream_whose_reader_stopped_reading_keeps_no_session() {
    let faye = Faye::start(&[PINGED, &[("FAYE_MAILBOX__BYTES", "256MiB")]].concat());
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let _stream = Stream::open(&faye, &session.id);
    assert_done(&faye.ask(&connect(&session.id, "eventsource")));
    drop(session);
    // More than the system takes for a reader that does not read.
    let large = "x".repeat(500_000);
    for _ in 0..40 {
        faye.publish("/a", large.as_str());
    }
    wait_for_expired(&faye, 1);
    faye.wait_for_metric("faye_eventsource_streams", |now| now == 0);
}

#[test]
fn a_poll_whose_peer_has_gone_keeps_no_session() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "1s")]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut poll = faye.http();
    poll.send_json(&faye.mount, &connect(&session.id, "long-polling"));
    faye.wait_for_polls(1);
    drop(poll);
    wait_for_expired(&faye, 1);
    faye.wait_for_polls(0);
    faye.wait_for_metric("faye_subscriptions", |now| now == 0);
}

#[test]
fn a_client_that_asks_to_be_held_for_ever_is_not() {
    let faye = Faye::start(SHORT);
    let session = Session::begin(&faye, Via::Polling);
    for timeout in [json!(1e300), json!("1e300"), json!(4_000_000_000u64)] {
        let mut message = connect(&session.id, "long-polling");
        message["advice"] = json!({"timeout": timeout});
        assert_done(&faye.ask(&message));
    }
}

#[test]
fn many_sessions_expire_and_leave_nothing() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "2s")]);
    let handshakes = vec![handshake(); 1000];
    for reply in faye.post(&json!(handshakes)) {
        let client = reply["clientId"].as_str().expect("an identifier").to_owned();
        faye.post(&subscribe(&client, json!(["/all", format!("/own/{client}"), "/all/*"])));
    }
    wait_for_expired(&faye, 1000);
    faye.wait_for_metric("faye_sessions", |now| now == 0);
    faye.wait_for_metric("faye_subscriptions", |now| now == 0);
    let deliveries = faye.metric("faye_deliveries_total");
    faye.publish("/all", 1);
    assert_eq!(faye.metric("faye_deliveries_total"), deliveries);
}
