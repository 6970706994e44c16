//! HTTP/1 as such (RFC 9112): where a request ends, what becomes of the connection, and that nobody can make two programs
//! see it differently.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::*;
use serde_json::json;

fn post(headers: &str, body: &str) -> Vec<u8> {
    format!("POST /faye HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}").into_bytes()
}

fn publish(id: &str) -> String {
    json!([{"channel": "/a", "data": id, "id": id}]).to_string()
}

/// Fails unless the answer is the reply to the publication of this id.
#[track_caller]
fn assert_reply(response: &Response, id: &str) {
    assert_eq!(response.status, 200, "{response:?}");
    assert_eq!(response.messages()[0]["id"], id);
}

#[test]
fn requests_in_one_segment_are_answered_in_their_order() {
    let faye = Faye::start(&[]);
    let mut http = faye.http();
    let bodies = ["1", "2", "3"].map(publish);
    let length = |body: &str| format!("Content-Length: {}\r\n", body.len());
    let chunked = format!("{:x};x=y\r\n{}\r\n0\r\nTrailer: x\r\n\r\n", bodies[1].len(), bodies[1]);
    http.send_raw(
        &[
            post(&length(&bodies[0]), &bodies[0]),
            post("Transfer-Encoding: chunked\r\n", &chunked),
            b"\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
            post(&length(&bodies[2]), &bodies[2]),
        ]
        .concat(),
    );
    assert_reply(&http.response(), "1");
    assert_reply(&http.response(), "2");
    assert_eq!(http.response().text(), "ok\n");
    assert_reply(&http.response(), "3");
}

#[test]
fn a_request_may_come_byte_by_byte() {
    let faye = Faye::start(&[]);
    for is_chunked in [false, true] {
        let body = publish("slow");
        let request = if is_chunked {
            let (first, second) = body.split_at(10);
            let chunks = format!("a\r\n{first}\r\n{:X}\r\n{second}\r\n0\r\n\r\n", second.len());
            post("Transfer-Encoding: chunked\r\n", &chunks)
        } else {
            post(&format!("Content-Length: {}\r\n", body.len()), &body)
        };
        let mut http = faye.http();
        for byte in &request {
            http.send_raw(&[*byte]);
        }
        assert_reply(&http.response(), "slow");
    }
}

