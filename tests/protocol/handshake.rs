//! A handshake begins a session, over any transport, and nothing else does.

use std::collections::HashSet;

use crate::support::*;
use serde_json::json;

#[test]
fn every_transport_begins_sessions() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "20s"), ("FAYE_SERVER__INTERVAL", "250ms")]);
    let by_post = faye.ask(&handshake());
    let by_socket = Socket::open(&faye).ask(&handshake()).remove(0);
    for reply in [by_post, by_socket] {
        assert_done(&reply);
        assert_eq!(reply["version"], "1.0");
        assert_eq!(reply["advice"], json!({"reconnect": "retry", "interval": 250, "timeout": 20000}));
        let client = reply["clientId"].as_str().expect("an identifier");
        assert_done(&faye.ask(&connect(client, "long-polling")));
    }
    assert_eq!(faye.metric("faye_sessions"), 2);
}

#[test]
fn identifiers_are_all_different() {
    let faye = Faye::start(&[]);
    let many = vec![handshake(); 500];
    let clients: HashSet<String> = faye
        .post(&json!(many))
        .iter()
        .map(|reply| reply["clientId"].as_str().expect("an identifier").to_owned())
        .collect();
    assert_eq!(clients.len(), 500);
    for client in clients {
        let is_right = |byte: u8| byte.is_ascii_digit() || byte.is_ascii_lowercase();
        assert!(client.len() == 31 && client.bytes().all(is_right), "{client}");
    }
    assert_eq!(faye.metric("faye_sessions"), 500);
}

#[test]
fn a_handshake_that_is_refused_begins_none() {
    let faye = Faye::start(&[]);
    let mut without_version = handshake();
    without_version.as_object_mut().expect("an object").remove("version");
    let mut unknown_type = handshake();
    unknown_type["supportedConnectionTypes"] = json!(["carrier-pigeon"]);
    let mut no_types = handshake();
    no_types.as_object_mut().expect("an object").remove("supportedConnectionTypes");
    let mut with_error = handshake();
    with_error["error"] = json!("mine");
    let errors = [
        (without_version, "402:version:Missing required parameter"),
        (unknown_type, "301:carrier-pigeon:Connection types not supported"),
        (no_types, "402:supportedConnectionTypes:Missing required parameter"),
        (with_error, "mine"),
    ];
    for (message, error) in errors {
        let reply = faye.ask(&message);
        assert_eq!(reply["successful"], false, "{reply}");
        assert_eq!(reply["error"], error, "{reply}");
        assert_eq!(reply["clientId"], json!(null), "{reply}");
        assert_eq!(reply["advice"]["reconnect"], "handshake", "{reply}");
    }
    assert_eq!(faye.metric("faye_sessions"), 0);
    assert_eq!(faye.metric("faye_error_replies_total"), 4);
}

#[test]
fn a_second_handshake_leaves_the_first_session_alone() {
    let faye = Faye::start(&[]);
    let mut first = Session::subscribed(&faye, Via::WebSocket, "/a");
    let reply = first.ask(handshake());
    assert_ne!(reply["clientId"], first.id.as_str());
    let mut with_id = handshake();
    with_id["clientId"] = json!(first.id);
    let reply = first.ask(with_id);
    assert_done(&reply);
    assert_ne!(reply["clientId"], first.id.as_str());
    faye.publish("/a", "still here");
    assert_eq!(first.next()["data"], "still here");
}

#[test]
fn a_handshake_does_not_carry_what_comes_with_it() {
    let faye = Faye::start(&[]);
    let answer = faye.post(&json!([handshake(), {"channel": "/meta/subscribe", "subscription": "/a"}]));
    assert_done(&answer[0]);
    assert_eq!(answer[1]["error"], "402:clientId:Missing required parameter");
    assert_eq!(faye.metric("faye_subscriptions"), 0);
}
