//! Health, metrics and the page are where they should be and nowhere else, whatever the mount.

use crate::support::*;
use serde_json::json;

#[track_caller]
fn assert_not_found(response: &Response, mount: &str) {
    assert_eq!(response.status, 404, "{response:?}");
    assert_eq!(response.header("Content-Type"), Some("text/plain; charset=utf-8"));
    assert_eq!(response.text(), format!("Sure you're not looking for {mount} ?\n"));
}

#[test]
fn the_page_can_be_switched_off() {
    let faye = Faye::start(&[("FAYE_SERVER__PAGE", "off")]);
    for path in ["/", "/page/main.js"] {
        assert_eq!(faye.get(path).status, 404, "{path}");
    }
    let lines = faye.stdout();
    assert!(lines.iter().all(|line| !line.contains("in a browser")), "no line leads to it: {lines:?}");
    assert_eq!(faye.get("/healthz").status, 200);
    faye.assert_serves();
    assert_eq!(Faye::start(&[]).get("/").status, 200);
}

/// A page on which any visitor may publish is for the machine of a developer.
#[test]
fn the_page_is_served_by_default_on_loopback_only() {
    let has_page = |arguments: &[&str], page: &[(&str, &str)]| {
        let faye = Faye::start_with_arguments(arguments, page);
        let is_served = faye.get("/").status == 200;
        let is_announced = faye.stdout().iter().any(|line| line.contains("in a browser"));
        assert!(is_served || !is_announced, "{:?}", faye.stdout());
        is_served
    };
    assert!(has_page(&["--listen", "127.0.0.1:0"], &[]));
    assert!(has_page(&["--listen", "localhost:0"], &[]));
    assert!(!has_page(&["--listen", "0.0.0.0:0"], &[]));
    assert!(!has_page(&["--listen", ":0"], &[("FAYE_SERVER__PAGE", "auto")]));
    assert!(has_page(&["--listen", ":0"], &[("FAYE_SERVER__PAGE", "on")]));
    assert!(!has_page(&["--listen", "127.0.0.1:0"], &[("FAYE_SERVER__PAGE", "off")]));
}

#[test]
fn health_and_metrics_stand_beside_the_mount() {
    let faye = Faye::start(&[]);
    let health = faye.get("/healthz");
    assert_eq!((health.status, health.text().as_str()), (200, "ok\n"));
    assert_eq!(health.header("Cache-Control"), Some("no-store"));
    let metrics = faye.get("/metrics");
    assert_eq!(metrics.status, 200);
    let kind = metrics.header("Content-Type").expect("a type");
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    assert!(metrics.text().ends_with("# EOF\n"));
    let mut http = faye.http();
    http.send("HEAD", "/healthz", &[("Connection", "close")], b"");
    http.wait_for_byte();
    http.wait_for_end();
    assert_eq!(faye.get("/healthz/").status, 200, "a slash at the end is no other path");
    for target in ["/healthz/x", "/Healthz", "/metrics2", "/x", "/fayefoo", "/Faye"] {
        assert_not_found(&faye.get(target), "/faye");
    }
}