#[test]
fn what_waits_behind_a_held_connect_is_answered_after_it() {
    let faye = Faye::start(&[]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut http = faye.http();
    let held = connect(&session.id, "long-polling").to_string();
    let behind = publish("behind");
    http.send_raw(&post(&format!("Content-Length: {}\r\n", held.len()), &held));
    http.send_raw(&post(&format!("Content-Length: {}\r\n", behind.len()), &behind));
    faye.publish("/a", "now");
    assert_eq!(data(&delivered(&http.response().messages())), ["now"]);
    assert_reply(&http.response(), "behind");
}

#[test]
fn a_request_whose_end_is_not_clear_is_refused_and_nothing_behind_it_is_read() {
    let faye = Faye::start(&[]);
    let body = publish("smuggled");
    let length = body.len();
    let unclear = [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
        format!("Content-Length: {length}\r\nContent-Length: 0\r\n"),
        "Content-Length: 1, 1\r\n".to_owned(),
        "Content-Length: +1\r\n".to_owned(),
        "Transfer-Encoding: gzip, chunked\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n".to_owned(),
        "Transfer-Encoding : chunked\r\n".to_owned(),
        "X: 1\r\n Content-Length: 0\r\n".to_owned(),
    ];
    for headers in &unclear {
        let mut http = faye.http();
        http.send_raw(&post(headers, &body));
        http.send_raw(&post(&format!("Content-Length: {length}\r\n"), &body));
        let response = http.response();
        assert_eq!(response.status, 400, "{headers}");
        assert_eq!(response.header("Connection"), Some("close"), "{headers}");
        http.wait_for_end();
    }
    // Chunks that are none.
    for chunks in [
        "x\r\n",
        "5\r\nabc\r\n0\r\n\r\n",
        "1\r\nab",
        "ffffffffffffffffff\r\n",
        "5 \r\n",
        "5;\r\n",
        "5;bad[=x\r\n",
        "5\n",
    ] {
        // Nothing has to follow for it to be noticed, not even the end of the connection.
        let mut http = faye.http();
        http.send_raw(&post("Transfer-Encoding: chunked\r\n", chunks));
        assert_eq!(http.response().status, 400, "{chunks:?}");
        http.wait_for_end();
    }
    assert_eq!(faye.metric("faye_publications_total"), 0);
    faye.assert_serves();
}

#[test]
fn a_body_that_nobody_wants_is_passed_over() {
    let faye = Faye::start(&[]);
    let smuggled = String::from_utf8(post("Content-Length: 2\r\n", "[]")).unwrap();
    for (method, target) in
        [("GET", "/healthz"), ("GET", "/faye?message=%5B%5D"), ("DELETE", "/faye"), ("GET", "/no")]
    {
        let mut http = faye.http();
        let length = smuggled.len();
        http.send_raw(
            format!("{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n").as_bytes(),
        );
        http.send_raw(smuggled.as_bytes());
        http.response();
        assert_eq!(http.request("GET", "/healthz", &[], b"").text(), "ok\n", "{method} {target}");
    }
    assert_eq!(faye.metric("faye_requests_total{transport=\"long-polling\"}"), 0);
}

#[test]
fn who_waits_for_100_continue_gets_it() {
    let faye = Faye::start(&[]);
    let mut http = faye.http();
    let body = publish("asked");
    http.send_raw(&post(&format!("Expect: 100-continue\r\nContent-Length: {}\r\n", body.len()), ""));
    assert_eq!(http.interim(), 100);
    http.send_raw(body.as_bytes());
    assert_reply(&http.response(), "asked");
    // One whose body would be refused is refused at once.
    let mut http = faye.http();
    http.send_raw(&post("Expect: 100-continue\r\nContent-Length: 99999999999\r\n", ""));
    assert_eq!(http.response().status, 413);
    http.wait_for_end();
}

#[test]
fn connections_stay_open_or_end_as_was_said() {
    let faye = Faye::start(&[]);
    let ask = |version: &str, connection: &str| {
        let mut http = faye.http();
        http.send_raw(format!("GET /healthz HTTP/{version}\r\nHost: x\r\n{connection}\r\n").as_bytes());
        let response = http.response();
        assert_eq!(response.text(), "ok\n");
        let said = response.header("Connection").map(str::to_owned);
        if said.as_deref() == Some("close") {
            http.wait_for_end();
        } else {
            assert_eq!(http.request("GET", "/healthz", &[], b"").status, 200);
        }
        said
    };
    assert_eq!(ask("1.1", ""), None);
    assert_eq!(ask("1.1", "Connection: close\r\n").as_deref(), Some("close"));
    assert_eq!(ask("1.0", "").as_deref(), Some("close"));
    assert_eq!(ask("1.0", "Connection: keep-alive\r\n").as_deref(), Some("keep-alive"));
}

#[test]
fn an_answer_to_head_has_no_body() {
    let faye = Faye::start(&[]);
    let mut http = faye.http();
    http.send_raw(b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    let (status, headers) = http.head().unwrap();
    assert_eq!(status, 200);
    assert!(headers.iter().any(|(name, value)| name == "Content-Length" && value == "3"), "{headers:?}");
    assert_eq!(http.response().text(), "ok\n", "what comes next is the next answer");
    // A refusal has none either.
    let mut http = faye.http();
    http.send_raw(b"HEAD /faye HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    assert_eq!(http.head().unwrap().0, 400);
    let mut rest = Vec::new();
    http.into_reader().read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
}

#[test]
fn a_client_that_never_pauses_does_not_keep_the_others_waiting() {
    let faye = Faye::start(&[("FAYE_SERVER__THREADS", "1")]);
    let body = json!([{"channel": "/a", "data": "x".repeat(100_000)}]).to_string();
    let request = post(&format!("Content-Length: {}\r\n", body.len()), &body);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let (request, stop) = (&request, &stop);
            let mut reader = faye.http().into_reader();
            let mut writer = reader.get_ref().try_clone().unwrap();
            scope.spawn(move || while !stop.load(Ordering::Relaxed) && writer.write_all(request).is_ok() {});
            scope.spawn(move || {
                // Until the connection ends, which is when the others are done.
                let mut sink = [0; 65_536];
                while !stop.load(Ordering::Relaxed) && reader.read(&mut sink).is_ok_and(|count| count > 0) {}
                let _ = reader.get_ref().shutdown(std::net::Shutdown::Both);
            });
        }
        let before = faye.metric("faye_publications_total");
        for _ in 0..20 {
            assert_eq!(faye.get("/healthz").status, 200);
        }
        while faye.metric("faye_publications_total") == before {}
        stop.store(true, Ordering::Relaxed);
    });
    faye.assert_serves();
}

