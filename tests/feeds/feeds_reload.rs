//! Feeds after a reload of the settings (SIGHUP): which are followed, how often they are polled, and what hubs are told, with
//! one instance and with two.

use crate::support::feed_hub::{FeedHub, atom, feed, listen, next, server};
use crate::support::postgres::Postgres;
use crate::support::{Faye, Http, WATCHDOG, Web, WebResponse};
use serde_json::{Value, json};
use tokio::time::Instant;

const KEY: &str = "0123456789abcdef";

fn start(file: &str) -> Faye {
    Faye::start_with_file(file, &[("FAYE_API__KEY", KEY), ("FAYE_LIFESTREAM__ENABLED", "true")])
}

fn ask(faye: &Faye, method: &str, target: &str, body: &Value) -> (u16, Value) {
    let authorization = format!("Bearer {KEY}");
    let headers = [("Authorization", authorization.as_str())];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let response = Http::open(faye.admin).request(method, target, &headers, body.as_bytes());
    (response.status, serde_json::from_slice(&response.body).unwrap_or(Value::Null))
}

fn add(faye: &Faye, name: &str, url: &str) {
    let (status, value) = ask(faye, "POST", "/api/v1/feeds", &json!({ "name": name, "url": url }));
    assert_eq!(status, 201, "{value}");
}

/// What operators see of a feed, once it is as wished.
#[track_caller]
fn wait_for_feed(faye: &Faye, name: &str, is_wished: impl Fn(&Value) -> bool) -> Value {
    let begin = Instant::now();
    loop {
        let (status, list) = ask(faye, "GET", "/api/v1/feeds", &Value::Null);
        assert_eq!(status, 200, "{list}");
        let feed = list["feeds"].as_array().unwrap().iter().find(|feed| feed["name"] == name).cloned();
        match feed {
            Some(feed) if is_wished(&feed) => return feed,
            feed => assert!(begin.elapsed() < WATCHDOG, "{feed:?}: {}", faye.stderr()),
        }
    }
}

/// Waits until the page has an entry, or until it has it no more. The list of feeds is a second old at most.
#[track_caller]
fn wait_for_page(faye: &Faye, has_entry: bool) {
    let begin = Instant::now();
    while faye.get("/lifestream/entries").text().contains("urn:one") != has_entry {
        assert!(begin.elapsed() < WATCHDOG, "{has_entry}: {}", faye.get("/lifestream/entries").text());
    }
}

/// Writes other settings and has the server read them.
fn reload(faye: &Faye, file: &str) {
    let before = faye.metric("faye_config_reloads_total");
    std::fs::write(faye.folder().join("faye.toml"), file).unwrap();
    faye.hang_up();
    faye.wait_for_metric("faye_config_reloads_total", |count| count > before);
}

#[test]
fn a_rate_counts_for_feeds_that_were_never_polled_and_the_other_way_round() {
    let web = Web::start(|_| {
        Some(WebResponse::new(200, atom(&["one"])).with("Content-Type", "application/atom+xml"))
    });
    let never = feed("never", &web.url("/never")) + "poll = \"never\"\n";
    let file = |poll: &str| {
        let lines = server(&[&format!("poll = \"{poll}\"")]);
        format!("{lines}{}{never}", feed("config", &web.url("/config")))
    };
    let faye = start(&file("never"));
    add(&faye, "store", &web.url("/store"));
    let is_polled = |feed: &Value| feed["last_poll"].is_u64() && feed["next_poll_in"].is_null();
    for name in ["config", "store", "never"] {
        wait_for_feed(&faye, name, is_polled);
    }
    let is_due =
        |feed: &Value| feed["next_poll_in"].as_u64().is_some_and(|wait| (3000..=3600).contains(&wait));
    reload(&faye, &file("1h"));
    for name in ["config", "store"] {
        wait_for_feed(&faye, name, is_due);
    }
    wait_for_feed(&faye, "never", is_polled);
    assert!(!faye.stderr().contains("take effect at the next start"), "{}", faye.stderr());
    reload(&faye, &file("never"));
    for name in ["config", "store"] {
        wait_for_feed(&faye, name, is_polled);
    }
    // The same at a start.
    std::fs::write(faye.folder().join("faye.toml"), file("1h")).unwrap();
    let faye = faye.restart();
    for name in ["config", "store"] {
        wait_for_feed(&faye, name, is_due);
    }
    std::fs::write(faye.folder().join("faye.toml"), file("never")).unwrap();
    let faye = faye.restart();
    for name in ["config", "store"] {
        wait_for_feed(&faye, name, is_polled);
    }
}

