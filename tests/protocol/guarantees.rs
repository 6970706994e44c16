//! The promises of the server, each proved under concurrency and failing transports.

use std::sync::Barrier;

use crate::support::*;
use fastrand::Rng;
use serde_json::{Value, json};

/// Publishes `[publisher, number]` for each number, in batches of random sizes, over one connection.
fn publish_numbered(faye: &Faye, channel: &str, publisher: usize, count: usize) {
    let mut random = Rng::with_seed(publisher as u64);
    let mut http = faye.http();
    let mut number = 0;
    while number < count {
        let batch: Vec<Value> = (number..(number + random.usize(1..5)).min(count))
            .map(|number| publication(channel, json!([publisher, number])))
            .collect();
        number += batch.len();
        http.post(&faye.mount, &Value::from(batch)).iter().for_each(assert_done);
    }
}

/// Fails unless the data is that of `publish_numbered` by so many publishers: each message once, each publisher's in
/// order.
#[track_caller]
fn assert_complete(data: &[Value], publishers: usize, count: usize) {
    for publisher in 0..publishers {
        let own = data.iter().filter(|data| data[0] == publisher);
        let numbers: Vec<_> = own.map(|data| data[1].as_u64().expect("a number") as usize).collect();
        assert_eq!(numbers, (0..count).collect::<Vec<_>>(), "of publisher {publisher}");
    }
    assert_eq!(data.len(), publishers * count);
}

#[test]
fn g1_an_accepted_publish_reaches_every_session_subscribed_before_it() {
    const SESSIONS: usize = 25;
    const PUBLISHERS: usize = 4;
    const COUNT: usize = 100;
    let faye = Faye::start(&[]);
    let ready = Barrier::new(SESSIONS + PUBLISHERS);
    let done = Barrier::new(SESSIONS + 1);
    std::thread::scope(|scope| {
        for number in 0..SESSIONS {
            let (faye, ready, done) = (&faye, &ready, &done);
            scope.spawn(move || {
                let mut random = Rng::with_seed(number as u64);
                let mut session = Session::subscribed(faye, Via::ALL[number % 5], "/g1");
                ready.wait();
                let mut got = Vec::new();
                while got.len() < PUBLISHERS * COUNT {
                    got.extend(session.take(1));
                    match random.u8(0..40) {
                        0 => session.hand_over(faye, random.choice(Via::ALL).expect("one")),
                        1 => session.reconnect(faye, random.choice(Via::ALL).expect("one")),
                        _ => {}
                    }
                }
                assert_complete(&got, PUBLISHERS, COUNT);
                done.wait();
                assert_eq!(session.take(1), ["end"], "nothing came twice");
            });
        }
        for publisher in 0..PUBLISHERS {
            let (faye, ready) = (&faye, &ready);
            scope.spawn(move || {
                ready.wait();
                publish_numbered(faye, "/g1", publisher, COUNT);
            });
        }
        done.wait();
        faye.publish("/g1", "end");
    });
    assert_eq!(faye.metric("faye_panics_total"), 0);
}

#[test]
fn g2_first_in_first_out_for_each_publisher_and_channel() {
    const COUNT: usize = 300;
    let faye = Faye::start(&[]);
    let mut subscribers: Vec<_> =
        Via::ALL.iter().map(|via| Session::subscribed(&faye, *via, "/g2/**")).collect();
    std::thread::scope(|scope| {
        // Two publish with one connection for each, two as sessions that publish to a second channel in between.
        for publisher in 0..2 {
            let faye = &faye;
            scope.spawn(move || publish_numbered(faye, "/g2/a", publisher, COUNT));
        }
        for (publisher, via) in [(2, Via::WebSocket), (3, Via::Polling)] {
            let mut session = Session::begin(&faye, via);
            scope.spawn(move || {
                for number in 0..COUNT {
                    session.publish("/g2/a", json!([publisher, number]));
                    session.publish("/g2/b", json!([publisher + 10, number]));
                }
            });
        }
        for session in &mut subscribers {
            scope.spawn(|| {
                let mut got = session.take(6 * COUNT);
                let on_b = |data: &Value| data[0].as_u64() >= Some(10);
                let b: Vec<_> = got.iter().filter(|data| on_b(data)).cloned().collect();
                got.retain(|data| !on_b(data));
                assert_complete(&got, 4, COUNT);
                for publisher in [12, 13] {
                    let own = b.iter().filter(|data| data[0] == publisher);
                    assert!(own.map(|data| &data[1]).eq(&(0..COUNT).map(Value::from).collect::<Vec<_>>()));
                }
            });
        }
    });
}

