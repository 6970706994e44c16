//! Upgrades that are refused: plain answers, and the server goes on.

use crate::support::Faye;

/// An upgrade request for a path, of a version of HTTP.
fn upgrade(path: &str, version: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/{version}\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes()
}

fn refused(path: &str, version: &str) -> (u16, String) {
    let faye = Faye::start(&[]);
    let mut http = faye.http();
    http.send_raw(&upgrade(path, version));
    let response = http.response();
    faye.assert_serves();
    (response.status, response.text())
}

/// What is said where a proxy has taken away what makes a request a handshake.
const STRIPPED: &str = "Bad request: WebSocket handshake without \"Connection: Upgrade\" and \"Upgrade: websocket\" over \
                        HTTP/1.1; configure the proxy to pass them on\n";

#[test]
fn an_upgrade_by_http_1_0_is_refused() {
    assert_eq!(refused("/faye", "1.0"), (400, STRIPPED.to_owned()));
}

#[test]
fn a_handshake_that_a_proxy_has_stripped_is_told_so() {
    let faye = Faye::start(&[("FAYE_BROWSERS__JSONP", "false")]);
    let whole = String::from_utf8(upgrade("/faye", "1.1")).unwrap();
    for missing in ["Connection: Upgrade\r\n", "Upgrade: websocket\r\n"] {
        let mut http = faye.http();
        http.send_raw(whole.replacen(missing, "", 1).as_bytes());
        let response = http.response();
        assert_eq!((response.status, response.text().as_str()), (400, STRIPPED), "{missing}");
    }
}

#[test]
fn another_version_is_told_which_one_is_supported() {
    let faye = Faye::start(&[]);
    let whole = String::from_utf8(upgrade("/faye", "1.1")).unwrap();
    for (version, shown) in [("8", "8"), ("0", "0"), ("14", "14"), ("<script>", "not a number")] {
        let mut http = faye.http();
        http.send_raw(whole.replacen("Version: 13", &format!("Version: {version}"), 1).as_bytes());
        let response = http.response();
        assert_eq!(response.status, 426);
        assert_eq!(response.header("Sec-WebSocket-Version"), Some("13"));
        assert_eq!(response.header("Upgrade"), Some("websocket"));
        assert_eq!(response.header("Connection"), Some("close, Upgrade"));
        assert_eq!(response.text(), format!("Unsupported WebSocket version: {shown}\n"));
        http.wait_for_end();
    }
    faye.wait_for_refused("websocket", 4);
}

#[test]
fn a_client_that_waits_for_100_continue_gets_it_before_the_upgrade() {
    let faye = Faye::start(&[]);
    let mut http = faye.http();
    let whole = String::from_utf8(upgrade("/faye", "1.1")).unwrap();
    http.send_raw(whole.replacen("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n", 1).as_bytes());
    assert_eq!(http.interim(), 100);
    assert_eq!(http.response().status, 101);
}

#[test]
fn an_upgrade_outside_the_mount_is_not_found() {
    assert_eq!(refused("/other", "1.1").0, 404);
}
