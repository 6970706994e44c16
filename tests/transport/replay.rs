//! Replay on subscribe (`ext.replay`): a returning client gets what it has missed, over every transport, and is told what is lost.

use crate::support::*;
use serde_json::{Value, json};

const GAPS: &str = "faye_replay_gaps_total";

/// A server whose channels below `/h` have a history of so many messages.
fn start(messages: usize, settings: &[(&str, &str)]) -> Faye {
    start_with("", messages, settings)
}

fn start_with(rule: &str, messages: usize, settings: &[(&str, &str)]) -> Faye {
    let file = format!(
        "[[channel]]\nmatch = \"/h/**\"\nhistory = {{ messages = {messages}, age = \"1h\" }}\n{rule}\n"
    );
    Faye::start_with_file(&file, settings)
}

fn publish(faye: &Faye, channel: &str, numbers: std::ops::Range<u64>) {
    numbers.for_each(|number| faye.publish(channel, number));
}

/// Subscribes with a position, and returns what the reply tells of the subscription.
#[track_caller]
fn replay(session: &mut Session, channel: &str, position: impl Into<Value>) -> Value {
    let reply = session.ask(json!({
        "channel": "/meta/subscribe", "clientId": session.id, "subscription": channel,
        "ext": {"replay": position.into()}
    }));
    assert_done(&reply);
    reply["ext"]["replay"][channel].clone()
}

fn ids(messages: &[Value]) -> Vec<u64> {
    messages.iter().map(|message| message["ext"]["replay"]["id"].as_u64().expect("an id")).collect()
}

fn next(session: &mut Session, count: usize) -> Vec<Value> {
    (0..count).map(|_| session.next()).collect()
}

#[test]
fn everything_kept_is_replayed_over_every_transport() {
    for via in Via::ALL {
        let faye = start(200, &[]);
        publish(&faye, "/h/a", 0..150);
        let mut session = Session::begin(&faye, via);
        let told = replay(&mut session, "/h/a", json!({"/h/a": -2}));
        assert_eq!(told["recovered"], true, "{via:?}: {told}");
        publish(&faye, "/h/a", 150..153);
        let messages = next(&mut session, 153);
        assert_eq!(data(&messages), (0..153).map(Value::from).collect::<Vec<_>>(), "{via:?}");
        let ids = ids(&messages);
        assert!(ids.is_sorted_by(|one, next| one < next) && ids[152] < 1 << 53, "{via:?}: {ids:?}");
        // The subscription is live.
        faye.publish("/h/a", "live");
        assert_eq!(session.take(1), ["live"], "{via:?}");
        assert_eq!(faye.metric(GAPS), 0);
    }
}

#[test]
fn a_client_continues_after_the_last_message_that_it_has_seen() {
    let faye = start(100, &[]);
    let mut session = Session::begin(&faye, Via::WebSocket);
    session.subscribe("/h/a");
    publish(&faye, "/h/a", 0..5);
    let seen = ids(&next(&mut session, 5));
    for position in [
        json!(seen[2]),
        json!(seen[2].to_string()),
        json!({"/h/a": seen[2]}),
        json!({"/h/a": seen[2].to_string(), "/h/b": 7, "/x": "y"}),
    ] {
        let mut again = Session::begin(&faye, Via::Polling);
        let told = replay(&mut again, "/h/a", position.clone());
        assert_eq!((&told["recovered"], &told["position"]), (&json!(true), &json!(seen[2])), "{position}");
        assert_eq!(again.take(2), [3, 4], "{position}");
    }
    let mut new = Session::begin(&faye, Via::Polling);
    let told = replay(&mut new, "/h/a", -1);
    assert_eq!((&told["recovered"], &told["position"]), (&json!(true), &json!(seen[4])));
    faye.publish("/h/a", "live");
    assert_eq!(new.take(1), ["live"]);
}

