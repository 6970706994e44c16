//! Acknowledged delivery (`ext.ack`) of sessions that move between instances, whose owner dies or is late, or that live
//! without Redis.

use std::process::Command;

use crate::support::redis::Redis;
use crate::support::*;
use serde_json::{Value, json};

const RULES: &str = "[[channel]]\nmatch = \"/kept/**\"\nhistory = { messages = 1000, age = \"1h\" }\n";
const WRITTEN: &str = "faye_deliveries_written_total";

fn node(redis: &Redis) -> Faye {
    let url = redis.url();
    let settings =
        [("FAYE_REDIS__URL", url.as_str()), ("FAYE_REDIS__HEARTBEAT", "100ms"), ("FAYE_REDIS__LEASE", "2s")];
    let faye = Faye::start_with_file(RULES, &settings);
    faye.wait_for_metric("faye_redis_up", |now| now == 1);
    faye
}

/// Publishes numbers, and waits until the owner of the session has queued them.
fn publish(by: &Faye, owner: &Faye, channel: &str, numbers: std::ops::Range<u64>) {
    let before = owner.metric("faye_deliveries_total");
    let count = numbers.end - numbers.start;
    numbers.for_each(|number| by.publish(channel, number));
    owner.wait_for_metric("faye_deliveries_total", |now| now >= before + count);
}

/// Connects by long-polling until the session can be reached and there are messages. Returns their data.
fn fetch(client: &mut Acked, faye: &Faye) -> Vec<Value> {
    loop {
        let answer = faye.post(&acking(connect_now(&client.id, "long-polling"), client.number));
        if answer.last().is_some_and(|reply| reply["successful"] == true) {
            let received = client.keep(answer);
            if !received.is_empty() {
                return received;
            }
        } else {
            let error = answer[0]["error"].as_str().map(|error| &error[..3]);
            assert_eq!(error, Some("503"), "{answer:?}");
        }
    }
}

/// Publishes two numbers and takes a reply with them, which the client has not read yet.
fn late_reply(client: &mut Acked, owner: &Faye, channel: &str) {
    let written = owner.metric(WRITTEN);
    publish(owner, owner, channel, 0..2);
    client.send_connect();
    owner.wait_for_metric(WRITTEN, |now| now == written + 2);
}

#[test]
fn a_session_moves_with_what_is_unacknowledged() {
    let redis = Redis::start();
    let (first, second) = (node(&redis), node(&redis));
    for via in [Via::Polling, Via::WebSocket] {
        let channel = format!("/a/{}", via.name());
        let mut client = Acked::subscribed(&first, via, &channel);
        late_reply(&mut client, &first, &channel);
        publish(&second, &first, &channel, 2..3);
        let mut elsewhere = Acked::over(&client, &second);
        assert_eq!(elsewhere.poll(), [0, 1, 2], "{via:?}");
        assert_eq!(elsewhere.number, 3, "{via:?}: the numbers continue");
        // The late reply acknowledges what it has brought, and no more.
        assert_eq!(client.receive(), [0, 1], "{via:?}");
        elsewhere.number = client.number;
        assert_eq!(elsewhere.poll(), [2], "{via:?}");
        assert!(elsewhere.poll_now().is_empty(), "{via:?}");
        // And back.
        publish(&first, &second, &channel, 3..4);
        client.number = elsewhere.number;
        client.reopen(&first);
        assert_eq!(client.poll(), [3], "{via:?}");
        assert!(client.poll_now().is_empty(), "{via:?}");
    }
    assert_eq!(first.metric("faye_sessions"), 2);
}

#[test]
fn a_session_moves_again_and_again_and_loses_nothing() {
    let redis = Redis::start();
    let nodes = [node(&redis), node(&redis)];
    let mut client = Acked::subscribed(&nodes[0], Via::Polling, "/a");
    let mut received: Vec<u64> = Vec::new();
    for number in 0..30 {
        nodes[0].publish("/a", number);
        let at = &nodes[(number % 2) as usize];
        client.reopen(at);
        client.send_connect();
        // Every third reply is lost.
        if number % 3 > 0 {
            let answer = client.answer().unwrap();
            // The connect whose reply is lost may take the session back: then this one is answered without a number.
            if answer.last().unwrap()["ext"]["ack"].is_u64() {
                received.extend(client.keep(answer).iter().filter_map(Value::as_u64));
            }
        }
    }
    while received.last() != Some(&29) {
        received.extend(fetch(&mut client, &nodes[0]).iter().filter_map(Value::as_u64));
    }
    received.sort_unstable();
    received.dedup();
    assert_eq!(received, (0..30).collect::<Vec<_>>());
}

