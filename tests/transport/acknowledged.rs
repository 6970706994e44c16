//! Acknowledged delivery (`ext.ack`): a client that does not receive a reply gets its messages again, over every transport.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use crate::support::*;
use serde_json::{Value, json};

const RESENT: &str = "faye_ack_resent_total";
const WRITTEN: &str = "faye_deliveries_written_total";

/// Publishes numbers to `/a`.
fn publish(faye: &Faye, numbers: std::ops::Range<u64>) {
    numbers.for_each(|number| faye.publish("/a", number));
}

#[test]
fn only_the_literal_true_turns_it_on() {
    let faye = Faye::start(&[]);
    for (ext, is_on) in [
        (json!({"ack": true}), true),
        (json!({"ack": true, "other": [1]}), true),
        (json!({"ack": 1}), false),
        (json!({"ack": "true"}), false),
        (json!({"ack": false}), false),
        (json!({"other": {"ack": true}}), false),
        (json!([true]), false),
        (Value::Null, false),
    ] {
        let mut message = handshake();
        message["ext"] = ext.clone();
        let reply = faye.ask(&message);
        assert_done(&reply);
        assert_eq!(reply.get("ext"), is_on.then(|| json!({"ack": true})).as_ref(), "{ext}: {reply}");
        let id = reply["clientId"].as_str().unwrap();
        let reply = faye.ask(&acking(connect_now(id, "long-polling"), 0));
        assert_eq!(reply.get("ext"), is_on.then(|| json!({"ack": 1})).as_ref(), "{ext}: {reply}");
    }
    let mut refused = acked_handshake();
    refused["supportedConnectionTypes"] = json!(["pigeon"]);
    assert!(faye.ask(&refused).get("ext").is_none());
}

#[test]
fn a_lost_reply_is_repeated_over_every_transport() {
    for via in Via::ALL {
        let faye = Faye::start(&[("FAYE_EVENTSOURCE__PING", "100ms")]);
        let mut client = Acked::subscribed(&faye, via, "/a");
        client.send_connect();
        faye.wait_for_polls(1);
        // A stream does not take the place of the connect.
        let mut stream = (via == Via::EventSource).then(|| Stream::open(&faye, &client.id));
        publish(&faye, 0..1);
        faye.wait_for_metric(WRITTEN, |now| now == 1);
        // The reply is lost, and the client does not know.
        client.reopen(&faye);
        publish(&faye, 1..3);
        assert_eq!(client.poll(), [0, 1, 2], "{via:?}");
        assert_eq!(client.number, 3, "{via:?}");
        client.send_connect();
        faye.wait_for_polls(1);
        publish(&faye, 3..4);
        assert_eq!(client.receive(), [3], "{via:?}");
        assert!(client.poll_now().is_empty(), "{via:?}");
        assert_eq!((faye.metric(RESENT), faye.metric(WRITTEN)), (1, 4), "{via:?}");
        if let Some(stream) = &mut stream {
            assert_done(&faye.ask(&json!({"channel": "/meta/disconnect", "clientId": client.id})));
            assert_eq!(stream.message_or_cut(), None, "a stream brings no messages");
        }
    }
}

#[test]
fn a_client_that_acknowledges_nothing_gets_the_same_messages() {
    for via in [Via::Polling, Via::WebSocket] {
        let faye = Faye::start(&[]);
        let mut client = Acked::subscribed(&faye, via, "/a");
        publish(&faye, 0..2);
        for count in 1..6 {
            client.number = 0;
            assert_eq!(client.poll(), [0, 1], "{via:?}");
            assert_eq!(faye.metric(RESENT), (count - 1) * 2);
        }
        // A number that no reply had, and one that the server has forgotten.
        for number in [7_000_000, 1] {
            client.number = number;
            client.send_connect();
            let answer = client.answer().unwrap();
            assert_eq!(data(&delivered(&answer)), [0, 1], "{via:?}");
            client.number = answer[2]["ext"]["ack"].as_u64().unwrap();
        }
        assert!(client.number > 7_000_000);
        assert!(client.poll_now().is_empty());
    }
}

#[test]
fn an_empty_reply_does_not_acknowledge_a_lost_one() {
    let faye = Faye::start(&[]);
    let mut client = Acked::subscribed(&faye, Via::Polling, "/a");
    publish(&faye, 0..1);
    // Three replies are lost, so that the fourth one comes without the message, or a second later.
    for count in 1..4 {
        client.send_connect();
        faye.wait_for_metric(WRITTEN, |now| now == 1);
        faye.wait_for_metric(RESENT, |now| now == count - 1);
        client.reopen(&faye);
    }
    let mut received = Vec::new();
    while received.is_empty() {
        received = client.poll_now();
    }
    assert_eq!(received, [0]);
    assert!(client.poll_now().is_empty());
}

#[test]
fn a_superseded_connect_is_answered_without_messages_and_without_a_number() {
    let faye = Faye::start(&[]);
    for via in [Via::Polling, Via::WebSocket] {
        let mut client = Acked::subscribed(&faye, via, "/a");
        client.send_connect();
        faye.wait_for_polls(1);
        let mut other = faye.http();
        other.send_json(&faye.mount, &client.connect());
        let superseded = client.answer().unwrap();
        assert_eq!(superseded.len(), 1);
        assert_done(&superseded[0]);
        assert!(superseded[0].get("ext").is_none(), "{superseded:?}");
        publish(&faye, 0..1);
        let answer = other.response().messages();
        assert_eq!(client.keep(answer), [0], "{via:?}");
        assert!(client.poll_now().is_empty());
    }
    // On the same WebSocket.
    let mut client = Acked::subscribed(&faye, Via::WebSocket, "/a");
    client.send_connect();
    client.send_connect();
    let superseded = client.answer().unwrap();
    assert!(superseded.len() == 1 && superseded[0].get("ext").is_none(), "{superseded:?}");
    publish(&faye, 0..1);
    assert_eq!(client.receive(), [0]);
}

