//! Which web pages may use the server, judged alike for every transport.

use crate::support::*;

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
fn a_refused_page_is_logged_once_in_a_while() {
    let faye = Faye::start(&[("FAYE_BROWSERS__ORIGINS", "https://app.example")]);
    for origin in ["https://evil.example", "https://other.example"] {
        (0..5).for_each(|_| assert_forbidden(&faye, &[("Origin", origin)]));
        faye.wait_for_stderr(origin);
    }
    faye.wait_for_refused("origin", 60);
    let log = faye.stderr();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("page refused")).collect();
    assert!(lines.iter().all(|line| line.contains(" INFO ") && line.contains("address=127.0.0.1")), "{log}");
    // As many as there are origins, if the test takes less than a minute.
    assert!(lines.len() < 60, "{log}");
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

/// The status of a POST with these headers, of which `Host` is one.
fn status_at(faye: &Faye, host: &str, headers: &[(&str, &str)]) -> u16 {
    let body = handshake().to_string();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let mut http = faye.http();
    let head =
        format!("POST {} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n{headers}\r\n", faye.mount);
    http.send_raw([head.as_bytes(), body.as_bytes()].concat().as_slice());
    http.response().status
}

#[test]
fn a_host_that_is_not_known_makes_no_page_the_servers_own() {
    let faye = Faye::start(&[("FAYE_BROWSERS__ORIGINS", "https://app.example, https://*.apps.example")]);
    let at = |host: &str, origin: &str| status_at(&faye, host, &[("Origin", origin)]);
    // DNS rebinding: the name of an attacker resolves to this server.
    assert_eq!(at("evil.example", "http://evil.example"), 403);
    assert_eq!(at("evil.example:8000", "http://evil.example:8000"), 403);
    assert_eq!(status_at(&faye, "evil.example", &[("Referer", "http://evil.example/")]), 403);
    for host in
        ["localhost:8000", "127.0.0.1", "127.0.0.2:5", "[::1]:8000", "app.example", "a.apps.example:8000"]
    {
        assert_eq!(at(host, &format!("http://{host}")), 200, "{host}");
    }
    let faye = Faye::start(&[
        ("FAYE_BROWSERS__ORIGINS", "https://app.example"),
        ("FAYE_SERVER__HOSTS", "push.example, *.push.example"),
    ]);
    let at = |host: &str| status_at(&faye, host, &[("Origin", &format!("http://{host}"))]);
    assert_eq!((at("push.example"), at("a.push.example:8000")), (200, 200));
    assert_eq!((at("localhost"), at("evil.example")), (403, 403), "listed hosts replace the default");
}

#[test]
fn a_foreign_host_gets_no_push_secret_where_every_page_may_use_it() {
    let faye = Faye::start_with_file(
        "[[channel]]\nmatch = '/**'\npublish = 'secret'\n",
        &[("FAYE_PUSH__SECRET", "a-secret-for-tests")],
    );
    let reply = |host: &str| {
        let body = r#"{"channel":"/a","data":1,"ext":{"password":"a-secret-for-tests"}}"#;
        let mut http = faye.http();
        let length = body.len();
        http.send_raw(
            format!(
                "POST /faye HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Length: {length}\r\n\r\n{body}"
            )
            .as_bytes(),
        );
        http.response().messages().remove(0)
    };
    assert_eq!(reply("evil.example")["error"], "403::Forbidden origin");
    assert_done(&reply("localhost:8000"));
}