#[test]
fn a_cursor_continues_a_pattern() {
    let faye = start(100, &[]);
    let mut session = Session::begin(&faye, Via::WebSocket);
    let told = replay(&mut session, "/h/**", -1);
    assert_eq!((&told["recovered"], &told["position"]), (&json!(true), &Value::Null), "{told}");
    let channels = ["/h/a", "/h/b/c", "/h/d", "/h/a", "/h/d"];
    for (number, channel) in channels.iter().enumerate() {
        faye.publish(channel, number as u64);
    }
    let mut seen = next(&mut session, 5);
    seen.sort_by_key(|message| message["data"].as_u64());
    // The client has seen the first message of `/h/a` after the cursor.
    let mut again = Session::begin(&faye, Via::Polling);
    let told = replay(&mut again, "/h/**", json!({"/h/**": told["cursor"], "/h/a": ids(&seen)[0]}));
    assert_eq!(told["recovered"], true, "{told}");
    let mut messages = data(&next(&mut again, 4));
    messages.sort_by_key(Value::as_u64);
    assert_eq!(messages, [1, 2, 3, 4]);
    faye.publish("/h/e", "live");
    assert_eq!(again.take(1), ["live"]);
    // An integer says nothing about several channels.
    let mut integer = Session::begin(&faye, Via::Polling);
    assert_eq!(replay(&mut integer, "/h/*", ids(&seen)[4])["recovered"], false);
}

