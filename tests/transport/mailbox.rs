//! What waits for a session is lost by no transport that fails, and is bounded.

use crate::support::*;
use serde_json::{Value, json};

/// What a next connect brings.
fn fetch(faye: &Faye, client: &str) -> Vec<Value> {
    let answer = faye.post(&connect_now(client, "long-polling"));
    answer.iter().filter(|message| message.get("successful").is_some()).for_each(assert_done);
    data(&delivered(&answer))
}

#[test]
fn a_poll_whose_peer_has_gone_swallows_nothing() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "10m")]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    for round in 0..20 {
        let mut poll = faye.http();
        poll.send_json(&faye.mount, &connect(&session.id, "long-polling"));
        faye.wait_for_polls(1);
        poll.close();
        faye.wait_for_polls(0);
        faye.publish("/a", format!("{round} a"));
        faye.publish("/a", format!("{round} b"));
        assert_eq!(fetch(&faye, &session.id), [format!("{round} a"), format!("{round} b")]);
    }
    assert!(fetch(&faye, &session.id).is_empty(), "nothing comes twice");
}

#[test]
fn a_poll_that_goes_just_before_the_publication_swallows_nothing() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "10m")]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut publisher = faye.http();
    for round in 0..50 {
        let mut poll = faye.http();
        poll.send_json(&faye.mount, &connect(&session.id, "long-polling"));
        faye.wait_for_polls(1);
        poll.close();
        publisher.post(&faye.mount, &publication("/a", round));
        faye.wait_for_polls(0);
        // Held, for the messages may be on their way back from the poll that has gone.
        let got = delivered(&faye.post(&connect(&session.id, "long-polling")));
        assert_eq!(got, [publication("/a", round)]);
    }
}

#[test]
fn a_poll_whose_client_sent_very_much_behind_it_and_went_swallows_nothing() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "10m")]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut poll = faye.http();
    poll.send_json(&faye.mount, &connect(&session.id, "long-polling"));
    faye.wait_for_polls(1);
    // As long as the server reads on, it sees the end.
    poll.send_raw(&vec![b'x'; 40_000]);
    drop(poll);
    faye.wait_for_polls(0);
    faye.publish("/a", "kept");
    assert_eq!(fetch(&faye, &session.id), ["kept"]);
}

#[test]
fn what_waits_survives_every_change_of_transport() {
    let faye = Faye::start(&[]);
    let mut session = Session::subscribed(&faye, Via::Polling, "/a");
    for from in Via::ALL {
        for to in Via::ALL {
            session.switch(&faye, from);
            session.leave(&faye);
            (0..7).for_each(|number| faye.publish("/a", number));
            session.switch(&faye, to);
            assert_eq!(session.take(7), (0..7).collect::<Vec<_>>(), "from {from:?} to {to:?}");
        }
    }
}

/// Bounds of a mailbox that takes all that the tests below publish.
const ROOMY: (&str, &str) = ("FAYE_MAILBOX__BYTES", "256MiB");
/// More than what the system buffers for a connection: so many messages, of so many bytes.
const MANY: usize = 300;
const LARGE: usize = 100_000;

fn publish_many(faye: &Faye, channel: &str) {
    let mut publisher = faye.http();
    for number in 0..MANY {
        let data = json!([number, "x".repeat(LARGE)]);
        assert_done(&publisher.post(&faye.mount, &publication(channel, data))[0]);
    }
}

/// The numbers of the messages that `publish_many` published.
fn numbers(messages: &[Value]) -> Vec<usize> {
    messages.iter().map(|message| message["data"][0].as_u64().expect("a number") as usize).collect()
}