#[test]
fn a_wildcard_listener_knows_the_address_that_was_connected_to() {
    let faye = Faye::start_with_arguments(
        &["--listen", "0.0.0.0:0"],
        &[("FAYE_BROWSERS__ORIGINS", "https://app.example")],
    );
    let port = faye.address.port();
    // Loopback is known by itself, so it has to be another address of this machine.
    let other = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    let other =
        other.expect("this machine has no address but loopback: give it a network interface with one");
    let host = format!("{}:{port}", other.ip());
    let mut http = Http::open(host.parse().unwrap());
    let headers = [("Origin", &*format!("http://{host}")), ("Content-Type", "application/json")];
    let response = http.request("POST", "/faye", &headers, handshake().to_string().as_bytes());
    assert_eq!(response.status, 200);
    let reply = |host: &str| {
        let body = handshake().to_string();
        let mut http = Http::open(([127, 0, 0, 1], port).into());
        let head = format!(
            "POST /faye HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        http.send_raw(head.as_bytes());
        http.response().status
    };
    assert_eq!((reply("localhost"), reply("evil.example"), reply("192.0.2.7")), (200, 403, 403));
}

#[test]
fn the_port_that_a_scheme_has_by_default_may_be_left_out() {
    let faye = Faye::start(&[("FAYE_BROWSERS__ORIGINS", "https://app.example")]);
    let at = |host: &str, origin: &str| status_at(&faye, host, &[("Origin", origin)]);
    assert_eq!(at("localhost:443", "https://localhost"), 200);
    assert_eq!(at("localhost:80", "http://localhost"), 200);
    assert_eq!(at("localhost", "https://localhost:443"), 200);
    assert_eq!(at("localhost:443", "http://localhost"), 403);
    assert_eq!(at("localhost:8000", "http://localhost"), 403);
}

#[test]
fn pages_without_a_host_can_be_listed() {
    let faye = Faye::start(&[("FAYE_BROWSERS__ORIGINS", "null, file://")]);
    for origin in ["null", "file://"] {
        assert_served(&faye, &[("Origin", origin)]);
    }
    assert_forbidden(&faye, &[("Origin", "https://evil.example")]);
}

#[test]
fn what_is_no_origin_is_no_page_of_the_server() {
    let faye = Faye::start(&[("FAYE_BROWSERS__ORIGINS", "https://app.example")]);
    for origin in
        ["http://", "://localhost", "http://user@localhost", "http://localhost/", "localhost", "\u{e9}"]
    {
        assert_eq!(status_at(&faye, "localhost", &[("Origin", origin)]), 403, "{origin}");
    }
    // An absolute target takes precedence over Host.
    let mut http = faye.http();
    http.send_raw(
        b"POST http://evil.example/faye HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nContent-Length: 2\r\n\r\n[]",
    );
    assert_eq!(http.response().status, 403);
}

#[test]
fn where_the_origin_is_missing_the_referer_counts() {
    let faye = Faye::start(&[("FAYE_BROWSERS__ORIGINS", "https://app.example")]);
    for referer in ["https://app.example/page", &format!("http://{}/", faye.address)] {
        assert_served(&faye, &[("Referer", referer)]);
    }
    assert_forbidden(&faye, &[("Referer", "https://evil.example/?https://app.example")]);
}

#[test]
fn a_refused_page_is_told_what_to_set() {
    let faye = Faye::start(&[("FAYE_BROWSERS__ORIGINS", "https://app.example")]);
    let headers = [("Origin", "https://evil.example/<script>")];
    let response = faye.http().request("POST", "/faye", &headers, b"[]");
    assert_eq!(response.status, 403);
    let text = response.text();
    assert!(
        text.contains("browsers.origins") && text.contains("server.hosts") && !text.contains("script"),
        "{text}"
    );
}

#[test]
fn a_page_may_send_the_headers_that_it_asks_for() {
    let faye = Faye::start(&[("FAYE_BROWSERS__ORIGINS", "https://app.example")]);
    let ask = |origin: &str, asked: &str| {
        let headers = [
            ("Origin", origin),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", asked),
        ];
        faye.http().request("OPTIONS", "/faye", &headers, b"")
    };
    let always = "Accept, Authorization, Content-Type, Pragma, X-Requested-With";
    let asked = "baggage,cache-control,content-type,sentry-trace,traceparent,x-own";
    let response = ask("https://app.example", asked);
    let allowed = "baggage, cache-control, sentry-trace, traceparent, x-own";
    assert_eq!(response.header("Access-Control-Allow-Headers"), Some(&*format!("{always}, {allowed}")));
    assert_eq!(response.header("Vary"), Some("Origin, Access-Control-Request-Headers"));
    for odd in ["a b", "<b>", "x:y", "\u{e9}", &"a,".repeat(4000)] {
        let response = ask("https://app.example", odd);
        assert_eq!(response.header("Access-Control-Allow-Headers"), Some(always), "{odd}");
    }
    let refused = ask("https://evil.example", asked);
    assert_eq!((refused.status, refused.header("Access-Control-Allow-Headers")), (403, None));
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
    let status = |scheme: &str, forwarded: &str| {
        let origin = format!("{scheme}://{}", faye.address);
        let headers = [
            ("Origin", origin.as_str()),
            ("X-Forwarded-Proto", forwarded),
            ("Content-Type", "application/json"),
        ];
        faye.http().request("POST", &faye.mount, &headers, handshake().to_string().as_bytes()).status
    };
    for forwarded in ["https", "HTTPS", "https, http", "wss"] {
        assert_eq!((status("http", forwarded), status("https", forwarded)), (403, 200), "{forwarded}");
    }
    for forwarded in ["http", "ws", "http, https"] {
        assert_eq!(status("http", forwarded), 200, "{forwarded}");
    }
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
