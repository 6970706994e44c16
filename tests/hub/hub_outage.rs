//! The hub while its store is away, and several instances on one store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::support::disk::Disk;
use crate::support::hub::FORM;
use crate::support::postgres::Postgres;
use crate::support::{Faye, Response, WATCHDOG, Web, WebResponse, binary, hub};
use tokio::time::Instant;

const SUBSCRIPTIONS: &str = "faye_hub_subscriptions";

fn post(faye: &Faye, form: &str) -> Response {
    faye.http().request("POST", "/hub", &[FORM], form.as_bytes())
}

fn subscribe(faye: &Faye, topic: &str, callback: &str) -> Response {
    post(faye, &format!("hub.mode=subscribe&hub.topic={topic}&hub.callback={callback}"))
}

fn publish(faye: &Faye, topic: &str) -> Response {
    post(faye, &format!("hub.mode=publish&hub.url={topic}"))
}

/// A topic whose content is a number, and callbacks that accept everything.
fn web(content: &Arc<AtomicU64>) -> Web {
    let served = Arc::clone(content);
    Web::start(move |request| {
        Some(match (request.query("hub.challenge"), request.method.as_str()) {
            (Some(challenge), _) => WebResponse::new(200, challenge),
            (None, "GET") => WebResponse::new(200, format!("content {}", served.load(Ordering::SeqCst))),
            (None, _) => WebResponse::new(204, ""),
        })
    })
}

/// The store is away, and everything else works.
fn assert_away(faye: &Faye, topic: &str) {
    faye.wait_for_metric("faye_store_up", |up| up == 0);
    for response in [publish(faye, topic), subscribe(faye, topic, "http://127.0.0.1:9/other")] {
        assert_eq!(response.status, 503, "{}", response.text());
        let after: u64 = response.header("Retry-After").unwrap().parse().unwrap();
        assert!(after > 0);
    }
    let ready = faye.get("/readyz");
    assert_eq!(ready.status, 200);
    assert!(ready.text().contains("hub: store unavailable"), "{}", ready.text());
    faye.assert_serves();
}

/// The store is back: the topic is delivered to the callback, and there is a place for more.
fn assert_back(faye: &Faye, web: &Web, topic: &str) {
    faye.wait_for_metric("faye_store_up", |up| up == 1);
    assert_eq!(publish(faye, topic).status, 204);
    web.next_where(|request| request.method == "POST" && request.path() == "/a");
    assert_eq!(subscribe(faye, topic, &web.url("/b")).status, 202);
    faye.wait_for_metric(SUBSCRIPTIONS, |count| count == 2);
    assert!(!faye.get("/readyz").text().contains("unavailable"));
}

#[test]
fn messaging_goes_on_and_the_hub_comes_back_when_postgresql_was_away() {
    let mut server = Postgres::start();
    let web = web(&Arc::default());
    let topic = web.url("/feed");
    let faye = hub::start(&[("FAYE_STORE__URL", &server.database())]);
    assert_eq!(subscribe(&faye, &topic, &web.url("/a")).status, 202);
    faye.wait_for_metric(SUBSCRIPTIONS, |count| count == 1);
    server.stop();
    assert_away(&faye, &topic);
    server.resume();
    assert_back(&faye, &web, &topic);
}

#[test]
fn the_server_starts_while_postgresql_is_away() {
    let mut server = Postgres::start();
    let url = server.database();
    server.stop();
    let web = web(&Arc::default());
    let topic = web.url("/feed");
    let faye = hub::start(&[("FAYE_STORE__URL", &url)]);
    assert_away(&faye, &topic);
    server.resume();
    faye.wait_for_metric("faye_store_up", |up| up == 1);
    assert_eq!(subscribe(&faye, &topic, &web.url("/a")).status, 202);
    faye.wait_for_metric(SUBSCRIPTIONS, |count| count == 1);
    assert_back(&faye, &web, &topic);
}

#[test]
fn a_full_disk_is_an_outage_of_the_hub_alone() {
    let disk = Disk::make("4m");
    let web = web(&Arc::default());
    let topic = web.url("/feed");
    let faye = hub::start(&[("FAYE_STORE__URL", &format!("sqlite:{}/faye.db", disk.path().display()))]);
    assert_eq!(subscribe(&faye, &topic, &web.url("/a")).status, 202);
    faye.wait_for_metric(SUBSCRIPTIONS, |count| count == 1);
    let filler = disk.path().join("filler");
    // What is left after it is for the next commits.
    assert!(std::fs::write(&filler, vec![0; 4 << 20]).is_err());
    let since = Instant::now();
    let long = "x".repeat(1500);
    let mut number = 0;
    while subscribe(&faye, &topic, &format!("http://127.0.0.{}:9/{long}{number}", 2 + number % 200)).status
        != 503
    {
        number += 1;
        assert!(since.elapsed() < WATCHDOG, "the disk is not full");
    }
    assert_away(&faye, &topic);
    std::fs::remove_file(&filler).unwrap();
    assert_back(&faye, &web, &topic);
}

