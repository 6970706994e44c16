//! A connect is answered when there are messages or when its time is over, and one session has one connect.

use crate::support::*;
use serde_json::json;

#[test]
fn the_first_connect_of_a_session_is_answered_at_once() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "10m")]);
    let client = faye.client();
    let reply = faye.ask(&connect(&client, "long-polling"));
    assert_done(&reply);
    assert_eq!(reply["clientId"], client.as_str());
    assert_eq!(reply["advice"], json!({"reconnect": "retry", "interval": 0, "timeout": 600_000}));
    // Over a WebSocket too, with a timeout that would outlive the test.
    let mut socket = Socket::open(&faye);
    let client = faye.client();
    assert_done(&socket.ask(&connect(&client, "websocket"))[0]);
}

#[test]
fn a_held_connect_is_answered_by_a_message() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "10m")]);
    let mut session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut poll = faye.http();
    poll.send_json(&faye.mount, &connect(&session.id, "long-polling"));
    faye.wait_for_polls(1);
    faye.publish("/a", "first");
    let answer = poll.response().messages();
    assert_done(&answer[0]);
    assert_eq!(answer[0]["channel"], "/meta/connect");
    assert_eq!(data(&answer[1..]), ["first"]);
    faye.wait_for_polls(0);
    faye.publish("/a", "second");
    assert_eq!(session.take(1), ["second"]);
}

#[test]
fn a_held_connect_is_answered_when_its_time_is_over() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "500ms")]);
    let session = Session::begin(&faye, Via::Polling);
    let answer = faye.post(&connect(&session.id, "long-polling"));
    assert_eq!(answer.len(), 1, "{answer:?}");
    assert_done(&answer[0]);
    let mut socket = Socket::open(&faye);
    let answer = socket.ask(&connect(&session.id, "websocket"));
    assert_eq!(answer.len(), 1, "{answer:?}");
    assert_done(&answer[0]);
}

#[test]
fn a_client_may_ask_for_a_shorter_time() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "10m")]);
    let session = Session::begin(&faye, Via::Polling);
    for timeout in
        [json!(0), json!(1), json!("5"), json!(-1), json!(null), json!("soon"), json!({}), json!([])]
    {
        let mut message = connect(&session.id, "long-polling");
        message["advice"] = json!({"timeout": timeout});
        assert_done(&faye.ask(&message));
        assert_done(&Socket::open(&faye).ask(&message)[0]);
    }
}

#[test]
fn a_connect_among_other_messages_holds_nothing() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "10m")]);
    let session = Session::begin(&faye, Via::Polling);
    let batch = json!([connect(&session.id, "long-polling"), subscribe(&session.id, "/a")]);
    for answer in [faye.post(&batch), Socket::open(&faye).ask(&batch)] {
        assert_eq!(answer.len(), 2, "{answer:?}");
        answer.iter().for_each(assert_done);
        assert_eq!(answer[1]["channel"], "/meta/connect", "the connect is answered last: {answer:?}");
    }
    // Nor do two connects of one session in one batch.
    let twice = json!([connect(&session.id, "long-polling"), connect(&session.id, "long-polling")]);
    let answer = faye.post(&twice);
    assert_eq!(answer.len(), 2, "{answer:?}");
}

#[test]
fn a_batch_may_connect_several_sessions() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "10m")]);
    let one = Session::subscribed(&faye, Via::Polling, "/one");
    let two = Session::subscribed(&faye, Via::Polling, "/two");
    faye.publish("/one", 1);
    faye.publish("/two", 2);
    let answer = faye.post(&json!([connect(&one.id, "long-polling"), connect(&two.id, "long-polling")]));
    assert_eq!(data(&delivered(&answer)), [1, 2], "{answer:?}");
    let replies: Vec<_> = answer.iter().filter(|message| message.get("successful").is_some()).collect();
    assert_eq!(replies[0]["clientId"], one.id.as_str());
    assert_eq!(replies[1]["clientId"], two.id.as_str());
}

#[test]
fn what_waited_comes_with_the_next_connect_in_order() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "10m")]);
    for via in Via::ALL {
        let mut session = Session::begin(&faye, Via::Polling);
        session.subscribe("/a");
        for number in 0..50 {
            faye.publish("/a", number);
        }
        session.switch(&faye, via);
        assert_eq!(session.take(50), (0..50).collect::<Vec<_>>(), "{via:?}");
        session.disconnect();
    }
}

#[test]
fn a_connect_that_is_refused_says_why() {
    let faye = Faye::start(&[]);
    let client = faye.client();
    let cases = [
        (json!({"connectionType": "long-polling"}), "402:clientId:Missing required parameter"),
        (connect("nobody", "long-polling"), "401:nobody:Unknown client"),
        (connect(&client, "pigeon"), "301:pigeon:Connection types not supported"),
        (json!({"clientId": client}), "402:connectionType:Missing required parameter"),
    ];
    for (mut message, error) in cases {
        message["channel"] = json!("/meta/connect");
        for reply in [faye.ask(&message), Socket::open(&faye).ask(&message).remove(0)] {
            assert_eq!(reply["error"], error, "{reply}");
            assert_eq!(reply["successful"], false, "{reply}");
            assert_eq!(reply["clientId"], json!(null), "{reply}");
        }
    }
    // None of them was the session's first connect.
    assert_done(&faye.ask(&connect(&client, "long-polling")));
    assert_eq!(faye.metric("faye_held_connects"), 0);
}

#[test]
fn held_connects_do_not_block_each_other() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "10m")]);
    let mut polls = Vec::new();
    for number in 0..100 {
        let session = Session::subscribed(&faye, Via::Polling, &format!("/a/{number}"));
        let mut poll = faye.http();
        poll.send_json(&faye.mount, &connect(&session.id, "long-polling"));
        polls.push(poll);
    }
    faye.wait_for_polls(100);
    for (number, poll) in polls.iter_mut().enumerate().rev() {
        faye.publish(&format!("/a/{number}"), number);
        assert_eq!(data(&delivered(&poll.response().messages())), [number]);
    }
    faye.wait_for_polls(0);
}