#[test]
fn a_removed_feed_is_unsubscribed_and_its_entries_come_back_with_it() {
    let (hub, other) = (FeedHub::start(), FeedHub::start());
    hub.serve(atom(&["one"]));
    let keeper = feed("other", &other.url());
    let file = format!("{}{}{keeper}", server(&[]), feed("blog", &hub.url()));
    let faye = start(&file);
    let subscription = hub.activate(&faye);
    let mut session = listen(&faye);
    subscription.push(faye.address, &atom(&["two"]));
    assert_eq!(next(&mut session).1, "two");
    assert_eq!(wait_for_feed(&faye, "blog", |feed| feed["state"] == "active")["entries"], 2);
    reload(&faye, &format!("{}{keeper}", server(&[])));
    let end = hub.request();
    assert_eq!((end.mode.as_str(), &end.path), ("unsubscribe", &subscription.path));
    assert_eq!(wait_for_feed(&faye, "blog", |feed| feed["state"] == "removed")["entries"], 2);
    wait_for_page(&faye, false);
    assert_eq!(subscription.deliver(faye.address, &[], b"").status, 410);
    end.verify(faye.address);
    reload(&faye, &file);
    let again = hub.activate(&faye);
    assert_ne!(again.path, subscription.path);
    assert_eq!(wait_for_feed(&faye, "blog", |feed| feed["state"] == "active")["entries"], 2);
    again.push(faye.address, &atom(&["one", "two", "three"]));
    assert_eq!(next(&mut session).1, "three");
    wait_for_page(&faye, true);
}

#[test]
fn a_feed_of_the_store_that_the_settings_have_too_is_theirs() {
    let (stored, config) = (FeedHub::start(), FeedHub::start());
    let faye = start(&server(&[]));
    add(&faye, "blog", &stored.url());
    let first = stored.activate(&faye);
    first.push(faye.address, &atom(&["one"]));
    let seen = wait_for_feed(&faye, "blog", |feed| feed["entries"] == 1);
    assert_eq!(seen["source"], "store");
    reload(&faye, &format!("{}{}", server(&[]), feed("blog", &config.url())));
    let second = config.activate(&faye);
    let end = stored.request();
    assert_eq!((end.mode.as_str(), &end.path), ("unsubscribe", &first.path));
    let seen = wait_for_feed(&faye, "blog", |feed| feed["state"] == "active");
    assert_eq!(
        (&seen["source"], &seen["url"], &seen["entries"]),
        (&json!("config"), &json!(config.url()), &json!(1))
    );
    assert_eq!(ask(&faye, "POST", "/api/v1/feeds/blog/remove", &Value::Null).0, 409);
    let again = json!({ "name": "blog", "url": stored.url() });
    assert_eq!(ask(&faye, "POST", "/api/v1/feeds", &again).0, 409);
    reload(&faye, &server(&[]));
    let end = config.request();
    assert_eq!((end.mode.as_str(), &end.path), ("unsubscribe", &second.path));
    wait_for_feed(&faye, "blog", |feed| feed["state"] == "removed");
}

#[test]
fn an_instance_that_reads_the_settings_later_changes_nothing() {
    let postgres = Postgres::shared();
    let (old, new, mark) = (FeedHub::start(), FeedHub::start(), FeedHub::start());
    let base = server(&[]).replace("sqlite:feeds.db", &postgres.database());
    let before = format!("{base}{}", feed("old", &old.url()));
    let instances = [start(&before), start(&before)];
    let first = old.activate(&instances[0]);
    wait_for_feed(&instances[1], "old", |feed| feed["state"] == "active");
    let after = format!("{base}{}", feed("new", &new.url()));
    reload(&instances[0], &after);
    let end = old.request();
    assert_eq!((end.mode.as_str(), &end.path), ("unsubscribe", &first.path));
    end.verify(instances[1].address);
    let second = new.activate(&instances[1]);
    wait_for_feed(&instances[1], "new", |feed| feed["state"] == "active");
    // The instance with the old settings takes what the hub of the new feed pushes.
    second.push(instances[1].address, &atom(&["one"]));
    wait_for_feed(&instances[0], "new", |feed| feed["entries"] == 1);
    old.so_far();
    new.so_far();
    // One more feed shows that the settings are recorded.
    reload(&instances[1], &format!("{after}{}", feed("mark", &mark.url())));
    mark.activate(&instances[0]);
    wait_for_feed(&instances[0], "mark", |feed| feed["state"] == "active");
    assert_eq!((old.so_far(), new.so_far()), (Vec::<String>::new(), Vec::<String>::new()));
}
