//! Extensions in JavaScript: Faye's files run unchanged, and see and change what they do with Faye. What they do wrong
//! is in `javascript_limits.rs`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use crate::support::scripts::{extensions, start};
use crate::support::*;
use serde_json::{Value, json};

#[test]
fn a_subscription_needs_its_token() {
    let faye = start(&["auth.js"], "", &[]);
    let client = faye.client();
    let ask = |channel: &str, token: Value| {
        let mut message = subscribe(&client, channel);
        message["ext"] = json!({"authToken": token});
        faye.ask(&message)
    };
    assert_done(&ask("/users/alice", json!("wonderland")));
    for (channel, token) in [
        ("/users/alice", json!("builder")),
        ("/users/alice", Value::Null),
        ("/users/carol", json!("wonderland")),
        ("/toString", Value::Null),
    ] {
        let reply = ask(channel, token);
        assert_eq!(reply["successful"], false, "{reply}");
        assert_eq!(reply["error"], format!("403:{channel}:Invalid subscription auth token"));
    }
    faye.publish("/users/alice", "hello");
    faye.publish("/users/carol", "hidden");
    let answer = faye.post(&connect(&client, "long-polling"));
    assert_eq!(data(&delivered(&answer)), ["hello"]);
}

#[test]
fn only_who_knows_the_password_publishes_and_nobody_sees_it() {
    let faye = start(&["push-only.js"], "environment = ['PUSH_PASSWORD']", &[("PUSH_PASSWORD", "sesame")]);
    for via in Via::ALL {
        let mut session = Session::subscribed(&faye, via, "/news");
        for password in [json!("wrong"), Value::Null] {
            let mut message = publication("/news", "refused");
            message["ext"] = json!({ "password": password });
            assert_eq!(faye.ask(&message)["error"], "403::Password required");
        }
        let mut message = publication("/news", "sent");
        message["ext"] = json!({"password": "sesame", "from": "desk"});
        assert_done(&faye.ask(&message));
        assert_eq!(
            session.next(),
            json!({"channel": "/news", "data": "sent", "ext": {"from": "desk"}}),
            "{via:?}"
        );
        session.disconnect();
    }
    assert!(!faye.stderr().contains("sesame"), "{}", faye.stderr());
}

#[test]
fn a_function_of_three_parameters_gets_the_request() {
    let faye = start(&["csrf.js", "request.js"], "", &[]);
    let post = |cookie: &str, token: &str| {
        let mut message = handshake();
        message["ext"] = json!({"csrfToken": token});
        let headers = [("Content-Type", "application/json"), ("Cookie", cookie)];
        faye.http().request("POST", "/faye", &headers, message.to_string().as_bytes()).messages()
    };
    assert_done(&post("a=b; session=s1", "token-of-s1")[0]);
    for (cookie, token) in [("session=s2", "token-of-s1"), ("x=y", "token-of-s1"), ("session=s3", "")] {
        let reply = &post(cookie, token)[0];
        assert_eq!(reply["error"], "401::Access denied", "{cookie}");
        assert!(reply.get("clientId").is_none(), "{reply}");
    }
    let message = json!({"channel": "/request", "data": 1, "ext": {"csrfToken": "token-of-s2"}});
    let headers = [("User-Agent", "Tester"), ("Cookie", "session=s2"), ("Cookie", "b=c")];
    let target = "/faye?x=y";
    let answer = faye.http().request("POST", target, &headers, message.to_string().as_bytes()).messages();
    assert_eq!(answer, [json!({"channel": "/request", "successful": true, "ext": {"request": "POST"}})]);
}

