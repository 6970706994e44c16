//! Whatever messages say, the server answers, nothing is injected into anybody's answer, and it goes on.

use crate::support::*;
use serde_json::{Value, json};

/// Values of every JSON type, and such that have hurt others.
fn odd_values() -> Vec<Value> {
    let texts =
        ["", "x", "/", "//", "/meta/", "/**", "__proto__", "constructor", "hasOwnProperty", "\u{0}", "ä😀"];
    let mut values: Vec<Value> = texts.iter().map(|text| json!(text)).collect();
    values.extend([json!(null), json!(true), json!(false), json!(0), json!(-1), json!(1.5), json!(1e300)]);
    values.extend([json!([]), json!({}), json!([[]]), json!([null]), json!({"__proto__": {"x": 1}})]);
    values.extend([json!(["/a", 1, null, {}, ["/b"]]), json!("x".repeat(5000))]);
    values
}

#[test]
fn wrong_types_in_every_field() {
    let faye = Faye::start(&[]);
    let client = faye.client();
    let messages = [
        handshake(),
        connect_now(&client, "long-polling"),
        subscribe(&client, "/a"),
        json!({"channel": "/meta/unsubscribe", "clientId": client, "subscription": "/a"}),
        json!({"channel": "/meta/disconnect", "clientId": "nobody"}),
        publication("/a", 1),
    ];
    let fields = [
        "channel",
        "clientId",
        "id",
        "data",
        "ext",
        "error",
        "advice",
        "version",
        "minimumVersion",
        "supportedConnectionTypes",
        "connectionType",
        "subscription",
        "successful",
        "__proto__",
        "",
    ];
    let mut socket = Socket::open(&faye);
    let mut http = faye.http();
    for message in &messages {
        for field in fields {
            for value in odd_values() {
                let mut message = message.clone();
                message[field] = value;
                // One that is answered, among others, behind it.
                let batch = json!([message, {"id": "behind", "channel": "/b", "data": 1}]);
                for answer in [http.post("/faye", &batch), replies(&mut socket, &batch)] {
                    assert_eq!(answer.len(), 2, "{batch} {answer:?}");
                    assert!(answer.iter().any(|reply| reply["id"] == "behind"), "{batch} {answer:?}");
                }
            }
        }
    }
    faye.assert_serves();
}

/// The next frame of replies; what is delivered before it is passed over.
fn replies(socket: &mut Socket, batch: &Value) -> Vec<Value> {
    let mut answer = socket.ask(batch);
    while answer.iter().all(|message| message.get("successful").is_none()) {
        answer = socket.messages();
    }
    answer
}

#[test]
fn wrong_types_are_answered_with_an_error() {
    let faye = Faye::start(&[]);
    let client = faye.client();
    for wrong in
        [json!(1), json!(true), json!({}), json!([]), json!([["/a"]]), json!(["/a"]), json!({"a": "/a"})]
    {
        let cases = [
            json!({"channel": wrong, "data": 1}),
            json!({"channel": "/meta/connect", "clientId": wrong, "connectionType": "long-polling"}),
            json!({"channel": "/meta/connect", "clientId": client, "connectionType": wrong}),
            json!({"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": wrong}),
            json!({"channel": "/meta/disconnect", "clientId": wrong}),
            json!({"channel": "/meta/subscribe", "clientId": wrong, "subscription": "/a"}),
            json!({"channel": "/meta/subscribe", "clientId": client, "subscription": [wrong]}),
        ];
        for message in cases {
            let reply = faye.ask(&message);
            assert!(reply["successful"] == false && reply["error"].is_string(), "{message} {reply}");
        }
    }
    faye.assert_serves();
}

