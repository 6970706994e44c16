//! A server that is told to stop answers what it holds, closes what is open, and ends well.

use std::net::TcpStream;

use crate::support::*;

/// Waits until the server refuses connections.
fn wait_for_refusal(faye: &Faye) {
    let begin = tokio::time::Instant::now();
    while TcpStream::connect(faye.listens).is_ok() {
        assert!(begin.elapsed() < WATCHDOG, "connections are still accepted");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// A request whose body is not whole yet, and what is missing of it.
fn half_a_request(faye: &Faye) -> (Http, &'static [u8]) {
    let mut request = faye.http();
    let body = br#"[{"channel":"/a","data":1}]"#;
    let head = format!("POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", faye.mount, body.len());
    let (first, rest) = body.split_at(5);
    request.send_raw(&[head.as_bytes(), first].concat());
    (request, rest)
}

const LONG: &[(&str, &str)] = &[
    ("FAYE_SERVER__TIMEOUT", "10m"),
    ("FAYE_SERVER__DRAIN_TIMEOUT", "10m"),
    ("FAYE_LIMITS__BODY_TIME", "10m"),
    ("FAYE_LIMITS__HEADER_TIME", "10m"),
];

#[test]
fn everything_that_is_open_is_ended_in_its_own_way() {
    let mut faye = Faye::start(LONG);
    let polling = Session::begin(&faye, Via::Polling);
    let mut poll = faye.http();
    poll.send_json(&faye.mount, &connect(&polling.id, "long-polling"));
    let streaming = Session::begin(&faye, Via::Polling);
    let mut stream = Stream::open(&faye, &streaming.id);
    let client = faye.client();
    let mut socket = Socket::open(&faye);
    assert_done(&socket.ask(&connect(&client, "websocket"))[0]);
    socket.send(&connect(&client, "websocket"));
    let mut unbound = Socket::open(&faye);
    let mut idle = faye.http();
    assert_eq!(idle.request("GET", "/healthz", &[], b"").status, 200);
    faye.wait_for_polls(2);

    faye.terminate();
    let answer = poll.response().messages();
    assert_eq!(answer.len(), 1, "{answer:?}");
    assert_done(&answer[0]);
    let answer = socket.messages();
    assert_eq!(answer[0]["channel"], "/meta/connect");
    assert_done(&answer[0]);
    assert_eq!(socket.frame(), Frame::Close(1000, String::new()));
    assert_eq!(unbound.frame(), Frame::Close(1000, String::new()));
    assert_eq!(stream.part(), Part::End);
    idle.wait_for_end();
    poll.wait_for_end();
    wait_for_refusal(&faye);
    drop((socket, unbound));
    assert_eq!(faye.wait(), Some(0));
    assert!(faye.stderr().contains("every connection was closed"), "{}", faye.stderr());
}

#[test]
fn an_idle_server_ends_at_once() {
    let mut faye = Faye::start(LONG);
    faye.terminate();
    assert_eq!(faye.wait(), Some(0));
}

#[test]
fn a_request_that_is_under_way_is_finished() {
    let mut faye = Faye::start(LONG);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut stream = Stream::open(&faye, &session.id);
    let (mut request, rest) = half_a_request(&faye);
    faye.wait_for_metric("faye_connections", |now| now >= 3);
    faye.terminate();
    assert_eq!(stream.part(), Part::End);
    wait_for_refusal(&faye);
    assert!(faye.is_running());
    request.send_raw(rest);
    assert_done(&request.response().messages()[0]);
    request.wait_for_end();
    drop(session);
    assert_eq!(faye.wait(), Some(0));
}

#[test]
fn what_is_accepted_while_the_server_stops_is_delivered() {
    let mut faye = Faye::start(LONG);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut poll = faye.http();
    poll.send_json(&faye.mount, &connect(&session.id, "long-polling"));
    faye.wait_for_polls(1);
    faye.publish("/a", "just before");
    faye.terminate();
    assert_eq!(data(&delivered(&poll.response().messages())), ["just before"]);
    drop(session);
    assert_eq!(faye.wait(), Some(0));
}

#[test]
fn who_does_not_end_is_cut_when_the_time_is_over() {
    let settings = [("FAYE_SERVER__DRAIN_TIMEOUT", "100ms"), ("FAYE_LIMITS__BODY_TIME", "10m")];
    let mut faye = Faye::start(&settings);
    let (mut request, _) = half_a_request(&faye);
    faye.wait_for_metric("faye_connections", |now| now >= 2);
    faye.terminate();
    assert_eq!(faye.wait(), Some(0));
    request.wait_for_end();
    assert!(faye.stderr().contains("were cut"), "{}", faye.stderr());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut faye = Faye::start(LONG);
    let (_request, _) = half_a_request(&faye);
    faye.wait_for_metric("faye_connections", |now| now >= 2);
    faye.terminate();
    wait_for_refusal(&faye);
    assert!(faye.is_running());
    faye.terminate();
    assert_eq!(faye.wait(), Some(1));
}

#[test]
fn a_connection_that_sends_no_request_does_not_hold_it_up() {
    let mut faye = Faye::start(LONG);
    let mut silent = faye.http();
    let mut begun = faye.http();
    begun.send_raw(b"GET /healthz HT");
    faye.wait_for_metric("faye_connections", |now| now >= 3);
    faye.terminate();
    silent.wait_for_end();
    // A request of which something came is one that is under way.
    begun.send_raw(b"TP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(begun.response().status, 200);
    begun.wait_for_end();
    assert_eq!(faye.wait(), Some(0));
}

#[test]
fn who_becomes_a_websocket_or_a_stream_meanwhile_is_ended_too() {
    let mut faye = Faye::start(LONG);
    let begin = |rest: &str| {
        let mut http = faye.http();
        http.send_raw(format!("GET /faye/x HTTP/1.1\r\nHost: x\r\n{rest}").as_bytes());
        http
    };
    let upgrade =
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n";
    let mut upgrading = begin(upgrade);
    let mut streaming = begin("Accept: text/event-stream\r\n");
    let mut witness = faye.http();
    faye.wait_for_metric("faye_connections", |now| now >= 4);
    faye.terminate();
    // It has heard of the stop, and so have the others.
    witness.wait_for_end();
    for http in [&mut upgrading, &mut streaming] {
        http.send_raw(b"\r\n");
    }
    assert_eq!(upgrading.response().status, 101);
    assert_eq!(Socket::over(upgrading).frame(), Frame::Close(1000, String::new()));
    assert_eq!(streaming.head().unwrap().0, 200);
    streaming.wait_for_end();
    assert_eq!(faye.wait(), Some(0));
    assert!(faye.stderr().contains("every connection was closed"), "{}", faye.stderr());
}

#[test]
fn a_stream_that_takes_nothing_does_not_hold_it_up() {
    let settings = [("FAYE_LIMITS__WRITE_TIME", "10m"), ("FAYE_MAILBOX__BYTES", "1GiB")];
    let mut faye = Faye::start(&[LONG, &settings].concat());
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let stream = Stream::open(&faye, &session.id);
    let large = "x".repeat(500_000);
    // More than the system takes: then it waits in the mailbox.
    while faye.metric("faye_deliveries_total") == faye.metric("faye_deliveries_written_total") {
        faye.publish("/a", large.as_str());
    }
    faye.terminate();
    assert_eq!(faye.wait(), Some(0));
    assert!(faye.stderr().contains("every connection was closed"), "{}", faye.stderr());
    drop(stream);
}
