//! Advice after a failure is complete, makes clients wait longer each time, and comes only where it is due.

use crate::support::*;
use serde_json::{Value, json};

const SETTINGS: &[(&str, &str)] =
    &[("FAYE_ADVICE__RETRY_MIN", "100ms"), ("FAYE_ADVICE__RETRY_MAX", "1s"), ("FAYE_SERVER__TIMEOUT", "20s")];

/// Intervals that the advice may name after repeated failures, one after the other: more than half, and no more than all,
/// of these.
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
    // Some clients read it in seconds, so after a restart any other value would keep them away for minutes.
    assert_eq!(intervals[0], 0, "{intervals:?}: the first failure");
    for (interval, most) in intervals[1..].iter().zip(MOST) {
        assert!((most / 2 + 1..=most).contains(interval), "{intervals:?} against {MOST:?}");
    }
}

/// So many intervals, of which the first is that of a first failure.
fn intervals(mut fail: impl FnMut() -> Value) -> Vec<u64> {
    (0..=MOST.len()).map(|_| interval(&fail())).collect()
}

#[test]
fn handshakes_that_fail_are_told_to_wait_longer_each_time() {
    let faye = Faye::start(SETTINGS);
    let refused = json!({"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["x"]});
    assert_growing(&intervals(|| faye.ask(&refused)));
    // The one after them, over a WebSocket, comes from the same address.
    assert!(interval(&Socket::open(&faye).ask(&refused)[0]) > 500);
}

#[test]
fn connects_that_fail_are_told_to_wait_longer_each_by_itself() {
    let faye = Faye::start(SETTINGS);
    for client in ["nobody", "nobody else"] {
        // aiocometd, which also reads seconds, sends the first one twice if it has credentials.
        assert_eq!(interval(&faye.ask(&connect(client, "long-polling"))), 0);
        assert_growing(&intervals(|| faye.ask(&connect(client, "long-polling"))));
    }
    assert_eq!(interval(&faye.ask(&json!({"channel": "/meta/connect"}))), 0);
}

/// The error 403 leads to a second connect in the same clients.
#[test]
fn the_second_connect_of_a_lost_session_is_not_delayed_in_any_dialect() {
    for dialect in ["faye", "salesforce"] {
        let faye = Faye::start(&[("FAYE_DIALECT__UNKNOWN_CLIENT", dialect)]);
        let client = faye.client();
        assert_done(&faye.ask(&json!({"channel": "/meta/disconnect", "clientId": client})));
        let mut socket = Socket::open(&faye);
        let lost = connect(&client, "websocket");
        let intervals = [(); 3].map(|()| interval_of(&socket.ask(&lost)[0]));
        assert!(intervals[..2] == [0, 0] && intervals[2] > 0, "{dialect}: {intervals:?}");
    }
}

/// After a restart the lost session is found out by a refused connect, over every transport.
#[test]
fn a_client_of_a_server_that_was_restarted_comes_back_at_once() {
    let faye = Faye::start(SETTINGS);
    let mut sessions: Vec<_> = Via::ALL.into_iter().map(|via| (via, faye.client())).collect();
    let faye = faye.restart();
    for (via, id) in &mut sessions {
        let ask = |message: &Value| match via {
            Via::WebSocket => Socket::open(&faye).ask(message).remove(0),
            Via::Jsonp => {
                let query = encode(&[("message", &message.to_string()), ("jsonp", "cb")]);
                let script = faye.get(&format!("{}?{query}", faye.mount)).text();
                let array = script.trim_start_matches("/**/cb(").trim_end_matches(");");
                serde_json::from_str::<Vec<Value>>(array).unwrap().remove(0)
            }
            _ => faye.ask(message),
        };
        let reply = ask(&connect(id, via.name()));
        assert_eq!(reply["error"], format!("401:{id}:Unknown client"), "{via:?}");
        assert_eq!(interval(&reply), 0, "{via:?}");
        let reply = ask(&handshake());
        assert_done(&reply);
        assert_eq!(reply["advice"]["interval"], 0, "{via:?}");
    }
}

#[test]
fn the_waiting_is_not_the_same_for_all() {
    let faye = Faye::start(&[("FAYE_ADVICE__RETRY_MIN", "1h"), ("FAYE_ADVICE__RETRY_MAX", "1h")]);
    let intervals: std::collections::HashSet<u64> = (0..20)
        .map(|client| {
            let message = connect(&format!("nobody{client}"), "long-polling");
            assert_eq!(interval_of(&faye.ask(&message)), 0);
            assert_eq!(interval_of(&faye.ask(&message)), 0);
            interval_of(&faye.ask(&message))
        })
        .collect();
    assert!(intervals.len() > 1, "{intervals:?}");
    assert!(intervals.iter().all(|interval| (1_800_001..=3_600_000).contains(interval)), "{intervals:?}");
}

fn interval_of(reply: &Value) -> u64 {
    reply["advice"]["interval"].as_u64().expect("an interval")
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

#[test]
fn connects_that_a_client_gets_wrong_are_counted_against_that_client_alone() {
    let faye = Faye::start(SETTINGS);
    let [wrong, right] = [faye.client(), faye.client()];
    for client in [&wrong, &right] {
        assert_done(&faye.ask(&connect_now(client, "long-polling")));
    }
    let incomplete = |client: &str| json!({"channel": "/meta/connect", "clientId": client});
    assert_growing(&intervals(|| faye.ask(&incomplete(&wrong))));
    assert_eq!(
        interval(&faye.ask(&incomplete(&right))),
        0,
        "another client of the same address fails for the first time"
    );
}

#[test]
fn a_connect_that_an_extension_fails_keeps_its_session() {
    let folder = tempfile::tempdir().unwrap();
    let file = "module.exports = { incoming: function(message, callback) {\n\
                if (message.ext && message.ext.fail) throw new Error('my own fault');\n\
                callback(message);\n} };\n";
    std::fs::write(folder.path().join("fails.js"), file).unwrap();
    let mut settings = SETTINGS.to_vec();
    settings.push(("FAYE_EXTENSIONS__FILES", "fails.js"));
    let faye = Faye::start_in(folder, &settings);
    let client = faye.client();
    assert_done(&faye.ask(&connect_now(&client, "long-polling")));
    assert_done(&faye.ask(&subscribe(&client, "/a")));
    faye.publish("/a", "waits");
    let mut failing = connect_now(&client, "long-polling");
    failing["ext"] = json!({"fail": true});
    let reply = faye.ask(&failing);
    assert_eq!(reply["error"], "500::Internal server error");
    assert_eq!(reply["advice"], json!({"reconnect": "retry", "interval": 0, "timeout": 20_000}), "{reply}");
    let answer = faye.post(&connect(&client, "long-polling"));
    assert_eq!(data(&delivered(&answer)), ["waits"]);
    // The log says where the error is.
    faye.wait_for_stderr("fails.js:2");
}
