//! The fence: an instance that was cut off or killed changes nothing that another instance has decided since.

use std::time::Duration;

use crate::helpers::{fetch, fetch_until, hash};
use crate::support::gate::Gate;
use crate::support::redis::Redis;
use crate::support::*;
use serde_json::Value;

const RULES: &str = "[[channel]]\nmatch = \"/kept/**\"\nhistory = { messages = 1000, age = \"1h\" }\n";

fn node(url: &str) -> Faye {
    let settings = [
        ("FAYE_REDIS__URL", url),
        ("FAYE_REDIS__HEARTBEAT", "200ms"),
        ("FAYE_REDIS__LEASE", "2s"),
        // No session expires during a test.
        ("FAYE_SERVER__TIMEOUT", "10m"),
    ];
    let faye = Faye::start_with_file(RULES, &settings);
    faye.wait_for_metric("faye_redis_up", |now| now == 1);
    faye
}

/// Waits until the record of a session has no such field.
fn wait_until_without(redis: &Redis, client: &str, field: &str) {
    while redis.ask(&format!("HEXISTS faye:session:{{{client}}} {field}")) != ":0\r\n" {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// An instance without a lease that comes back finds no record of the session, and does not take that for a loss of Redis.
#[test]
fn a_session_that_has_ended_elsewhere_does_not_come_back() {
    let redis = Redis::start();
    let gate = Gate::start(&redis.address());
    let (first, second) = (node(&gate.url()), node(&redis.url()));
    let client = Session::subscribed(&first, Via::Polling, "/a").id;
    gate.close_at(hash(include_str!("../../src/redis/lua/beat.lua")).as_bytes());
    gate.wait_until_closed();
    fetch(&second, &client);
    assert_eq!(second.metric("faye_sessions_adopted_total"), 1);
    assert_done(&second.ask(&serde_json::json!({"channel": "/meta/disconnect", "clientId": client})));
    wait_until_without(&redis, &client, "node");
    gate.open();
    first.wait_for_metric("faye_sessions", |count| count == 0);
    for faye in [&first, &second] {
        let reply = faye.ask(&connect_now(&client, "long-polling"));
        assert_eq!(reply["error"].as_str().map(|error| &error[..3]), Some("401"), "{reply}");
    }
}

/// An instance is killed between its claim of a session and the complete record. The next one starts where the session was,
/// and not where that instance was.
#[test]
fn what_waits_for_a_session_is_not_lost_when_its_instance_is_killed_right_after_the_claim() {
    let redis = Redis::start();
    let gate = Gate::start(&redis.address());
    let (mut first, mut second, third) = (node(&redis.url()), node(&gate.url()), node(&redis.url()));
    // Another session on the second instance, which has received everything. Redis knows the script since its move.
    let other = Session::subscribed(&first, Via::Polling, "/kept/a").id;
    fetch(&second, &other);
    let client = Session::subscribed(&first, Via::Polling, "/kept/a").id;
    first.publish("/kept/a", 0);
    assert_eq!(data(&delivered(&first.post(&connect(&client, "long-polling")))), [0]);
    // From now on the session has what its instance has, by the positions of that.
    wait_until_without(&redis, &client, "waiting");
    first.kill();
    let mut expected = Vec::new();
    while second.metric("faye_cluster_received_total") < 10 {
        expected.push(Value::from(1 + expected.len()));
        third.publish("/kept/a", expected.len());
    }
    gate.close_behind(hash(include_str!("../../src/redis/lua/claim.lua")).as_bytes());
    let mut http = second.http();
    http.send_json(&second.mount, &connect_now(&client, "long-polling"));
    gate.wait_until_closed();
    second.kill();
    gate.open();
    let found = fetch_until(&third, &client, &Value::from(expected.len()));
    // What was written since the last heartbeat of the first instance may come twice.
    assert_eq!(found.iter().filter(|data| **data != 0).cloned().collect::<Vec<_>>(), expected);
}

/// An instance is killed after it has noted that a session has everything, and before it has noted what that is.
#[test]
fn what_is_published_for_a_new_subscription_is_not_lost_when_its_instance_is_killed() {
    let redis = Redis::start();
    let second = node(&redis.url());
    loop {
        let gate = Gate::start(&redis.address());
        let mut first = node(&gate.url());
        gate.close_at(hash(include_str!("../../src/redis/lua/positions.lua")).as_bytes());
        let client = Session::subscribed(&first, Via::Polling, "/kept/a").id;
        gate.wait_until_closed();
        first.kill();
        gate.open();
        // The subscription itself may have come to the closed gate.
        if redis.ask(&format!("HEXISTS faye:session:{{{client}}} p:/kept/a")) == ":1\r\n" {
            (1..4).for_each(|number| second.publish("/kept/a", number));
            assert_eq!(fetch_until(&second, &client, &Value::from(3)), [1, 2, 3]);
            return;
        }
    }
}

/// Redis refuses to write the record of one session, after the lease of the instance has expired.
#[test]
fn a_record_that_cannot_be_written_delays_no_other_session() {
    let redis = Redis::start();
    let gate = Gate::start(&redis.address());
    let (first, second) = (node(&gate.url()), node(&redis.url()));
    let broken = Session::subscribed(&first, Via::WebSocket, "/a");
    let mut session = Session::subscribed(&first, Via::WebSocket, "/a");
    gate.close_at(hash(include_str!("../../src/redis/lua/beat.lua")).as_bytes());
    gate.wait_until_closed();
    // The heartbeat of the second instance removes the expired lease of the first.
    while redis.ask("ZCARD faye:{nodes}") != ":1\r\n" {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(redis.ask(&format!("SET faye:session:{{{}}} broken", broken.id)), "+OK\r\n");
    gate.open();
    first.wait_for_stderr("lease of this instance expired");
    second.publish("/a", 1);
    assert_eq!(session.next()["data"], 1);
    assert!(first.metric("faye_cluster_record_errors_total") > 0);
}

/// A write of a record reaches Redis after another instance has adopted the session.
#[test]
fn a_late_write_of_a_previous_owner_does_not_change_the_record() {
    let redis = Redis::start();
    let gate = Gate::start(&redis.address());
    let (first, second) = (node(&gate.url()), node(&redis.url()));
    let client = Session::subscribed(&first, Via::Polling, "/a").id;
    let field = |pattern| redis.ask(&format!("HEXISTS faye:session:{{{client}}} p:{pattern}"));
    while field("/a") != ":1\r\n" {
        std::thread::sleep(Duration::from_millis(10));
    }
    gate.close_at(b"p:/late");
    let mut http = first.http();
    http.send_json(&first.mount, &subscribe(&client, "/late"));
    gate.wait_until_closed();
    fetch(&second, &client);
    assert_eq!(second.metric("faye_sessions_adopted_total"), 1);
    gate.open();
    // The previous owner has learned that the session is not its own any more.
    first.wait_for_metric("faye_sessions", |count| count == 0);
    assert_eq!(field("/late"), ":0\r\n");
    assert_eq!(field("/a"), ":1\r\n");
}

/// Redis loses the record of a session, and a late write of its instance restores it while the epoch is raised.
#[test]
fn a_session_whose_record_is_lost_and_restored_stays() {
    let redis = Redis::start();
    let gate = Gate::start(&redis.address());
    let (first, second) = (node(&gate.url()), node(&redis.url()));
    // Redis knows the script of claims since this move.
    let other = Session::subscribed(&first, Via::Polling, "/other").id;
    fetch(&second, &other);
    let mut session = Session::subscribed(&first, Via::WebSocket, "/a");
    let key = format!("faye:session:{{{}}}", session.id);
    let owner = loop {
        let owner = redis.ask(&format!("HGET {key} node"));
        if !owner.starts_with('$') {
            break owner;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    gate.close_behind(hash(include_str!("../../src/redis/lua/claim.lua")).as_bytes());
    assert_eq!(redis.ask("FLUSHALL"), "+OK\r\n");
    gate.wait_until_closed();
    redis.ask(&format!("DEL {key}"));
    assert_eq!(redis.ask(&format!("HSET {key} node {owner} epoch 1 p:/a 0")), ":3\r\n");
    gate.open();
    second.publish("/a", 1);
    assert_eq!(session.next()["data"], 1);
    assert_eq!(first.metric("faye_sessions_fenced_total"), 0);
}
