//! The fence: an instance that was cut off or killed changes nothing that another instance has decided since.

use std::time::Duration;

use crate::support::gate::Gate;
use crate::support::redis::Redis;
use crate::support::*;
use serde_json::Value;
use sha1::{Digest, Sha1};

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

/// The hash by which an instance calls a script.
fn hash(script: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha1::digest(script))
}

/// Waits until the record of a session has no such field.
fn wait_until_without(redis: &Redis, client: &str, field: &str) {
    while redis.ask(&format!("HEXISTS faye:session:{{{client}}} {field}")) != ":0\r\n" {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Connects until the session can be reached, and returns the data of its messages.
fn fetch(faye: &Faye, client: &str) -> Vec<Value> {
    loop {
        let replies = faye.post(&connect_now(client, "long-polling"));
        let reply = replies.iter().find(|reply| reply["channel"] == "/meta/connect").expect("a reply");
        if reply["successful"] == true {
            return data(&delivered(&replies));
        }
        assert_eq!(reply["error"].as_str().map(|error| &error[..3]), Some("503"), "{reply}");
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