#[test]
fn a_file_in_use_is_refused_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}/faye.db", folder.path().display());
    let faye = hub::start(&[("FAYE_STORE__URL", &store)]);
    let mut second = binary();
    second.current_dir(folder.path()).args(["--listen", "127.0.0.1:0"]);
    let output = second.envs(hub::settings(&[("FAYE_STORE__URL", &store)])).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(text.contains("faye.db") && text.contains(&faye.process_id().to_string()), "{text}");
    faye.assert_serves();
}

/// How often each path got each content, once every path has the content `last`.
fn deliveries(web: &Web, paths: &[String], last: u64) -> BTreeMap<(String, String), usize> {
    let mut found: BTreeMap<(String, String), usize> = BTreeMap::new();
    let last = format!("content {last}");
    let since = Instant::now();
    while paths.iter().any(|path| !found.contains_key(&(path.clone(), last.clone()))) {
        // A claim of a killed instance holds for half a minute.
        assert!(since.elapsed() < 3 * WATCHDOG, "not delivered everywhere: {found:?}");
        for request in web.so_far().into_iter().filter(|request| request.method == "POST") {
            let body = String::from_utf8(request.body.clone()).unwrap();
            *found.entry((request.path().to_owned(), body)).or_default() += 1;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    found
}

#[test]
fn two_instances_share_subscriptions_and_deliver_once() {
    let server = Postgres::shared();
    let store = server.database();
    let settings = [("FAYE_STORE__URL", store.as_str()), ("FAYE_HUB__PENDING_BY_HOST", "1000")];
    let (one, two) = (hub::start(&settings), hub::start(&settings));
    let content = Arc::new(AtomicU64::new(0));
    let web = web(&content);
    let topic = web.url("/feed");
    let paths: Vec<String> = (0..50).map(|number| format!("/{number}")).collect();
    for (number, path) in paths.iter().enumerate() {
        let faye = if number % 2 == 0 { &one } else { &two };
        assert_eq!(subscribe(faye, &topic, &web.url(path)).status, 202);
    }
    for faye in [&one, &two] {
        faye.wait_for_metric(SUBSCRIPTIONS, |count| count == 50);
    }
    for (number, faye) in [(1, &one), (2, &two), (3, &one)] {
        content.store(number, Ordering::SeqCst);
        assert_eq!(publish(faye, &topic).status, 204);
        let found = deliveries(&web, &paths, number);
        assert!(found.values().all(|count| *count == 1), "{found:?}");
    }
    // A subscription that began at one ends at the other.
    let own = |faye: &Faye, mode: &str| {
        let callback = web.url("/own");
        post(faye, &format!("hub.mode={mode}&hub.topic={topic}&hub.callback={callback}&hub.verify=sync"))
            .status
    };
    assert_eq!((own(&one, "subscribe"), own(&two, "unsubscribe")), (204, 204));
    for faye in [&one, &two] {
        faye.wait_for_metric(SUBSCRIPTIONS, |count| count == 50);
    }
    content.store(4, Ordering::SeqCst);
    assert_eq!(publish(&one, &topic).status, 204);
    let found = deliveries(&web, &paths, 4);
    assert!(found.keys().all(|(path, _)| path != "/own"), "{found:?}");
}

#[test]
fn an_instance_that_is_killed_leaves_its_deliveries_to_the_other() {
    let server = Postgres::shared();
    let store = server.database();
    let settings = [("FAYE_STORE__URL", store.as_str()), ("FAYE_HUB__DEADLINE", "5s")];
    let accepts = Arc::new(AtomicBool::new(false));
    let does_accept = Arc::clone(&accepts);
    let web = Web::start(move |request| match (request.query("hub.challenge"), request.method.as_str()) {
        (Some(challenge), _) => Some(WebResponse::new(200, challenge)),
        (None, "GET") => Some(WebResponse::new(200, "content 1")),
        (None, _) => does_accept.load(Ordering::SeqCst).then(|| WebResponse::new(204, "")),
    });
    let topic = web.url("/feed");
    let paths: Vec<String> = (0..10).map(|number| format!("/{number}")).collect();
    let mut dying = hub::start(&settings);
    for path in &paths {
        assert_eq!(subscribe(&dying, &topic, &web.url(path)).status, 202);
    }
    dying.wait_for_metric(SUBSCRIPTIONS, |count| count == 10);
    assert_eq!(publish(&dying, &topic).status, 204);
    // Some are under way, the others are claimed or wait.
    web.next_where(|request| request.method == "POST");
    dying.kill();
    accepts.store(true, Ordering::SeqCst);
    let other = hub::start(&settings);
    let found = deliveries(&web, &paths, 1);
    assert!(found.values().all(|count| *count <= 2), "{found:?}");
    other.wait_for_metric("faye_hub_deliveries_waiting", |count| count == 0);
}
