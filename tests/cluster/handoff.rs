//! Sessions move between instances while they change, and while an instance is cut off from Redis.

use std::time::Duration;

use crate::support::gate::Gate;
use crate::support::redis::Redis;
use crate::support::*;
use sha1::{Digest, Sha1};

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
    let claim = Sha1::digest(include_str!("../../src/redis/lua/claim.lua"));
    gate.close_at(data_encoding::HEXLOWER.encode(&claim).as_bytes());
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