#[test]
fn the_request_is_nodes() {
    let faye = start(&["request.js"], "", &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/request");
    session.publish("/request", 1);
    let message = session.next();
    assert_eq!(message["data"]["method"], "GET", "{message}");
    assert_eq!(message["data"]["url"], "/faye");
    assert_eq!(message["data"]["isAddress"], true);
}

/// The server's cookie proves that a request owns a session.
#[test]
fn the_request_has_the_cookies_of_the_application_and_not_the_servers() {
    let faye = start(&["request.js"], "", &[]);
    let mut session = Session::subscribed(&faye, Via::Polling, "/request");
    for (cookies, seen) in [
        (&["a=1; faye_browser=x; b=2", "__Host-faye_browser=y;c=3"][..], json!("a=1; b=2; c=3")),
        (&["faye_browsers=x;b=2"], json!("faye_browsers=x;b=2")),
        (&["faye_browser=x"], Value::Null),
    ] {
        let mut headers = vec![("Content-Type", "application/json")];
        headers.extend(cookies.iter().map(|cookie| ("Cookie", *cookie)));
        let body = publication("/request", 0).to_string();
        assert_done(&faye.http().request("POST", &faye.mount, &headers, body.as_bytes()).messages()[0]);
        assert_eq!(session.next()["data"].get("cookie").cloned().unwrap_or_default(), seen);
    }
}

#[test]
fn a_callback_may_come_late_and_holds_nobody_else_up() {
    let faye = start(&["late.js", "trouble.js"], "", &[]);
    let client = faye.client();
    assert_done(&faye.ask(&subscribe(&client, "/**")));
    let mut held = faye.http();
    held.send_json(&faye.mount, &publication("/silent", 0));
    faye.wait_for_metric("faye_extension_calls_total", |calls| calls >= 4);
    faye.publish("/late", 1);
    faye.publish("/other", 2);
    let answer = faye.post(&connect(&client, "long-polling"));
    assert_eq!(data(&delivered(&answer)), [json!("late"), json!(2)]);
}

#[test]
fn a_file_keeps_what_is_in_its_variables_and_is_told_of_its_beginning_and_end() {
    let mut faye = start(&["state.js"], "", &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/count");
    for count in 1..=3 {
        session.publish("/count", 0);
        assert_eq!(session.next()["data"], json!([count, count]));
    }
    faye.terminate();
    assert_eq!(faye.wait(), Some(0));
    faye.wait_for_stderr("added function");
    faye.wait_for_stderr("removed after 3");
}

/// Answers one request, and gives back what it was.
fn serve_once(listener: &TcpListener, status: &str, body: &str) -> (String, String) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        reader.read_line(&mut head).unwrap();
    }
    let length = head.to_ascii_lowercase();
    let length = length
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |l| l.parse().unwrap());
    let mut asked = vec![0; length];
    reader.read_exact(&mut asked).unwrap();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).unwrap();
    (head, String::from_utf8(asked).unwrap())
}

