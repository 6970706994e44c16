//! A subscription brings exactly the publications that its channel or pattern names, once, from its reply on.

use crate::support::*;
use serde_json::json;

#[test]
fn subscribers_get_what_their_pattern_names_over_every_transport() {
    let faye = Faye::start(&[]);
    for via in Via::ALL {
        let mut exact = Session::subscribed(&faye, via, "/a/b");
        let mut star = Session::subscribed(&faye, via, "/a/*");
        let mut globstar = Session::subscribed(&faye, via, "/a/**");
        for channel in ["/a/b", "/a/c", "/a/b/c", "/a", "/b/a", "/x"] {
            faye.publish(channel, channel);
        }
        for (channel, session) in [("/a/b", &mut exact), ("/a/*", &mut star), ("/a/**", &mut globstar)] {
            let sentinel = if channel == "/a/b" { "/a/b" } else { "/a/z" };
            faye.publish(sentinel, "end");
            let expected: &[&str] = match channel {
                "/a/b" => &["/a/b"],
                "/a/*" => &["/a/b", "/a/c"],
                _ => &["/a/b", "/a/c", "/a/b/c"],
            };
            let got: Vec<_> = session.take_until("end").into_iter().filter(|data| data != "end").collect();
            assert_eq!(got, expected, "{via:?} {channel}");
            session.disconnect();
        }
    }
}

#[test]
fn overlapping_patterns_bring_a_message_once() {
    let faye = Faye::start(&[]);
    let mut session = Session::begin(&faye, Via::WebSocket);
    for pattern in ["/a/b", "/a/*", "/a/**", "/**", "/a/b"] {
        session.subscribe(pattern);
    }
    faye.publish("/a/b", 1);
    faye.publish("/end", "end");
    assert_eq!(session.take_until("end"), [1]);
    assert_eq!(faye.metric("faye_subscriptions"), 4, "the same pattern twice is one subscription");
}

#[test]
fn a_subscription_is_in_effect_when_its_reply_is_there() {
    let faye = Faye::start(&[]);
    let mut session = Session::begin(&faye, Via::WebSocket);
    for number in 0..200 {
        let channel = format!("/early/{number}");
        session.subscribe(&channel);
        faye.publish(&channel, number);
    }
    assert_eq!(session.take(200), (0..200).collect::<Vec<_>>());
}

#[test]
fn a_subscription_and_a_publication_may_share_a_batch() {
    let faye = Faye::start(&[]);
    let session = Session::begin(&faye, Via::Polling);
    let batch = json!([
        subscribe(&session.id, "/a"),
        publication("/a", "seen"),
        connect(&session.id, "long-polling"),
    ]);
    let answer = faye.post(&batch);
    assert_eq!(data(&delivered(&answer)), ["seen"], "{answer:?}");
}

#[test]
fn an_array_is_worked_off_up_to_its_first_error() {
    let faye = Faye::start(&[]);
    let mut session = Session::begin(&faye, Via::WebSocket);
    let reply = session.ask(subscribe(&session.id.clone(), json!(["/one", "/two", "bad", "/three"])));
    assert_eq!(reply["successful"], false);
    assert_eq!(reply["error"], "405:bad:Invalid channel");
    assert_eq!(reply["subscription"], json!(["/one", "/two", "bad", "/three"]));
    assert_eq!(faye.metric("faye_subscriptions"), 2);
    for channel in ["/three", "/two", "/one"] {
        faye.publish(channel, channel);
    }
    assert_eq!(session.take_until("/one"), ["/two"]);
}

#[test]
fn wrong_subscriptions_are_refused_and_take_nothing() {
    let faye = Faye::start(&[]);
    let client = faye.client();
    let cases = [
        (json!("/meta/connect"), "403:/meta/connect:Forbidden channel"),
        (json!("/meta/**"), "403:/meta/**:Forbidden channel"),
        (json!("/a/**/b"), "405:/a/**/b:Invalid channel"),
        (json!("/a*"), "405:/a*:Invalid channel"),
        (json!("/a b"), "405:/a b:Invalid channel"),
        (json!("a"), "405:a:Invalid channel"),
        (json!(5), "405:5:Invalid channel"),
        (json!(""), "402:subscription:Missing required parameter"),
    ];
    for (subscription, error) in cases {
        let reply = faye.ask(&subscribe(&client, subscription));
        assert_eq!(reply["error"], error, "{reply}");
        assert_eq!(reply["advice"], json!(null), "only handshake and connect advise: {reply}");
    }
    let reply = faye.ask(&subscribe("nobody", "/a"));
    assert_eq!(reply["error"], "401:nobody:Unknown client");
    assert_eq!(faye.metric("faye_subscriptions"), 0);
}

#[test]
fn a_subscription_to_everything_includes_no_service_and_no_meta() {
    let faye = Faye::start(&[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/**");
    faye.publish("/service/secret", "never");
    session.subscribe("/service/secret");
    session.subscribe("/service/**");
    faye.publish("/service/secret", "never");
    faye.client();
    faye.publish("/end", "end");
    assert!(session.take_until("end").is_empty());
    assert_eq!(faye.metric("faye_subscriptions"), 1, "subscribing to a service does nothing");
}

#[test]
fn any_connection_that_knows_the_session_may_subscribe_it() {
    let faye = Faye::start(&[]);
    let mut session = Session::begin(&faye, Via::WebSocket);
    assert_done(&faye.ask(&subscribe(&session.id, json!(["/a", "/b"]))));
    faye.publish("/b", "by post");
    assert_eq!(session.take(1), ["by post"]);
}
