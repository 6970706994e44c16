//! Replay on subscribe between instances: sessions that move or are adopted in the middle, and a Redis that is away.

use crate::support::redis::Redis;
use crate::support::*;
use serde_json::{Value, json};

const RULES: &str = "[[channel]]\nmatch = \"/h/**\"\nhistory = { messages = 2000, age = \"1h\" }\n";
const GAPS: &str = "faye_replay_gaps_total";

fn node(redis: &Redis, settings: &[(&str, &str)]) -> Faye {
    node_with_rules(redis, RULES, settings)
}

fn node_with_rules(redis: &Redis, rules: &str, settings: &[(&str, &str)]) -> Faye {
    let url = redis.url();
    let mut all = vec![
        ("FAYE_REDIS__URL", url.as_str()),
        ("FAYE_REDIS__HEARTBEAT", "100ms"),
        ("FAYE_REDIS__LEASE", "2s"),
    ];
    all.extend_from_slice(settings);
    let faye = Faye::start_with_file(rules, &all);
    faye.wait_for_metric("faye_redis_up", |now| now == 1);
    faye
}

/// Publishes numbers in one request.
fn publish(faye: &Faye, channel: &str, numbers: std::ops::Range<u64>) {
    let messages: Vec<_> = numbers.map(|number| publication(channel, number)).collect();
    faye.post(&json!(messages)).iter().for_each(assert_done);
}

#[track_caller]
fn replay(faye: &Faye, id: &str, channel: &str, position: impl Into<Value>) -> Value {
    let reply = faye.ask(&json!({
        "channel": "/meta/subscribe", "clientId": id, "subscription": channel, "ext": {"replay": position.into()}
    }));
    assert_done(&reply);
    reply["ext"]["replay"][channel].clone()
}

/// The messages of a long-polling connect; empty if the session cannot be reached now.
fn poll(faye: &Faye, id: &str) -> Vec<Value> {
    let answer = faye.post(&connect_now(id, "long-polling"));
    let reply = answer.iter().find(|message| message["channel"] == "/meta/connect").expect("a reply");
    let is_away = reply["error"].as_str().is_some_and(|error| error.starts_with("503"));
    assert!(reply["successful"] == true || is_away, "{reply}");
    answer.into_iter().filter(|message| message["channel"] != "/meta/connect").collect()
}

fn numbers(messages: &[Value]) -> Vec<u64> {
    messages.iter().filter_map(|message| message["data"].as_u64()).collect()
}

#[test]
fn everything_kept_is_replayed_at_another_instance_over_every_transport() {
    for via in Via::ALL {
        let redis = Redis::start();
        let (first, second) = (node(&redis, &[]), node(&redis, &[]));
        publish(&first, "/h/a", 0..150);
        let mut session = Session::begin(&second, via);
        let told = replay(&second, &session.id, "/h/a", -2);
        assert_eq!(told["recovered"], true, "{via:?}");
        let messages: Vec<Value> = (0..150).map(|_| session.next()).collect();
        assert_eq!(numbers(&messages), (0..150).collect::<Vec<_>>(), "{via:?}");
        let ids: Vec<_> = messages.iter().map(|message| message["ext"]["replay"]["id"].as_u64()).collect();
        assert!(ids.iter().all(Option::is_some) && ids.is_sorted(), "{via:?}");
        first.publish("/h/a", "live");
        let live = session.next();
        assert!(live["data"] == "live" && live["ext"]["replay"]["id"].as_u64() > ids[149], "{via:?}: {live}");
        // The next one has the same history.
        let again = replay(&second, &session.id, "/h/a", ids[149].unwrap());
        assert_eq!((&again["recovered"], &again["position"]), (&json!(true), &json!(ids[149])));
        assert_eq!(session.next()["data"], "live");
    }
}

#[test]
fn a_cursor_of_one_instance_holds_at_another() {
    let redis = Redis::start();
    let (first, second) = (node(&redis, &[]), node(&redis, &[]));
    let session = Session::begin(&first, Via::Polling);
    let told = replay(&first, &session.id, "/h/**", -1);
    assert_eq!(told["recovered"], true);
    for round in 0..20 {
        publish(&second, &format!("/h/{}", round % 7), round * 10..(round + 1) * 10);
    }
    let other = Session::begin(&second, Via::WebSocket);
    let again = replay(&second, &other.id, "/h/**", json!({"/h/**": told["cursor"]}));
    assert_eq!(again["recovered"], true);
    let mut session = other;
    let mut all: Vec<u64> = (0..200).filter_map(|_| session.next()["data"].as_u64()).collect();
    all.sort_unstable();
    assert_eq!(all, (0..200).collect::<Vec<_>>());
    publish(&first, "/h/x", 200..201);
    assert_eq!(session.next()["data"], 200);
    assert_eq!(second.metric(GAPS), 0);
    // Redis has lost everything.
    redis.ask("FLUSHALL");
    publish(&first, "/h/0", 0..1);
    second.wait_for_metric("faye_redis_epoch_resets_total", |resets| resets > 0);
    let lost = Session::begin(&second, Via::Polling);
    assert_eq!(replay(&second, &lost.id, "/h/**", json!({"/h/**": told["cursor"]}))["recovered"], false);
}