#[test]
fn other_versions_and_other_protocols_are_refused() {
    let faye = Faye::start(&[]);
    let syntax = (400, "Bad request: not an HTTP/1.1 request\n");
    let version = (505, "Bad request: only HTTP/1.0 and HTTP/1.1 are supported\n");
    for (hello, expected) in [
        (&b"GET / HTTP/2.0\r\n\r\n"[..], version),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", version),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", syntax),
        (b"EHLO localhost\r\n", syntax),
        (b"GET /\r\n\r\n", syntax),
    ] {
        let mut http = faye.http();
        http.send_raw(hello);
        let response = http.response();
        assert_eq!(
            (response.status, response.text().as_str()),
            expected,
            "{}",
            String::from_utf8_lossy(hello)
        );
        http.wait_for_end();
    }
    faye.wait_for_refused("syntax", 5);
    faye.assert_serves();
}

#[test]
fn a_request_names_one_host_or_is_refused() {
    let faye = Faye::start(&[]);
    let ask = |request: &str| {
        let mut http = faye.http();
        http.send_raw(request.as_bytes());
        let response = http.response();
        if response.status != 200 {
            http.wait_for_end();
        }
        (response.status, response.text())
    };
    let bad = |why: &str| (400, format!("Bad request: {why}\n"));
    let is_no_host = bad("the Host header does not hold a host");
    for (lines, expected) in [
        ("", bad("the Host header is missing")),
        ("Host: a\r\nHost: a\r\n", bad("more than one Host header")),
        ("Host:\r\n", is_no_host.clone()),
        ("Host: a b/c\r\n", is_no_host.clone()),
        ("Host: user@h\r\n", is_no_host.clone()),
        ("Host: h/path\r\n", is_no_host.clone()),
        ("Host: h:x\r\n", is_no_host.clone()),
        ("Host: [::1\r\n", is_no_host),
        ("Host: h:8000\r\n", (200, "ok\n".to_owned())),
        ("Host: [::1]\r\n", (200, "ok\n".to_owned())),
    ] {
        assert_eq!(ask(&format!("GET /healthz HTTP/1.1\r\n{lines}\r\n")), expected, "{lines:?}");
    }
    assert_eq!(
        ask("GET /healthz HTTP/1.0\r\n\r\n").0,
        200,
        "balancers ask so whether an instance is healthy"
    );
    assert_eq!(ask("GET /healthz HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n").0, 400);
}

