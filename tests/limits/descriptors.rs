//! Connections never take the last file descriptors: those beyond the limit are refused at once, and health checks, live
//! sessions and the admin listener go on.

use crate::support::*;

/// Of 300 descriptors 64 are kept back.
const CONNECTIONS: u64 = 236;
const SILENT: u64 = 400;

#[test]
fn silent_connections_beyond_the_limit_of_open_files_are_refused_at_once() {
    let faye = Faye::start_with_limit("-n 300", &[("FAYE_ADMIN__LISTEN", "127.0.0.1:0")]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    let mut publisher = faye.http();
    assert_done(&publisher.post(&faye.mount, &publication("/a", "before"))[0]);
    assert_eq!(session.take(1), ["before"]);
    let silent: Vec<_> = (0..SILENT).map(|_| faye.http()).collect();
    // One more does not wait for those.
    faye.http().wait_for_end();
    assert_done(&publisher.post(&faye.mount, &publication("/a", "short of files"))[0]);
    assert_eq!(session.take(1), ["short of files"]);
    assert!(faye.metric("faye_refused_total{reason=\"connections\"}") > SILENT - CONNECTIONS);
    assert_eq!(faye.metric("faye_refused_total{reason=\"descriptors\"}"), 0, "the reserve is there");
    drop(silent);
    faye.wait_for_metric("faye_connections", |open| open < CONNECTIONS);
    faye.assert_serves();
}

#[test]
fn only_a_limit_that_the_operator_has_set_is_warned_about() {
    let text = "fewer open files than limits.connections needs";
    let set = Faye::start_with_limit("-n 300", &[("FAYE_LIMITS__CONNECTIONS", "1000")]);
    set.wait_for_stderr(text);
    let spelt_out = [("FAYE_LIMITS__CONNECTIONS", "100000"), ("FAYE_LOG__LEVEL", "debug")];
    let default = Faye::start_with_limit("-n 300", &spelt_out);
    default.wait_for_stderr("connections are limited by the number of open files");
    assert!(!default.stderr().contains("WARN"), "{}", default.stderr());
}

#[cfg(feature = "websub")]
#[test]
fn clients_leave_file_descriptors_to_the_requests_of_a_hub() {
    // 64 are reserved, 280 for requests to 248 callbacks and 32 topics, and 8 for the store.
    let settings = [("FAYE_SERVER__PUBLIC_URL", "https://hub.example"), ("FAYE_HUB__ENABLED", "true")];
    let more = [
        ("FAYE_HUB__CONCURRENT", "248"),
        ("FAYE_STORE__URL", "sqlite::memory:"),
        ("FAYE_LOG__LEVEL", "debug"),
    ];
    let faye = Faye::start_with_limit("-n 400", &[&settings[..], &more].concat());
    let silent: Vec<_> = (0..60).map(|_| faye.http()).collect();
    faye.http().wait_for_end();
    drop(silent);
    // The server closes the next connections too, until it has seen that the others are gone.
    loop {
        let mut http = faye.http();
        http.send("GET", "/healthz", &[], b"");
        if http.response_or_end().is_some() {
            break;
        }
    }
    // One connection reads the metrics, and may be counted.
    faye.wait_for_metric("faye_connections", |open| open <= 1);
    assert!(faye.metric("faye_refused_total{reason=\"connections\"}") > 60 - 48);
    faye.assert_serves();
}