#[test]
fn a_bad_request_is_told_what_is_wrong() {
    let faye = Faye::start(&[]);
    let kind = "the JSON is neither an object nor an array";
    let json = ("Content-Type", "application/json");
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let no_field =
        "no field named message; JSON has to begin with [ or {, or to have the type application/json";
    let multipart = "multipart is not supported; send JSON, or a form as application/x-www-form-urlencoded";
    let cases: [((&str, &str), &[u8], &str); 25] = [
        (json, b"1", kind),
        (json, b"\"x\"", kind),
        (json, b"true", kind),
        (json, b"[", "bad JSON at byte 2"),
        (json, b"{", "bad JSON at byte 2"),
        (json, b"nul", "bad JSON at byte 4"),
        (json, b"[1,]", "bad JSON at byte 4"),
        (json, b"[\n{\"channel\":\n/a}]", "bad JSON at byte 15"),
        (json, b"[]x", "bad JSON at byte 3"),
        (json, b"{\"channel\":\"/a\"}]", "bad JSON at byte 17"),
        (json, b"", "the body is empty"),
        (json, b" \r\n", "the body is empty"),
        (json, b"\xef\xbb\xbf[]", "the body begins with a byte order mark; remove it"),
        (json, b"[\"\xff\"]", "not UTF-8 at byte 3"),
        (json, b"[\"\xc3\"]", "not UTF-8 at byte 3"),
        (form, b"message=[\"%ff\"]", "not UTF-8 at byte 3"),
        (form, b"message=[\"\xff\"]", "not UTF-8 at byte 3"),
        (form, b"message=[]&message=[\"%ed%a0%80\"]", "not UTF-8 at byte 3"),
        (form, b"message=[1,%5D", "bad JSON at byte 4"),
        (form, b"message=1", kind),
        (form, b"x=1", no_field),
        (form, b"m%ffessage=[]", no_field),
        (form, b"message=[]&jsonp=%ff", "the callback is not the name of a JavaScript function"),
        (form, b"message=[]&jsonp=<b>", "the callback is not the name of a JavaScript function"),
        (("Content-Type", "Multipart/form-data; boundary=x"), b"--x\r\nmessage\r\n--x--", multipart),
    ];
    for (header, body, why) in cases {
        let response = faye.http().request("POST", "/faye", &[header], body);
        let said = (response.status, response.text());
        assert_eq!(said, (400, format!("Bad request: {why}\n")), "{}", String::from_utf8_lossy(body));
        assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    }
    let get = |target: &str| faye.get(target).text().trim_end().to_owned();
    assert_eq!(get("/faye?message=[%22%ff%22]"), "Bad request: not UTF-8 at byte 3");
    assert_eq!(get("/faye?message=["), "Bad request: bad JSON at byte 2");
    let no_message = "Bad request: no message in the query; send messages by POST or WebSocket";
    assert_eq!(get("/faye?x=<script>"), no_message);
    assert_eq!(
        get("/faye?message=[]&jsonp=a-b"),
        "Bad request: the callback is not the name of a JavaScript function"
    );
    faye.assert_serves();
}

#[test]
fn lone_surrogates_cost_no_other_message() {
    let faye = Faye::start(&[]);
    let batch = r#"[{"channel":"/a","data":{"\ud83d":"\ude00"},"\uD83D":"\ud83d","ext":{"\ud83d":1}},"\ud83d",1e400,{"channel":"/b","data":1,"id":"last"}]"#;
    let sent = r#"{"channel":"/a","data":{"\ud83d":"\ude00"},"\ud83d":"\ud83d","ext":{"\ud83d":1}}"#;
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut socket = Socket::open(&faye);
    let replies = faye.http().request("POST", "/faye", &[], batch.as_bytes()).messages();
    assert_eq!(replies.len(), 4, "{replies:?}");
    assert_done(&replies[0]);
    assert_eq!((&replies[3]["id"], &replies[3]["successful"]), (&json!("last"), &json!(true)));
    let held = connect(&session.id, "long-polling").to_string();
    let answer = faye.http().request("POST", "/faye", &[], held.as_bytes()).text();
    assert!(answer.ends_with(&format!(",{sent}]")), "{answer}");
    // The same over the other transports.
    socket.send_frame(Opcode::Text, true, batch.as_bytes());
    assert_eq!(socket.messages().len(), 4);
    for form in [encode(&[("message", batch)]), encode(&[("message", batch), ("jsonp", "cb")])] {
        assert_eq!(faye.http().request("POST", "/faye", &[], form.as_bytes()).messages().len(), 4);
        assert_eq!(faye.get(&format!("/faye?{form}")).status, 200);
    }
    faye.assert_serves();
}