#[test]
fn a_target_is_a_path_or_a_url_of_http_with_a_host() {
    let faye = Faye::start(&[]);
    let status = |line: &str| {
        let mut http = faye.http();
        http.send_raw(format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        http.response().status
    };
    for good in ["/healthz", "http://x/healthz", "HTTPS://other:5/healthz"] {
        assert_eq!(status(&format!("GET {good}")), 200, "{good}");
    }
    for bad in [
        "http://",
        "http:///healthz",
        "http://a@b/healthz",
        "ftp://x/healthz",
        "ws://x/healthz",
        "healthz",
        "*",
    ] {
        assert_eq!(status(&format!("GET {bad}")), 400, "{bad}");
    }
}

#[test]
fn a_method_that_is_not_there_is_told_from_one_that_is_not_known() {
    let faye = Faye::start(&[]);
    let mut http = faye.http();
    for (method, target, status, allow) in [
        ("PUT", "/faye", 405, Some("GET, POST, OPTIONS")),
        ("DELETE", "/faye", 405, Some("GET, POST, OPTIONS")),
        ("PATCH", "/faye/x", 405, Some("GET, POST, OPTIONS")),
        ("TRACE", "/faye", 405, Some("GET, POST, OPTIONS")),
        ("HEAD", "/faye", 405, Some("GET, POST, OPTIONS")),
        ("PUT", "/elsewhere", 404, None),
        ("BREW", "/faye", 501, None),
        ("get", "/faye", 501, None),
        ("PROPFIND", "/elsewhere", 501, None),
        ("CONNECT", "x:443", 501, None),
        ("OPTIONS", "*", 204, Some("GET, HEAD, POST, OPTIONS")),
        ("GET", "/healthz", 200, None),
    ] {
        http.send_raw(format!("{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
        if method == "HEAD" || status == 204 {
            let (found, headers) = http.head().unwrap();
            let has_length = headers.iter().any(|(name, _)| name == "Content-Length");
            assert_eq!((found, has_length), (status, status != 204), "{method} {target}");
            continue;
        }
        let response = http.response();
        assert_eq!((response.status, response.header("Allow")), (status, allow), "{method} {target}");
    }
}

#[test]
fn a_body_in_a_coding_is_refused_and_the_connection_goes_on() {
    let faye = Faye::start(&[]);
    let mut http = faye.http();
    let body = publish("coded");
    let length = format!("Content-Length: {}\r\n", body.len());
    for coding in ["gzip", "br", "identity, gzip", "x"] {
        http.send_raw(&post(&format!("Content-Encoding: {coding}\r\n{length}"), &body));
        let response = http.response();
        assert_eq!(
            (response.status, response.header("Accept-Encoding")),
            (415, Some("identity")),
            "{coding}"
        );
    }
    http.send_raw(&post(&format!("Content-Encoding: Identity\r\n{length}"), &body));
    assert_reply(&http.response(), "coded");
}

#[test]
fn a_chunk_that_is_too_large_is_refused_before_it_comes() {
    let faye = Faye::start(&[]);
    for size in ["ffffffffffffffff", "7fffffffffffffff", "10000000"] {
        let mut http = faye.http();
        http.send_raw(&post("Transfer-Encoding: chunked\r\n", &format!("2\r\n[]\r\n{size}\r\n")));
        assert_eq!(http.response().status, 413, "{size}");
        http.wait_for_end();
    }
    faye.wait_for_refused("body", 3);
}

#[test]
fn an_offer_of_another_protocol_is_ignored() {
    let faye = Faye::start(&[]);
    let body = publish("offered");
    let length = format!("Content-Length: {}\r\n", body.len());
    let mut http = faye.http();
    // As Java's HttpClient and curl --http2 do by default.
    for offer in [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "Connection: Upgrade\r\nUpgrade: TLS/1.3\r\n",
    ] {
        http.send_raw(&post(&format!("{offer}{length}"), &body));
        assert_reply(&http.response(), "offered");
    }
    // HTTP/1.0 has no upgrades at all.
    let mut http = faye.http();
    let old = post(&format!("Connection: Upgrade\r\nUpgrade: websocket\r\n{length}"), &body);
    http.send_raw(String::from_utf8(old).unwrap().replacen("HTTP/1.1", "HTTP/1.0", 1).as_bytes());
    assert_reply(&http.response(), "offered");
}
