//! Notifications that take longer to process than the deadline of a response.

use hyper::header::HOST;
use hyper::{Request, StatusCode};
use tokio::sync::mpsc;

use super::*;
use crate::config::Config;
use crate::store::{FetchReason, FinishedPoll, PollOutcome, PollRead};
use crate::subscriber::ingest::INLINE;
use crate::subscriber::samples;
use crate::transport::local;

/// The time of a claim.
const HOLD: Duration = Duration::from_secs(60);
const TOPIC: &str = "http://blog.example/feed";

/// Returns a subscriber with one feed and a requested subscription, and the identifier of the callback.
async fn subscriber() -> (Arc<Subscriber>, String) {
    let subscriber = samples::subscriber(Config::default()).await;
    let store = &subscriber.store;
    store.add_feed(&samples::feed(TOPIC), 1).await.unwrap();
    let polled = store.claim_polls(1, HOLD).await.unwrap().remove(0);
    let hubs = vec!["http://hub.example/".to_owned()];
    let read = PollRead { is_feed: true, topic: TOPIC.to_owned(), hubs, ..PollRead::default() };
    let outcome = PollOutcome::Read(Box::new(read));
    let (id, claim) = (polled.id, polled.claim);
    store.finish_poll(&FinishedPoll { id, claim, outcome, next: None, interval: None }).await.unwrap();
    let callback = store.claim_calls(1, HOLD).await.unwrap().remove(0).callback;
    (subscriber, callback)
}

/// Occupies the threads for long documents until the sender is dropped.
async fn occupy(subscriber: &Arc<Subscriber>) -> Vec<std::sync::mpsc::Sender<()>> {
    let (started, mut starts) = mpsc::channel(1);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut ends = Vec::new();
    for _ in 0..threads {
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let (subscriber, started) = (Arc::clone(subscriber), started.clone());
        tokio::spawn(async move {
            let wait = move || started.blocking_send(()).is_ok() && ended.recv().is_err();
            subscriber.ingest.compute(usize::MAX, wait).await
        });
        ends.push(end);
    }
    for _ in 0..threads {
        starts.recv().await.unwrap();
    }
    ends
}

/// Returns the status of a notification with content that is processed on a thread. `time` is the deadline.
async fn push(subscriber: &Arc<Subscriber>, callback: &str, time: Duration) -> StatusCode {
    let callbacks = Callbacks { deadline: time, ..Callbacks::new(subscriber, Way::InProcess) };
    let request = Request::post(format!("{FOLDER}{callback}"))
        .header(HOST, "push.example")
        .body(Bytes::from(vec![b' '; INLINE + 1]))
        .unwrap();
    local::call(&[Arc::new(callbacks)], request).await.status()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notification_that_takes_too_long_leads_to_a_fetch() {
    let (subscriber, callback) = subscriber().await;
    subscriber.metrics.feeds.enable();
    let _threads = occupy(&subscriber).await;
    // The time covers the lookup of the callback in the store.
    assert_eq!(push(&subscriber, &callback, Duration::from_secs(2)).await, StatusCode::ACCEPTED);
    let feeds = subscriber.store.feed_rows().await.unwrap();
    assert!(feeds[0].pushed_at.is_some(), "{feeds:?}");
    // A feed that a hub has announced waits for a second.
    let fetch = loop {
        if let Some(fetch) = subscriber.store.claim_polls(1, HOLD).await.unwrap().pop() {
            break fetch;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(fetch.reason, FetchReason::Push);
    let text = subscriber.metrics.text();
    assert!(text.contains("mode=\"push\",code=\"202\"} 1"), "{text}");
}
