//! When extensions see what leaves: the reply to a held connect when it leaves, not when its request comes; and the request
//! that they are shown.

use crate::support::scripts::start;
use crate::support::*;
use serde_json::{Value, json};

/// No connect is answered because its time is over, unless it asks for that.
const LONG: &[(&str, &str)] = &[("FAYE_SERVER__TIMEOUT", "10m"), ("FAYE_SERVER__DRAIN_TIMEOUT", "10m")];

/// A connect that is held.
enum HeldConnect {
    Http(Http),
    Script(Http),
    Socket(Socket),
}

impl HeldConnect {
    /// Sends a connect, and waits until it is held beside so many others, unless it asks for a time of its own.
    #[track_caller]
    fn send(faye: &Faye, via: Via, mut message: Value, others: u64) -> Self {
        message["id"] = json!("held");
        message["connectionType"] = json!(via.name());
        let (mount, text) = (&faye.mount, message.to_string());
        let mut http = faye.http();
        let held = match via {
            Via::Polling => {
                http.send_json(mount, &message);
                Self::Http(http)
            }
            // A connect of the type eventsource is never held: this client polls beside its stream.
            Via::EventSource => {
                message["connectionType"] = json!("long-polling");
                http.send_json(mount, &message);
                Self::Http(http)
            }
            Via::Form => {
                http.send("POST", mount, &[], encode(&[("message", &text)]).as_bytes());
                Self::Http(http)
            }
            Via::Jsonp => {
                let query = encode(&[("message", &text), ("jsonp", "callback")]);
                http.send("GET", &format!("{mount}?{query}"), &[], b"");
                Self::Script(http)
            }
            Via::WebSocket => {
                let mut socket = Socket::open(faye);
                socket.send(&message);
                Self::Socket(socket)
            }
        };
        if message.get("advice").is_none() {
            faye.wait_for_polls(others + 1);
        }
        held
    }

    /// The messages of the answer, up to the reply to the connect.
    #[track_caller]
    fn answer(&mut self) -> Vec<Value> {
        match self {
            Self::Http(http) => http.response().messages(),
            Self::Script(http) => {
                let text = http.response().text();
                let inner = text.strip_prefix("/**/callback(").and_then(|rest| rest.strip_suffix(");"));
                serde_json::from_str(inner.unwrap_or_else(|| panic!("no script: {text}"))).expect("JSON")
            }
            Self::Socket(socket) => {
                let mut all = Vec::new();
                while !all.iter().any(|message: &Value| message["channel"] == "/meta/connect") {
                    all.extend(socket.messages());
                }
                all
            }
        }
    }

    /// The reply to the connect.
    #[track_caller]
    fn reply(&mut self) -> Value {
        let answer = self.answer();
        let reply = answer.iter().find(|message| message["channel"] == "/meta/connect");
        reply.unwrap_or_else(|| panic!("no reply: {answer:?}")).clone()
    }
}

/// A client whose first connect is answered, subscribed to `/mark`; an EventSource stream is open.
fn client(faye: &Faye, via: Via) -> (String, Option<Stream>) {
    let id = faye.client();
    assert_done(&faye.ask(&connect(&id, "long-polling")));
    assert_done(&faye.ask(&subscribe(&id, "/mark")));
    let stream = (via == Via::EventSource).then(|| Stream::open(faye, &id));
    (id, stream)
}

#[test]
fn outgoing_sees_the_reply_to_a_held_connect_when_messages_end_it() {
    let faye = start(&["stamp.js"], "", LONG);
    for (marks, via) in (1..).zip([Via::Polling, Via::Form, Via::Jsonp, Via::EventSource]) {
        let (id, _stream) = client(&faye, via);
        let mut held = HeldConnect::send(&faye, via, connect(&id, ""), 0);
        faye.publish("/mark", via.name());
        let answer = held.answer();
        assert_done(&answer[0]);
        assert_eq!(answer[0]["ext"]["marks"], marks, "{via:?}: {answer:?}");
        assert_eq!(data(&answer[1..]), [via.name()], "{via:?}");
        faye.wait_for_polls(0);
    }
    assert_eq!(faye.metric("faye_deliveries_requeued_total"), 0);
}

#[test]
fn outgoing_sees_the_reply_to_a_held_connect_when_its_time_is_over() {
    let faye = start(&["stamp.js"], "", LONG);
    for via in Via::ALL {
        let (id, _stream) = client(&faye, via);
        let mut message = connect(&id, "");
        message["advice"] = json!({"timeout": 1000});
        let mut held = HeldConnect::send(&faye, via, message, 0);
        let reply = held.reply();
        assert_done(&reply);
        assert!(reply["ext"]["held"].as_i64().is_some_and(|held| held >= 900), "{via:?}: {reply}");
        faye.wait_for_polls(0);
    }
}

