//! Upgrades that are refused: plain answers, and the server goes on.

mod support;

use support::Faye;

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

#[test]
fn an_upgrade_by_http_1_0_is_refused() {
    assert_eq!(refused("/faye", "1.0"), (400, "Not a WebSocket request".to_owned()));
}

#[test]
fn an_upgrade_outside_the_mount_is_not_found() {
    assert_eq!(refused("/other", "1.1").0, 404);
}
