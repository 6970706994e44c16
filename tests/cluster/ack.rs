//! When publications are accepted while Redis fails: `redis.ack`, `redis.patience` and `ack` of a rule.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::gate::Gate;
use crate::support::redis::Redis;
use crate::support::*;
use serde_json::Value;
use sha1::{Digest, Sha1};

const RULES: &str = "[[channel]]\nmatch = \"/kept/**\"\nhistory = { messages = 10000, age = \"1h\" }\n\
                     [[channel]]\nmatch = \"/local/**\"\nack = \"local\"\n";
/// Redis takes no writes, and executes those that wait when it goes on.
const PAUSE: &str = "CLIENT PAUSE 600000 WRITE";

/// The script that publishes, as Redis gets it.
const PUBLISH: &str =
    concat!(include_str!("../../src/redis/lua/epoch.lua"), include_str!("../../src/redis/lua/publish.lua"));

fn node(redis: &Redis, patience: &str) -> Faye {
    node_at(&redis.url(), patience, "50ms")
}

fn node_at(url: &str, patience: &str, deadline: &str) -> Faye {
    let settings = [
        ("FAYE_REDIS__URL", url),
        ("FAYE_REDIS__PATIENCE", patience),
        ("FAYE_REDIS__DEADLINE", deadline),
        ("FAYE_REDIS__HEARTBEAT", "200ms"),
        ("FAYE_REDIS__LEASE", "10m"),
    ];
    let faye = Faye::start_with_file(RULES, &settings);
    faye.wait_for_metric("faye_redis_up", |now| now == 1);
    faye
}

/// Publishes, and returns whether the publication was accepted. Otherwise it was refused for now.
fn is_accepted(http: &mut Http, channel: &str, data: impl Into<Value>) -> bool {
    let reply = http.post("/faye", &publication(channel, data)).remove(0);
    if reply["successful"] == true {
        return true;
    }
    assert_eq!(reply["error"], "503::Not accepted, try again");
    false
}

/// Publishes the last publication until it is accepted.
fn publish_last(faye: &Faye, channel: &str) {
    while !is_accepted(&mut faye.http(), channel, "last") {}
}

/// Polls until the last publication, which was published already. Returns everything before it.
fn until_last(faye: &Faye, client: &str) -> Vec<Value> {
    let mut found = Vec::new();
    loop {
        found.extend(data(&delivered(&faye.post(&connect(client, "long-polling")))));
        if found.contains(&"last".into()) {
            found.retain(|value| value != "last");
            return found;
        }
    }
}

#[test]
fn a_full_memory_refuses_a_publication_at_once_and_nothing_is_lost_afterwards() {
    let redis = Redis::start();
    let faye = node(&redis, "10m");
    let client = Session::subscribed(&faye, Via::Polling, "/kept/a").id;
    assert!(is_accepted(&mut faye.http(), "/kept/a", 1));
    assert_eq!(redis.ask("CONFIG SET maxmemory 1"), "+OK\r\n");
    // Within ten minutes of patience this reply would not arrive.
    assert!(!is_accepted(&mut faye.http(), "/kept/a", 2));
    assert_eq!(redis.ask("CONFIG SET maxmemory 0"), "+OK\r\n");
    publish_last(&faye, "/kept/a");
    assert_eq!(until_last(&faye, &client), [1]);
}

#[test]
fn a_publication_waits_for_redis_with_patience_and_is_delivered_once() {
    let redis = Redis::start();
    let (faye, other) = (node(&redis, "10m"), node(&redis, "10m"));
    let client = Session::subscribed(&other, Via::Polling, "/a").id;
    redis.ask(PAUSE);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| is_accepted(&mut faye.http(), "/a", 1));
        // It has failed at least once.
        faye.wait_for_metric("faye_redis_up", |now| now == 0);
        redis.ask("CLIENT UNPAUSE");
        assert!(waiting.join().unwrap());
    });
    publish_last(&faye, "/a");
    assert_eq!(until_last(&other, &client), [1]);
}

#[test]
fn without_patience_a_publication_is_refused_and_delivered_at_most_once() {
    let redis = Redis::start();
    let faye = node(&redis, "0s");
    let client = Session::subscribed(&faye, Via::Polling, "/a").id;
    redis.ask(PAUSE);
    assert!(!is_accepted(&mut faye.http(), "/a", 1));
    assert!(!is_accepted(&mut faye.http(), "/a", 2));
    redis.ask("CLIENT UNPAUSE");
    publish_last(&faye, "/a");
    let found = until_last(&faye, &client);
    // The first may have reached Redis; the second was never sent.
    assert!(found.is_empty() || found == [1], "{found:?}");
}

