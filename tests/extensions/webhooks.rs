//! The application is told what happens: in order, in batches, signed, and again until it has taken it.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::*;
use serde_json::{Value, json};

fn start(application: &Application, more: &[(&str, &str)]) -> Faye {
    let url = application.url();
    let mut settings = vec![("FAYE_WEBHOOK__URL", url.as_str())];
    settings.extend(more);
    Faye::start(&settings)
}

/// So many events, in the order in which the application was told of them.
fn told(application: &Application, count: usize) -> Vec<Value> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(application.next().body["events"].as_array().unwrap().iter().cloned());
    }
    all
}

#[test]
fn what_happens_is_told_in_its_order() {
    let application = Application::start(|_| Some((200, String::new())));
    let faye = start(
        &application,
        &[("FAYE_WEBHOOK__EVENTS", "handshake,subscribe,unsubscribe,publish,disconnect")],
    );
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    session.publish("/a", json!({"n": 1}));
    session.unsubscribe("/a");
    session.disconnect();
    let id = session.id.as_str();
    let events: Vec<_> = told(&application, 5)
        .into_iter()
        .map(|mut event| {
            assert!(event["time"].as_u64().unwrap() > 1_700_000_000_000);
            event.as_object_mut().unwrap().remove("time");
            event
        })
        .collect();
    assert_eq!(
        events,
        [
            json!({"event": "handshake", "clientId": id}),
            json!({"event": "subscribe", "clientId": id, "channel": "/a"}),
            json!({"event": "publish", "clientId": id, "channel": "/a", "data": {"n": 1}}),
            json!({"event": "unsubscribe", "clientId": id, "channel": "/a"}),
            json!({"event": "disconnect", "clientId": id}),
        ]
    );
    faye.wait_for_metric("faye_webhook_events_total", |now| now == 5);
}

#[test]
fn a_request_that_failed_is_sent_again_and_is_known_by_its_id() {
    let count = AtomicUsize::new(0);
    let application = Application::start(move |_| {
        let status = if count.fetch_add(1, Ordering::SeqCst) < 2 { 500 } else { 204 };
        Some((status, String::new()))
    });
    let faye = start(&application, &[("FAYE_WEBHOOK__SECRET", "key")]);
    let client = faye.client();
    let all = [application.next(), application.next(), application.next()];
    for asked in &all {
        assert_eq!(asked.body["events"][0]["clientId"], client.as_str());
        assert_eq!(asked.header("faye-delivery"), all[0].header("faye-delivery"));
        assert!(asked.header("faye-signature").unwrap().starts_with("sha256="));
    }
    faye.wait_for_metric("faye_webhook_events_total", |now| now == 1);
    assert_eq!(faye.metric("faye_webhook_errors_total"), 2);
    faye.client();
    assert_ne!(application.next().header("faye-delivery"), all[0].header("faye-delivery"));
}

#[test]
fn a_batch_that_arrives_as_the_application_closes_its_connection_is_sent_once_more() {
    let application = Application::start_closing(1, |_| Some((200, String::new())));
    let faye = start(&application, &[]);
    for told in 1.. {
        faye.client();
        faye.wait_for_metric("faye_webhook_events_total", |now| now == told);
        let arrived = application.so_far();
        if let [first, second] = arrived.as_slice() {
            assert_eq!(first.header("faye-delivery"), second.header("faye-delivery"));
            break;
        }
        assert_eq!(arrived.len(), 1, "{arrived:?}");
    }
    assert_eq!(faye.metric("faye_webhook_errors_total"), 0);
}

#[test]
fn events_that_cannot_be_told_are_given_up_and_counted() {
    let application = Application::start(|_| Some((500, String::new())));
    let faye = start(&application, &[("FAYE_WEBHOOK__RETRY", "1ms")]);
    faye.client();
    faye.wait_for_metric("faye_webhook_dropped_total", |now| now == 1);
    faye.assert_serves();
}

#[test]
fn what_happened_before_a_stop_is_told() {
    let application = Application::start(|_| Some((200, String::new())));
    let mut faye = start(&application, &[]);
    let clients: Vec<_> = (0..50).map(|_| faye.client()).collect();
    faye.terminate();
    assert_eq!(faye.wait(), Some(0));
    let seen: Vec<_> =
        told(&application, 50).iter().map(|event| event["clientId"].as_str().unwrap().to_owned()).collect();
    assert_eq!(seen, clients);
}

#[test]
fn events_that_wait_are_bounded_in_bytes() {
    let application = Application::start(|_| None);
    let settings = [("FAYE_WEBHOOK__EVENTS", "publish"), ("FAYE_WEBHOOK__MAX_PENDING_BYTES", "100KiB")];
    let faye = start(&application, &settings);
    for _ in 0..10 {
        faye.publish("/a", "x".repeat(30_000));
    }
    // Three have room, under way or not.
    faye.wait_for_metric("faye_webhook_dropped_total", |now| now == 7);
}
