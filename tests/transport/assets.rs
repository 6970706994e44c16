//! The client's script and its source maps: every name, method and path, and other origins. What a browser may keep of
//! them is in `assets_cached.rs`.

use crate::support::script::*;
use crate::support::*;

const SCRIPTS: [&str; 2] = ["faye-browser-min.js", "faye-browser.js"];

#[test]
fn every_name_that_faye_has_is_served() {
    let faye = Faye::start(&[]);
    for (target, name) in [
        ("/faye/client.js", "faye-browser-min.js"),
        ("/faye.js", "faye-browser-min.js"),
        ("/faye/faye.js", "faye-browser-min.js"),
        ("/faye/faye-browser-min.js", "faye-browser-min.js"),
        ("/faye/faye-browser.js", "faye-browser.js"),
        ("/faye/faye-browser-min.js.map", "faye-browser-min.js.map"),
        ("/faye/faye-browser.js.map", "faye-browser.js.map"),
        ("/faye/faye-shared-worker.js", "faye-shared-worker.js"),
        ("/faye/faye-shared-worker.js.map", "faye-shared-worker.js.map"),
    ] {
        let response = faye.get(target);
        assert_whole(&response, name);
        let is_map = name.ends_with(".map");
        let kind = if is_map { "application/json; charset=utf-8" } else { "text/javascript; charset=utf-8" };
        assert_eq!(header(&response, "Content-Type"), kind);
        assert_eq!(header(&response, "X-Content-Type-Options"), "nosniff");
        assert_eq!(header(&response, "Content-Length"), built(name).len().to_string());
        let tag = header(&response, "ETag").strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        let hash = tag.expect("quotes");
        assert!(hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
    }
    assert_eq!(faye.metric("faye_script_requests_total"), 9);
}

#[test]
fn only_the_last_segment_of_the_path_counts() {
    let faye = Faye::start(&[]);
    for target in [
        "/faye/a/b/client.js",
        "/faye/a.b/c.d/client.js",
        "/faye/a.js/client.js",
        "/faye//client.js",
        "/x/../faye/client.js",
        "/faye/x/%2e%2E/./client.js",
        "/faye/client.js?v=1.2.3&x=/y.map",
        "/faye.js?",
    ] {
        assert_whole(&faye.get(target), "faye-browser-min.js");
    }
}

#[test]
fn a_path_outside_the_mount_is_no_script() {
    let faye = Faye::start(&[]);
    for target in
        ["/client.js", "/faye/../client.js", "/Faye/client.js", "/fayefoo/client.js", "/faye.js.map"]
    {
        let response = faye.get(target);
        assert_eq!((response.status, response.text().contains("Sure")), (404, true), "{target}");
    }
}

#[test]
fn another_name_is_told_which_there_are() {
    let faye = Faye::start(&[]);
    for target in
        ["/faye/client-min.js", "/faye/client.js.map", "/faye/.js", "/faye/Client.js", "/faye/clien%74.js"]
    {
        let response = get(&faye, target, &[("Origin", "http://a.example")]);
        assert_eq!(response.status, 404, "{target}");
        assert_eq!(header(&response, "Content-Type"), "text/plain; charset=utf-8");
        assert_eq!(header(&response, "Access-Control-Allow-Origin"), "http://a.example");
        for name in ["client.js", " faye.js", "faye-browser-min.js.map"] {
            assert!(response.text().contains(name), "{}", response.text());
        }
    }
}

#[test]
fn the_names_follow_the_mount() {
    let own = |setting: &str| Faye::start(&[("FAYE_SERVER__MOUNT", setting)]);
    let min = "faye-browser-min.js";
    for (setting, targets) in [
        ("/", ["/client.js", "/a/b/client.js", "/.js"]),
        ("/faye/", ["/faye.js", "/faye/faye.js", "/faye/client.js"]),
        ("/a/bus", ["/a/bus.js", "/a/bus/bus.js", "/a/bus/client.js"]),
        ("/x.y", ["/x.y.js", "/x.y/x.y.js", "/x.y/client.js"]),
    ] {
        let faye = own(setting);
        for target in targets {
            let response = faye.get(target);
            assert_whole(&response, min);
            // As a browser finds it: relative to the script.
            let folder = target.rsplit_once('/').expect("a path").0;
            let map = format!("{folder}/{}", header(&response, "SourceMap"));
            assert_whole(&faye.get(&map), "faye-browser-min.js.map");
        }
        faye.assert_serves();
    }
    assert_eq!(own("/a/bus").get("/a/bus/faye.js").status, 404);
}

#[test]
fn a_script_names_its_source_map() {
    let faye = Faye::start(&[]);
    for script in SCRIPTS {
        let map = format!("{script}.map");
        let response = faye.get(&format!("/faye/{script}"));
        assert_eq!(header(&response, "SourceMap"), map);
        let response = faye.get(&format!("/faye/{map}"));
        assert_whole(&response, &map);
        assert_eq!(response.header("SourceMap"), None);
    }
}

#[test]
fn any_method_gets_the_script_and_a_head_no_body() {
    let faye = Faye::start(&[]);
    let whole = faye.get("/faye/client.js");
    for method in ["POST", "OPTIONS", "PUT", "DELETE"] {
        let preflight = [("Origin", "http://a.example"), ("Access-Control-Request-Method", "POST")];
        let response = faye.http().request(method, "/faye/client.js", &preflight, b"");
        assert_whole(&response, "faye-browser-min.js");
    }
    let mut http = faye.http();
    let head = http.request("HEAD", "/faye/client.js", &[], b"");
    assert_eq!(head.status, 200);
    for name in
        ["Content-Length", "Content-Type", "ETag", "Last-Modified", "Cache-Control", "Vary", "SourceMap"]
    {
        assert_eq!(head.header(name), whole.header(name), "{name}");
    }
    let gzip = [("Accept-Encoding", "gzip")];
    let packed = get(&faye, "/faye/client.js", &gzip);
    let head = http.request("HEAD", "/faye/client.js", &gzip, b"");
    assert_eq!(head.header("Content-Length"), packed.header("Content-Length"));
    assert_eq!(head.header("ETag"), packed.header("ETag"));
}

#[test]
fn the_connection_goes_on_after_every_kind_of_answer() {
    let faye = Faye::start(&[]);
    let mut http = faye.http();
    let script = http.request("GET", "/faye/client.js", &[], b"");
    let tag = header(&script, "ETag");
    assert_eq!(http.request("HEAD", "/faye/client.js", &[], b"").status, 200);
    assert_kept(&http.request("GET", "/faye/client.js", &[("If-None-Match", tag)], b""), tag);
    assert_kept(&http.request("HEAD", "/faye/client.js", &[("If-None-Match", tag)], b""), tag);
    assert_eq!(http.request("GET", "/faye/none.js", &[], b"").status, 404);
    assert_eq!(http.request("HEAD", "/faye/none.js", &[], b"").status, 404);
    assert_whole(&http.request("POST", "/faye.js", &[], b""), "faye-browser-min.js");
    assert_eq!(get_packed(&mut http).status, 200);
    assert_done(&http.post("/faye", &handshake())[0]);
    faye.assert_serves();
}

#[test]
fn an_upgrade_on_a_script_is_a_websocket() {
    let faye = Faye::start(&[]);
    let headers = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    assert_eq!(get(&faye, "/faye/client.js", &headers).status, 101);
}

#[test]
fn a_page_of_any_origin_may_use_it() {
    let faye = Faye::start(&[]);
    let tag = header(&faye.get("/faye/client.js"), "ETag").to_owned();
    for headers in [vec![], vec![("Origin", "http://a.example")], vec![("If-None-Match", tag.as_str())]] {
        let response = get(&faye, "/faye/client.js", &headers);
        assert_eq!(header(&response, "Access-Control-Allow-Origin"), "*");
        assert_eq!(header(&response, "Cross-Origin-Resource-Policy"), "cross-origin");
        assert_eq!(response.header("Access-Control-Allow-Credentials"), None);
    }
}
