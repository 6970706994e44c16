//! What `faye bridge` does when a server goes away, refuses a message, or when it is stopped itself: what can be kept is
//! kept, and what is lost is said.

use crate::support::bridge::{Bridge, Wire};
use crate::support::*;
use serde_json::{Value, json};

#[test]
fn what_is_published_while_a_server_restarts_waits_for_it() {
    let (theirs, mut ours) = (Faye::start(&[]), Faye::start(&[]));
    let mut bridge = Bridge::between(&theirs, &ours, &["/a/**"]);
    for round in 0..2 {
        ours.kill();
        for number in 0..5 {
            theirs.publish("/a/b", number);
        }
        bridge.wait_for("cannot forward messages; queueing them");
        ours = ours.restart();
        ours.wait_for_metric("faye_publications_total", |now| now == 5);
        bridge.wait_for("messages published during the outage are lost");
        // And it listens there again.
        let mut there = Session::subscribed(&theirs, Via::WebSocket, "/a/c");
        ours.publish("/a/c", round);
        assert_eq!(there.take(1), [round]);
    }
}

#[test]
fn what_waits_is_bounded_and_the_newest_is_kept() {
    let (theirs, ours) = (Faye::start(&[]), Faye::start(&[]));
    let wire = Wire::to(ours.address);
    let mut bridge =
        Bridge::start(&[&theirs.url(), "/a", "--url", &wire.url(), "--one-way", "in", "--queue", "3"]);
    let mut here = Session::subscribed(&ours, Via::WebSocket, "/a");
    wire.cut();
    theirs.publish("/a", "first");
    bridge.wait_for("cannot forward messages");
    for number in 0..10 {
        theirs.publish("/a", number);
    }
    bridge.wait_for("dropping the oldest messages");
    theirs.publish("/a", "last");
    wire.mend();
    // The bridge may hear the last ones when the wire is mended already; it drops none of them then.
    let mut arrived = here.take_until("last");
    assert_eq!(arrived.remove(0), "first");
    assert!(arrived.len() < 10 && arrived.is_sorted_by_key(|number| number.as_u64()), "{arrived:?}");
    bridge.terminate();
    let (code, said) = bridge.end();
    let carried = arrived.len() + 2;
    let counts = format!("received=12 forwarded={carried} duplicates=0 refused=0 dropped={}", 12 - carried);
    assert!(code == Some(0) && said.contains(&counts), "{counts} is not in {said}");
}

#[test]
fn what_is_published_while_the_network_is_away_comes_later() {
    let (theirs, ours) = (Faye::start(&[]), Faye::start(&[]));
    let wire = Wire::to(theirs.address);
    let mut bridge = Bridge::start(&[&wire.url(), "/a", "--url", &ours.url()]);
    let mut here = Session::subscribed(&ours, Via::WebSocket, "/a");
    for round in 0..3 {
        wire.cut();
        bridge.wait_for("connection to a server lost");
        // The server has noticed it too, so that nothing goes into the dead connection.
        theirs.wait_for_metric("faye_websockets", |now| now == 0);
        for number in 0..5 {
            theirs.publish("/a", round * 5 + number);
        }
        wire.mend();
        bridge.wait_for("the session was kept");
        let expected: Vec<Value> = (0..5).map(|number| json!(round * 5 + number)).collect();
        assert_eq!(here.take(5), expected);
    }
}

const RULES: &str = "
[push]
secret = 's3cret'

[[channel]]
match = '/a'
publish = 'secret'
";

#[test]
fn our_server_is_shown_its_secret_and_nobody_sees_one() {
    let (theirs, ours) = (Faye::start(&[]), Faye::start_with_file(RULES, &[]));
    let (their_url, our_url) = (theirs.url(), ours.url());
    let mut here = Session::subscribed(&ours, Via::WebSocket, "/a");
    let mut there = Session::subscribed(&theirs, Via::WebSocket, "/a");
    let mut message = publication("/a", "a secret of theirs");
    message["ext"] = json!({"password": "theirs", "their": "secret", "mine": 1});
    let settings = ours.folder().join("faye.toml");
    let settings = settings.to_str().expect("UTF-8");
    let listen = ours.address.to_string();
    // With the settings of our server it shows the secret of these by itself.
    for (more, variables) in [
        (["--url", &our_url, "--ext", "env:OURS"], ("OURS", r#"{"password":"s3cret"}"#)),
        (["--config", settings, "--listen", &listen], ("UNUSED", "")),
    ] {
        let shown = ["--their-ext", r#"{"their":"shown"}"#];
        let arguments = [&[&their_url, "/a"], more.as_slice(), shown.as_slice()].concat();
        let _bridge = Bridge::start_with(&arguments, &[variables]);
        assert_done(&theirs.ask(&message));
        assert_eq!(here.next()["ext"], json!({"mine": 1}));
        there.next();
        let mut back = publication("/a", "back");
        back["ext"] = json!({"password": "s3cret"});
        assert_done(&ours.ask(&back));
        assert_eq!(here.next()["ext"], Value::Null);
        assert_eq!(there.next()["ext"], json!({"their": "shown"}));
    }
    let mut bridge = Bridge::start(&[&their_url, "/a", "--url", &our_url]);
    theirs.publish("/a", "refused");
    let line = bridge.wait_for("server refused messages; dropping them");
    assert!(line.contains("403::Password required"), "{line}");
    assert_eq!(bridge.stop()[0].refused, 1);
    let (code, said) = Bridge::spawn(&[&their_url, "/a", "--ext", "env:NO_SUCH"], &[]).end();
    assert_eq!(code, Some(2), "{said}");
}

#[test]
fn a_message_that_is_too_large_is_refused_and_the_others_go_on() {
    let (theirs, ours) = (Faye::start(&[]), Faye::start(&[("FAYE_LIMITS__BODY", "10KiB")]));
    let mut bridge = Bridge::start(&[&theirs.url(), "/a", "--url", &ours.url(), "--one-way", "in"]);
    let mut here = Session::subscribed(&ours, Via::WebSocket, "/a");
    let large = "x".repeat(20 * 1024);
    let middle = "x".repeat(3 * 1024);
    let data = [&middle, &middle, &middle, &middle, &large, &middle, "last"];
    theirs.post(&json!(data.map(|data| publication("/a", data)))).iter().for_each(assert_done);
    let middle = json!(middle);
    assert_eq!(here.take_until("last"), [&middle, &middle, &middle, &middle, &middle].map(Clone::clone));
    bridge.wait_for("is a message larger than it allows?");
}

#[test]
fn what_was_taken_is_passed_on_when_it_is_stopped() {
    let (theirs, ours) = (Faye::start(&[]), Faye::start(&[]));
    let wire = Wire::to(ours.address);
    let mut bridge = Bridge::start(&[&theirs.url(), "/a", "--url", &wire.url(), "--one-way", "in"]);
    let mut here = Session::subscribed(&ours, Via::WebSocket, "/a");
    wire.cut();
    for number in 0..500 {
        theirs.publish("/a", number);
    }
    bridge.wait_for("cannot forward messages");
    bridge.terminate();
    bridge.wait_for("stopping: forwarding queued messages");
    wire.mend();
    let expected: Vec<Value> = (0..500).map(Value::from).collect();
    assert_eq!(here.take(500), expected);
    let (code, said) = bridge.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("received=500 forwarded=500"), "{said}");
    assert_eq!(theirs.metric("faye_sessions"), 0);
}