/// What an instance has received, it replays from its memory: many clients that return at once do not load Redis.
#[test]
fn a_replay_of_what_an_instance_has_received_does_not_ask_redis() {
    let redis = Redis::start();
    let (first, second) = (node(&redis, &[]), node(&redis, &[]));
    publish(&first, "/h/a", 0..5);
    let mut stays = Session::subscribed(&second, Via::WebSocket, "/h/**");
    publish(&first, "/h/a", 5..40);
    publish(&first, "/h/b", 40..50);
    let ids: Vec<u64> = (5..50).filter_map(|_| stays.next()["ext"]["replay"]["id"].as_u64()).collect();
    let cursor = replay(&second, &Session::begin(&second, Via::Polling).id, "/h/**", -1)["cursor"].clone();
    publish(&first, "/h/b", 50..60);
    publish(&first, "/h/a", 60..70);
    (50..70).for_each(|_| _ = stays.next());
    // Only the memory has the messages now.
    let delete = "for _, key in ipairs(redis.call('KEYS', '*')) do \
                  if redis.call('TYPE', key).ok == 'stream' then redis.call('DEL', key) end end return 'DONE'";
    assert_eq!(redis.ask(&format!("EVAL \"{delete}\" 0")), "DONE");
    for via in Via::ALL {
        let mut returns = Session::begin(&second, via);
        let told = replay(&second, &returns.id, "/h/a", ids[9]);
        assert_eq!(told["recovered"], true, "{via:?}: {told}");
        let got: Vec<Value> = (0..35).map(|_| returns.next()).collect();
        assert_eq!(numbers(&got), (15..40).chain(60..70).collect::<Vec<_>>(), "{via:?}");
        let mut pattern = Session::begin(&second, via);
        let told = replay(&second, &pattern.id, "/h/**", json!({"/h/**": cursor}));
        assert_eq!(told["recovered"], true, "{via:?}: {told}");
        let mut got = numbers(&(0..20).map(|_| pattern.next()).collect::<Vec<_>>());
        got.sort_unstable();
        assert_eq!(got, (50..70).collect::<Vec<_>>(), "{via:?}");
    }
    // The memory does not have what was published before the first subscriber was here.
    let early = Session::begin(&second, Via::Polling);
    assert_eq!(replay(&second, &early.id, "/h/a", ids[0] - 3)["recovered"], false);
}

#[test]
fn the_instance_of_a_subscriber_puts_the_position_into_the_data() {
    let redis = Redis::start();
    let with_event = format!("{RULES}replay_id = \"event\"\n");
    let (first, second) = (node(&redis, &[]), node_with_rules(&redis, &with_event, &[]));
    let mut plain = Session::subscribed(&first, Via::WebSocket, "/h/a");
    let mut live = Session::subscribed(&second, Via::WebSocket, "/h/a");
    // Its messages move with it.
    let moved = Session::subscribed(&second, Via::Polling, "/h/a");
    for publisher in [&first, &second] {
        publisher.publish("/h/a", json!({"a": 1, "event": {"type": "created"}}));
    }
    let offset = |message: &Value| message["ext"]["replay"]["id"].as_u64().expect("an id");
    let replayed = Session::begin(&second, Via::Polling);
    replay(&second, &replayed.id, "/h/a", -2);
    let moved: Vec<Value> = std::iter::repeat_with(|| poll(&first, &moved.id)).flatten().take(2).collect();
    let replayed: Vec<Value> =
        std::iter::repeat_with(|| poll(&second, &replayed.id)).flatten().take(2).collect();
    for at in 0..2 {
        let message = live.next();
        assert_eq!(
            message["data"],
            json!({"event": {"replayId": offset(&message), "type": "created"}, "a": 1})
        );
        assert_eq!((&moved[at], &replayed[at]), (&message, &message));
        assert_eq!(plain.next()["data"], json!({"a": 1, "event": {"type": "created"}}));
    }
}

#[test]
fn a_full_mailbox_becomes_a_replay_of_the_history_in_redis() {
    let redis = Redis::start();
    let small = [("FAYE_MAILBOX__MESSAGES", "4")];
    let (first, second) = (node(&redis, &small), node(&redis, &small));
    let mut session = Session::subscribed(&second, Via::Polling, "/h/*");
    publish(&first, "/h/a", 0..100);
    let all: Vec<u64> = (0..100).filter_map(|_| session.next()["data"].as_u64()).collect();
    assert_eq!(all, (0..100).collect::<Vec<_>>());
    assert_eq!((second.metric(GAPS), second.metric("faye_mailbox_disconnects_total")), (0, 0));
}

