//! Advice after a failure is complete, makes clients wait longer each time, and comes only where it is due.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "also what a test calls is a test")]

mod support;

use serde_json::{Value, json};
use support::*;

const SETTINGS: &[(&str, &str)] = &[
    ("FAYE_ADVICE__RETRY_FIRST", "100ms"),
    ("FAYE_ADVICE__RETRY_MOST", "1s"),
    ("FAYE_SERVER__TIMEOUT", "20s"),
];

/// Intervals that the advice may name, one after the other: more than half, and no more than all, of these.
const MOST: [u64; 7] = [100, 200, 400, 800, 1000, 1000, 1000];

/// The interval of a failure's advice, which has to be complete.
#[track_caller]
fn interval(reply: &Value) -> u64 {
    assert_eq!(reply["successful"], false, "{reply}");
    let interval = reply["advice"]["interval"].as_u64().unwrap_or_else(|| panic!("no interval: {reply}"));
    let complete = json!({"reconnect": "handshake", "interval": interval, "timeout": 20_000});
    assert_eq!(reply["advice"], complete, "{reply}");
    interval
}

#[track_caller]
fn assert_growing(intervals: &[u64]) {
    for (interval, most) in intervals.iter().zip(MOST) {
        assert!((most / 2 + 1..=most).contains(interval), "{intervals:?} against {MOST:?}");
    }
}

#[test]
fn handshakes_that_fail_are_told_to_wait_longer_each_time() {
    let faye = Faye::start(SETTINGS);
    let refused = json!({"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["x"]});
    let intervals: Vec<_> = MOST.iter().map(|_| interval(&faye.ask(&refused))).collect();
    assert_growing(&intervals);
    // The one after them, over a WebSocket, comes from the same address.
    assert!(interval(&Socket::open(&faye).ask(&refused)[0]) > 500);
}

#[test]
fn connects_that_fail_are_told_to_wait_longer_each_by_itself() {
    let faye = Faye::start(SETTINGS);
    for client in ["nobody", "nobody else"] {
        let intervals: Vec<_> =
            MOST.iter().map(|_| interval(&faye.ask(&connect(client, "long-polling")))).collect();
        assert_growing(&intervals);
    }
    assert!(interval(&faye.ask(&json!({"channel": "/meta/connect"}))) <= 100);
}

#[test]
fn the_waiting_is_not_the_same_for_all() {
    let faye = Faye::start(&[("FAYE_ADVICE__RETRY_FIRST", "1h"), ("FAYE_ADVICE__RETRY_MOST", "1h")]);
    let intervals: std::collections::HashSet<u64> = (0..20)
        .map(|client| faye.ask(&connect(&format!("nobody{client}"), "long-polling")))
        .map(|reply| reply["advice"]["interval"].as_u64().expect("an interval"))
        .collect();
    assert!(intervals.len() > 1, "{intervals:?}");
    assert!(intervals.iter().all(|interval| (1_800_001..=3_600_000).contains(interval)), "{intervals:?}");
}

#[test]
fn only_handshake_and_connect_advise() {
    let faye = Faye::start(SETTINGS);
    let session = Session::begin(&faye, Via::WebSocket);
    for client in [session.id.as_str(), "nobody"] {
        for message in [
            subscribe(client, "/a"),
            subscribe(client, "bad"),
            json!({"channel": "/meta/unsubscribe", "clientId": client, "subscription": "/a"}),
            json!({"channel": "/meta/unknown", "clientId": client}),
            json!({"channel": "/a", "clientId": client, "data": 1}),
            json!({"channel": "bad", "clientId": client, "data": 1}),
            json!({"channel": "/a", "clientId": client}),
            json!({"clientId": client}),
            json!({"channel": "/meta/disconnect", "clientId": client}),
        ] {
            let reply = faye.ask(&message);
            assert_eq!(reply.get("advice"), None, "{reply}");
        }
    }
}

#[test]
fn success_is_told_the_settings() {
    let faye = Faye::start(&[("FAYE_SERVER__TIMEOUT", "20s"), ("FAYE_SERVER__INTERVAL", "3s")]);
    let expected = json!({"reconnect": "retry", "interval": 3000, "timeout": 20_000});
    let reply = faye.ask(&handshake());
    assert_eq!(reply["advice"], expected);
    let client = reply["clientId"].as_str().expect("an identifier");
    assert_eq!(faye.ask(&connect(client, "long-polling"))["advice"], expected);
    assert_eq!(Socket::open(&faye).ask(&connect_now(client, "websocket"))[0]["advice"], expected);
    let expected = json!({"reconnect": "retry", "interval": 20_000, "timeout": 0});
    assert_eq!(faye.ask(&connect(client, "eventsource"))["advice"], expected);
}