#[test]
fn an_async_function_may_ask_a_service_before_it_calls_back() {
    let faye = start(&["async.js"], "private_addresses = true", &[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/users?x=1", listener.local_addr().unwrap());
    let service = std::thread::spawn(move || {
        let first = serve_once(&listener, "200 OK", r#"{"role":"admin"}"#);
        serve_once(&listener, "403 Forbidden", r#"{"reason":"Nobody"}"#);
        first
    });
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/asked");
    session.publish("/asked", json!({"url": url, "user": "alice"}));
    let expected = json!({"status": 200, "type": "application/json", "answer": {"role": "admin"}});
    assert_eq!(session.next()["data"], expected);
    let refused = faye.ask(&publication("/asked", json!({"url": url, "user": "eve"})));
    assert_eq!(refused["error"], "403::Nobody");
    let (head, body) = service.join().unwrap();
    assert!(head.starts_with("PUT /users?x=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.to_ascii_lowercase().contains("x-token: abc\r\n"), "{head}");
    assert_eq!(body, r#"{"user":"alice"}"#);
}

#[test]
fn fetch_does_not_reach_private_addresses_unless_that_is_allowed() {
    let faye = start(&["async.js"], "", &[]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let url = format!("http://{host}:{port}/");
        let reply = faye.ask(&publication("/asked", json!({ "url": url })));
        assert_eq!(reply["error"], "500::Internal server error", "{host}");
    }
    for url in ["https://127.0.0.1/", "ftp://127.0.0.1/", "nothing", ""] {
        let reply = faye.ask(&publication("/asked", json!({ "url": url })));
        assert_eq!(reply["error"], "500::Internal server error", "{url}");
    }
    assert!(listener.accept().is_err(), "nobody has connected");
    faye.wait_for_stderr("extensions.private_addresses");
    faye.assert_serves();
}

#[test]
fn check_sends_no_request_of_an_extension() {
    let folder = tempfile::tempdir().unwrap();
    let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (service, redis) = (listen(), listen());
    let script = format!(
        "fetch('http://{}/', {{ method: 'POST' }}).catch(() => {{}}); exports.incoming = (message, callback) => callback(message);",
        service.local_addr().unwrap()
    );
    std::fs::write(folder.path().join("fetching.js"), script).unwrap();
    // The check waits for a Redis that does not answer, so that a request would have its time.
    let settings = format!(
        "[extensions]\nfiles = ['fetching.js']\nprivate_addresses = true\n[redis]\nurl = 'redis://{}'\ndeadline = '1s'\n",
        redis.local_addr().unwrap()
    );
    std::fs::write(folder.path().join("faye.toml"), settings).unwrap();
    for (arguments, is_good) in [(&["check"][..], false), (&["check", "--offline"], true)] {
        let output = binary().current_dir(folder.path()).args(arguments).output().unwrap();
        assert_eq!(output.status.success(), is_good, "{output:?}");
        service.set_nonblocking(true).unwrap();
        assert_eq!(service.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "{arguments:?}");
    }
}

#[test]
fn neighbours_are_required_as_in_node() {
    let faye = start(&["neighbours.js"], "", &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/neighbours");
    session.publish("/neighbours", 0);
    let found = session.next()["data"].clone();
    let expected = json!({
        "tokens": ["/users/alice", "/users/bob"],
        "name": "first",
        "second": "second",
        "seen": ["name"],
        "isSame": true,
        "file": true,
        "isExports": true,
        "outside": "The module '../support/mod.rs' is outside of the extension's folder",
        "order": "second",
    });
    assert_eq!(found, expected);
}

#[test]
fn several_files_run_in_the_order_of_the_settings_both_ways() {
    let faye = start(&["two.js", "one.js"], "", &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/order");
    session.publish("/order", json!([]));
    assert_eq!(session.next()["data"], json!(["two in", "one in", "two out", "one out"]));
}

#[test]
fn what_an_extension_does_not_change_keeps_its_bytes() {
    let faye = start(&["nothing.js", "two.js"], "", &[]);
    let client = faye.client();
    assert_done(&faye.ask(&subscribe(&client, "/**")));
    let odd = r#"{ "n" : 12345678901234567890,"f":1.0e400,"z":-0.0, "u":"\u00e9\/","twice":1,"twice":2, "__proto__":[1.0] }"#;
    let mut expected = Vec::new();
    for (channel, rest) in
        [("/same", ""), ("/ext", r#","ext":{"seen":true}"#), ("/replaced", r#","added":1"#)]
    {
        let text = format!(r#"{{"channel":"{channel}","data":{odd},"x":1.0,"__proto__":{{"a":1.50}}}}"#);
        let answer = faye.http().request("POST", "/faye", &[], text.as_bytes()).messages();
        assert_done(&answer[0]);
        expected.push(format!(
            r#"{{"channel":"{channel}","data":{odd},"x":1.0,"__proto__":{{"a":1.50}}{rest}}}"#
        ));
    }
    let poll = connect(&client, "long-polling").to_string();
    let text = faye.http().request("POST", "/faye", &[], poll.as_bytes()).text();
    for message in expected {
        assert!(text.contains(&message), "{message} is not in {text}");
    }
}

#[test]
fn the_way_out_sees_replies_and_each_publication_once() {
    let faye = start(&["trouble-out.js"], "", &[]);
    let mut sessions =
        [Session::subscribed(&faye, Via::WebSocket, "/a"), Session::subscribed(&faye, Via::Polling, "/a")];
    let calls = faye.metric("faye_extension_calls_total");
    let reply = faye.ask(&publication("/a", 1));
    assert_eq!(reply, json!({"channel": "/a", "successful": true, "ext": {"seen": "/a"}}));
    assert_eq!(faye.metric("faye_extension_calls_total"), calls + 2, "the publication and its reply");
    for session in &mut sessions {
        assert_eq!(session.next(), json!({"channel": "/a", "data": 1}));
    }
    assert_eq!(faye.post(&publication("/reply-dropped", 1)), Vec::<Value>::new());
}

#[test]
fn a_signature_is_checked_and_only_named_variables_are_seen() {
    let environment = [("SIGNING_SECRET", "key"), ("OTHER_SECRET", "hidden")];
    let faye = start(&["signed.js"], "environment = ['SIGNING_SECRET', 'UNSET']", &environment);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/signed");
    let mut message = publication("/signed", 0);
    message["ext"] = json!({"signature": "45a2fa52d62c34f76f46b3ea81eaba7f"});
    assert_eq!(faye.ask(&message)["error"], "403::Bad signature");
    // HMAC-SHA-256 of "/signed" with the key "key".
    message["ext"] = json!({"signature": SIGNATURE});
    assert_done(&faye.ask(&message));
    let seen = session.next()["data"].clone();
    assert_eq!(seen, json!({"environment": ["SIGNING_SECRET"], "hash": HASH, "random": true}));
}

const SIGNATURE: &str = "6d7f4d9f0dc2a9a443a467fb24a32d4aacd5311565d834577dcefdf347f2fbe2";

/// SHA-1 of the bytes c3 a9 00 ff.
const HASH: &str = "/3aU4yriWbBF5ZexkLivrRyIGv4=";

#[test]
fn arguments_of_buffer_crypto_and_fs_have_nodes_effect_or_are_refused() {
    let faye = start(&["bytes.js"], "", &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/bytes");
    session.publish("/bytes", 0);
    let seen = session.next()["data"].clone();
    assert_eq!(seen["differences"], json!([]));
    assert!(seen["cases"].as_u64().unwrap() > 100, "{seen}");
    let unsupported = seen["unsupported"].as_array().unwrap();
    assert_eq!(unsupported.len(), 7);
    for error in unsupported {
        assert!(error.as_str().unwrap().contains("not supported"), "{error}");
    }
}

#[test]
fn a_file_that_is_not_utf8_is_read_as_a_buffer() {
    let faye = start(&["bytes.js"], "", &[]);
    let mut session = Session::subscribed(&faye, Via::WebSocket, "/file");
    session.publish("/file", 0);
    assert_eq!(session.next()["data"], json!({"type": "Buffer", "data": [255]}));
}

#[test]
fn what_a_file_prints_is_in_the_log_on_one_bounded_line() {
    let faye = start(&["printer.js"], "", &[]);
    faye.publish("/print", "a\nERROR forged");
    // Printed last.
    faye.wait_for_stderr(&format!("{}...", "x".repeat(2000)));
    let said = faye.stderr();
    let file = format!("file=\"{}\"", extensions("printer.js"));
    for line in [r#"loaded {"a":1} null"#, r"printed\nby a\nERROR forged"] {
        let line = said.lines().find(|own| own.contains(line)).unwrap_or_else(|| panic!("{line}: {said}"));
        assert!(line.contains(&file), "{line}");
    }
    assert!(!said.contains("xend"), "{said}");
}

#[test]
fn a_file_that_cannot_be_loaded_keeps_the_server_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.json"), "{").unwrap();
    std::fs::write(folder.path().join("inner.js"), "\n\nthrow new TypeError('inner');").unwrap();
    for (text, expected) in [
        ("\nmodule.exports = {\n  incoming(message callback) {}\n};", "bad.js:3: SyntaxError: "),
        ("'use strict';\n\nundefinedName.x = 1;", "bad.js:3: ReferenceError: undefinedName is not defined"),
        ("throw new Error('no table');", "bad.js:1: Error: no table"),
        ("throw 'text';", "bad.js: text"),
        ("require('./inner');", "inner.js:3: TypeError: inner"),
        ("require('./bad.json');", "bad.js:1: SyntaxError: bad.json is no JSON"),
        ("\nrequire('express');", "bad.js:2: Error: Cannot find module 'express': beside"),
        ("require('../x');", "bad.js:1: Error: Cannot find module '../x'"),
        ("exports.incomming = function() {};", "bad.js: TypeError: it exports no extension"),
        (
            "exports.added = () => { throw new Error('x') }; exports.incoming = () => {};",
            "bad.js:1: Error: x",
        ),
    ] {
        std::fs::write(folder.path().join("bad.js"), text).unwrap();
        let said = start_and_fail(folder.path());
        assert!(said.contains(&format!("extensions.files: cannot load {expected}")), "{text}: {said}");
    }
    std::fs::remove_file(folder.path().join("bad.js")).unwrap();
    let said = start_and_fail(folder.path());
    assert!(said.contains("extensions.files: cannot load bad.js: No such file"), "{said}");
}

/// Starts a server with `bad.js` in a folder; what it says.
fn start_and_fail(folder: &std::path::Path) -> String {
    std::fs::write(folder.join("faye.toml"), "[extensions]\nfiles = ['bad.js']").unwrap();
    let output = binary().current_dir(folder).args(["--listen", "127.0.0.1:0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}