/// The numbers of all messages that came whole over a WebSocket before it ended.
fn numbers_up_to_the_end(socket: &mut Socket) -> Vec<usize> {
    let mut whole = Vec::new();
    loop {
        match socket.frame() {
            Frame::Text(text) => {
                let messages: Vec<Value> = serde_json::from_str(&text).expect("JSON");
                whole.extend(numbers(&delivered(&messages)));
            }
            Frame::Ping(_) => {}
            Frame::End => return whole,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_message_that_was_cut_in_the_middle_of_its_frame_comes_again() {
    let faye = Faye::start(&[ROOMY]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    publish_many(&faye, "/a");
    // The server cannot have written everything, for nothing was read. It is told that we send no more, and so cuts
    // the connection; what it wrote comes to us, up to the middle of a frame.
    session.socket().stream().shutdown(std::net::Shutdown::Write).expect("an open connection");
    let mut got = numbers_up_to_the_end(session.socket());
    assert!(got.len() < MANY, "the system buffers too much for this test");
    faye.wait_for_metric("faye_websockets", |now| now == 0);
    assert!(faye.metric("faye_deliveries_requeued_total") > 0);
    assert_eq!(faye.metric("faye_deliveries_written_total"), got.len() as u64);
    got.extend(numbers(&delivered(&faye.post(&connect_now(&session.id, "long-polling")))));
    assert_eq!(got, (0..MANY).collect::<Vec<_>>(), "each once, in order");
}

#[test]
fn a_new_transport_gets_at_once_what_a_stuck_websocket_could_not_write() {
    let faye = Faye::start(&[ROOMY, ("FAYE_LIMITS__WRITE_TIME", "1h")]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    publish_many(&faye, "/a");
    let rest = numbers(&delivered(&faye.post(&connect_now(&session.id, "long-polling"))));
    let mut got = numbers_up_to_the_end(session.socket());
    assert!(got.len() < MANY, "the system buffers too much for this test");
    got.extend(rest);
    assert_eq!(got, (0..MANY).collect::<Vec<_>>(), "each once, in order");
}

#[test]
fn a_poll_that_broke_off_within_its_answer_gives_its_messages_back() {
    let faye = Faye::start(&[ROOMY]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    publish_many(&faye, "/a");
    let mut poll = faye.http();
    poll.send_json(&faye.mount, &connect(&session.id, "long-polling"));
    // The answer has begun and cannot have been written whole, for nothing more is read.
    poll.wait_for_byte();
    drop(poll);
    let got = numbers(&delivered(&faye.post(&connect(&session.id, "long-polling"))));
    assert_eq!(got, (0..MANY).collect::<Vec<_>>());
    assert!(faye.metric("faye_deliveries_requeued_total") > 0);
}

#[test]
fn a_new_poll_gets_at_once_what_a_stuck_one_could_not_write() {
    let faye = Faye::start(&[ROOMY]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    publish_many(&faye, "/a");
    let mut poll = faye.http();
    poll.send_json(&faye.mount, &connect(&session.id, "long-polling"));
    poll.wait_for_byte();
    let got = numbers(&delivered(&faye.post(&connect(&session.id, "long-polling"))));
    assert_eq!(got, (0..MANY).collect::<Vec<_>>());
}

#[test]
fn a_stream_that_broke_off_gives_its_messages_back() {
    let faye = Faye::start(&[ROOMY]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let stream = Stream::open(&faye, &session.id);
    publish_many(&faye, "/a");
    drop(stream);
    let got = numbers(&delivered(&faye.post(&connect(&session.id, "long-polling"))));
    assert_eq!(got.last(), Some(&(MANY - 1)));
    assert!(got.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{got:?}");
}

#[test]
fn a_new_transport_gets_at_once_what_a_stuck_stream_could_not_write() {
    let faye = Faye::start(&[ROOMY]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut stream = Stream::open(&faye, &session.id);
    publish_many(&faye, "/a");
    let rest = numbers(&delivered(&faye.post(&connect(&session.id, "long-polling"))));
    let mut got = Vec::new();
    while let Some(message) = stream.message_or_cut() {
        got.extend(numbers(&[message]));
    }
    assert!(got.len() < MANY, "the system buffers too much for this test");
    got.extend(rest);
    assert_eq!(got, (0..MANY).collect::<Vec<_>>(), "each once, in order");
}

#[test]
fn a_reader_that_is_too_slow_delays_nobody_and_is_cut_with_its_messages_kept() {
    let faye = Faye::start(&[ROOMY, ("FAYE_LIMITS__WRITE_TIME", "3s")]);
    let mut slow = Session::subscribed(&faye, Via::WebSocket, "/a");
    let mut quick = Session::subscribed(&faye, Via::WebSocket, "/a");
    let got = std::thread::scope(|scope| {
        let reading = scope.spawn(|| (0..MANY).map(|_| quick.next()).collect::<Vec<_>>());
        publish_many(&faye, "/a");
        reading.join().expect("the quick reader got everything")
    });
    assert_eq!(numbers(&got), (0..MANY).collect::<Vec<_>>());
    faye.wait_for_metric("faye_write_timeouts_total", |now| now == 1);
    faye.wait_for_metric("faye_websockets", |now| now == 1);
    let mut got = numbers_up_to_the_end(slow.socket());
    got.extend(numbers(&delivered(&faye.post(&connect_now(&slow.id, "long-polling")))));
    assert_eq!(got, (0..MANY).collect::<Vec<_>>(), "each once, in order");
}

#[test]
fn a_slow_stream_gets_everything_in_the_end() {
    let faye = Faye::start(&[ROOMY]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut stream = Stream::open(&faye, &session.id);
    publish_many(&faye, "/a");
    let got: Vec<Value> = (0..MANY).map(|_| stream.message()).collect();
    assert_eq!(numbers(&got), (0..MANY).collect::<Vec<_>>());
}

#[test]
fn a_client_that_takes_no_replies_is_not_read_from_and_is_cut() {
    let faye = Faye::start(&[("FAYE_LIMITS__WRITE_TIME", "300ms")]);
    let mut socket = Socket::open(&faye);
    let batch = json!(vec![json!({"channel": "x".repeat(1000), "data": 1}); 500]);
    while faye.metric("faye_write_timeouts_total") == 0 {
        socket.send(&batch);
    }
    faye.wait_for_metric("faye_websockets", |now| now == 0);
    faye.assert_serves();
}

#[test]
fn an_answer_that_is_not_taken_ends_with_its_session() {
    let faye = Faye::start(&[ROOMY, ("FAYE_SERVER__TIMEOUT", "5s")]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    publish_many(&faye, "/a");
    let mut poll = faye.http();
    poll.send_json(&faye.mount, &connect(&session.id, "long-polling"));
    poll.wait_for_byte();
    // Its own connection would count too, until it has been idle for long.
    drop(session);
    faye.wait_for_metric("faye_sessions", |now| now == 0);
    faye.wait_for_metric("faye_connections", |now| now == 1);
}

#[test]
fn a_stream_that_is_not_taken_ends_with_its_session() {
    let faye = Faye::start(&[ROOMY, ("FAYE_SERVER__TIMEOUT", "5s")]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let _stream = Stream::open(&faye, &session.id);
    publish_many(&faye, "/a");
    drop(session);
    faye.wait_for_metric("faye_sessions", |now| now == 0);
    faye.wait_for_metric("faye_connections", |now| now == 1);
}

#[test]
fn an_answer_that_is_not_taken_in_time_is_cut_and_its_messages_wait() {
    let faye = Faye::start(&[ROOMY, ("FAYE_SERVER__TIMEOUT", "10m"), ("FAYE_LIMITS__WRITE_TIME", "1s")]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    publish_many(&faye, "/a");
    let mut poll = faye.http();
    poll.send_json(&faye.mount, &connect(&session.id, "long-polling"));
    poll.wait_for_byte();
    faye.wait_for_metric("faye_write_timeouts_total", |now| now == 1);
    let got = delivered(&faye.post(&connect(&session.id, "long-polling")));
    assert_eq!(numbers(&got), (0..MANY).collect::<Vec<_>>());
}