#[test]
fn a_replay_moves_with_its_session() {
    let redis = Redis::start();
    let small = [("FAYE_MAILBOX__MESSAGES", "20")];
    let nodes = [node(&redis, &small), node(&redis, &small)];
    publish(&nodes[0], "/h/a", 0..200);
    let session = Session::begin(&nodes[0], Via::Polling);
    replay(&nodes[0], &session.id, "/h/a", -2);
    let mut all = Vec::new();
    let mut round = 0;
    while all.len() < 220 {
        all.extend(numbers(&poll(&nodes[round % 2], &session.id)));
        if round < 20 {
            publish(&nodes[0], "/h/a", 200 + round as u64..201 + round as u64);
        }
        round += 1;
    }
    assert_eq!(all, (0..220).collect::<Vec<_>>());
    assert_eq!(nodes[0].metric(GAPS) + nodes[1].metric(GAPS), 0);
    assert!(nodes[1].metric("faye_sessions_imported_total") > 1);
}

#[test]
fn another_instance_continues_the_replay_of_a_dead_one() {
    let redis = Redis::start();
    let small = [("FAYE_MAILBOX__MESSAGES", "20")];
    let (mut first, second) = (node(&redis, &small), node(&redis, &small));
    publish(&second, "/h/a", 0..200);
    let session = Session::begin(&first, Via::Polling);
    assert_done(&first.ask(&subscribe(&session.id, "/x")));
    replay(&first, &session.id, "/h/a", -2);
    let mut all = Vec::new();
    while all.len() < 50 {
        all.extend(numbers(&poll(&first, &session.id)));
    }
    first.kill();
    publish(&second, "/h/a", 200..210);
    let mut told = Vec::new();
    while all.last() != Some(&209) {
        let messages = poll(&second, &session.id);
        told.extend(messages.iter().filter(|message| message["ext"].get("faye:gap").is_some()).cloned());
        all.extend(numbers(&messages));
    }
    all.sort_unstable();
    all.dedup();
    assert_eq!(all, (0..210).collect::<Vec<_>>(), "nothing is lost; some may come twice");
    // What was published to a channel without history is lost, and the client is told.
    let subscriptions: Vec<_> = told.iter().map(|notice| notice["subscription"].as_str()).collect();
    assert_eq!(subscriptions, [Some("/x")], "{told:?}");
}

#[test]
fn a_client_of_a_dead_instance_still_gets_cursors() {
    let redis = Redis::start();
    let (mut first, second) = (node(&redis, &[]), node(&redis, &[]));
    let mut handshake = handshake();
    handshake["ext"] = json!({"replay": true});
    let id = first.ask(&handshake)["clientId"].as_str().expect("a session").to_owned();
    assert_done(&first.ask(&subscribe(&id, "/h/a")));
    let cursor_of = |faye: &Faye| {
        let answer = faye.post(&connect_now(&id, "long-polling"));
        let reply =
            answer.into_iter().find(|message| message["channel"] == "/meta/connect").expect("a reply");
        (reply["successful"] == true, reply["ext"]["replay"]["cursor"].as_str().map(str::to_owned))
    };
    assert!(matches!(cursor_of(&first), (true, Some(_))));
    first.kill();
    let adopted = std::iter::repeat_with(|| cursor_of(&second)).find(|(is_done, _)| *is_done);
    let Some((_, Some(cursor))) = adopted else { panic!("no cursor: {adopted:?}") };
    publish(&second, "/h/a", 0..3);
    let mut other = Session::begin(&second, Via::WebSocket);
    assert_eq!(replay(&second, &other.id, "/h/a", json!({"/h/a": cursor}))["recovered"], true);
    assert_eq!(numbers(&(0..3).map(|_| other.next()).collect::<Vec<_>>()), [0, 1, 2]);
}

#[test]
fn a_replay_waits_for_redis() {
    let redis = Redis::start();
    let small = [("FAYE_MAILBOX__MESSAGES", "20"), ("FAYE_REDIS__DEADLINE", "300ms")];
    let faye = node(&redis, &small);
    publish(&faye, "/h/a", 0..200);
    let session = Session::begin(&faye, Via::Polling);
    replay(&faye, &session.id, "/h/a", -2);
    redis.ask("CLIENT PAUSE 1000 ALL");
    let mut all = Vec::new();
    while all.len() < 200 {
        all.extend(numbers(&poll(&faye, &session.id)));
    }
    assert_eq!(all, (0..200).collect::<Vec<_>>());
    assert_eq!(faye.metric(GAPS), 0);
}

#[test]
fn clients_are_told_when_redis_has_lost_publications() {
    let redis = Redis::start();
    let (first, second) = (node(&redis, &[]), node(&redis, &[]));
    let session = Session::begin(&second, Via::Polling);
    assert_done(&second.ask(&subscribe(&session.id, json!(["/x", "/y/*"]))));
    redis.ask("FLUSHALL");
    first.publish("/x", "after");
    let mut all = Vec::new();
    while all.last().is_none_or(|message: &Value| message["data"] != "after") {
        all.extend(poll(&second, &session.id));
    }
    let notices: Vec<_> =
        all.iter().filter_map(|message| message["ext"]["faye:gap"]["reason"].as_str()).collect();
    assert!(notices.contains(&"cluster"), "{all:?}");
}
