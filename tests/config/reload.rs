//! SIGHUP has the settings read again: rules, keys and secrets change, connections stay, and a bad file changes nothing.

use crate::support::*;

const OPEN: &str = "[[channel]]\nmatch = '/open/**'\n";
const CLOSED: &str = "[[channel]]\nmatch = '/**'\npublish = 'nobody'\n";

fn rewrite(faye: &Faye, text: &str) {
    std::fs::write(faye.folder().join("faye.toml"), text).unwrap();
    faye.hang_up();
}

#[test]
fn rules_change_and_connections_stay() {
    let faye = Faye::start_with_file(OPEN, &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    session.publish("/a", 1);
    rewrite(&faye, CLOSED);
    faye.wait_for_metric("faye_config_reloads_total", |now| now == 1);
    assert_eq!(faye.ask(&publication("/a", 2))["error"], "403:/a:Forbidden channel");
    rewrite(&faye, OPEN);
    faye.wait_for_metric("faye_config_reloads_total", |now| now == 2);
    session.publish("/a", 3);
    assert_eq!(session.take(2), [1, 3], "the session and its subscription are those from before");
}

#[test]
fn a_bad_file_is_refused_whole_and_the_settings_before_stay() {
    let faye = Faye::start_with_file(CLOSED, &[]);
    for (bad, said) in [
        ("[[channel]]\nmatch = '/open/**'\n[server]\ntimeout = 'soon'\n", "server.timeout"),
        ("[[channel]\n", "invalid TOML"),
        ("[[key]]\nalgorithm = 'HS256'\nsecret = 'short'\n", "the secret is too short"),
        ("[push]\nsecret = 'env:NOT_THERE'\n", "the variable NOT_THERE is not set"),
    ] {
        rewrite(&faye, bad);
        faye.wait_for_stderr(said);
        faye.wait_for_stderr("invalid settings; keeping the current ones");
        assert_eq!(faye.ask(&publication("/a", 1))["successful"], false, "{bad}");
    }
    // Several problems are one line.
    rewrite(&faye, "[limits]\nbatch = 0\n[server]\ntimeout = 'soon'\n");
    faye.wait_for_stderr("limits.batch: ");
    let said = faye.stderr();
    let line = said.lines().find(|line| line.contains("limits.batch: ")).expect("a line");
    assert!(line.contains("; ") && line.contains("server.timeout: "), "{line}");
    assert_eq!(faye.metric("faye_config_reloads_total"), 0);
}

#[test]
fn the_servers_own_hosts_change() {
    let origins = "[browsers]\norigins = ['https://app.example']\n";
    let faye = Faye::start_with_file(origins, &[]);
    let status = || {
        let mut http = faye.http();
        let head = "POST /faye HTTP/1.1\r\nHost: push.example\r\nOrigin: http://push.example\r\nContent-Length: 2\r\n\r\n[]";
        http.send_raw(head.as_bytes());
        http.response().status
    };
    assert_eq!(status(), 403);
    rewrite(&faye, &format!("{origins}[server]\nhosts = ['push.example']\n"));
    faye.wait_for_metric("faye_config_reloads_total", |now| now == 1);
    assert_eq!(status(), 200);
    assert!(!faye.stderr().contains("take effect with the next start"), "{}", faye.stderr());
}

#[test]
fn what_needs_a_start_is_named() {
    let faye = Faye::start_with_file("", &[]);
    rewrite(&faye, "[limits]\nbatch = 7\n[log]\nlevel = 'debug'\n[dialect]\ndotted_channels = true\n");
    faye.wait_for_stderr("limits, dialect, log");
    assert_eq!(faye.ask(&publication("/a.b", 1))["error"], "405:/a.b:Invalid channel");
    faye.assert_serves();
}
