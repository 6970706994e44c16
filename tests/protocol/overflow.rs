//! What happens when a mailbox is full: by messages and by bytes, for each policy and each rule for channels.

use crate::support::redis::Redis;
use crate::support::*;
use serde_json::{Value, json};

/// What a next connect brings.
fn fetch(faye: &Faye, client: &str) -> Vec<Value> {
    data(&delivered(&faye.post(&connect_now(client, "long-polling"))))
}

fn publish(faye: &Faye, channel: &str, numbers: std::ops::Range<u64>) {
    numbers.for_each(|number| faye.publish(channel, number));
}

#[test]
fn disconnect_ends_the_session_and_says_so() {
    let faye = Faye::start(&[("FAYE_MAILBOX__MESSAGES", "3")]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    publish(&faye, "/a", 0..3);
    assert_eq!(faye.metric("faye_sessions"), 1);
    publish(&faye, "/a", 3..4);
    assert_eq!(faye.metric("faye_mailbox_disconnects_total"), 1);
    assert_eq!(faye.metric("faye_mailbox_dropped_total"), 0);
    assert_eq!(faye.metric("faye_sessions"), 0);
    assert_eq!(faye.metric("faye_subscriptions"), 0);
    let reply = faye.ask(&connect(&session.id, "long-polling"));
    assert_eq!(reply["error"], format!("401:{}:Unknown client", session.id));
    assert_eq!(reply["advice"]["reconnect"], "handshake");
    faye.assert_serves();
}

/// Publications that come from Redis are put into mailboxes under the lock of their partition; a session ends after it.
#[test]
fn disconnect_ends_the_session_of_a_joined_instance_too() {
    let redis = Redis::start();
    let url = redis.url();
    let faye = Faye::start(&[("FAYE_REDIS__URL", url.as_str()), ("FAYE_MAILBOX__MESSAGES", "3")]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut quick = Session::subscribed(&faye, Via::WebSocket, "/a");
    for number in 0..10 {
        faye.publish("/a", number);
        assert_eq!(quick.take(1), [number]);
    }
    faye.wait_for_metric("faye_mailbox_disconnects_total", |count| count == 1);
    assert_eq!(faye.metric("faye_sessions"), 1);
    assert_eq!(faye.metric("faye_subscriptions"), 1);
    let reply = faye.ask(&connect(&session.id, "long-polling"));
    assert_eq!(reply["error"], format!("401:{}:Unknown client", session.id));
    assert_eq!(faye.metric("faye_panics_total"), 0);
}

#[test]
fn disconnect_concerns_only_who_is_behind() {
    let faye = Faye::start(&[("FAYE_MAILBOX__MESSAGES", "3")]);
    let _behind = Session::subscribed(&faye, Via::Polling, "/a");
    let mut quick = Session::subscribed(&faye, Via::WebSocket, "/a");
    for number in 0..10 {
        faye.publish("/a", number);
        assert_eq!(quick.take(1), [number]);
    }
    assert_eq!(faye.metric("faye_mailbox_disconnects_total"), 1);
    assert_eq!(faye.metric("faye_sessions"), 1);
}

#[test]
fn disconnect_closes_the_transports_of_the_session() {
    let faye = Faye::start(&[("FAYE_MAILBOX__BYTES", "256KiB"), ("FAYE_LIMITS__WRITE_TIME", "1h")]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    let mut publisher = faye.http();
    // Nothing is read, so at some time the system takes no more, and then the mailbox is full.
    while faye.metric("faye_mailbox_disconnects_total") == 0 {
        publisher.post(&faye.mount, &publication("/a", "x".repeat(100_000)));
    }
    assert_eq!(faye.metric("faye_sessions"), 0);
    session.socket().close_code();
    faye.wait_for_metric("faye_websockets", |now| now == 0);
}

#[test]
fn drop_oldest_keeps_what_is_new() {
    let settings = [("FAYE_MAILBOX__MESSAGES", "3"), ("FAYE_MAILBOX__OVERFLOW", "drop-oldest")];
    let faye = Faye::start(&settings);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    publish(&faye, "/a", 0..10);
    assert_eq!(fetch(&faye, &session.id), [7, 8, 9]);
    assert_eq!(faye.metric("faye_mailbox_dropped_total"), 7);
    publish(&faye, "/a", 10..12);
    assert_eq!(fetch(&faye, &session.id), [10, 11]);
    assert_eq!(faye.metric("faye_mailbox_dropped_total"), 7);
    assert_eq!(faye.metric("faye_mailbox_disconnects_total"), 0);
}

#[test]
fn drop_newest_keeps_what_is_there() {
    let settings = [("FAYE_MAILBOX__MESSAGES", "3"), ("FAYE_MAILBOX__OVERFLOW", "drop-newest")];
    let faye = Faye::start(&settings);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    publish(&faye, "/a", 0..10);
    assert_eq!(fetch(&faye, &session.id), [0, 1, 2]);
    assert_eq!(faye.metric("faye_mailbox_dropped_total"), 7);
    publish(&faye, "/a", 10..12);
    assert_eq!(fetch(&faye, &session.id), [10, 11]);
}

#[test]
fn bytes_count_as_messages_do() {
    let settings = [("FAYE_MAILBOX__BYTES", "1KiB"), ("FAYE_MAILBOX__OVERFLOW", "drop-oldest")];
    let faye = Faye::start(&settings);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    for letter in ["a", "b", "c", "d"] {
        faye.publish("/a", letter.repeat(400));
    }
    assert_eq!(fetch(&faye, &session.id), ["c".repeat(400), "d".repeat(400)]);
    assert_eq!(faye.metric("faye_mailbox_dropped_total"), 2);
    // One message always has room, however large.
    faye.publish("/a", "e".repeat(5000));
    assert_eq!(fetch(&faye, &session.id), ["e".repeat(5000)]);
}

#[test]
fn bytes_end_sessions_too() {
    let faye = Faye::start(&[("FAYE_MAILBOX__BYTES", "1KiB")]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    (0..3).for_each(|_| faye.publish("/a", "x".repeat(400)));
    assert_eq!(faye.ask(&connect(&session.id, "long-polling"))["successful"], false);
    assert_eq!(faye.metric("faye_mailbox_disconnects_total"), 1);
}

#[test]
fn rules_for_channels_decide_before_the_setting() {
    let rules = r#"
        [mailbox]
        messages = 3

        [[channel]]
        match = "/prices/important"
        overflow = "drop-newest"

        [[channel]]
        match = "/prices/**"
        overflow = "drop-oldest"
    "#;
    let faye = Faye::start_with_file(rules, &[]);
    let prices = Session::subscribed(&faye, Via::Polling, "/prices/eur/usd");
    publish(&faye, "/prices/eur/usd", 0..10);
    assert_eq!(fetch(&faye, &prices.id), [7, 8, 9]);
    let important = Session::subscribed(&faye, Via::Polling, "/prices/important");
    publish(&faye, "/prices/important", 0..10);
    assert_eq!(fetch(&faye, &important.id), [0, 1, 2]);
    assert_eq!(faye.metric("faye_mailbox_dropped_total"), 14);
    let other = Session::subscribed(&faye, Via::Polling, "/other");
    publish(&faye, "/other", 0..4);
    assert_eq!(faye.ask(&connect(&other.id, "long-polling"))["successful"], false);
    assert_eq!(faye.metric("faye_mailbox_disconnects_total"), 1);
    assert_eq!(faye.metric("faye_sessions"), 2);
}

#[test]
fn a_batch_that_is_larger_than_the_mailbox_is_bounded_too() {
    let settings = [("FAYE_MAILBOX__MESSAGES", "3"), ("FAYE_MAILBOX__OVERFLOW", "drop-oldest")];
    let faye = Faye::start(&settings);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let batch: Vec<Value> = (0..100).map(|number| publication("/a", number)).collect();
    faye.post(&json!(batch)).iter().for_each(assert_done);
    assert_eq!(fetch(&faye, &session.id), [97, 98, 99]);
}

#[test]
fn many_full_mailboxes_are_few_lines_of_the_log() {
    let faye = Faye::start(&[("FAYE_MAILBOX__MESSAGES", "1")]);
    let replies = faye.post(&json!(vec![handshake(); 300]));
    let clients: Vec<_> = replies.iter().filter_map(|reply| reply["clientId"].as_str()).collect();
    let subscribes: Vec<_> = clients.iter().map(|client| subscribe(client, "/a")).collect();
    faye.post(&json!(subscribes));
    publish(&faye, "/a", 0..2);
    assert_eq!(faye.metric("faye_mailbox_disconnects_total"), 300);
    faye.wait_for_stderr("mailbox full; ending the session");
    faye.assert_serves();
    let lines = faye.stderr().matches("mailbox full; ending the session").count();
    assert!(lines < 100, "{lines} lines for 300 sessions");
}