#[test]
fn a_lost_position_is_told_and_everything_kept_is_sent() {
    let faye = start(3, &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/h/a");
    publish(&faye, "/h/a", 0..5);
    let seen = ids(&next(&mut session, 5));
    for (position, is_recovered) in [(seen[0], false), (seen[1], true), (0, false), (seen[4] + 1, false)] {
        let mut again = Session::begin(&faye, Via::Polling);
        let told = replay(&mut again, "/h/a", position);
        assert_eq!(told["recovered"], is_recovered, "{position}");
        assert_eq!(again.take(3), [2, 3, 4], "{position}");
    }
    assert_eq!(faye.metric(GAPS), 0, "the reply tells it");
}

#[test]
fn a_rule_may_refuse_a_lost_position_as_salesforce_does() {
    let faye = start_with("replay_lost = \"refuse\"", 3, &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/h/a");
    publish(&faye, "/h/a", 0..5);
    let seen = ids(&next(&mut session, 5));
    let reply = session.ask(json!({
        "channel": "/meta/subscribe", "clientId": session.id, "subscription": "/h/a", "ext": {"replay": {"/h/a": seen[0]}}
    }));
    assert_eq!(reply["successful"], false);
    let text = format!(
        "400::The replayId {{{}}} you provided was invalid.  Please provide a valid ID, -2 to replay all events, or -1 to replay only new events.",
        seen[0]
    );
    assert_eq!(reply["error"], text);
    assert_eq!(faye.metric("faye_subscriptions"), 0);
    assert_eq!(replay(&mut session, "/h/a", seen[1])["recovered"], true);
    assert_eq!(session.take(3), [2, 3, 4]);
}

#[test]
fn invalid_positions_are_refused() {
    let faye = start(3, &[]);
    let mut session = Session::begin(&faye, Via::Polling);
    for position in [
        json!(1.5),
        json!(9_007_199_254_740_992_u64),
        json!(-3),
        json!("soon"),
        json!([1]),
        json!({"/h/a": null}),
    ] {
        let reply = session.ask(json!({
            "channel": "/meta/subscribe", "clientId": session.id, "subscription": "/h/a", "ext": {"replay": position}
        }));
        assert!(
            reply["error"].as_str().is_some_and(|error| error.starts_with("400::The replayId {")),
            "{reply}"
        );
    }
    assert_eq!(faye.metric("faye_subscriptions"), 0);
}

#[test]
fn the_data_may_have_the_position() {
    for via in Via::ALL {
        let faye = start_with("replay_id = \"event\"", 5, &[]);
        let mut session = Session::subscribed(&faye, via, "/h/a");
        let values = [
            json!({"a": [1]}),
            json!({"event": {"type": "created", "replayId": -5}}),
            json!({"event": 5}),
            json!(5),
        ];
        values.iter().for_each(|value| faye.publish("/h/a", value.clone()));
        let live = next(&mut session, 4);
        let ids = ids(&live);
        let expected = vec![
            json!({"event": {"replayId": ids[0]}, "a": [1]}),
            json!({"event": {"replayId": ids[1], "type": "created"}}),
            json!({"event": 5}),
            json!(5),
        ];
        assert_eq!(data(&live), expected, "{via:?}");
        let mut again = Session::begin(&faye, via);
        replay(&mut again, "/h/a", -2);
        assert_eq!(next(&mut again, 4), live, "{via:?}");
    }
}

#[test]
fn every_client_gets_the_last_values_without_knowing() {
    let faye = start_with("replay = 1", 5, &[]);
    for channel in ["/h/a", "/h/b", "/h/c/d"] {
        publish(&faye, channel, 0..4);
    }
    let mut session = Session::begin(&faye, Via::EventSource);
    let reply =
        session.ask(json!({"channel": "/meta/subscribe", "clientId": session.id, "subscription": "/h/*"}));
    assert!(reply.get("ext").is_none(), "{reply}");
    assert_eq!(session.take(2), [3, 3]);
    // A repeated subscribe brings nothing.
    session.subscribe("/h/*");
    session.subscribe("/h/c/d");
    assert_eq!(session.next()["channel"], "/h/c/d");
    faye.publish("/h/a", "live");
    assert_eq!(session.take(1), ["live"]);
}

#[test]
fn channels_without_history_are_as_before() {
    let faye = start(5, &[]);
    let mut session = Session::begin(&faye, Via::WebSocket);
    let told = replay(&mut session, "/x", json!({"/x": -2}));
    assert_eq!((&told["recovered"], &told["position"]), (&json!(true), &Value::Null));
    faye.publish("/x", 1);
    assert_eq!(session.next(), json!({"channel": "/x", "data": 1}));
}

#[test]
fn publications_during_a_replay_follow_it_in_order() {
    let faye = start(20_000, &[("FAYE_LIMITS__BATCH", "10000")]);
    let batch = |range: std::ops::Range<u64>| {
        let messages: Vec<_> = range.map(|number| publication("/h/a", number)).collect();
        faye.post(&json!(messages)).iter().for_each(assert_done);
    };
    (0..10).for_each(|at| batch(at * 1000..(at + 1) * 1000));
    let mut session = Session::begin(&faye, Via::WebSocket);
    assert_eq!(replay(&mut session, "/h/a", -2)["recovered"], true);
    std::thread::scope(|scope| {
        scope.spawn(|| publish(&faye, "/h/a", 10_000..10_200));
        let all = data(&next(&mut session, 10_200));
        assert!(all.iter().map(Value::as_u64).eq((0..10_200).map(Some)));
    });
    assert_eq!(faye.metric(GAPS), 0);
}

#[test]
fn a_full_mailbox_becomes_a_replay() {
    for overflow in ["disconnect", "drop-oldest", "drop-newest"] {
        let rule = format!("overflow = \"{overflow}\"");
        let faye = start_with(&rule, 100, &[("FAYE_MAILBOX__MESSAGES", "3")]);
        let mut session = Session::subscribed(&faye, Via::Polling, "/h/*");
        publish(&faye, "/h/a", 0..50);
        assert_eq!(session.take(50), (0..50).map(Value::from).collect::<Vec<_>>(), "{overflow}");
        faye.publish("/h/a", "live");
        assert_eq!(session.take(1), ["live"]);
        for metric in [GAPS, "faye_mailbox_disconnects_total", "faye_mailbox_dropped_total"] {
            assert_eq!(faye.metric(metric), 0, "{overflow}: {metric}");
        }
    }
}

/// The messages of the answers to connects, gap notices included, until one has this data.
fn all_until(faye: &Faye, id: &str, last: u64) -> Vec<Value> {
    let mut all = Vec::new();
    while all.last().is_none_or(|message: &Value| message["data"] != last) {
        let answer = faye.post(&connect(id, "long-polling"));
        all.extend(answer.into_iter().filter(|message| message["channel"] != "/meta/connect"));
    }
    all
}

#[test]
fn a_client_is_told_where_messages_are_missing() {
    let faye = start(10, &[("FAYE_MAILBOX__MESSAGES", "3")]);
    let session = Session::subscribed(&faye, Via::Polling, "/h/a");
    publish(&faye, "/h/a", 0..50);
    let all = all_until(&faye, &session.id, 49);
    let notice = json!({
        "channel": "/meta/subscribe", "successful": true, "subscription": "/h/a", "ext": {"faye:gap": {"reason": "history"}}
    });
    assert_eq!(all.iter().filter(|message| **message == notice).count(), 1, "{all:?}");
    let numbers = data(&delivered(&all));
    assert_eq!(numbers, (0..3).chain(40..50).map(Value::from).collect::<Vec<_>>());
    assert_eq!(all[3], notice, "in the place of what is missing");
    assert_eq!(faye.metric(GAPS), 1);
}

#[test]
fn an_unsubscribe_ends_a_replay() {
    let faye = start(1000, &[("FAYE_MAILBOX__MESSAGES", "10")]);
    publish(&faye, "/h/a", 0..100);
    let mut session = Session::begin(&faye, Via::Polling);
    replay(&mut session, "/h/a", -2);
    session.unsubscribe("/h/a");
    session.subscribe("/x");
    faye.publish("/x", "sentinel");
    assert!(session.take_until("sentinel").len() <= 10, "what was in the mailbox");
    replay(&mut session, "/h/a", -2);
    assert_eq!(session.take(100), (0..100).map(Value::from).collect::<Vec<_>>());
}

#[test]
fn what_two_replays_cover_arrives_once() {
    let faye = start(1000, &[]);
    publish(&faye, "/h/a", 0..100);
    let mut session = Session::begin(&faye, Via::Polling);
    replay(&mut session, "/h/*", -2);
    replay(&mut session, "/h/a", -2);
    publish(&faye, "/h/a", 100..110);
    faye.publish("/h/a", "end");
    let data = session.take_until("end");
    let new: Vec<_> = data.iter().filter_map(Value::as_u64).skip_while(|number| *number < 100).collect();
    // What was published before may arrive twice: the client has asked for it twice.
    assert_eq!(new, (100..110).collect::<Vec<_>>(), "{data:?}");
    faye.publish("/h/a", "last");
    assert!(session.take_until("last").is_empty(), "nothing comes again");
}

#[test]
fn the_end_of_a_subscription_keeps_what_another_one_gets() {
    let faye = start(1000, &[]);
    publish(&faye, "/h/a", 0..100);
    let mut session = Session::subscribed(&faye, Via::Polling, "/h/a");
    replay(&mut session, "/h/*", -2);
    // Left to the replay, for both subscriptions.
    publish(&faye, "/h/a", 100..110);
    session.unsubscribe("/h/*");
    faye.publish("/h/a", "end");
    let data: Vec<_> = session.take_until("end").iter().filter_map(Value::as_u64).collect();
    let new: Vec<_> = data.iter().copied().filter(|number| *number >= 100).collect();
    assert_eq!(new, (100..110).collect::<Vec<_>>(), "{data:?}");
    assert!(data.len() <= 74, "the first page of the replay: {data:?}");
    assert_eq!(faye.metric(GAPS), 0);
}

#[test]
fn acknowledged_delivery_and_replay_work_together() {
    let faye = start(2000, &[]);
    publish(&faye, "/h/a", 0..1000);
    for via in [Via::Polling, Via::WebSocket] {
        let mut client = Acked::subscribed(&faye, via, "/x");
        let reply = faye.ask(&json!({
            "channel": "/meta/subscribe", "clientId": client.id, "subscription": "/h/a", "ext": {"replay": -2}
        }));
        assert_eq!(reply["ext"]["replay"]["/h/a"]["recovered"], true);
        let mut received = Vec::new();
        while received.len() < 1000 {
            received.extend(client.poll());
        }
        assert_eq!(received, (0..1000).collect::<Vec<u64>>(), "{via:?}");
    }
}

fn cursors(faye: &Faye) -> (String, Value) {
    let mut message = handshake();
    message["ext"] = json!({"replay": true, "ack": true});
    let reply = faye.ask(&message);
    assert_eq!(reply["ext"], json!({"ack": true, "replay": true}));
    let id = reply["clientId"].as_str().unwrap().to_owned();
    let subscribed =
        faye.ask(&json!({"channel": "/meta/subscribe", "clientId": id, "subscription": "/h/**"}));
    (id, subscribed["ext"]["replay"]["/h/**"].clone())
}

#[test]
fn connect_replies_bring_cursors_to_clients_that_ask() {
    let faye = start(100, &[]);
    let (id, told) = cursors(&faye);
    assert_eq!(told["recovered"], true);
    publish(&faye, "/h/a", 0..2);
    let mut connect = connect_now(&id, "long-polling");
    connect["ext"] = json!({"ack": 0});
    let answer = faye.post(&connect);
    let cursor = &answer[2]["ext"]["replay"]["cursor"];
    assert!(cursor.is_string(), "{answer:?}");
    publish(&faye, "/h/b", 2..4);
    let mut again = Session::begin(&faye, Via::Polling);
    assert_eq!(replay(&mut again, "/h/**", json!({"/h/**": cursor}))["recovered"], true);
    assert_eq!(again.take(2), [2, 3], "everything before the cursor was received");
    let answer = faye.post(&connect_now(&id, "long-polling"));
    assert!(answer.last().unwrap()["ext"].get("replay").is_none(), "at most every ten seconds");
}

#[test]
fn a_restart_is_told() {
    let faye = start(100, &[]);
    let (_, told) = cursors(&faye);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/h/a");
    publish(&faye, "/h/a", 0..2);
    let seen = ids(&next(&mut session, 2));
    drop(session);
    let faye = faye.restart();
    for (channel, position) in [("/h/a", json!(seen[1])), ("/h/**", told["cursor"].clone())] {
        let mut again = Session::begin(&faye, Via::Polling);
        assert_eq!(replay(&mut again, channel, position)["recovered"], false, "{channel}");
    }
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/h/a");
    publish(&faye, "/h/a", 2..3);
    assert!(ids(&next(&mut session, 1))[0] > seen[1], "positions only grow");
}

#[test]
fn the_metrics_have_the_size_of_the_histories_and_what_their_limits_removed() {
    let faye = start(100, &[("FAYE_HISTORY__CHANNELS", "3")]);
    (0..3).for_each(|channel| publish(&faye, &format!("/h/{channel}"), 0..5));
    publish(&faye, "/live", 0..5);
    faye.wait_for_metric("faye_history_channels", |count| count == 3);
    let size = faye.metric("faye_history_bytes");
    assert!((15..15_000).contains(&size), "{size}");
    assert_eq!(faye.metric("faye_history_displaced_total"), 0);
    // A limit is exceeded by all partitions together, and each removes its own channels.
    (3..300).for_each(|channel| publish(&faye, &format!("/h/{channel}"), 0..1));
    let displaced = faye.wait_for_metric("faye_history_displaced_total", |count| count > 0);
    assert!(displaced <= 312, "{displaced}");
    let kept = faye.wait_for_metric("faye_history_channels", |count| count != 3);
    assert!(kept < 100, "{kept}");
}