#[test]
fn metrics_count_what_happens() {
    let faye = Faye::start(&[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    let client = faye.client();
    faye.ask(&subscribe(&client, "/b"));
    faye.publish("/a", 1);
    faye.publish("/unsubscribed", 1);
    session.take(1);
    faye.ask(&json!({"channel": "bad", "data": 1}));
    faye.ask(&json!({"channel": "/meta/unknown"}));
    let expected = [
        ("faye_sessions", 2),
        ("faye_subscriptions", 2),
        ("faye_websockets", 1),
        ("faye_held_connects", 1),
        ("faye_eventsource_streams", 0),
        ("faye_publications_total", 2),
        ("faye_deliveries_total", 1),
        ("faye_deliveries_written_total", 1),
        ("faye_deliveries_requeued_total", 0),
        ("faye_error_replies_total", 2),
        ("faye_messages_total{verb=\"handshake\"}", 2),
        ("faye_messages_total{verb=\"subscribe\"}", 2),
        ("faye_messages_total{verb=\"publish\"}", 3),
        ("faye_messages_total{verb=\"unknown\"}", 1),
        ("faye_requests_total{transport=\"websocket\"}", 1),
        ("faye_panics_total", 0),
    ];
    for (name, value) in expected {
        assert_eq!(faye.metric(name), value, "{name}");
    }
    session.disconnect();
    drop(session);
    faye.wait_for_metric("faye_websockets", |now| now == 0);
    assert_eq!(faye.metric("faye_sessions"), 1);
    assert_eq!(faye.metric("faye_held_connects"), 0);
}

#[test]
fn an_address_of_their_own_takes_them_off_the_public_one() {
    let faye = Faye::start(&[("FAYE_ADMIN__LISTEN", "127.0.0.1:0")]);
    assert_ne!(faye.admin, faye.address);
    for target in ["/healthz", "/metrics"] {
        assert_not_found(&faye.get(target), "/faye");
        assert_eq!(Http::open(faye.admin).request("GET", target, &[], b"").status, 200);
    }
    assert_eq!(faye.get("/").status, 200);
    for (method, target) in [("GET", "/"), ("POST", "/faye"), ("GET", "/faye")] {
        assert_eq!(Http::open(faye.admin).request(method, target, &[], b"[]").status, 404, "{target}");
    }
    faye.assert_serves();
}

/// The values of this attribute in a page.
fn values<'a>(html: &'a str, attribute: &'a str) -> Vec<&'a str> {
    html.split(attribute).skip(1).filter_map(|rest| rest.strip_prefix("=\"")?.split('"').next()).collect()
}

#[test]
fn the_page_stands_beside_any_mount_with_all_that_it_loads() {
    for mount in ["/faye", "/other/path", "/page", "/page/style.css", "/start", "/a'b"] {
        let faye = Faye::start(&[("FAYE_SERVER__MOUNT", mount)]);
        let page = faye.get("/");
        assert_eq!(page.status, 200);
        assert_eq!(page.header("Content-Type"), Some("text/html; charset=utf-8"));
        assert_eq!(page.header("Cache-Control"), Some("no-store"));
        let html = page.text();
        assert!(html.contains(&format!("content=\"{mount}\"")), "{mount}");
        assert!(html.contains(&format!(">{}<", env!("CARGO_PKG_VERSION"))));
        for placeholder in ["mount", "files", "links", "activity", "secret_field", "token_field"] {
            assert!(!html.contains(&format!("{{{placeholder}}}")), "{placeholder}");
        }
        let client = format!("{mount}/client.js");
        let loaded = values(&html, " src").into_iter().chain(values(&html, "<link rel=\"stylesheet\" href"));
        let (script, files): (Vec<_>, Vec<_>) = loaded.partition(|path| *path == client);
        assert_eq!(script.len(), 1, "{mount}: the served script");
        assert!(files.len() >= 4, "{files:?}");
        for file in files {
            let answer = faye.get(file);
            assert_eq!(answer.status, 200, "{mount}: {file}");
            assert_eq!(answer.header("Cache-Control"), Some("no-store"));
        }
        assert_done(&faye.http().post(mount, &handshake())[0]);
        faye.assert_serves();
    }
}

#[test]
fn the_page_runs_nothing_but_files_of_the_server() {
    let faye = Faye::start(&[]);
    let page = faye.get("/");
    let policy = page.header("Content-Security-Policy").expect("a policy");
    for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"] {
        assert!(policy.split("; ").any(|directive| directive == part), "{part}");
    }
    let html = page.text();
    for tag in html.split("<script").skip(1) {
        assert!(tag.starts_with(" src=\"/"), "{tag}");
    }
    for forbidden in ["<style", " style=", " onclick=", "javascript:", "//"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    // Every import of a module is a file that is served as a script.
    let mut waiting = vec!["main.js".to_owned()];
    let mut seen = Vec::new();
    while let Some(name) = waiting.pop() {
        if seen.contains(&name) {
            continue;
        }
        let answer = faye.get(&format!("/page/{name}"));
        assert_eq!(answer.status, 200, "{name}");
        assert_eq!(answer.header("Content-Type"), Some("text/javascript; charset=utf-8"), "{name}");
        let text = answer.text();
        assert!(text.starts_with("// "), "{name} does not say what it is responsible for");
        assert!(text.lines().count() <= 250, "{name} is more than one thing");
        let imports = text.split(" from './").skip(1).filter_map(|rest| rest.split('\'').next());
        waiting.extend(imports.map(ToOwned::to_owned));
        seen.push(name);
    }
    assert!(seen.len() > 5, "{seen:?}");
    for target in ["/page", "/page/", "/page/x.js", "/page/index.html", "/page/page.rs"] {
        assert_not_found(&faye.get(target), "/faye");
    }
}

#[test]
fn endpoints_allow_get_and_head_only() {
    let faye = Faye::start(&[]);
    for target in ["/", "/page/main.js", "/healthz", "/readyz", "/metrics"] {
        for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
            let response = faye.http().request(method, target, &[], b"");
            assert_eq!(
                (response.status, response.header("Allow")),
                (405, Some("GET, HEAD")),
                "{method} {target}"
            );
        }
        assert_eq!(faye.http().request("HEAD", target, &[], b"").status, 200, "{target}");
        assert_eq!(faye.http().request("BREW", target, &[], b"").status, 501, "{target}");
    }
}

#[test]
fn a_browser_that_opens_the_mount_is_led_to_the_page() {
    let open = |faye: &Faye, target: &str, accept: &str| {
        faye.http().request("GET", target, &[("Accept", accept), ("Sec-Fetch-Site", "cross-site")], b"")
    };
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
    for settings in [&[][..], &[("FAYE_BROWSERS__ORIGINS", "https://app.example")]] {
        let faye = Faye::start(settings);
        for target in ["/faye", "/faye/", "/faye?x=1"] {
            let response = open(&faye, target, browser);
            assert_eq!(response.status, 400);
            assert_eq!(response.header("Content-Type"), Some("text/html; charset=utf-8"));
            assert!(response.text().contains("<a href=\"/\">"), "{}", response.text());
        }
        // JSON-P requests and programs.
        let message = encode(&[("message", "[]"), ("jsonp", "cb")]);
        assert!(!open(&faye, &format!("/faye?{message}"), browser).text().contains("<a"));
        assert!(!open(&faye, "/faye", "*/*").text().contains("<a"));
    }
    let faye = Faye::start(&[("FAYE_SERVER__MOUNT", "/")]);
    let response = open(&faye, "/", browser);
    assert_eq!(
        (response.status, response.text().contains("<a")),
        (400, false),
        "there is no page to lead to"
    );
}

#[test]
fn the_page_links_to_health_and_metrics_where_they_are() {
    let beside = Faye::start(&[]).get("/").text();
    let apart = Faye::start(&[("FAYE_ADMIN__LISTEN", "127.0.0.1:0")]).get("/").text();
    for target in ["/healthz", "/metrics"] {
        assert!(beside.contains(&format!("href=\"{target}\"")));
        assert!(!apart.contains(target));
    }
}

#[test]
fn the_page_reports_sessions_messages_and_uptime() {
    let faye = Faye::start(&[]);
    let read = || -> serde_json::Value {
        let response = faye.get("/page/activity.json");
        assert_eq!((response.status, response.header("Content-Type")), (200, Some("application/json")));
        assert_eq!(response.header("Cache-Control"), Some("no-store"));
        serde_json::from_str(&response.text()).expect("JSON")
    };
    let before = read();
    assert_eq!([&before["sessions"], &before["published"], &before["delivered"]], [0, 0, 0], "{before}");
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/a");
    faye.publish("/a", 1);
    faye.publish("/unsubscribed", 1);
    session.take(1);
    let after = read();
    assert_eq!([&after["sessions"], &after["published"], &after["delivered"]], [1, 2, 1], "{after}");
    assert!(after["uptime"].as_f64() > before["uptime"].as_f64(), "{before} {after}");
    let apart = Faye::start(&[("FAYE_ADMIN__LISTEN", "127.0.0.1:0")]);
    assert_not_found(&apart.get("/page/activity.json"), "/faye");
}

#[test]
fn the_page_knows_the_fields_of_ext() {
    let html = Faye::start(&[]).get("/").text();
    assert!(html.contains(r#"data-secret-field="password" data-token-field="token""#));
    let renamed = [("FAYE_PUSH__FIELD", "{token_field}\"<&"), ("FAYE_TOKEN__FIELD", "jwt")];
    let html = Faye::start(&renamed).get("/").text();
    assert!(html.contains(r#"data-secret-field="{token_field}&quot;&lt;&amp;" data-token-field="jwt""#));
}

#[test]
fn the_root_may_be_the_mount() {
    let faye = Faye::start(&[("FAYE_SERVER__MOUNT", "/")]);
    assert_eq!(faye.url(), format!("http://{}/", faye.address));
    assert_eq!(faye.get("/").status, 400, "there is no page, but a GET without messages");
    assert_eq!(faye.get("/healthz").text(), "ok\n");
    for target in ["/", "/any/thing", "/faye", "/page"] {
        let answer = faye.http().post(target, &handshake());
        assert_done(&answer[0]);
    }
    assert_done(&Socket::open(&faye).ask(&handshake())[0]);
    faye.assert_serves();
}

#[test]
fn mounts_of_any_depth() {
    for (setting, mount) in [("/a", "/a"), ("/a/b/c", "/a/b/c"), ("/faye/", "/faye"), ("/x.y", "/x.y")] {
        let faye = Faye::start(&[("FAYE_SERVER__MOUNT", setting)]);
        assert_eq!(faye.mount, mount);
        for below in ["", "/", "/handshake", "/x/y"] {
            assert_done(&faye.http().post(&format!("{mount}{below}"), &handshake())[0]);
        }
        assert_not_found(&faye.get("/elsewhere"), mount);
        assert_not_found(&faye.get(&format!("{mount}x")), mount);
        for via in Via::ALL {
            let mut session = Session::subscribed(&faye, via, "/a");
            faye.publish("/a", 1);
            assert_eq!(session.take(1), [1], "{via:?}");
        }
    }
}

#[test]
fn an_upgrade_elsewhere_is_refused() {
    let faye = Faye::start(&[]);
    let headers = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "x"),
    ];
    assert_not_found(&faye.http().request("GET", "/elsewhere", &headers, b""), "/faye");
    assert_eq!(faye.http().request("GET", "/faye/x/y", &headers, b"").status, 101);
}