#[test]
fn a_connect_of_a_stream_moves_the_session() {
    let redis = Redis::start();
    let (first, second) = (node(&redis), node(&redis));
    let mut client = Acked::subscribed(&first, Via::EventSource, "/a");
    let _stream = Stream::open(&first, &client.id);
    publish(&first, &first, "/a", 0..2);
    client.reopen(&second);
    assert_eq!(client.poll(), [0, 1]);
    client.send_connect();
    second.wait_for_polls(1);
    first.publish("/a", 2);
    assert_eq!(client.receive(), [2]);
}

/// Waits until the record of a session says that it has, or has no, undelivered messages.
#[track_caller]
fn wait_for_positions(redis: &Redis, client: &Acked, are_there: bool) {
    let ask = format!("HGET faye:session:{{{}}} waiting", client.id);
    let begin = tokio::time::Instant::now();
    while redis.ask(&ask).starts_with('[') != are_there {
        assert!(begin.elapsed() < WATCHDOG, "the record is not written");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn an_adopted_session_gets_what_is_unacknowledged_from_the_history() {
    let redis = Redis::start();
    let (mut first, second) = (node(&redis), node(&redis));
    let mut client = Acked::subscribed(&first, Via::WebSocket, "/kept/a");
    publish(&first, &first, "/kept/a", 0..2);
    assert_eq!(client.poll(), [0, 1]);
    assert!(client.poll_now().is_empty());
    wait_for_positions(&redis, &client, false);
    let (read, written) = (client.number, first.metric(WRITTEN));
    publish(&first, &first, "/kept/a", 2..4);
    client.send_connect();
    first.wait_for_metric(WRITTEN, |now| now == written + 2);
    // A heartbeat has the positions before the unacknowledged messages.
    wait_for_positions(&redis, &client, true);
    first.kill();
    assert_eq!(fetch(&mut client, &second), [2, 3]);
    assert!(client.number > read + 65_536, "{} after {read}", client.number);
    assert_eq!(second.metric("faye_sessions_adopted_total"), 1);
    second.publish("/kept/a", 4);
    assert_eq!(fetch(&mut client, &second), [4]);
}

#[test]
fn a_late_reply_of_a_frozen_owner_acknowledges_nothing_elsewhere() {
    let redis = Redis::start();
    let (first, second) = (node(&redis), node(&redis));
    let mut client = Acked::subscribed(&first, Via::Polling, "/kept/a");
    late_reply(&mut client, &first, "/kept/a");
    let signal = |name: &str| {
        let process = first.process_id().to_string();
        assert!(Command::new("kill").args([name, &process]).status().unwrap().success());
    };
    signal("-STOP");
    // Not behind the frozen instance: the second one has the partition once it has adopted the session.
    let mut elsewhere = Acked::over(&client, &second);
    assert_eq!(fetch(&mut elsewhere, &second), [0, 1]);
    publish(&second, &second, "/kept/a", 2..3);
    // The reply with 2 is lost, and the late one arrives.
    let written = second.metric(WRITTEN);
    let connect = acking(connect_now(&client.id, "long-polling"), elsewhere.number);
    assert_eq!(data(&delivered(&second.post(&connect))), [2]);
    assert_eq!(second.metric(WRITTEN), written + 1);
    assert_eq!(client.receive(), [0, 1]);
    elsewhere.number = client.number;
    assert_eq!(fetch(&mut elsewhere, &second), [2]);
    signal("-CONT");
    // At the former owner, which first finds out that it is not the owner any more.
    second.publish("/kept/a", 3);
    let mut received = Vec::new();
    while received.last() != Some(&json!(3)) {
        received.extend(fetch(&mut elsewhere, &first));
    }
    received.dedup();
    assert_eq!(received, [json!(3)], "2 was acknowledged");
}

#[test]
fn without_redis_connects_get_messages_again_and_lose_none() {
    let redis = Redis::start();
    let first = node(&redis);
    let mut client = Acked::subscribed(&first, Via::Polling, "/a");
    late_reply(&mut client, &first, "/a");
    drop(redis);
    first.wait_for_metric("faye_redis_up", |now| now == 0);
    client.reopen(&first);
    assert_eq!(client.poll(), [0, 1]);
    assert!(client.poll_now().is_empty());
    assert_eq!(first.metric("faye_ack_resent_total"), 2);
}
