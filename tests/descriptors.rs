//! When the system gives no more file descriptors, connections wait until there are some again, and the others go on.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "also what a test calls is a test")]

mod support;

use support::*;

#[test]
fn connections_beyond_the_limit_of_open_files_wait() {
    let mut faye = Faye::start_with_open_files(40);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    // More than there may be. The system completes them all; the server has not accepted the last ones.
    let mut open: Vec<_> = (0..60).map(|_| faye.http()).collect();
    let mut last = open.pop().unwrap();
    last.send("GET", "/healthz", &[], b"");
    // The first one that is open publishes as ever.
    assert_done(&open[0].post(&faye.mount, &publication("/a", "short of files"))[0]);
    assert_eq!(session.take(1), ["short of files"]);
    let begin = tokio::time::Instant::now();
    while !faye.stderr().contains("cannot accept connections") {
        assert!(faye.is_running() && begin.elapsed() < WATCHDOG, "{}", faye.stderr());
        std::thread::yield_now();
    }
    drop(open);
    assert_eq!(last.response().status, 200, "it was only waiting");
    assert!(faye.metric("faye_refused_total{reason=\"descriptors\"}") > 0);
    assert!(faye.stderr().contains("open_files=40"), "{}", faye.stderr());
    faye.assert_serves();
}
