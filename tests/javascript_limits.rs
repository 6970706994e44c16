//! Extensions in JavaScript that do what none should: it costs their own message an error, and nobody else anything.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "also what a test calls is a test")]

mod support;

use serde_json::{Value, json};
use support::scripts::start;
use support::*;

/// What a message gets when its extension fails.
const FAILED: &str = "500::Internal server error";

/// Publishes to a channel whose name says what the extension does.
#[track_caller]
fn trouble(faye: &Faye, channel: &str) -> Value {
    faye.ask(&publication(channel, "x"))
}

#[test]
fn what_throws_costs_its_own_message_an_error() {
    let faye = start(&["trouble.js"], "", &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/**");
    for channel in ["/throw", "/throw-null", "/odd", "/cycle", "/deep", "/reject"] {
        let reply = trouble(&faye, channel);
        assert_eq!(reply, json!({"channel": channel, "error": FAILED, "successful": false}));
    }
    let batch = json!([publication("/throw", 1), publication("/fine", 2)]);
    let answer = faye.post(&batch);
    assert_eq!(answer[0]["error"], FAILED);
    assert_done(&answer[1]);
    assert_eq!(session.take(1), [2], "nothing was published but that");
    assert_eq!(faye.metric("faye_extension_errors_total"), 7);
    assert_eq!(faye.metric("faye_extension_restarts_total"), 0);
    faye.wait_for_stderr("trouble.js");
    faye.assert_serves();
}

#[test]
fn an_endless_loop_is_ended_and_the_rest_goes_on() {
    let faye = start(&["trouble.js"], "time = '500ms'", &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/**");
    for channel in ["/loop", "/caught-loop", "/regex"] {
        assert_eq!(trouble(&faye, channel)["error"], FAILED, "{channel}");
    }
    // What was called back before counts.
    assert_done(&trouble(&faye, "/late-loop"));
    assert_eq!(session.next()["channel"], "/late-loop");
    faye.wait_for_refused("extension_time", 4);
    assert_eq!(faye.metric("faye_extension_restarts_total"), 0);
    let calls = faye.metric("faye_extension_calls_total");
    faye.publish("/calls", 0);
    assert_eq!(session.next()["data"], calls + 1, "no variable is lost");
    faye.assert_serves();
}

#[test]
fn another_engine_takes_over_from_one_that_cannot_be_ended() {
    let mut faye = start(&["trouble.js"], "time = '300ms'\nanswer = '1s'", &[]);
    for restarts in 1..=2 {
        assert_eq!(trouble(&faye, "/stuck")["error"], FAILED);
        let begin = tokio::time::Instant::now();
        while trouble(&faye, "/fine")["successful"] != true {
            assert!(begin.elapsed() < WATCHDOG, "it stands still: {}", faye.stderr());
        }
        assert_eq!(faye.metric("faye_extension_restarts_total"), restarts);
    }
    faye.assert_serves();
    faye.terminate();
    assert_eq!(faye.wait(), Some(0), "{}", faye.stderr());
}

#[test]
fn promises_without_end_start_the_engine_anew() {
    let faye = start(&["trouble.js"], "time = '500ms'", &[]);
    assert_eq!(trouble(&faye, "/promises")["error"], FAILED);
    faye.wait_for_metric("faye_extension_restarts_total", |restarts| restarts == 1);
    faye.assert_serves();
}

#[test]
fn who_never_calls_back_is_not_waited_for_any_longer_than_is_set() {
    let faye = start(&["trouble.js"], "answer = '1s'", &[]);
    for channel in ["/silent", "/lost"] {
        assert_eq!(trouble(&faye, channel)["error"], FAILED, "{channel}");
    }
    faye.wait_for_refused("extension_answer", 2);
    faye.wait_for_stderr("lost on purpose");
    faye.assert_serves();
}

#[test]
fn a_second_call_of_the_callback_has_no_effect() {
    let faye = start(&["trouble.js"], "", &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/**");
    for count in 1..=2 {
        assert_done(&trouble(&faye, "/twice"));
        assert_eq!(session.next(), json!({"channel": "/twice", "data": "x"}));
        faye.wait_for_metric("faye_extension_repeats_total", |repeats| repeats == count);
    }
    faye.wait_for_stderr("called a callback again");
}

#[test]
fn null_drops_a_message_in_silence() {
    let faye = start(&["trouble.js"], "", &[]);
    let answer = faye.post(&json!([publication("/null", 1), publication("/fine", 2)]));
    assert_eq!(answer, [json!({"channel": "/fine", "successful": true})]);
    assert_eq!(faye.metric("faye_extension_errors_total"), 0);
}

#[test]
fn memory_that_is_given_back_costs_nothing_but_its_message() {
    let faye = start(&["trouble.js"], "memory = '16MiB'\ntime = '30s'", &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/calls");
    assert_eq!(trouble(&faye, "/hog")["error"], FAILED);
    faye.wait_for_refused("extension_memory", 1);
    assert_eq!(faye.metric("faye_extension_restarts_total"), 0, "{}", faye.stderr());
    let calls = faye.metric("faye_extension_calls_total");
    faye.publish("/calls", 0);
    assert_eq!(session.next()["data"], calls + 1);
    faye.assert_serves();
}

#[test]
fn memory_that_is_kept_starts_the_engine_anew() {
    let faye = start(&["trouble.js"], "memory = '16MiB'\ntime = '30s'", &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/calls");
    for restarts in 1..=3 {
        assert_eq!(trouble(&faye, "/hog-kept")["error"], FAILED);
        faye.wait_for_metric("faye_extension_restarts_total", |now| now == restarts);
        faye.publish("/calls", 0);
        assert_eq!(session.next()["data"], 1, "the variables begin anew");
    }
    faye.wait_for_stderr("started anew");
    faye.assert_serves();
}

#[test]
fn however_memory_runs_out_the_server_stays() {
    // As little as may be set.
    let settings = "memory = '1MiB'\ntime = '500ms'";
    let faye = start(&["hogs.js"], settings, &[]);
    for round in 0..2 {
        for number in 0..20 {
            for is_kept in [false, true] {
                let hog = publication("/hog", json!({"number": number, "isKept": is_kept}));
                let reply = faye.ask(&hog);
                assert_eq!(reply["error"], FAILED, "{round}, {number}, {is_kept}: {reply}");
            }
        }
    }
    // Whatever the last one has left, sooner or later the engine is there again.
    let begin = tokio::time::Instant::now();
    while faye.ask(&publication("/fine", 1))["successful"] != true {
        assert!(begin.elapsed() < WATCHDOG, "{}", faye.stderr());
    }
    faye.assert_serves();
}

#[test]
fn timers_are_bounded() {
    let faye = start(&["trouble.js"], "", &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/timers");
    session.publish("/timers", 0);
    assert_eq!(session.next()["data"], json!([1000, "more than 1000 timers at one time"]));
}

#[test]
fn more_messages_than_may_wait_are_refused() {
    let faye = start(&["trouble.js"], "waiting = 2", &[]);
    let mut held: Vec<_> = (0..2).map(|_| faye.http()).collect();
    for http in &mut held {
        http.send_json(&faye.mount, &publication("/silent", 0));
    }
    faye.wait_for_metric("faye_extension_calls_total", |calls| calls == 2);
    assert_eq!(trouble(&faye, "/fine")["error"], "503:2:Too many messages wait for an extension");
    faye.wait_for_refused("extension_waiting", 1);
}

#[test]
fn messages_that_nobody_waits_for_any_more_make_room() {
    let faye = start(&["trouble.js"], "waiting = 1\nanswer = '300ms'", &[]);
    for _ in 0..3 {
        assert_eq!(trouble(&faye, "/silent")["error"], FAILED);
        let begin = tokio::time::Instant::now();
        while trouble(&faye, "/fine")["successful"] != true {
            assert!(begin.elapsed() < WATCHDOG, "the message still takes room");
        }
    }
}

#[test]
fn messages_too_deep_for_javascript_are_refused_like_all_that_are_too_deep() {
    let faye = start(&["trouble.js"], "", &[]);
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let text = format!(r#"{{"channel":"/deeper","data":{deep}}}"#);
    let answer = faye.http().request("POST", "/faye", &[], text.as_bytes()).messages();
    assert_eq!(answer[0]["error"], "413:64:Message nested too deeply");
    faye.assert_serves();
}

#[test]
fn a_message_cannot_change_what_all_objects_have() {
    let faye = start(&["pollution.js"], "", &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/check");
    for text in [
        r#"{"channel":"/x","data":1,"__proto__":{"polluted":1,"isAdmin":true}}"#,
        r#"{"channel":"/x","data":{"__proto__":{"polluted":1,"isAdmin":true}}}"#,
        r#"{"channel":"/x","data":1,"toString":{"__proto__":{"polluted":1}}}"#,
        r#"{"channel":"/check","data":{"__proto__":{"isAdmin":true}},"__proto__":{"isAdmin":true},"hasOwnProperty":1}"#,
    ] {
        let answer = faye.http().request("POST", "/faye", &[], text.as_bytes()).messages();
        assert_done(&answer[0]);
    }
    assert_eq!(session.next()["data"], json!({"polluted": "no", "admin": false}));
}

#[test]
fn who_fails_on_the_way_out_lets_nothing_out() {
    let faye = start(&["trouble-out.js"], "", &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/**");
    faye.publish("/a", "fails");
    let mut message = publication("/reply-fails", 1);
    message["id"] = json!("7");
    assert_eq!(
        faye.ask(&message),
        json!({"id": "7", "channel": "/reply-fails", "error": FAILED, "successful": false})
    );
    assert_eq!(session.take(1), [1], "what fails is not sent");
    assert_eq!(faye.metric("faye_extension_errors_total"), 2);
}
