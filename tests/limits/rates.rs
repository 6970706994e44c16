//! How often clients may do something, what who is above hears, and whose address counts behind a proxy.

use crate::support::*;
use serde_json::{Value, json};

/// A refusal says for how many milliseconds to wait. That is no interval between connects, so it is not advised.
#[track_caller]
fn assert_too_often(reply: &Value) {
    assert!(wait(reply) > 0, "{reply}");
    assert_eq!(reply.get("advice"), None, "{reply}");
}

/// A handshake or connect that is refused advises to come back at once, or if it is repeated, to wait.
#[track_caller]
fn assert_advised(reply: &Value, reconnect: &str, is_repeated: bool) {
    let wait = wait(reply);
    assert_eq!(reply["advice"]["reconnect"], reconnect, "{reply}");
    let interval = reply["advice"]["interval"].as_u64().unwrap();
    assert!(if is_repeated { interval >= wait } else { interval == 0 }, "{reply}");
}

/// The milliseconds in the error.
#[track_caller]
fn wait(reply: &Value) -> u64 {
    assert_eq!(reply["successful"], false, "{reply}");
    let error = reply["error"].as_str().unwrap();
    let wait = error.strip_prefix("429:").and_then(|rest| rest.strip_suffix(":Too often, wait"));
    wait.unwrap_or_else(|| panic!("{reply}")).parse().unwrap()
}

/// A handshake by way of a proxy.
fn handshake_from(faye: &Faye, address: &str) -> Value {
    let headers = [("Content-Type", "application/json"), ("X-Forwarded-For", address)];
    faye.http()
        .request("POST", &faye.mount, &headers, handshake().to_string().as_bytes())
        .messages()
        .remove(0)
}

#[test]
fn handshakes_of_one_address() {
    let settings = [("FAYE_RATES__HANDSHAKES", "3/h"), ("FAYE_SERVER__TRUSTED_PROXIES", "127.0.0.0/8")];
    let faye = Faye::start(&settings);
    for _ in 0..3 {
        assert_done(&handshake_from(&faye, "192.0.2.1"));
    }
    assert_advised(&handshake_from(&faye, "192.0.2.1"), "handshake", false);
    // Who writes itself in front of the proxy is still who the proxy saw.
    assert_advised(&handshake_from(&faye, "198.51.100.1, 192.0.2.1"), "handshake", true);
    assert_done(&handshake_from(&faye, "192.0.2.2"));
    assert_eq!(faye.metric("faye_refused_total{reason=\"handshakes\"}"), 2);
}

#[test]
fn a_proxy_that_is_not_trusted_is_the_client() {
    let faye =
        Faye::start(&[("FAYE_RATES__HANDSHAKES", "2/h"), ("FAYE_SERVER__TRUSTED_PROXIES", "192.0.2.0/24")]);
    assert_done(&handshake_from(&faye, "192.0.2.1"));
    assert_done(&handshake_from(&faye, "192.0.2.2"));
    assert_advised(&handshake_from(&faye, "192.0.2.3"), "handshake", false);
}

#[test]
fn messages_of_one_session() {
    let faye = Faye::start(&[("FAYE_RATES__MESSAGES", "4/h")]);
    let mut socket = Socket::open(&faye);
    let mut by_websocket = |message: &Value| socket.ask(message).remove(0);
    let mut by_request = |message: &Value| faye.ask(message);
    for ask in [&mut by_websocket as &mut dyn FnMut(&Value) -> Value, &mut by_request] {
        let id = ask(&handshake())["clientId"].as_str().unwrap().to_owned();
        let publish = json!({"channel": "/a", "clientId": id, "data": 1});
        assert_done(&ask(&connect(&id, "websocket")));
        assert_done(&ask(&subscribe(&id, "/b")));
        for _ in 0..2 {
            assert_done(&ask(&publish));
        }
        assert_too_often(&ask(&publish));
        assert_too_often(&ask(&subscribe(&id, "/a")));
        assert_advised(&ask(&connect(&id, "websocket")), "retry", false);
        assert_advised(&ask(&connect(&id, "websocket")), "retry", true);
        // Who is too fast may still leave.
        assert_done(&ask(&json!({"channel": "/meta/unsubscribe", "clientId": id, "subscription": "/b"})));
        assert_done(&ask(&json!({"channel": "/meta/disconnect", "clientId": id})));
    }
    assert_eq!(faye.metric("faye_refused_total{reason=\"messages\"}"), 8);
    faye.publish("/a", "without a session");
}

#[test]
fn publications_by_the_rule_of_their_channel() {
    let rules = "[push]\nsecret = 's3cret'\n[[channel]]\nmatch = '/chat/*'\nrate = '2/h'\n";
    let faye = Faye::start_with_file(rules, &[]);
    let mut one = Session::begin(&faye, Via::WebSocket);
    let mut other = Session::begin(&faye, Via::WebSocket);
    for session in [&mut one, &mut other] {
        session.publish("/chat/a", 1);
        session.publish("/chat/b", 1);
        let message = json!({"channel": "/chat/a", "clientId": session.id.clone(), "data": 1});
        assert_too_often(&session.ask(message));
        session.publish("/elsewhere", 1);
    }
    // Without a session the address counts.
    faye.publish("/chat/a", 1);
    faye.publish("/chat/a", 1);
    assert_too_often(&faye.ask(&publication("/chat/a", 1)));
    for _ in 0..5 {
        let mut message = publication("/chat/a", 1);
        message["ext"] = json!({"password": "s3cret"});
        assert_done(&faye.ask(&message));
    }
    assert_eq!(faye.metric("faye_refused_total{reason=\"publications\"}"), 3);
}

#[test]
fn connections_of_a_trusted_proxy_are_not_counted() {
    let settings =
        [("FAYE_LIMITS__CONNECTIONS_BY_ADDRESS", "1"), ("FAYE_SERVER__TRUSTED_PROXIES", "127.0.0.1")];
    let faye = Faye::start(&settings);
    let connections: Vec<_> = (0..5).map(|_| faye.http()).collect();
    for mut http in connections {
        assert_eq!(http.post(&faye.mount, &handshake()).len(), 1);
    }
}