#[test]
fn outgoing_sees_the_reply_to_a_held_connect_when_another_transport_takes_over() {
    let faye = start(&["stamp.js"], "", LONG);
    let mut marks = 0;
    for via in Via::ALL {
        for next in [Via::Polling, Via::WebSocket] {
            let (id, _stream) = client(&faye, via);
            let mut held = HeldConnect::send(&faye, via, connect(&id, ""), 0);
            faye.publish("/mark", "x");
            marks += 1;
            if via != Via::WebSocket {
                // The message has ended it.
                assert_eq!(held.reply()["ext"]["marks"], marks);
                held = HeldConnect::send(&faye, via, connect(&id, ""), 0);
                // Not for this session.
                assert_done(
                    &faye.ask(
                        &json!({"channel": "/meta/unsubscribe", "clientId": id, "subscription": "/mark"}),
                    ),
                );
                faye.publish("/mark", "y");
                marks += 1;
            }
            let mut other = HeldConnect::send(&faye, next, connect(&id, ""), 0);
            let reply = held.reply();
            assert_done(&reply);
            assert_eq!(reply["ext"]["marks"], marks, "{via:?}, {next:?}: {reply}");
            assert_done(&faye.ask(&json!({"channel": "/meta/disconnect", "clientId": id})));
            assert_done(&other.reply());
            faye.wait_for_polls(0);
        }
    }
}

#[test]
fn outgoing_sees_the_reply_to_a_held_connect_when_the_session_ends_or_the_server_drains() {
    let mut faye = start(&["stamp.js"], "", LONG);
    for (marks, via) in (1..).zip(Via::ALL) {
        let (id, _stream) = client(&faye, via);
        assert_done(
            &faye.ask(&json!({"channel": "/meta/unsubscribe", "clientId": id, "subscription": "/mark"})),
        );
        let mut held = HeldConnect::send(&faye, via, connect(&id, ""), 0);
        faye.publish("/mark", "x");
        assert_done(&faye.ask(&json!({"channel": "/meta/disconnect", "clientId": id})));
        let reply = held.reply();
        assert_done(&reply);
        assert_eq!(reply["ext"]["marks"], marks, "{via:?}: {reply}");
        faye.wait_for_polls(0);
    }
    let mut all = Vec::new();
    for (others, via) in (0..).zip(Via::ALL) {
        let (id, stream) = client(&faye, via);
        assert_done(
            &faye.ask(&json!({"channel": "/meta/unsubscribe", "clientId": id, "subscription": "/mark"})),
        );
        all.push((HeldConnect::send(&faye, via, connect(&id, ""), others), stream, via));
    }
    faye.publish("/mark", "x");
    faye.terminate();
    for (held, _stream, via) in &mut all {
        let reply = held.reply();
        assert_done(&reply);
        assert_eq!(reply["ext"]["marks"], 6, "{via:?}: {reply}");
        if let HeldConnect::Socket(socket) = held {
            assert_eq!(socket.close_code(), Some(1000));
        }
    }
    drop(all);
    assert_eq!(faye.wait(), Some(0), "{}", faye.stderr());
}

#[test]
fn a_second_connect_of_a_websocket_ends_the_first_and_their_replies_keep_their_order() {
    let faye = start(&["stamp.js"], "", LONG);
    let (id, _) = client(&faye, Via::WebSocket);
    let HeldConnect::Socket(mut socket) = HeldConnect::send(&faye, Via::WebSocket, connect(&id, ""), 0)
    else {
        unreachable!()
    };
    faye.publish("/mark", "x");
    let mut second = connect_now(&id, "websocket");
    second["id"] = json!("second");
    socket.send(&second);
    let mut replies = Vec::new();
    while replies.len() < 2 {
        replies.extend(socket.messages().into_iter().filter(|message| message["channel"] == "/meta/connect"));
    }
    assert_eq!([&replies[0]["id"], &replies[1]["id"]], ["held", "second"]);
    assert_eq!(replies[0]["ext"]["marks"], 1, "{replies:?}");
}