#[test]
fn a_channel_with_local_ack_is_served_without_redis_and_a_history_is_not() {
    let redis = Redis::start();
    let (faye, other) = (node(&redis, "0s"), node(&redis, "0s"));
    let here = Session::subscribed(&faye, Via::Polling, "/local/a").id;
    let there = Session::subscribed(&other, Via::Polling, "/local/a").id;
    redis.ask(PAUSE);
    assert!(!is_accepted(&mut faye.http(), "/kept/a", 1));
    // Redis fails for each partition on its own.
    assert!(is_accepted(&mut faye.http(), "/local/a", 2));
    assert!(is_accepted(&mut faye.http(), "/local/a", 3));
    assert!(faye.metric("faye_redis_accepted_locally_total") > 0);
    let mut found = Vec::new();
    while found.len() < 2 {
        found.extend(data(&delivered(&faye.post(&connect(&here, "long-polling")))));
    }
    assert_eq!(found, [2, 3]);
    redis.ask("CLIENT UNPAUSE");
    publish_last(&faye, "/local/a");
    assert_eq!(until_last(&other, &there), [2, 3]);
    assert!(until_last(&faye, &here).is_empty());
}

/// Redis has a publication whose reply is lost, and the instance accepts it and others alone.
#[test]
fn what_follows_a_publication_without_a_reply_is_not_lost() {
    let redis = Redis::start();
    let gate = Gate::start(&redis.address());
    let (faye, other) = (node_at(&gate.url(), "0s", "2s"), node(&redis, "0s"));
    let there = Session::subscribed(&other, Via::Polling, "/local/a").id;
    // Redis knows the script from now on.
    assert!(is_accepted(&mut faye.http(), "/local/a", 0));
    gate.close_behind(data_encoding::HEXLOWER.encode(&Sha1::digest(PUBLISH)).as_bytes());
    std::thread::scope(|scope| {
        let first = scope.spawn(|| is_accepted(&mut faye.http(), "/local/a", 1));
        gate.wait_until_closed();
        // These are queued while the first has no reply.
        let others: Vec<_> = (2..6).map(|number| publication("/local/a", number)).collect();
        assert!(faye.post(&others.into()).iter().all(|reply| reply["successful"] == true));
        assert!(first.join().unwrap());
    });
    gate.open();
    publish_last(&faye, "/local/a");
    assert_eq!(until_last(&other, &there), [0, 1, 2, 3, 4, 5]);
}

/// A session that polls two instances in turn, while their connections to Redis break.
fn moves_while_connections_break(channel: &str, patience: &str) {
    let redis = Redis::start();
    let nodes = [node(&redis, patience), node(&redis, patience)];
    let client = Session::subscribed(&nodes[0], Via::Polling, channel).id;
    let is_over = AtomicBool::new(false);
    let mut found: Vec<Value> = Vec::new();
    let (accepted, refused) = std::thread::scope(|scope| {
        let publishing = scope.spawn(|| {
            let (mut accepted, mut refused) = (BTreeSet::new(), BTreeSet::new());
            let mut http = nodes[0].http();
            for number in 0..1500 {
                if number % 50 == 49 {
                    redis.ask("CLIENT KILL TYPE normal");
                }
                let is_accepted = is_accepted(&mut http, channel, number);
                if is_accepted { &mut accepted } else { &mut refused }.insert(number);
            }
            while !is_accepted(&mut http, channel, "last") {}
            is_over.store(true, Ordering::Release);
            (accepted, refused)
        });
        for turn in 0.. {
            let replies = nodes[turn % 2].post(&connect_now(&client, "long-polling"));
            let reply = replies.iter().find(|reply| reply["channel"] == "/meta/connect").expect("a reply");
            let is_out_of_reach = reply["error"].as_str().is_some_and(|error| error.starts_with("503:"));
            assert!(reply["successful"] == true || is_out_of_reach, "{reply}");
            found.extend(data(&delivered(&replies)));
            if is_over.load(Ordering::Acquire) && found.contains(&"last".into()) {
                break;
            }
        }
        publishing.join().unwrap()
    });
    found.retain(|value| value != "last");
    let numbers: Vec<i64> = found.iter().map(|value| value.as_i64().expect("a number")).collect();
    let lost: Vec<_> = accepted.iter().filter(|number| !numbers.contains(number)).collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(numbers.is_sorted_by(|one, next| one < next), "twice, or out of order: {numbers:?}");
    assert!(numbers.iter().all(|number| accepted.contains(number) || refused.contains(number)));
}

#[test]
fn a_session_misses_nothing_and_gets_nothing_twice_while_connections_to_redis_break() {
    moves_while_connections_break("/a", "5s");
}

#[test]
fn what_an_instance_has_accepted_alone_is_neither_lost_nor_twice_where_its_sessions_go() {
    moves_while_connections_break("/local/a", "5s");
}

#[test]
fn what_an_instance_has_accepted_alone_without_patience_is_neither_lost_nor_twice() {
    moves_while_connections_break("/local/a", "0s");
}
