//! Extensions in JavaScript that do what none should: it costs their own message an error, and nobody else anything.

use std::process::Command;

use crate::support::scripts::start;
use crate::support::*;
use serde_json::{Value, json};

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
    let faye = start(&["trouble.js"], "cpu_limit = '500ms'", &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/**");
    for channel in ["/loop", "/caught-loop", "/regex"] {
        assert_eq!(trouble(&faye, channel)["error"], FAILED, "{channel}");
    }
    // What was called back before counts.
    assert_done(&trouble(&faye, "/late-loop"));
    assert_eq!(session.next()["channel"], "/late-loop");
    faye.wait_for_refused("extension_cpu_limit", 4);
    assert_eq!(faye.metric("faye_extension_restarts_total"), 0);
    let calls = faye.metric("faye_extension_calls_total");
    faye.publish("/calls", 0);
    assert_eq!(session.next()["data"], calls + 1, "no variable is lost");
    faye.assert_serves();
}

#[test]
fn native_functions_that_cannot_be_interrupted_cost_their_own_message_an_error() {
    let mut faye = start(&["natives.js"], "cpu_limit = '300ms'", &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/count");
    session.publish("/count", 0);
    let count = session.next()["data"].as_u64().unwrap();
    assert!(count > 10, "{count}");
    for native in 0..count {
        let reply = faye.ask(&publication("/native", native));
        assert_eq!(reply["error"], FAILED, "{native}");
        assert_done(&trouble(&faye, "/fine"));
        assert_eq!(faye.get("/readyz").status, 200, "{native}");
    }
    faye.wait_for_refused("extension_cpu_limit", count);
    assert!(faye.metric("faye_extension_restarts_total") > 3, "some cannot be interrupted");
    faye.wait_for_stderr("in a call that cannot be interrupted");
    faye.assert_serves();
    faye.terminate();
    assert_eq!(faye.wait(), Some(0), "{}", faye.stderr());
}

#[test]
fn messages_behind_one_that_ends_the_engine_are_handed_to_the_next_engine() {
    let faye = start(&["trouble.js"], "cpu_limit = '300ms'", &[]);
    let mut stuck = faye.http();
    stuck.send_json(&faye.mount, &publication("/stuck", 0));
    faye.wait_for_metric("faye_extension_calls_total", |calls| calls == 1);
    let mut others: Vec<_> = (0..20).map(|_| faye.http()).collect();
    for other in &mut others {
        other.send_json(&faye.mount, &publication("/fine", 0));
    }
    faye.wait_for_metric("faye_extension_calls_total", |calls| calls == 21);
    assert_eq!(stuck.response().messages()[0]["error"], FAILED);
    for other in &mut others {
        assert_done(&other.response().messages()[0]);
    }
    assert_eq!(faye.metric("faye_extension_restarts_total"), 1);
}

/// Starts a server with `fragile.js` in a folder of its own.
fn start_fragile(settings: &str) -> Faye {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(crate::support::scripts::extensions("fragile.js"), folder.path().join("fragile.js"))
        .unwrap();
    let text = format!("[extensions]\nfiles = ['fragile.js']\ncpu_limit = '300ms'\n{settings}\n");
    std::fs::write(folder.path().join("faye.toml"), text).unwrap();
    Faye::start_in(folder, &[])
}

#[test]
fn without_an_engine_messages_are_refused_at_once_and_the_server_is_not_ready() {
    let faye = start_fragile("timeout = '10m'");
    let broken = faye.folder().join("broken");
    for times in 1..=2 {
        std::fs::write(&broken, "").unwrap();
        assert_eq!(trouble(&faye, "/stuck")["error"], FAILED);
        faye.wait_for_metric("faye_extensions_unavailable", |now| now == 1);
        let answer = faye.get("/readyz");
        assert_eq!(answer.status, 503);
        // What the file has thrown is in the log alone.
        assert_eq!(answer.text(), "not ready: no JavaScript engine for extensions; see the log\n");
        faye.wait_for_stderr("fragile.js:4: Error: broken on purpose");
        assert_eq!(faye.get("/healthz").status, 200);
        for channel in ["/fine", "/stuck"] {
            assert_eq!(trouble(&faye, channel)["error"], "503::Extensions unavailable, try again");
        }
        faye.wait_for_refused("extension_unavailable", 2 * times);
        std::fs::remove_file(&broken).unwrap();
        faye.wait_for_metric("faye_extensions_unavailable", |now| now == 0);
        assert_eq!(faye.get("/readyz").status, 200);
        assert_done(&trouble(&faye, "/fine"));
    }
    faye.wait_for_stderr("JavaScript engine restarted");
    let lines = faye.stderr().matches("cannot start the JavaScript engine").count();
    assert_eq!(lines, 2, "once a failure, not once a try or a message: {}", faye.stderr());
}

#[test]
fn without_an_engine_the_server_exits_if_the_settings_say_so() {
    let mut faye = start_fragile("on_failure = 'exit'");
    let session = Session::begin(&faye, Via::Polling);
    let mut poll = faye.http();
    poll.send_json(&faye.mount, &connect(&session.id, "long-polling"));
    faye.wait_for_polls(1);
    std::fs::write(faye.folder().join("broken"), "").unwrap();
    assert_eq!(trouble(&faye, "/stuck")["error"], FAILED);
    // It is drained as after a signal.
    assert_eq!(poll.response().messages()[0]["channel"], "/meta/connect");
    assert_eq!(faye.wait(), Some(1), "{}", faye.stderr());
    faye.wait_for_stderr("stopped because of a failure: no JavaScript engine for extensions");
}

#[test]
fn a_restarted_engine_runs_the_files_as_they_were_read_first() {
    let faye = start_fragile("");
    std::fs::write(faye.folder().join("fragile.js"), "this is no JavaScript").unwrap();
    assert_eq!(trouble(&faye, "/stuck")["error"], FAILED);
    assert_done(&trouble(&faye, "/fine"));
    std::fs::remove_file(faye.folder().join("fragile.js")).unwrap();
    assert_eq!(trouble(&faye, "/stuck")["error"], FAILED);
    assert_done(&trouble(&faye, "/fine"));
    assert_eq!(faye.metric("faye_extension_restarts_total"), 2);
}

#[test]
fn an_engine_is_restarted_after_the_binary_was_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let file = crate::support::scripts::extensions("trouble.js");
    let text = format!("[extensions]\nfiles = ['{file}']\ncpu_limit = '300ms'\n");
    std::fs::write(folder.path().join("faye.toml"), text).unwrap();
    let (faye, binary) = Faye::start_copy_in(folder);
    // As a package manager does it: the new file takes the place of the old one.
    let other = binary.with_extension("new");
    std::fs::write(&other, "another version").unwrap();
    std::fs::rename(&other, &binary).unwrap();
    assert_eq!(trouble(&faye, "/stuck")["error"], FAILED);
    assert_done(&trouble(&faye, "/fine"));
    assert_eq!(faye.metric("faye_extension_restarts_total"), 1);
}

#[test]
fn the_engine_process_ends_with_the_server_and_only_with_it() {
    let mut faye = start(&["trouble.js"], "", &[]);
    let engine = engine_of(&faye);
    for signal in ["-TERM", "-HUP", "-INT"] {
        assert!(Command::new("kill").args([signal, &engine]).status().unwrap().success());
        assert_done(&trouble(&faye, "/fine"));
    }
    assert_eq!(engine_of(&faye), engine, "signals are for the server");
    // As an out-of-memory killer does it.
    assert!(Command::new("kill").args(["-KILL", &engine]).status().unwrap().success());
    faye.wait_for_metric("faye_extension_restarts_total", |restarts| restarts == 1);
    assert_done(&trouble(&faye, "/fine"));
    faye.wait_for_stderr("JavaScript engine process ended");
    let engine = engine_of(&faye);
    faye.kill();
    let begin = tokio::time::Instant::now();
    while is_running(&engine) {
        assert!(begin.elapsed() < WATCHDOG, "the engine outlives its server");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// The only child of the server, by its number.
#[track_caller]
fn engine_of(faye: &Faye) -> String {
    let server = faye.process_id().to_string();
    let output = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output().expect("install ps (procps)");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut children = text.lines().filter_map(|line| {
        let (process, parent) = line.trim().split_once(char::is_whitespace)?;
        (parent.trim() == server).then(|| process.to_owned())
    });
    children.next().unwrap_or_else(|| panic!("no child of {server}: {text}"))
}

fn is_running(process: &str) -> bool {
    let output =
        Command::new("ps").args(["-o", "stat=", "-p", process]).output().expect("install ps (procps)");
    // What nobody has waited for is a zombie.
    !matches!(output.stdout.trim_ascii().first(), None | Some(b'Z'))
}

#[test]
fn what_a_file_prints_is_bounded_and_the_rest_is_counted() {
    const LINES: u64 = 20_000;
    let faye = start(&["flood.js"], "cpu_limit = '30s'\nlog_rate = 10", &[]);
    assert_done(&faye.ask(&publication("/flood", LINES)));
    let begin = tokio::time::Instant::now();
    loop {
        let said = faye.stderr();
        let printed = said.lines().filter(|line| line.contains("INFO line ")).count() as u64;
        let reports = said.lines().filter(|line| line.contains("extensions.log_rate"));
        let suppressed: Vec<u64> = reports
            .map(|line| line.split_once(" lines=").unwrap().1.split(' ').next().unwrap().parse().unwrap())
            .collect();
        let total: u64 = suppressed.iter().sum();
        if printed + total == LINES {
            assert!(printed < LINES / 10, "{printed} lines were printed");
            // A slow machine may have paused in between.
            assert!(suppressed.len() < 10, "{suppressed:?}");
            faye.wait_for_refused("extension_log_rate", total);
            break;
        }
        assert!(begin.elapsed() < WATCHDOG, "{printed} printed, {suppressed:?} suppressed: {said}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // The rate is there again.
    assert_done(&faye.ask(&publication("/flood", 1)));
    faye.assert_serves();
}

#[test]
fn promises_without_end_start_the_engine_anew() {
    let faye = start(&["trouble.js"], "cpu_limit = '500ms'", &[]);
    assert_eq!(trouble(&faye, "/promises")["error"], FAILED);
    faye.wait_for_metric("faye_extension_restarts_total", |restarts| restarts == 1);
    faye.assert_serves();
}

#[test]
fn who_never_calls_back_is_not_waited_for_any_longer_than_is_set() {
    let faye = start(&["trouble.js"], "timeout = '1s'", &[]);
    for channel in ["/silent", "/lost"] {
        assert_eq!(trouble(&faye, channel)["error"], FAILED, "{channel}");
    }
    faye.wait_for_refused("extension_timeout", 2);
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
        faye.wait_for_metric("faye_extension_repeated_callbacks_total", |repeats| repeats == count);
    }
    faye.wait_for_stderr("called back more than once");
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
    let faye = start(&["trouble.js"], "memory = '16MiB'\ncpu_limit = '30s'", &[]);
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
    let faye = start(&["trouble.js"], "memory = '16MiB'\ncpu_limit = '30s'", &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/calls");
    for restarts in 1..=3 {
        assert_eq!(trouble(&faye, "/hog-kept")["error"], FAILED);
        faye.wait_for_metric("faye_extension_restarts_total", |now| now == restarts);
        faye.publish("/calls", 0);
        assert_eq!(session.next()["data"], 1, "the variables begin anew");
    }
    faye.wait_for_stderr("restarting the JavaScript engine");
    faye.assert_serves();
}

#[test]
fn however_memory_runs_out_the_server_stays() {
    // As little as may be set.
    let settings = "memory = '1MiB'\ncpu_limit = '500ms'";
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
    let faye = start(&["trouble.js"], "max_pending = 2", &[]);
    let mut held: Vec<_> = (0..2).map(|_| faye.http()).collect();
    for http in &mut held {
        http.send_json(&faye.mount, &publication("/silent", 0));
    }
    faye.wait_for_metric("faye_extension_calls_total", |calls| calls == 2);
    assert_eq!(trouble(&faye, "/fine")["error"], "503:2:Too many messages wait for an extension");
    faye.wait_for_refused("extension_max_pending", 1);
}

#[test]
fn messages_that_nobody_waits_for_any_more_make_room() {
    let faye = start(&["trouble.js"], "max_pending = 1\ntimeout = '300ms'", &[]);
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
