//! Which web pages may use the server, judged alike for every transport.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "also what a test calls is a test")]

mod support;

use support::*;

/// The status of a request by each transport with these headers.
fn statuses(faye: &Faye, headers: &[(&str, &str)]) -> Vec<(&'static str, u16)> {
    let ask = |method: &str, target: &str, more: &[(&str, &str)], body: &[u8]| {
        let all: Vec<_> = headers.iter().chain(more).copied().collect();
        let mut http = faye.http();
        http.send(method, target, &all, body);
        http.head().expect("an answer").0
    };
    let body = handshake().to_string();
    let form = encode(&[("message", &body)]);
    let script = format!("{}?{}", faye.mount, encode(&[("message", &body), ("jsonp", "cb")]));
    let stream = format!("{}/nobody", faye.mount);
    let form_type = [("Content-Type", "application/x-www-form-urlencoded")];
    let preflight = [("Access-Control-Request-Method", "POST")];
    vec![
        ("long-polling", ask("POST", &faye.mount, &[("Content-Type", "application/json")], body.as_bytes())),
        ("cross-origin-long-polling", ask("POST", &faye.mount, &form_type, form.as_bytes())),
        ("callback-polling", ask("GET", &script, &[], b"")),
        ("eventsource", ask("GET", &stream, &[("Accept", "text/event-stream")], b"")),
        ("websocket", ask("GET", &faye.mount, &UPGRADE, b"")),
        ("preflight", ask("OPTIONS", &faye.mount, &preflight, b"")),
    ]
}

#[track_caller]
fn assert_served(faye: &Faye, headers: &[(&str, &str)]) {
    for (transport, status) in statuses(faye, headers) {
        assert_eq!(status, if transport == "websocket" { 101 } else { 200 }, "{transport} {headers:?}");
    }
}

#[track_caller]
fn assert_forbidden(faye: &Faye, headers: &[(&str, &str)]) {
    for (transport, status) in statuses(faye, headers) {
        assert_eq!(status, 403, "{transport} {headers:?}");
    }
}

#[test]
fn only_listed_origins_and_the_servers_own_may_use_it_over_every_transport() {
    let faye = Faye::start(&[("FAYE_BROWSERS__ORIGINS", "https://app.example, https://*.apps.example")]);
    let own = format!("http://{}", faye.address);
    for origin in ["https://app.example", "https://a.apps.example", &own] {
        assert_served(&faye, &[("Origin", origin)]);
    }
    for origin in [
        "https://evil.example",
        "http://app.example",
        "https://apps.example",
        "null",
        "https://app.example.evil.example",
    ] {
        assert_forbidden(&faye, &[("Origin", origin)]);
    }
    assert_eq!(faye.metric("faye_refused_total{reason=\"origin\"}"), 30);
    assert_eq!(faye.metric("faye_sessions"), 9, "a page that is forbidden begins no session");
}

#[test]
fn a_forbidden_page_cannot_read_the_answer() {
    let faye = Faye::start(&[("FAYE_BROWSERS__ORIGINS", "https://app.example")]);
    let answer = |origin: &str| {
        let headers = [("Origin", origin), ("Content-Type", "application/json")];
        faye.http().request("POST", &faye.mount, &headers, handshake().to_string().as_bytes())
    };
    assert_eq!(answer("https://evil.example").header("access-control-allow-origin"), None);
    assert_eq!(
        answer("https://app.example").header("access-control-allow-origin"),
        Some("https://app.example")
    );
}

#[test]
fn a_script_of_a_page_that_hides_itself_is_refused_where_origins_are_listed() {
    let faye = Faye::start(&[("FAYE_BROWSERS__ORIGINS", "https://app.example")]);
    let script = format!("{}?{}", faye.mount, encode(&[("message", &handshake().to_string())]));
    let status = |headers: &[(&str, &str)]| faye.http().request("GET", &script, headers, b"").status;
    assert_eq!(status(&[]), 403);
    assert_eq!(status(&[("Referer", "https://app.example/page")]), 200);
    assert_eq!(status(&[("Referer", "https://evil.example/?https://app.example")]), 403);
    assert_eq!(status(&[("Sec-Fetch-Site", "same-origin")]), 200);
    assert_eq!(status(&[("Sec-Fetch-Site", "cross-site")]), 403);
}

#[test]
fn over_tls_a_page_of_the_same_host_that_came_without_is_foreign() {
    let faye = Faye::start(&[
        ("FAYE_BROWSERS__ORIGINS", "https://app.example"),
        ("FAYE_SERVER__TRUSTED_PROXIES", "127.0.0.1"),
    ]);
    let status = |scheme: &str| {
        let origin = format!("{scheme}://{}", faye.address);
        let headers = [
            ("Origin", origin.as_str()),
            ("X-Forwarded-Proto", "https"),
            ("Content-Type", "application/json"),
        ];
        faye.http().request("POST", &faye.mount, &headers, handshake().to_string().as_bytes()).status
    };
    assert_eq!((status("http"), status("https")), (403, 200));
}

#[test]
fn programs_need_no_origin_and_every_page_has_the_script() {
    let faye = Faye::start(&[("FAYE_BROWSERS__ORIGINS", "https://app.example")]);
    assert_done(&faye.ask(&handshake()));
    let headers = [("Origin", "https://evil.example")];
    let script = format!("{}/client.js", faye.mount);
    assert_eq!(faye.http().request("GET", &script, &headers, b"").status, 200);
}

#[test]
fn without_a_list_every_page_may_use_it() {
    let faye = Faye::start(&[]);
    assert_served(&faye, &[("Origin", "https://anybody.example")]);
    assert_served(&faye, &[]);
}

#[test]
fn json_p_can_be_switched_off() {
    let faye = Faye::start(&[("FAYE_BROWSERS__JSONP", "false")]);
    let script = format!("{}?{}", faye.mount, encode(&[("message", &handshake().to_string())]));
    assert_eq!(faye.get(&script).status, 400);
    assert_eq!(faye.metric("faye_refused_total{reason=\"jsonp\"}"), 1);
    assert_done(&faye.ask(&handshake()));
}
