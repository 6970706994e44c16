//! Sessions move between instances while they change, and while an instance is cut off from Redis.

use std::time::Duration;

use crate::helpers::{fetch, hash};
use crate::support::gate::Gate;
use crate::support::redis::Redis;
use crate::support::*;

fn node(url: &str) -> Faye {
    let faye = Faye::start(&[
        ("FAYE_REDIS__URL", url),
        ("FAYE_REDIS__HEARTBEAT", "200ms"),
        ("FAYE_REDIS__LEASE", "2s"),
    ]);
    faye.wait_for_metric("faye_redis_up", |now| now == 1);
    faye
}

/// The directory has a new subscription a moment later than the session. An instance that acquires the session in between gets
/// the subscription with the state of the session.
#[test]
fn a_session_that_subscribes_while_it_moves_lives() {
    let redis = Redis::start();
    let gate = Gate::start(&redis.address());
    let (first, second) = (node(&gate.url()), node(&redis.url()));
    gate.delay(Duration::from_millis(150));
    std::thread::scope(|scope| {
        for number in 0..10 {
            let (first, second) = (&first, &second);
            scope.spawn(move || {
                let client = Session::begin(first, Via::Polling).id;
                let channel = format!("/a/{number}");
                let moved = std::thread::scope(|scope| {
                    let moving = scope.spawn(|| fetch(second, &client));
                    assert_done(&first.ask(&subscribe(&client, channel.as_str())));
                    moving.join().unwrap()
                });
                assert!(moved.is_empty(), "{moved:?}");
                second.publish(&channel, number);
                assert_eq!(data(&delivered(&second.post(&connect(&client, "long-polling")))), [number]);
            });
        }
    });
    assert_eq!(first.metric("faye_sessions") + second.metric("faye_sessions"), 10);
}

/// A limit that only one instance has applies to new subscriptions.
#[test]
fn a_session_keeps_its_subscriptions_where_fewer_are_allowed() {
    let redis = Redis::start();
    let first = node(&redis.url());
    let second = Faye::start(&[("FAYE_REDIS__URL", &redis.url()), ("FAYE_LIMITS__SUBSCRIPTIONS", "1")]);
    second.wait_for_metric("faye_redis_up", |now| now == 1);
    let client = Session::begin(&first, Via::Polling).id;
    let channels = ["/a", "/b", "/c"];
    assert_done(&first.ask(&subscribe(&client, Vec::from(channels))));
    assert!(fetch(&second, &client).is_empty());
    assert_eq!(second.ask(&subscribe(&client, "/d"))["error"], "413:1:Too many subscriptions");
    let mut found = Vec::new();
    for channel in channels {
        first.publish(channel, channel);
        while found.last().is_none_or(|last| last != channel) {
            found.extend(fetch(&second, &client));
        }
    }
    assert_eq!(found, channels);
}

/// An instance that is cut off from Redis right before its claim comes back after the owner has kept the session.
#[test]
fn a_late_claim_does_not_win() {
    let redis = Redis::start();
    let gate = Gate::start(&redis.address());
    let (first, second) = (node(&redis.url()), node(&gate.url()));
    let client = Session::subscribed(&first, Via::Polling, "/a").id;
    (0..3).for_each(|number| first.publish("/a", number));
    gate.close_at(hash(include_str!("../../src/redis/lua/claim.lua")).as_bytes());
    let mut numbers = Vec::new();
    std::thread::scope(|scope| {
        let late = scope.spawn(|| second.post(&connect_now(&client, "long-polling")));
        gate.wait_until_closed();
        numbers.extend(fetch(&first, &client));
        assert_eq!(numbers, [0, 1, 2]);
        first.publish("/a", 3);
        while numbers.len() < 4 {
            numbers.extend(fetch(&first, &client));
        }
        gate.open();
        numbers.extend(data(&delivered(&late.join().unwrap())));
    });
    (4..6).for_each(|number| first.publish("/a", number));
    while numbers.len() < 6 {
        numbers.extend(fetch(&second, &client));
    }
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
    assert!(fetch(&first, &client).is_empty());
}

/// After a restart of Redis, the connection for commands may be back before the Pub/Sub connection.
#[test]
fn a_message_that_is_forwarded_before_its_response_can_be_received_is_executed_by_the_owner() {
    let redis = Redis::start();
    let start = |deadline| {
        let faye = Faye::start(&[("FAYE_REDIS__URL", &redis.url()), ("FAYE_REDIS__DEADLINE", deadline)]);
        faye.wait_for_metric("faye_redis_up", |now| now == 1);
        faye
    };
    let first = start("5s");
    let of_first = redis.ask("CLIENT LIST TYPE pubsub");
    let second = start("1m");
    let client = Session::begin(&first, Via::Polling).id;
    // The second instance cannot subscribe any more.
    assert_eq!(redis.ask("ACL SETUSER default -ssubscribe"), "+OK\r\n");
    let id_of =
        |line: &str| line.strip_prefix("id=").and_then(|rest| rest.split(' ').next().map(String::from));
    let first_id = of_first.lines().find_map(id_of).expect("a Pub/Sub connection");
    let all = redis.ask("CLIENT LIST TYPE pubsub");
    let second_id = all.lines().filter_map(id_of).find(|id| *id != first_id).expect("another one");
    assert_eq!(redis.ask(&format!("CLIENT KILL ID {second_id}")), ":1\r\n");
    second.wait_for_metric("faye_redis_up", |now| now == 0);
    let before = redis.calls_of("hgetall");
    let mut http = second.http();
    http.send_json(&second.mount, &subscribe(&client, "/a"));
    // The second instance has found the owner.
    while redis.calls_of("hgetall") == before {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(redis.ask("ACL SETUSER default +ssubscribe"), "+OK\r\n");
    assert_done(&http.response().messages()[0]);
    // Otherwise the session would have moved, after five seconds.
    assert_eq!((first.metric("faye_sessions"), second.metric("faye_sessions")), (1, 0));
}