#[test]
fn ext_with_lone_surrogates_is_forwarded_without_the_secret() {
    let faye = Faye::start(&[("FAYE_PUSH__SECRET", "a-secret-for-tests")]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let body = r#"{"channel":"/a","data":1,"ext":{"\ud83d":1,"password":"a-secret-for-tests","b":2}}"#;
    assert_done(&faye.http().request("POST", "/faye", &[], body.as_bytes()).messages()[0]);
    let held = connect(&session.id, "long-polling").to_string();
    let answer = faye.http().request("POST", "/faye", &[], held.as_bytes()).text();
    assert!(answer.ends_with(r#",{"channel":"/a","data":1,"ext":{"\ud83d":1,"b":2}}]"#), "{answer}");
}

#[test]
fn names_of_object_prototypes_are_names_like_others() {
    let faye = Faye::start(&[]);
    for name in ["__proto__", "constructor", "hasOwnProperty", "toString", "valueOf"] {
        let channel = format!("/{name}");
        let mut witness = Session::subscribed(&faye, Via::WebSocket, "/other");
        let mut session = Session::subscribed(&faye, Via::WebSocket, &channel);
        for message in [connect(name, "websocket"), subscribe(name, "/other"), handshake()] {
            let mut message = message;
            message["id"] = json!(name);
            let reply = session.socket().ask(&message).remove(0);
            assert_eq!(reply["id"], name, "{reply}");
        }
        assert_done(&faye.ask(&json!({"channel": channel, "data": 1, "clientId": name, name: {name: name}})));
        assert_eq!(session.next(), json!({"channel": channel, "data": 1, name: {name: name}}));
        faye.publish("/other", name);
        assert_eq!(witness.take(1), [name]);
        witness.disconnect();
        session.disconnect();
    }
    faye.assert_serves();
}

#[test]
fn a_callback_is_a_name_and_nothing_more() {
    let faye = Faye::start(&[]);
    for callback in
        ["foo%0Aalert(1)", "foo%0Dx", "a%28%29", "%3Cscript%3E", "a%3Bb", "a%E2%80%A8b", "a..b", "1a", "a%00"]
    {
        let response = faye.get(&format!("/faye?message=%5B%5D&jsonp={callback}"));
        assert_eq!(response.status, 400, "{callback}: {response:?}");
        assert!(!response.text().contains("alert"), "{response:?}");
    }
    // What old scripts take for line ends stays inside the string.
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let body = "[{\"channel\":\"/a\",\"data\":\"\u{2028}\u{2029}</script>\"}]";
    assert_done(&faye.http().request("POST", "/faye", &[], body.as_bytes()).messages()[0]);
    let message = connect(&session.id, "callback-polling").to_string();
    let query = form_urlencoded::byte_serialize(message.as_bytes()).collect::<String>();
    let script = faye.get(&format!("/faye?jsonp=a.b&message={query}")).text();
    assert!(script.starts_with("/**/a.b([") && script.contains("\\u2028\\u2029"), "{script}");
    assert!(!script.contains(['\u{2028}', '\u{2029}', '\n']), "{script}");
}

#[test]
fn line_breaks_in_a_message_end_no_event() {
    let faye = Faye::start(&[]);
    let session = Session::subscribed(&faye, Via::Polling, "/a");
    let mut stream = Stream::open(&faye, &session.id);
    let pretty = "{\r\n\r\n\"channel\"\n:\n\"/a\",\r\"data\": {\n\n  \"x\":\r\n[1,\n\n2]\r}\n,\"y\n\":1}";
    let pretty = pretty.replace("\"y\n\"", "\"data: [1]\\n\\nevent: x\"");
    assert_done(&faye.http().request("POST", "/faye", &[], pretty.as_bytes()).messages()[0]);
    faye.publish("/a", "data: injected\n\nevent: x\r\n\r\n");
    let expected = json!({"channel": "/a", "data": {"x": [1, 2]}, "data: [1]\n\nevent: x": 1});
    assert_eq!(stream.message(), expected);
    assert_eq!(stream.message()["data"], "data: injected\n\nevent: x\r\n\r\n");
}
