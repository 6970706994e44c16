//! An unsubscribe ends exactly the subscription that it names, from its reply on.

use crate::support::*;
use serde_json::{Value, json};

fn unsubscribe(client: &str, subscription: impl Into<Value>) -> Value {
    json!({"channel": "/meta/unsubscribe", "clientId": client, "subscription": subscription.into()})
}

#[test]
fn nothing_comes_after_the_reply_over_any_transport() {
    let faye = Faye::start(&[]);
    for via in Via::ALL {
        let mut session = Session::subscribed(&faye, via, "/a");
        session.subscribe("/end");
        faye.publish("/a", "before");
        session.unsubscribe("/a");
        faye.publish("/a", "after");
        faye.publish("/end", "end");
        assert_eq!(session.take_until("end"), ["before"], "{via:?}");
        session.disconnect();
    }
    assert_eq!(faye.metric("faye_subscriptions"), 0);
}

#[test]
fn only_the_identical_pattern_ends() {
    let faye = Faye::start(&[]);
    let mut session = Session::begin(&faye, Via::WebSocket);
    for pattern in ["/a/b", "/a/*", "/a/**"] {
        session.subscribe(pattern);
    }
    session.unsubscribe("/a/*");
    session.unsubscribe("/**");
    assert_eq!(faye.metric("faye_subscriptions"), 2);
    session.unsubscribe("/a/b");
    faye.publish("/a/b", "by /a/**");
    assert_eq!(session.take(1), ["by /a/**"]);
    session.unsubscribe("/a/**");
    assert_eq!(faye.metric("faye_subscriptions"), 0);
}

#[test]
fn others_keep_their_subscriptions() {
    let faye = Faye::start(&[]);
    let mut going = Session::subscribed(&faye, Via::WebSocket, "/a");
    let mut staying = Session::subscribed(&faye, Via::WebSocket, "/a");
    going.unsubscribe("/a");
    faye.publish("/a", "for one");
    assert_eq!(staying.take(1), ["for one"]);
    assert_eq!(faye.metric("faye_deliveries_total"), 1);
}

#[test]
fn what_already_waits_is_still_delivered() {
    let faye = Faye::start(&[]);
    let mut session = Session::subscribed(&faye, Via::Polling, "/a");
    faye.publish("/a", "accepted before");
    session.unsubscribe("/a");
    assert_eq!(session.take(1), ["accepted before"]);
}

#[test]
fn an_array_ends_several_up_to_its_first_error() {
    let faye = Faye::start(&[]);
    let client = faye.client();
    assert_done(&faye.ask(&subscribe(&client, json!(["/a", "/b", "/c"]))));
    let reply = faye.ask(&unsubscribe(&client, json!(["/a", "not", "/b"])));
    assert_eq!(reply["error"], "405:not:Invalid channel");
    assert_eq!(faye.metric("faye_subscriptions"), 2);
    assert_done(&faye.ask(&unsubscribe(&client, json!(["/b", "/c", "/never/there"]))));
    assert_eq!(faye.metric("faye_subscriptions"), 0);
}

#[test]
fn who_is_not_known_ends_nothing() {
    let faye = Faye::start(&[]);
    let session = Session::subscribed(&faye, Via::WebSocket, "/a");
    let reply = faye.ask(&unsubscribe("nobody", "/a"));
    assert_eq!(reply["error"], "401:nobody:Unknown client");
    let reply = faye.ask(&json!({"channel": "/meta/unsubscribe", "subscription": "/a"}));
    assert_eq!(reply["error"], "402:clientId:Missing required parameter");
    let other = faye.client();
    assert_done(&faye.ask(&unsubscribe(&other, "/a")));
    assert_eq!(faye.metric("faye_subscriptions"), 1);
    drop(session);
}

#[test]
fn one_may_subscribe_again() {
    let faye = Faye::start(&[]);
    let mut session = Session::begin(&faye, Via::WebSocket);
    for round in 0..100 {
        session.subscribe("/a");
        faye.publish("/a", round);
        session.unsubscribe("/a");
        faye.publish("/a", "lost");
    }
    assert_eq!(session.take(100), (0..100).collect::<Vec<_>>());
}
