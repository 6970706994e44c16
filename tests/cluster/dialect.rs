//! The settings of `[dialect]` with several instances: channels with dots, publications without data, and unknown sessions.

use crate::support::redis::Redis;
use crate::support::*;
use serde_json::{Value, json};

const DIALECT: &str = "
[dialect]
dotted_channels = true
publish_without_data = true
unknown_client = 'salesforce'
[[channel]]
match = '/kept.for.long/**'
history = { messages = 10, age = '1h' }
";

fn node(redis: &Redis, file: &str) -> Faye {
    node_with_lease(redis, file, "10m")
}

fn node_with_lease(redis: &Redis, file: &str, lease: &str) -> Faye {
    let faye = Faye::start_with_file(
        file,
        &[
            ("FAYE_REDIS__URL", &redis.url()),
            ("FAYE_REDIS__HEARTBEAT", "200ms"),
            ("FAYE_REDIS__LEASE", lease),
        ],
    );
    faye.wait_for_metric("faye_redis_up", |now| now == 1);
    faye
}

/// The number of polls in which a message has to come. An instance holds the last one until it has a message.
const POLLS: usize = 3;

/// Polls until there are messages.
fn poll(faye: &Faye, client: &str) -> Vec<Value> {
    for _ in 0..POLLS {
        let replies = faye.post(&connect(client, "long-polling"));
        let messages = delivered(&replies);
        if !messages.is_empty() {
            return messages;
        }
        assert!(replies.iter().all(|reply| reply["successful"] == true), "{replies:?}");
    }
    panic!("no message of {client}");
}

/// Removes the offset that messages of a history have.
fn without_offset(mut message: Value) -> Value {
    let is_kept = message["channel"].as_str().unwrap().starts_with("/kept");
    assert_eq!(message["ext"]["replay"]["id"].is_u64(), is_kept, "{message}");
    let Some(ext) = message.get_mut("ext").and_then(Value::as_object_mut) else { return message };
    ext.remove("replay");
    if ext.is_empty() {
        message.as_object_mut().unwrap().remove("ext");
    }
    message
}

#[test]
fn channels_with_dots_reach_other_instances_and_move_with_their_session() {
    let redis = Redis::start();
    let (first, second) = (node(&redis, DIALECT), node(&redis, DIALECT));
    for channel in ["/event/Order__e.x", "/kept.for.long/a.b"] {
        for pattern in [channel, "/**"] {
            let client = Session::subscribed(&first, Via::Polling, pattern).id;
            second.publish(channel, "from the other instance");
            let expected = [json!({"channel": channel, "data": "from the other instance"})];
            let received: Vec<_> = poll(&first, &client).into_iter().map(without_offset).collect();
            assert_eq!(received, expected, "{pattern}");
            // The session moves with its subscription, and a message that is queued.
            first.publish(channel, "queued");
            assert_eq!(data(&poll(&second, &client)), ["queued"], "{pattern}");
            first.publish(channel, "after the move");
            assert_eq!(data(&poll(&second, &client)), ["after the move"], "{pattern}");
            let unsubscribe =
                json!({"channel": "/meta/unsubscribe", "clientId": client, "subscription": pattern});
            assert_done(&first.ask(&unsubscribe));
            assert_done(&first.ask(&json!({"channel": "/meta/disconnect", "clientId": client})));
        }
    }
}

#[test]
fn every_instance_delivers_null_for_a_publication_without_data_and_histories_have_it() {
    let redis = Redis::start();
    let (first, second) = (node(&redis, DIALECT), node(&redis, DIALECT));
    for channel in ["/a", "/kept.for.long/a"] {
        let mut subscribers = [
            Session::subscribed(&first, Via::WebSocket, channel),
            Session::subscribed(&second, Via::EventSource, channel),
            Session::subscribed(&second, Via::Polling, "/**"),
        ];
        assert_done(&first.ask(&json!({"channel": channel, "ext": {"n": 1}})));
        // By a session of the other instance.
        let publisher = Session::begin(&second, Via::Polling).id;
        assert_done(&first.ask(&json!({"channel": channel, "clientId": publisher, "id": "7"})));
        for subscriber in &mut subscribers {
            let expected = json!({"channel": channel, "ext": {"n": 1}, "data": null});
            assert_eq!(without_offset(subscriber.next()), expected);
            assert_eq!(without_offset(subscriber.next()), json!({"channel": channel, "data": null}));
        }
    }
    let script = "local found = redis.call('KEYS', '*:history:/kept.for.long/a') \
                  return cjson.encode(redis.call('XRANGE', found[1], '-', '+'))";
    let history = redis.ask(&format!("EVAL \"{script}\" 0"));
    let entries: Vec<(String, Vec<String>)> = serde_json::from_str(&history).unwrap();
    let kept: Vec<_> = entries.iter().map(|(_, fields)| fields[1].as_str()).collect();
    let channel = r#""channel":"/kept.for.long/a""#;
    assert_eq!(
        kept,
        [format!(r#"{{{channel},"ext":{{"n":1}},"data":null}}"#), format!(r#"{{{channel},"data":null}}"#)]
    );
}

#[test]
fn a_session_that_no_instance_has_is_answered_in_the_dialect() {
    let redis = Redis::start();
    let (first, second) = (node(&redis, DIALECT), node(&redis, DIALECT));
    let client = Session::begin(&first, Via::Polling).id;
    assert_done(&second.ask(&json!({"channel": "/meta/disconnect", "clientId": client})));
    for faye in [&first, &second] {
        let reply = faye.ask(&connect(&client, "long-polling"));
        assert_eq!(
            (&reply["error"], &reply["advice"]["reconnect"]),
            (&json!("403::Unknown client"), &json!("handshake"))
        );
        assert_eq!(faye.ask(&subscribe(&client, "/a"))["error"], "403::Unknown client");
    }
}

/// During a change of the settings, instances differ. Names from other instances are valid, those of clients are not.
#[test]
fn an_instance_without_dots_keeps_the_subscriptions_and_messages_of_others() {
    let redis = Redis::start();
    let (dotted, other) = (node(&redis, DIALECT), node(&redis, ""));
    let client = Session::subscribed(&dotted, Via::Polling, "/a.b").id;
    dotted.publish("/a.b", "queued");
    assert_eq!(data(&poll(&other, &client)), ["queued"]);
    dotted.publish("/a.b", "after the move");
    assert_eq!(data(&poll(&other, &client)), ["after the move"]);
    assert_eq!(other.ask(&subscribe(&client, "/c.d"))["error"], "405:/c.d:Invalid channel");
    assert_eq!(other.ask(&publication("/a.b", 1))["error"], "405:/a.b:Invalid channel");
}

/// The subscriptions of a session whose instance was killed are those of its record in Redis.
#[test]
fn a_session_whose_instance_was_killed_keeps_its_channels_with_dots() {
    let redis = Redis::start();
    let mut killed = node_with_lease(&redis, DIALECT, "2s");
    let other = node_with_lease(&redis, DIALECT, "2s");
    let client = Session::subscribed(&killed, Via::Polling, "/a.b").id;
    assert_done(&killed.ask(&subscribe(&client, "/c.d/**")));
    killed.kill();
    loop {
        let reply = other.ask(&connect_now(&client, "long-polling"));
        if reply["successful"] == true {
            break;
        }
        assert_eq!(reply["error"], "503::Session out of reach, try again", "{reply}");
    }
    for channel in ["/a.b", "/c.d/e"] {
        other.publish(channel, channel);
        assert_eq!(data(&poll(&other, &client)), [channel]);
    }
}
