//! Whatever bytes come in, as HTTP or as WebSocket, the server answers or hangs up, and goes on.

use crate::support::*;
use fastrand::Rng;

#[test]
fn targets_that_are_no_targets() {
    let faye = Faye::start(&[]);
    let targets = [
        "//",
        "///",
        "////faye",
        "http://",
        "http://[::1/faye",
        "//:80/faye",
        "//[/faye",
        "*",
        "",
        "faye",
        "?",
        "#",
        "/%",
        "/%zz",
        "/faye?%",
        "/faye?message=%ff%fe",
        "/faye?message",
        "/faye?=&&=&",
        "/faye#x",
        "/fay\u{e9}",
        "/faye/../../..",
        "/faye/%2e%2e/%2e%2e",
        "http://x:99999999/faye",
        "https://x/faye",
        "/\u{0}",
        "http://x@y@z/faye",
        "/faye\\..\\x",
        "/<script>",
        "javascript:alert(1)",
    ];
    for target in targets {
        for method in ["GET", "POST", "OPTIONS", "CONNECT", "TRACE", "X"] {
            for upgrade in
                ["", "Upgrade: websocket\r\nConnection: Upgrade\r\n", "Accept: text/event-stream\r\n"]
            {
                let mut http = faye.http();
                http.send_raw(
                    format!("{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n{upgrade}\r\n")
                        .as_bytes(),
                );
                if upgrade.starts_with("Accept") {
                    // It may be a stream without an end.
                    http.wait_for_byte_or_end();
                    continue;
                }
                if let Some(response) = http.response_or_end() {
                    let status = response.status;
                    let expected = matches!(status, 200 | 204 | 501) || (400..500).contains(&status);
                    assert!(expected, "{method} {target} {upgrade}: {response:?}");
                }
            }
        }
    }
    faye.assert_serves();
}

#[test]
fn random_bytes() {
    let faye = Faye::start(&[]);
    let mut random = Rng::with_seed(1);
    for round in 0..300 {
        let bytes: Vec<u8> = (0..random.usize(1..2000)).map(|_| random.u8(..)).collect();
        if round % 3 == 0 {
            let mut socket = Socket::open(&faye);
            socket.send_raw(&bytes);
            socket.send_frame(Opcode::Close, true, &[]);
            let _ = socket.stream().shutdown(std::net::Shutdown::Write);
            socket.close_code();
        } else {
            let mut http = faye.http();
            if round % 3 == 1 {
                http.send_raw(b"POST /faye HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
            }
            http.send_raw(&bytes);
            http.half_close_if_open();
            http.wait_for_end();
        }
    }
    faye.wait_for_metric("faye_websockets", |now| now == 0);
    faye.assert_serves();
}

#[test]
fn half_upgrades() {
    let faye = Faye::start(&[]);
    let head = "GET /faye HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    for rest in [
        "\r\n",
        "Sec-WebSocket-Version: 13\r\n\r\n",
        "Sec-WebSocket-Key: x\r\n\r\n",
        "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: x\r\n\r\n",
    ] {
        let mut http = faye.http();
        http.send_raw([head, rest].concat().as_bytes());
        assert_eq!(http.response().status, if rest.contains(": 8") { 426 } else { 400 });
        http.wait_for_end();
    }
    faye.wait_for_refused("websocket", 4);
    // Gone before, or right after, the answer; with a part of a frame behind the request; as a POST.
    let whole = [head, "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n"].concat();
    for _ in 0..20 {
        faye.http().send_raw(&whole.as_bytes()[..whole.len() - 1]);
        faye.http().send_raw(whole.as_bytes());
        faye.http().send_raw(&[whole.as_bytes(), &[0x81, 0xff, 0, 0]].concat());
    }
    let mut http = faye.http();
    http.send_raw(whole.replacen("GET", "POST", 1).as_bytes());
    assert_eq!(http.response().status, 400);
    // A whole frame right behind the request is served.
    let mut http = faye.http();
    http.send_raw(&[whole.as_bytes(), &[0x81, 0x82, 0, 0, 0, 0, b'[', b']']].concat());
    assert_eq!(http.response().status, 101);
    assert_eq!(Socket::over(http).frame(), Frame::Text("[]".to_owned()));
    faye.wait_for_metric("faye_websockets", |now| now == 0);
    faye.assert_serves();
}

#[test]
fn frames_that_break_the_rules_close_the_socket() {
    let faye = Faye::start(&[]);
    let mask = [0u8; 4];
    let with_mask = |head: &[u8], payload: &[u8]| [head, &mask, payload].concat();
    let cases: [(Vec<u8>, u16); 8] = [
        (vec![0x81, 2, b'[', b']'], 1002),
        (with_mask(&[0xc1, 0x82], b"[]"), 1002),
        (with_mask(&[0x83, 0x80], b""), 1002),
        (with_mask(&[0x09, 0x80], b""), 1002),
        (with_mask(&[0x80, 0x80], b""), 1002),
        (with_mask(&[0x81, 0x81], b"\xff"), 1007),
        (with_mask(&[0x88, 0x81], b"\x03"), 1002),
        (with_mask(&[0x88, 0x82], &1005u16.to_be_bytes()), 1002),
    ];
    for (bytes, code) in cases {
        let mut socket = Socket::open(&faye);
        socket.send_raw(&bytes);
        assert_eq!(socket.close_code(), Some(code), "{bytes:x?}");
    }
    faye.wait_for_refused("websocket", 8);
    faye.assert_serves();
}

#[test]
fn many_connections_that_come_and_go() {
    let faye = Faye::start(&[]);
    for _ in 0..300 {
        drop(faye.http());
        let mut http = faye.http();
        http.send_json("/faye", &handshake());
        drop(http);
    }
    faye.wait_for_metric("faye_connections", |now| now == 1);
    faye.assert_serves();
}