#[test]
fn g3_all_subscribers_see_the_same_order() {
    const PUBLISHERS: usize = 4;
    const COUNT: usize = 200;
    let faye = Faye::start(&[]);
    let patterns = ["/g3", "/*", "/**", "/g3", "/**"];
    let mut subscribers: Vec<_> = (0..10)
        .map(|number| Session::subscribed(&faye, Via::ALL[number % 5], patterns[(number * 3) % 5]))
        .collect();
    let orders: Vec<Vec<Value>> = std::thread::scope(|scope| {
        for publisher in 0..PUBLISHERS {
            let faye = &faye;
            scope.spawn(move || publish_numbered(faye, "/g3", publisher, COUNT));
        }
        let reading: Vec<_> =
            subscribers.iter_mut().map(|session| scope.spawn(|| session.take(PUBLISHERS * COUNT))).collect();
        reading.into_iter().map(|thread| thread.join().expect("all messages")).collect()
    });
    assert_complete(&orders[0], PUBLISHERS, COUNT);
    for (number, order) in orders.iter().enumerate() {
        assert!(*order == orders[0], "subscriber {number} saw another order");
    }
}

#[test]
fn g4_a_session_outlives_its_transport() {
    let faye = Faye::start(&[]);
    for via in Via::ALL {
        let mut session = Session::subscribed(&faye, via, "/g4");
        std::thread::scope(|scope| {
            let publishing = scope.spawn(|| publish_numbered(&faye, "/g4", 0, 500));
            let mut got = Vec::new();
            while !publishing.is_finished() {
                for next in Via::ALL {
                    session.hand_over(&faye, next);
                    session.reconnect(&faye, via);
                }
            }
            got.extend(session.take(500));
            assert_complete(&got, 1, 500);
        });
        faye.publish("/g4", "end");
        assert_eq!(session.take(1), ["end"], "{via:?}");
        session.disconnect();
    }
}

#[test]
fn g4_a_stream_and_polls_in_turn_keep_the_order() {
    let faye = Faye::start(&[]);
    for _ in 0..3 {
        let mut session = Session::subscribed(&faye, Via::Polling, "/g4");
        std::thread::scope(|scope| {
            let publishing = scope.spawn(|| publish_numbered(&faye, "/g4", 0, 500));
            while !publishing.is_finished() {
                session.hand_over(&faye, Via::EventSource);
                session.hand_over(&faye, Via::Polling);
            }
            assert_complete(&session.take(500), 1, 500);
        });
        faye.publish("/g4", "end");
        assert_eq!(session.take(1), ["end"]);
    }
}

#[test]
fn g7_no_input_ends_the_process() {
    let mut faye = Faye::start(&[("FAYE_LIMITS__BODY_TIME", "1s"), ("FAYE_LIMITS__HEADER_TIME", "1s")]);
    let session = Session::subscribed(&faye, Via::Polling, "/g7");
    let messages = [
        handshake(),
        connect_now(&session.id, "long-polling"),
        subscribe(&session.id, json!(["/g7", "/x/**"])),
        publication("/g7", json!({"deep": [[["x"]]]})),
    ];
    let mut random = Rng::with_seed(7);
    for round in 0..400 {
        let mut text = json!(messages).to_string().into_bytes();
        for _ in 0..random.usize(1..10) {
            let at = random.usize(0..text.len());
            match random.u8(0..3) {
                0 => text[at] = random.u8(..),
                1 => drop(text.drain(at..(at + random.usize(0..20)).min(text.len()))),
                _ => text.insert(at, random.u8(b' '..b'~')),
            }
            if text.is_empty() {
                break;
            }
        }
        if round % 2 == 0 {
            let status = faye.http().request("POST", "/faye", &[], &text).status;
            assert!([200, 400].contains(&status), "{status}: {}", String::from_utf8_lossy(&text));
        } else {
            let mut socket = Socket::open(&faye);
            socket.send_frame(Opcode::Text, true, &text);
            socket.send_frame(Opcode::Close, true, &[]);
            socket.close_code();
        }
    }
    assert!(faye.is_running());
    faye.assert_serves();
}