#[test]
fn a_disconnect_of_a_websocket_is_answered_behind_the_held_connect() {
    let faye = start(&["stamp.js"], "", LONG);
    let (id, _) = client(&faye, Via::WebSocket);
    let HeldConnect::Socket(mut socket) = HeldConnect::send(&faye, Via::WebSocket, connect(&id, ""), 0)
    else {
        unreachable!()
    };
    assert_done(&faye.ask(&publication("/mark", 0)));
    socket.send(&json!({"channel": "/meta/disconnect", "clientId": id}));
    let mut replies = Vec::new();
    while replies.len() < 2 {
        replies.extend(socket.messages().into_iter().filter(|message| message.get("successful").is_some()));
    }
    assert_eq!([&replies[0]["channel"], &replies[1]["channel"]], ["/meta/connect", "/meta/disconnect"]);
    assert_eq!(replies[0]["ext"]["marks"], 1, "{replies:?}");
    assert_eq!(socket.frame(), Frame::Close(1000, String::new()));
}

#[test]
fn a_held_connect_whose_client_has_gone_is_shown_to_no_extension() {
    let faye = start(&["stamp.js"], "", LONG);
    for via in [Via::Polling, Via::WebSocket] {
        let (id, _) = client(&faye, via);
        let held = HeldConnect::send(&faye, via, connect(&id, ""), 0);
        let calls = faye.metric("faye_extension_calls_total");
        drop(held);
        faye.wait_for_polls(0);
        assert_eq!(faye.metric("faye_extension_calls_total"), calls, "{via:?}");
    }
}

#[test]
fn a_client_that_leaves_while_extensions_see_its_reply_loses_no_message() {
    let faye = start(&["stamp.js"], "timeout = '10m'", LONG);
    for is_proper in [true, false] {
        let (id, _) = client(&faye, Via::WebSocket);
        let calls = faye.metric("faye_extension_calls_total");
        let mut message = connect(&id, "websocket");
        message["id"] = json!("slow");
        message["advice"] = json!({"timeout": 1});
        let mut socket = Socket::open(&faye);
        socket.send(&message);
        // The connect came in, and its reply is with the extension.
        faye.wait_for_metric("faye_extension_calls_total", |now| now == calls + 2);
        if is_proper {
            socket.send_frame(Opcode::Close, true, &1000u16.to_be_bytes());
        } else {
            socket.half_close();
        }
        faye.wait_for_polls(0);
        faye.publish("/mark", "for the next connection");
        let answer = faye.post(&connect_now(&id, "long-polling"));
        assert_eq!(data(&delivered(&answer)), ["for the next connection"], "{is_proper}: {answer:?}");
        faye.publish("/release", 0);
        // The socket ends once its task goes on.
        faye.wait_for_metric("faye_websockets", |now| now == 0);
    }
    faye.assert_serves();
}

#[test]
fn a_publication_shows_a_request_of_the_mount_and_of_no_client() {
    let faye = start(&["tagged.js", "request.js"], "", &[("FAYE_SERVER__MOUNT", "/bayeux")]);
    for via in Via::ALL {
        let mut session = Session::subscribed(&faye, via, "/request");
        session.publish("/request", json!({"hello": "world"}));
        assert_eq!(faye.metric("faye_extension_errors_total"), 0, "{via:?}: {}", faye.stderr());
        let message = session.next();
        assert_eq!(message["data"]["url"], "/bayeux", "{message}");
        let shown = json!({
            "method": "POST", "url": "/bayeux", "originalUrl": "/bayeux", "headers": {}, "address": null, "encrypted": false
        });
        assert_eq!(message["ext"]["request"], shown, "{via:?}");
        session.disconnect();
    }
}

#[test]
fn a_numbered_reply_has_what_an_extension_has_added() {
    let faye = start(&["stamp.js"], "", LONG);
    for via in [Via::Polling, Via::WebSocket] {
        let mut client = Acked::subscribed(&faye, via, "/a");
        for number in 0..3 {
            client.send_connect();
            faye.wait_for_polls(1);
            faye.publish("/a", number);
            let answer = client.answer().unwrap();
            assert!(answer[1]["ext"]["marks"].is_u64(), "{via:?}: {answer:?}");
            assert_eq!(client.keep(answer), [number], "{via:?}");
        }
    }
    // A superseded connect, whose reply passes the extensions, has no messages and no number.
    let mut client = Acked::subscribed(&faye, Via::WebSocket, "/a");
    client.send_connect();
    faye.wait_for_polls(1);
    client.send_connect();
    let superseded = client.answer().unwrap();
    assert!(superseded.len() == 1 && superseded[0]["ext"].get("ack").is_none(), "{superseded:?}");
    faye.publish("/a", 3);
    assert_eq!(client.receive(), [3]);
}