#[test]
fn a_connect_in_a_batch_brings_messages_before_its_reply() {
    let faye = Faye::start(&[]);
    for via in [Via::Polling, Via::Form, Via::WebSocket] {
        let mut client = Acked::subscribed(&faye, via, "/a");
        for round in 0..2 {
            let mut own = publication("/a", round);
            own["clientId"] = json!(client.id);
            own["id"] = json!("own");
            client.send(&json!([client.connect(), own]));
            let mut answer = client.answer().unwrap();
            let reply = answer.remove(0);
            assert_done(&reply);
            assert_eq!(reply["id"], "own", "{via:?}");
            assert_eq!(client.keep(answer), [round], "{via:?}");
        }
    }
}

#[test]
fn a_connect_without_a_number_waits_for_new_messages() {
    let faye = Faye::start(&[]);
    for via in [Via::Polling, Via::WebSocket] {
        let mut client = Acked::subscribed(&faye, via, "/a");
        publish(&faye, 0..1);
        assert_eq!(client.poll(), [0], "{via:?}");
        client.send(&connect(&client.id, via.name()));
        faye.wait_for_polls(1);
        publish(&faye, 1..2);
        assert_eq!(client.receive(), [0, 1], "{via:?}");
        assert!(client.poll_now().is_empty());
    }
}

#[test]
fn messages_are_dropped_once_when_the_mailbox_is_full() {
    let faye = Faye::start(&[("FAYE_MAILBOX__MESSAGES", "3"), ("FAYE_MAILBOX__OVERFLOW", "drop-oldest")]);
    let mut client = Acked::subscribed(&faye, Via::Polling, "/a");
    publish(&faye, 0..3);
    assert_eq!(client.poll(), [0, 1, 2]);
    publish(&faye, 3..5);
    assert_eq!(faye.metric("faye_mailbox_dropped_total"), 2);
    assert_eq!(client.poll(), [3, 4], "2 is acknowledged, 0 and 1 were dropped");
    publish(&faye, 5..9);
    assert_eq!(client.poll(), [6, 7, 8]);
    assert!(client.poll_now().is_empty());
}

#[test]
fn unacknowledged_messages_count_against_the_mailbox() {
    let faye = Faye::start(&[("FAYE_MAILBOX__MESSAGES", "3")]);
    let mut client = Acked::subscribed(&faye, Via::WebSocket, "/a");
    publish(&faye, 0..3);
    assert_eq!(client.poll(), [0, 1, 2]);
    publish(&faye, 3..4);
    faye.wait_for_metric("faye_mailbox_disconnects_total", |now| now == 1);
}

#[test]
fn a_client_without_it_gets_each_message_once() {
    let faye = Faye::start(&[]);
    let mut plain = Session::subscribed(&faye, Via::Polling, "/a");
    let mut acked = Acked::subscribed(&faye, Via::Polling, "/a");
    publish(&faye, 0..3);
    assert_eq!(plain.take(3), [0, 1, 2]);
    acked.number = 0;
    assert_eq!((acked.poll(), acked.poll_now()), (vec![json!(0), json!(1), json!(2)], Vec::new()));
}

/// A proxy whose connections end after some bytes for the client.
fn cut(target: SocketAddr, bytes: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, server) = (client.unwrap(), TcpStream::connect(target).unwrap());
            let (mut input, mut output) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut input, &mut output);
                let _ = output.shutdown(Shutdown::Both);
            });
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut (&server).take(bytes as u64), &mut client);
                let _ = client.flush();
                let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
            });
        }
    });
    address
}

/// The answer to a request; `None` if the connection ends within it.
fn whole(mut http: Http) -> Option<Vec<Value>> {
    let (_, headers) = http.head()?;
    let length =
        headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("Content-Length"))?.1.parse().ok()?;
    let mut body = vec![0; length];
    http.into_reader().read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

#[test]
fn a_backlog_arrives_over_a_connection_that_is_cut_again_and_again() {
    let count = 100;
    for via in [Via::Polling, Via::WebSocket] {
        let faye = Faye::start(&[]);
        let mut client = Acked::subscribed(&faye, via, "/a");
        for number in 0..count {
            faye.publish("/a", json!([number, "x".repeat(10_000)]));
        }
        let url = faye.url();
        let address = url["http://".len()..].split('/').next().unwrap().parse().unwrap();
        let proxy = cut(address, 200_000);
        let mut received = Vec::new();
        let mut cuts = 0;
        while received.len() < count {
            let mut http = Http::open(proxy);
            let mut answers = Vec::new();
            if via == Via::Polling {
                http.send_json(&faye.mount, &client.connect());
                answers.extend(whole(http));
            } else {
                let response = http.request("GET", &faye.mount, &UPGRADE, b"");
                assert_eq!(response.status, 101);
                let mut socket = Socket::over(http);
                loop {
                    socket.send(&client.connect());
                    let Some(answer) = socket.messages_or_end() else { break };
                    answers.push(answer.clone());
                    received.extend(client.keep(answer).iter().map(|data| data[0].as_u64().unwrap()));
                    if received.len() >= count {
                        break;
                    }
                }
            }
            cuts += usize::from(answers.is_empty());
            if via == Via::Polling {
                for answer in answers {
                    received.extend(client.keep(answer).iter().map(|data| data[0].as_u64().unwrap()));
                }
            }
        }
        assert!(cuts > 0, "{via:?}: the connection was never cut");
        assert_eq!(received, (0..count as u64).collect::<Vec<_>>(), "{via:?}: each once, in order");
    }
}