#[test]
fn g7_no_secret_reaches_a_subscriber_or_a_log() {
    let settings = [
        ("FAYE_LOG__LEVEL", "trace"),
        ("FAYE_SERVER__TIMEOUT", "2s"),
        ("FAYE_MAILBOX__MESSAGES", "20"),
        ("FAYE_LIMITS__SUBSCRIPTIONS", "3"),
    ];
    for format in ["text", "json"] {
        let faye = Faye::start(&[&settings[..], &[("FAYE_LOG__FORMAT", format)]].concat());
        let mut secrets = Vec::new();
        let mut witness = Session::subscribed(&faye, Via::WebSocket, "/**");
        let mut seen = Vec::new();
        for via in Via::ALL {
            let mut publisher = Session::subscribed(&faye, via, "/own");
            publisher.publish("/secret", 1);
            let answer = publisher.ask(json!({
                "channel": "/secret", "data": 2, "clientId": publisher.id, "error": null, "successful": true,
                "subscription": "/x", "advice": {"clientId": "x"},
            }));
            assert_done(&answer);
            publisher.ask(subscribe(&publisher.id.clone(), json!(["/a", "/b", "/c", "/d"])));
            publisher.ask(connect(&publisher.id.clone(), "pigeon"));
            seen.extend([witness.next(), witness.next()]);
            secrets.push(publisher.id.clone());
            publisher.disconnect();
            faye.post(&connect(&publisher.id, "long-polling"));
        }
        // One overflows, one expires.
        let overflowing = Session::subscribed(&faye, Via::Polling, "/full");
        (0..25).for_each(|number| faye.publish("/full", number));
        assert_eq!(faye.metric("faye_mailbox_disconnects_total"), 1);
        seen.extend((0..25).map(|_| witness.next()));
        let expiring = faye.client();
        secrets.extend([overflowing.id.clone(), expiring, witness.id.clone()]);
        drop(witness);
        faye.wait_for_metric("faye_sessions", |now| now == 0);
        // The log arrives after the metric.
        faye.wait_for_stderr("session expired");
        let (log, seen) = (faye.stderr(), json!(seen).to_string());
        for secret in secrets {
            assert!(!log.contains(&secret), "{secret} is in the log: {log}");
            assert!(!seen.contains(&secret), "{secret} reached a subscriber: {seen}");
        }
    }
}

/// Every key of `[limits]` has a test of its name in `tests/limits/limits.rs`, which shows the refusal, its text and its
/// counter. What a client does not take in time is the subject of `tests/transport/mailbox.rs`.
#[test]
fn g6_nothing_is_unbounded_and_every_limit_is_tested() {
    let text = |file: &str| std::fs::read_to_string(file).unwrap();
    let limits = text("tests/limits/limits.rs");
    // Those that are tested elsewhere, with what shows it.
    let elsewhere = [
        ("write_time", "tests/transport/mailbox.rs", "LIMITS__WRITE_TIME"),
        ("memory", "tests/limits/budget.rs", "fn the_fullest_sessions_end_and_the_others_go_on()"),
    ];
    let keys = faye_server::config::KEYS.iter().filter(|key| key.section() == "limits");
    let mut count = 0;
    for key in keys {
        count += 1;
        let is_tested = match elsewhere.iter().find(|(name, ..)| *name == key.name()) {
            Some((_, file, test)) => text(file).contains(test),
            None => limits.contains(&format!("fn {}()", key.name())),
        };
        assert!(is_tested, "no test of limits.{}", key.name());
    }
    assert!(count > 10);
}
